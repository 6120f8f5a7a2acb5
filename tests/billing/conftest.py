"""Fixtures of what is billed and issued."""

from collections.abc import Iterator

import pytest

from tests.billing.rendering.validation import Validator, validator


@pytest.fixture(scope="session")
def official_rules() -> Iterator[Validator]:
    """Judges e-invoices; skips the test where there is no Java or no Maven."""
    with validator() as process:
        yield process
