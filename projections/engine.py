"""How messages become rows: a batch at a time, its rows loaded, changed and written once, in one transaction."""

import logging
import traceback
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from uuid import UUID

import msgspec
import psycopg
from msgspec import structs
from psycopg import Connection, sql
from psycopg.rows import DictRow

from projections import progress
from projections.progress import Outdated, Superseded
from projections.projection import Handler, Projection, Row, Rows, Table
from services.messages import Envelope, Feed, key_of
from services.personal_data import Vault, opened

log = logging.getLogger(__name__)

BATCH = 500

_DISTURBANCES = (Superseded, Outdated, OSError, MemoryError)


def catch_up(
    conn: Connection[DictRow],
    projection: Projection,
    feeds: Mapping[str, Feed],
    vault: Vault,
    upto: Mapping[str, int] | None = None,
) -> dict[str, int]:
    """Follow every source to its end, or exactly to the positions `upto`; the positions reached."""
    reached = progress.begin(conn, projection)
    for source in projection.sources:
        while envelopes := _next(
            feeds[source], reached[source], None if upto is None else upto.get(source, 0)
        ):
            follow(conn, projection, envelopes, reached[source], vault)
            reached[source] = envelopes[-1].position
    return reached


def _next(feed: Feed, after: int, upto: int | None) -> Sequence[Envelope]:
    if upto is not None and after >= upto:
        return ()
    envelopes = feed.read(after, BATCH)
    return envelopes if upto is None else [e for e in envelopes if e.position <= upto]


def follow(
    conn: Connection[DictRow],
    projection: Projection,
    envelopes: Sequence[Envelope],
    after: int,
    vault: Vault,
) -> None:
    """Apply messages of one source that come right after position `after`.

    A message that cannot be applied is found by halving the batch and parked with its key; all others go on.
    Raises Superseded, and whatever is the database's fault.
    """
    try:
        _apply_and_advance(conn, projection, envelopes, after, vault)
    except Exception as error:
        if not blames_a_message(error):
            raise
        if len(envelopes) == 1:
            _park_and_advance(conn, projection, envelopes[0], after, error)
            return
        half = len(envelopes) // 2
        follow(conn, projection, envelopes[:half], after, vault)
        follow(conn, projection, envelopes[half:], envelopes[half - 1].position, vault)


def apply(
    conn: Connection[DictRow], projection: Projection, envelopes: Iterable[Envelope], vault: Vault
) -> None:
    """Change the rows as the messages say; the caller holds the transaction and the positions."""
    work = _opened([(projection.handler(envelope), envelope) for envelope in envelopes], vault)
    wanted: dict[Table, set[UUID]] = defaultdict(set)
    for handler, envelope in work:
        for table, firsts in handler.loads.items():
            wanted[table].update(firsts(envelope.body))
    rows = Rows(wanted)
    columns = {table: _load(conn, rows, table, firsts) for table, firsts in wanted.items()}
    for handler, envelope in work:
        handler.change(rows, envelope.body, envelope)
    for table, changed in rows.changed.items():
        _upsert(conn, table, columns[table], list(changed.values()))
    for table, appended in rows.appended.items():
        conn.execute(_insert(table), [_json(appended)])


def retry_parked(
    conn: Connection[DictRow], projection: Projection, feeds: Mapping[str, Feed], vault: Vault
) -> int:
    """Apply what is parked, as far as it can be by now; how many events that were.

    A key goes on to its first event that still fails. Works beside a running copy.
    """
    progress.positions(conn, projection)
    failing: set[UUID] = set()
    applied = 0
    for parked in progress.parked_events(conn, projection.name):
        if parked["key"] in failing:
            continue
        if _retry(conn, projection, feeds[parked["source"]], parked["position"], vault):
            applied += 1
        else:
            failing.add(parked["key"])
    return applied


def _retry(
    conn: Connection[DictRow], projection: Projection, feed: Feed, position: int, vault: Vault
) -> bool:
    [envelope] = feed.read(position - 1, 1)
    try:
        with conn.transaction():
            progress.lock(conn, projection.name)
            if progress.unpark(conn, projection.name, feed.source, position):
                apply(conn, projection, filter(projection.concerned_by, [envelope]), vault)
    except Exception as error:
        if not blames_a_message(error):
            raise
        progress.park_again(conn, projection.name, feed.source, position, said_without_values(error))
        return False
    return True


