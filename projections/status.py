"""How the projections are doing: positions, lag, and parked events; read from the database, so from any process."""

from collections.abc import Mapping
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

from projections import catalogue, progress

MOST_PARKED_EVENTS = 100


def status(conn: Connection[DictRow], heads: Mapping[str, int]) -> dict[str, Any]:
    """A row for each projection and source; `head` and `lag` are null for a source whose head is not known.

    States: RUNNING, STOPPED (no copy runs it), FAILING (it runs into `error` again and again), OUTDATED
    (to be rebuilt for this version). `parkedEvents` are those that could not be applied.
    """
    stored = {(row["name"], row["source"]): row for row in progress.status(conn)}
    return {
        "projections": [
            _row(projection.name, source, projection.version, stored.get((projection.name, source)), heads)
            for projection in catalogue.ALL
            for source in projection.sources
        ],
        "parkedEvents": [row | {"key": str(row["key"])} for row in progress.poison(conn, MOST_PARKED_EVENTS)],
    }


def _row(
    name: str, source: str, version: int, stored: DictRow | None, heads: Mapping[str, int]
) -> dict[str, Any]:
    position, head = stored["position"] if stored else 0, heads.get(source)
    return {
        "name": name,
        "source": source,
        "position": position,
        "head": head,
        "lag": None if head is None else max(0, head - position),
        "state": _state(stored, version),
        "parked": stored["parked"] if stored else 0,
        "error": stored["error"] if stored else None,
    }


def _state(stored: DictRow | None, version: int) -> str:
    if stored is None:
        return "STOPPED"
    if stored["version"] != version:
        return "OUTDATED"
    if stored["error"]:
        return "FAILING"
    return "RUNNING" if stored["leased"] else "STOPPED"
