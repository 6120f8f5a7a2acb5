"""Proves the views: builds them from the logs once more and compares them with the live ones, row by row."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import DictRow

from projections import catalogue, progress, scratch
from projections.engine import BATCH, catch_up
from projections.projection import Projection, Table
from services.errors import Unavailable
from services.messages import Envelope, Feed, PersonalDataErased
from services.personal_data import Vault

SCRATCH = "replay"
MOST_DIFFERENT_ROWS = 100
"""So many different rows are named for each table; where there are more, something is wrong at large."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that the log does not bear out; column `*` means that the row is there on one side only."""

    table: str
    key: str
    column: str
    live: Any
    rebuilt: Any


def replay(
    owner_url: str,
    feeds: Mapping[str, Feed],
    vault: Vault,
    projections: Sequence[Projection] = catalogue.ALL,
) -> list[Difference]:
    """Rebuild the projections in a scratch schema and compare; the live ones go on meanwhile.

    Most of the log is applied first. Then one snapshot is taken, in which the rest is applied up to exactly
    the positions of the live views, and everything is compared.

    Raises Unavailable while the live views have not come to an erasure: what they still show cannot be built any more.
    """
    with scratch.connect(owner_url) as conn:
        try:
            replay_into(conn, SCRATCH, feeds, vault, projections)
            with conn.transaction():
                conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                for projection in projections:
                    _catch_up_with_live(conn, SCRATCH, projection, feeds, vault)
                found = list(compare(conn, scratch.LIVE, SCRATCH, projections))
                if found:
                    _check_no_erasure_ahead(conn, projections, feeds)
                return found
        finally:
            scratch.drop(conn, SCRATCH)


def replay_into(
    conn: Connection[DictRow],
    schema: str,
    feeds: Mapping[str, Feed],
    vault: Vault,
    projections: Sequence[Projection] = catalogue.ALL,
) -> None:
    """Make `schema` anew and fill it from the feeds up to where the live projections are."""
    scratch.create(conn, schema, [table for projection in projections for table in projection.tables])
    for projection in projections:
        _catch_up_with_live(conn, schema, projection, feeds, vault)


def compare(
    conn: Connection[DictRow],
    live: str,
    rebuilt: str,
    projections: Sequence[Projection] = catalogue.ALL,
) -> Iterator[Difference]:
    """What differs between the tables of two schemas, which must be at the same positions."""
    for projection in projections:
        for table in projection.tables:
            yield from differences(conn, table, live, rebuilt)


def _catch_up_with_live(
    conn: Connection[DictRow], schema: str, projection: Projection, feeds: Mapping[str, Feed], vault: Vault
) -> None:
    scratch.use(conn, scratch.LIVE)
    live = progress.positions(conn, projection)
    scratch.use(conn, schema)
    catch_up(conn, projection, feeds, vault, upto=live)


def _check_no_erasure_ahead(
    conn: Connection[DictRow], projections: Sequence[Projection], feeds: Mapping[str, Feed]
) -> None:
    scratch.use(conn, scratch.LIVE)
    for projection in projections:
        if projection.in_plain_text:
            for source, position in progress.positions(conn, projection).items():
                if any(isinstance(e.body, PersonalDataErased) for e in _after(feeds[source], position)):
                    raise Unavailable("The views have not come to an erasure yet; replay again in a moment.")


def _after(feed: Feed, position: int) -> Iterator[Envelope]:
    while envelopes := feed.read(position, BATCH):
        yield from envelopes
        position = envelopes[-1].position


def differences(conn: Connection[DictRow], table: Table, live: str, rebuilt: str) -> Iterator[Difference]:
    """What differs between two tables of the same form in the schemas `live` and `rebuilt`."""
    # As text, because json has no equality and because a view must be the same to the letter.
    query = sql.SQL(
        "SELECT to_jsonb(l) AS live, to_jsonb(r) AS rebuilt FROM {} l FULL JOIN {} r USING ({})"
        " WHERE l::text IS DISTINCT FROM r::text LIMIT %s"
    ).format(
        sql.Identifier(live, table.name),
        sql.Identifier(rebuilt, table.name),
        sql.SQL(", ").join(map(sql.Identifier, table.key)),
    )
    for row in conn.execute(query, [MOST_DIFFERENT_ROWS]):
        yield from _differences_of(table, row["live"], row["rebuilt"])


def _differences_of(
    table: Table, live: dict[str, Any] | None, rebuilt: dict[str, Any] | None
) -> Iterator[Difference]:
    there = live or rebuilt or {}
    key = ", ".join(f"{column} {there[column]}" for column in table.key)
    if live is None or rebuilt is None:
        yield Difference(table.name, key, "*", live, rebuilt)
        return
    for column in live:
        if live[column] != rebuilt[column]:
            yield Difference(table.name, key, column, live[column], rebuilt[column])
