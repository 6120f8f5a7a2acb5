"""How far each projection has come: its positions, its lease, and the events it parked."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import DictRow

from projections.projection import Projection
from services.errors import KontorError
from services.messages import Envelope, key_of


def array(keys: Iterable[UUID]) -> str:
    """An array literal for `%s::uuid[]`: for hundreds of keys much quicker than a list as a parameter."""
    return f"{{{','.join(map(str, keys))}}}"


class Superseded(Exception):
    """The position is no longer the one last read: another copy or a rebuild moved this projection on."""


class Outdated(KontorError):
    """The stored rows were made by another version of this projection; it needs `kontor projections rebuild`."""


def try_lease(conn: Connection[DictRow], name: str) -> bool:
    """Whether this session now is the one that runs the projection; it is until `release` or its end."""
    row = conn.execute("SELECT pg_try_advisory_lock(lease_of(%s)) AS leased", [name]).fetchone()
    if not row or not row["leased"]:
        return False
    # A crash of the server may lose the last batches, rows and position together: they are applied again.
    conn.execute("SET synchronous_commit = off")
    return True


def release(conn: Connection[DictRow], name: str) -> None:
    conn.execute("SELECT pg_advisory_unlock(lease_of(%s))", [name])
    conn.execute("RESET synchronous_commit")


def begin(conn: Connection[DictRow], projection: Projection) -> dict[str, int]:
    """The position in each source, 0 for one never followed before; raises Outdated."""
    conn.execute(
        "INSERT INTO positions (projection, source, version, position)"
        " SELECT %s, source, %s, 0 FROM unnest(%s::text[]) source ON CONFLICT DO NOTHING",
        [projection.name, projection.version, list(projection.sources)],
    )
    return positions(conn, projection)


def positions(conn: Connection[DictRow], projection: Projection) -> dict[str, int]:
    """The position in each source; raises Outdated."""
    rows = conn.execute(
        "SELECT source, version, position FROM positions WHERE projection = %s", [projection.name]
    ).fetchall()
    if any(row["version"] != projection.version for row in rows):
        raise Outdated(f"{projection.name} is to be rebuilt for version {projection.version}")
    return {row["source"]: row["position"] for row in rows}


def is_outdated(conn: Connection[DictRow], projection: Projection) -> bool:
    """Whether the stored rows were made by another version of the projection."""
    try:
        positions(conn, projection)
    except Outdated:
        return True
    return False


def advance(conn: Connection[DictRow], projection: Projection, source: str, old: int, new: int) -> None:
    """Move from position `old` to `new`: first in every transaction, so that it guards all that follows.

    The row stays locked to the end; a rebuild takes the same lock to swap. Raises Superseded.
    """
    moved = conn.execute(
        "UPDATE positions SET position = %s"
        " WHERE projection = %s AND source = %s AND position = %s AND version = %s",
        [new, projection.name, source, old, projection.version],
    )
    if moved.rowcount != 1:
        raise Superseded(f"{projection.name} is not at position {old} of {source} any more")


def lock(conn: Connection[DictRow], name: str) -> dict[str, int]:
    """Hold the projection still until the transaction ends; its positions."""
    rows = conn.execute(
        "SELECT source, position FROM positions WHERE projection = %s ORDER BY source FOR UPDATE", [name]
    ).fetchall()
    return {row["source"]: row["position"] for row in rows}


def note_error(conn: Connection[DictRow], name: str, error: str | None) -> None:
    """Tell `status` why a projection does not go on; None when it does again."""
    conn.execute(
        "UPDATE positions SET error = %s WHERE projection = %s AND error IS DISTINCT FROM %s",
        [error, name, error],
    )


def parked_among(conn: Connection[DictRow], name: str, keys: Collection[UUID]) -> set[UUID]:
    """Which of `keys` have parked events, behind which later ones must wait."""
    rows = conn.execute(
        "SELECT DISTINCT key FROM parked WHERE projection = %s AND key = ANY(%s::uuid[])",
        [name, array(keys)],
    )
    return {row["key"] for row in rows}


def park(conn: Connection[DictRow], name: str, envelopes: Collection[Envelope], error: str | None) -> None:
    """Set events aside, to be retried; `error` is None for those that only wait behind a poison one."""
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO parked (projection, source, position, key, topic, error) VALUES (%s, %s, %s, %s, %s, %s)",
            [[name, e.source, e.position, key_of(e), e.topic, error] for e in envelopes],
        )


def parked_events(conn: Connection[DictRow], name: str) -> list[DictRow]:
    """All that is parked in a projection: by key, and in the order in which it is to be retried."""
    return conn.execute(
        "SELECT key, source, position, topic, error FROM parked WHERE projection = %s"
        " ORDER BY key, source DESC, position",
        [name],
    ).fetchall()


def unpark(conn: Connection[DictRow], name: str, source: str, position: int) -> bool:
    """Take an event out, to apply it in the same transaction; whether it was still there."""
    taken = conn.execute(
        "DELETE FROM parked WHERE projection = %s AND source = %s AND position = %s", [name, source, position]
    )
    return taken.rowcount == 1


def park_again(conn: Connection[DictRow], name: str, source: str, position: int, error: str) -> None:
    """Note why a parked event still cannot be applied."""
    conn.execute(
        "UPDATE parked SET error = %s WHERE projection = %s AND source = %s AND position = %s",
        [error, name, source, position],
    )


def status(conn: Connection[DictRow]) -> list[dict[str, Any]]:
    """Every position with what is known across processes: whether it is leased, its error, what is parked."""
    return conn.execute(
        """
        SELECT p.projection AS name, source, version, position, error,
               EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted
                       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                       AND (l.classid::bigint << 32) | l.objid::bigint = lease_of(p.projection)
                      ) AS leased,
               (SELECT count(*) FROM parked x
                WHERE x.projection = p.projection AND x.source = p.source) AS parked
        FROM positions p ORDER BY p.projection, source DESC
        """
    ).fetchall()


def poison(conn: Connection[DictRow], limit: int) -> list[DictRow]:
    """The events that could not be applied, without those that only wait behind them."""
    return conn.execute(
        "SELECT projection AS name, source, position, key, topic, error FROM parked WHERE error IS NOT NULL"
        " ORDER BY projection, source, position LIMIT %s",
        [limit],
    ).fetchall()
