"""Pools: each connection sees its schema, has its name and role, and is replaced when it broke."""

import pytest
from psycopg import OperationalError, errors

from infra.postgres.pool import connect, open_pool


def test_a_pool_sees_its_schema_under_its_name(database):
    with (
        open_pool(database.service_url, schema="billing", size=2, name="billing worker") as pool,
        pool.connection() as c,
    ):
        row = c.execute(
            "SELECT current_schema AS schema, current_user AS role, current_setting('application_name') AS name,"
            " current_setting('TimeZone') AS zone"
        ).fetchone()
    assert row == {"schema": "billing", "role": "kontor_service", "name": "billing worker", "zone": "UTC"}


def test_a_pool_takes_on_a_role_and_keeps_the_options_of_the_url(database):
    url = database.owner_url + "&options=-c%20work_mem%3D5MB"
    with (
        open_pool(url, schema="customer", size=1, name="test", role="kontor_service") as pool,
        pool.connection() as c,
    ):
        row = c.execute("SELECT current_user AS role, current_setting('work_mem') AS memory").fetchone()
        assert row == {"role": "kontor_service", "memory": "5MB"}
        with pytest.raises(errors.InsufficientPrivilege):
            c.execute("CREATE TABLE customer.mine (id int)")


def test_broken_connections_are_replaced_unnoticed(database):
    with open_pool(database.service_url, schema="customer", size=3, name="victim") as pool:
        with pool.connection() as first, pool.connection() as second:
            broken = {first.info.backend_pid, second.info.backend_pid}
        with connect(database.owner_url) as owner:
            owner.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'victim'"
            )
        for _ in range(5):
            with pool.connection() as connection:
                assert connection.execute("SELECT 1 AS one").fetchone() == {"one": 1}
                assert connection.info.backend_pid not in broken


def test_a_connection_to_nowhere_fails_at_once(tmp_path):
    with pytest.raises(OperationalError):
        connect(f"postgresql://kontor_service@/kontor?host={tmp_path}")
