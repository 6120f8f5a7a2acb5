"""Fixtures that all tests share: one PostgreSQL for the session, a fresh database for each test."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from infra.postgres.embedded import Server
from tests.database import Database, fresh_database, server_for_tests
from tests.system import System, system_on

# Where everything must run, as in CI, a skipped test hides a missing install step: it counts as failed.
REQUIRE_ALL = bool(os.environ.get("KONTOR_REQUIRE_ALL", ""))

# Busy machines are no reason to fail, and what decides on a change must decide alike twice: random examples are for
# whoever runs the tests at a desk.
settings.register_profile(
    "kontor", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=REQUIRE_ALL
)
settings.load_profile("kontor")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The tests' own PostgreSQL server."""
    with server_for_tests() as server:
        yield server


@pytest.fixture
def database(postgres: Server) -> Iterator[Database]:
    """A migrated, otherwise empty database."""
    with fresh_database(postgres) as database:
        yield database


@pytest.fixture
def system(database: Database) -> Iterator[System]:
    """Both services on a database of their own, worked step by step."""
    with system_on(database) as system:
        yield system


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    return _skips_fail(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    report = yield
    return _skips_fail(report)


def _skips_fail(report):
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped although KONTOR_REQUIRE_ALL is set: {report.longrepr}"
    return report
