"""What tests do with projections: follow the logs to their end, and look at all rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import sql

from infra.postgres.pool import Pool
from projections import catalogue
from projections.engine import catch_up
from projections.projection import Projection
from tests.projections.logs import Logs

Tables = Mapping[str, list[dict[str, Any]]]


def follow(pool: Pool, logs: Logs, projections: Sequence[Projection] = catalogue.ALL) -> None:
    with pool.connection() as conn:
        for projection in projections:
            catch_up(conn, projection, logs.feeds, logs.vault)


def all_rows(pool: Pool, projections: Sequence[Projection] = catalogue.ALL) -> Tables:
    """All rows of all tables, in the order of their keys."""
    with pool.connection() as conn:
        return {
            table.name: conn.execute(
                sql.SQL("SELECT * FROM {} ORDER BY {}").format(
                    sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, table.key))
                )
            ).fetchall()
            for projection in projections
            for table in projection.tables
        }
