"""Fixtures of the projections' tests: two logs to write, a database to project them into, and the queries."""

from collections.abc import Iterator
from datetime import date

import pytest

from infra.postgres.pool import Pool, open_pool
from projections.views import Views
from tests.database import Database
from tests.projections.logs import Logs

TODAY = date(2026, 3, 1)


@pytest.fixture
def pool(database: Database) -> Iterator[Pool]:
    with open_pool(database.service_url, schema="projections", size=20, name="projections test") as pool:
        yield pool


@pytest.fixture
def logs() -> Logs:
    return Logs()


@pytest.fixture
def views(pool: Pool, logs: Logs) -> Views:
    return Views(pool, logs.vault, logs.feeds, today=lambda: TODAY)
