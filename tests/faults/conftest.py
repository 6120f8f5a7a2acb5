"""Fixtures of the fault tests: a Kontor with thousands of customers, and where its random moments come from."""

import os
import random
from collections.abc import Iterator

import pytest

from tests.acceptance.server import serving
from tests.faults.fleet import Fleet

# Not KONTOR_…, which Kontor would take for a setting.
SEED = int(os.environ.get("FAULT_SEED") or random.SystemRandom().randrange(10**6))


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """The random moments of one test; FAULT_SEED repeats them."""
    print(f"repeat with FAULT_SEED={SEED}")
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture(scope="session")
def fleet() -> Iterator[Fleet]:
    """Customers with one contract each, imported and not billed yet."""
    with serving(renderers=0) as server:
        fleet = Fleet(server)
        fleet.load()
        yield fleet
