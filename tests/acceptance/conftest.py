"""Fixtures of the acceptance tests: Kontor as its users meet it, over HTTP and the command line."""

from collections.abc import Iterator

import pytest

from tests.acceptance.server import KontorServer, serving


@pytest.fixture(scope="session")
def kontor_server() -> Iterator[KontorServer]:
    """A Kontor without data, shared by all tests that bring their own customers."""
    with serving() as server:
        yield server