def blames_a_message(error: Exception) -> bool:
    """Whether an error is the fault of what was to be applied, not of the circumstances."""
    if isinstance(error, psycopg.Error):
        return isinstance(error, psycopg.DataError | psycopg.IntegrityError)
    return not isinstance(error, _DISTURBANCES)


def said_without_values(error: Exception) -> str:
    """An error as it may be logged and shown: what and where, without its message, which may quote personal data."""
    if isinstance(error, Superseded | Outdated):
        return str(error)
    if isinstance(error, psycopg.Error):
        named = error.diag.constraint_name or error.diag.column_name or error.diag.table_name
        return f"{type(error).__name__} {error.sqlstate or ''}{f' at {named}' if named else ''}".strip()
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {where.name}, line {where.lineno}"


def _opened(work: list[tuple[Handler, Envelope]], vault: Vault) -> list[tuple[Handler, Envelope]]:
    """The work with personal data in plain text where the handler needs them so; keys are looked up at most once."""
    sealed = [(key_of(e), e.body) for handler, e in work if handler.in_plain_text and e.body]
    bodies = iter(opened(sealed, vault))
    return [
        (handler, structs.replace(envelope, body=next(bodies)) if handler.in_plain_text else envelope)
        for handler, envelope in work
    ]


def _apply_and_advance(
    conn: Connection[DictRow],
    projection: Projection,
    envelopes: Sequence[Envelope],
    after: int,
    vault: Vault,
) -> None:
    with conn.transaction():
        progress.advance(conn, projection, envelopes[0].source, after, envelopes[-1].position)
        concerned = [e for e in envelopes if projection.concerned_by(e)]
        if not concerned:
            return
        blocked = progress.parked_among(conn, projection.name, {key_of(e) for e in concerned})
        if blocked:
            behind = [e for e in concerned if key_of(e) in blocked]
            progress.park(conn, projection.name, behind, error=None)
            concerned = [e for e in concerned if key_of(e) not in blocked]
        apply(conn, projection, concerned, vault)


def _park_and_advance(
    conn: Connection[DictRow], projection: Projection, envelope: Envelope, after: int, error: Exception
) -> None:
    reason = said_without_values(error)
    with conn.transaction():
        progress.advance(conn, projection, envelope.source, after, envelope.position)
        progress.park(conn, projection.name, [envelope], reason)
    log.error(
        "%s parked %s at position %d and what follows about %s: %s",
        projection.name,
        envelope.topic,
        envelope.position,
        key_of(envelope),
        reason,
    )


def _load(conn: Connection[DictRow], rows: Rows, table: Table, firsts: Iterable[UUID]) -> tuple[str, ...]:
    """Load the rows that a batch needs; the names of the table's columns."""
    with conn.cursor(binary=True) as cursor:
        # Never prepared: a plan made while the table was empty would be kept as it grows.
        cursor.execute(_select(table), [progress.array(firsts)], prepare=False)
        rows.load(table, cursor)
        return tuple(column.name for column in cursor.description or ())


def _upsert(conn: Connection[DictRow], table: Table, columns: tuple[str, ...], changed: list[Row]) -> None:
    expected = set(columns)
    for row in changed:
        if row.keys() != expected:
            raise ValueError(f"a row of {table.name} has other columns: {sorted(row.keys() ^ expected)}")
    conn.execute(_insert(table, columns), [_json(changed)])


def _json(rows: list[Row]) -> str:
    return msgspec.json.encode(rows).decode()


@cache
def _select(table: Table) -> sql.Composed:
    names = {"table": sql.Identifier(table.name), "first": sql.Identifier(table.key[0])}
    return sql.SQL("SELECT * FROM {table} WHERE {first} = ANY(%s::uuid[])").format(**names)


@cache
def _insert(table: Table, columns: tuple[str, ...] = ()) -> sql.Composed:
    """One statement for many rows, given as one JSON text: COPY, arrays and pipelined statements were all slower.

    With `columns`, rows whose key is already there are replaced.
    """
    name = sql.Identifier(table.name)
    insert = sql.SQL("INSERT INTO {0} SELECT * FROM json_populate_recordset(NULL::{0}, %s::json)").format(
        name
    )
    if not columns:
        return insert
    others = [sql.Identifier(column) for column in columns if column not in table.key]
    assignments = sql.SQL(", ").join(sql.SQL("{0} = EXCLUDED.{0}").format(column) for column in others)
    key = sql.SQL(", ").join(map(sql.Identifier, table.key))
    return insert + sql.SQL(" ON CONFLICT ({}) DO UPDATE SET {}").format(key, assignments)
