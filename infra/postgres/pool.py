"""Connections to PostgreSQL: pools bound to one schema, and single connections for migrations."""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

import msgspec
from psycopg import Connection, OperationalError
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import set_json_loads
from psycopg_pool import ConnectionPool

set_json_loads(msgspec.json.decode)  # several times faster than the standard library's

Pool = ConnectionPool[Connection[DictRow]]

# How long a request waits for a connection, while the server restarts or all are in use.
WAIT_SECONDS = 10.0
# Connections are replaced now and then, so that what a server keeps for each does not grow for ever.
LIFETIME_SECONDS = 3600.0
READ_ATTEMPTS = 3


def open_pool(
    url: str, *, schema: str, size: int, name: str, role: str | None = None, tried: bool = True
) -> Pool:
    """A pool of up to `size` connections that see `schema` and are named `name` in the server's views.

    `role` is taken on by each connection, for servers where nobody signs in as `kontor_service`.
    A connection is tried out before it is handed out, so that a restarted server is not noticed; not so
    where it is not `tried`, for users who rather ask again than ask twice.
    """
    return ConnectionPool(
        conninfo(url, schema=schema, name=name, role=role),
        connection_class=Connection[DictRow],
        kwargs={"autocommit": True, "row_factory": dict_row},
        min_size=min(size, 1),
        max_size=size,
        timeout=WAIT_SECONDS,
        max_lifetime=LIFETIME_SECONDS,
        check=ConnectionPool.check_connection if tried else None,
        open=True,
        name=name,
    )


def read(pool: Pool, query: LiteralString, params: Sequence[object] | Mapping[str, object]) -> list[DictRow]:
    """The rows of a query, asked again where a restart of the server had cut the connection."""
    for attempt in range(1, READ_ATTEMPTS + 1):
        try:
            with pool.connection() as connection:
                return connection.execute(query, params).fetchall()
        except OperationalError:
            if attempt == READ_ATTEMPTS:
                raise
            pool.check()
    raise AssertionError("unreachable")


def connect(
    url: str, *, schema: str | None = None, name: str = "kontor", role: str | None = None
) -> Connection[DictRow]:
    """One connection of the same kind, for migrations and LISTEN."""
    return Connection[DictRow].connect(
        conninfo(url, schema=schema, name=name, role=role), autocommit=True, row_factory=dict_row
    )


def conninfo(url: str, *, schema: str | None, name: str, role: str | None = None) -> str:
    """`url` with the settings that a session starts with; options that are in `url` already stay."""
    settings = {"timezone": "UTC"}
    if schema is not None:
        # Extensions live in public, where the service may create nothing.
        settings["search_path"] = f"{schema},public"
    if role is not None:
        settings["role"] = role
    found: dict[str, Any] = conninfo_to_dict(url)
    options = [str(found.get("options") or "")] + [f"-c {key}={value}" for key, value in settings.items()]
    return make_conninfo(url, application_name=name, options=" ".join(filter(None, options)))
