"""Scratch schemas: the tables of projections once more, empty, to be filled from the logs beside the live ones."""

from collections.abc import Iterable

from psycopg import Connection, sql
from psycopg.rows import DictRow, dict_row

from projections.projection import Table
from services.errors import Unavailable

LIVE = "projections"

_PROGRESS_TABLES = ("positions", "parked")


def connect(owner_url: str) -> Connection[DictRow]:
    """A connection of the owner, who may make schemas."""
    options = "-c timezone=UTC -c synchronous_commit=off"
    return Connection[DictRow].connect(
        owner_url, autocommit=True, row_factory=dict_row, application_name="kontor rebuild", options=options
    )


def create(conn: Connection[DictRow], schema: str, tables: Iterable[Table]) -> None:
    """Make `schema` anew with empty tables like the live ones, with their keys but no other index, and use it.

    Raises Unavailable while another session has it.
    """
    row = conn.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0)) AS alone", [schema]).fetchone()
    if not row or not row["alone"]:
        raise Unavailable(f"Another process is at work in the schema {schema!r} already.")
    drop(conn, schema)
    conn.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    for name in (*_PROGRESS_TABLES, *(table.name for table in tables)):
        conn.execute(
            sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING INDEXES)").format(
                sql.Identifier(schema, name), sql.Identifier(LIVE, name)
            )
        )
        _add_keys(conn, schema, name)
    use(conn, schema)


def copy(conn: Connection[DictRow], schema: str, tables: Iterable[Table]) -> None:
    """Fill scratch tables with the rows of the live ones, as they are at one moment, and how far those have come."""
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        for name in (*_PROGRESS_TABLES, *(table.name for table in tables)):
            conn.execute(
                sql.SQL("INSERT INTO {} SELECT * FROM {}").format(
                    sql.Identifier(schema, name), sql.Identifier(LIVE, name)
                )
            )


def use(conn: Connection[DictRow], schema: str) -> None:
    """Let unqualified names mean the tables of `schema`."""
    conn.execute(sql.SQL("SET search_path TO {}, public").format(sql.Identifier(schema)))


def drop(conn: Connection[DictRow], schema: str) -> None:
    if schema == LIVE:
        raise ValueError("the live schema is no scratch schema")
    conn.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))


def add_indexes(conn: Connection[DictRow], schema: str, table: Table) -> None:
    """Give a scratch table the other indexes of the live one, under the same names."""
    rows = conn.execute(
        "SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index"
        " WHERE indrelid = %s::regclass AND NOT indisprimary",
        [f"{LIVE}.{table.name}"],
    )
    for row in rows:
        live, scratch = f" ON {LIVE}.{table.name} ", f" ON {schema}.{table.name} "
        conn.execute(row["definition"].replace(live, scratch, 1).encode())


def _add_keys(conn: Connection[DictRow], schema: str, name: str) -> None:
    rows = conn.execute(
        "SELECT conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint"
        " WHERE conrelid = %s::regclass AND contype = 'p'",
        [f"{LIVE}.{name}"],
    )
    for row in rows:
        conn.execute(
            sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(
                sql.Identifier(schema, name), sql.Identifier(row["conname"]), sql.SQL(row["definition"])
            )
        )
