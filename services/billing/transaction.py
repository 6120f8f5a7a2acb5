"""The transaction in which billing's log, its read model and its position in a feed change together."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg_pool import ConnectionPool

Cursor = psycopg.Cursor[DictRow]
Pool = ConnectionPool[Connection[DictRow]]


class DatabaseRefused(Exception):
    """A constraint of the database refused a change; the whole transaction was rolled back."""


@contextmanager
def snapshot(pool: Pool) -> Iterator[Cursor]:
    """A cursor that sees everything as it is at one moment, and changes nothing."""
    with pool.connection() as connection, connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield cursor


@contextmanager
def transaction(pool: Pool) -> Iterator[Cursor]:
    """A cursor in a transaction of its own, committed at the end; raises DatabaseRefused."""
    try:
        with pool.connection() as connection, connection.transaction(), connection.cursor() as cursor:
            yield cursor
    except psycopg.IntegrityError as error:
        raise DatabaseRefused(error.diag.message_primary) from error
