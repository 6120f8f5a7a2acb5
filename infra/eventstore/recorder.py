"""The recorder of one service's event log: gapless positions, commands carried out once, names taken once.

Every append locks the log's head row, so appends are ordered, and what an append finds (versions, commands,
names) stays true until it commits. That makes conflicts plain look-ups, which refuse one command of a shared
transaction without spoiling the others (docs/decisions/0002-log-head.md).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString, NoReturn, cast
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder, Notification, StoredEvent, Subscription
from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.types.json import Json

from infra.eventstore import personal_data
from infra.eventstore.committer import Committer
from infra.eventstore.envelopes import SELECT_ABOUT, envelope
from infra.postgres.pool import Pool, read
from services.application import AlreadyDone, ClaimTaken, ConcurrentChange, StoredInTheClear
from services.errors import IdempotencyKeyReused
from services.event_store import RecordedEvent
from services.events import Claim, Command
from services.messages import Envelope
from services.personal_data import Keyring, NewKey
from services.upcasting import SEALED_FROM_VERSION_2

INSERT_EVENTS = """
INSERT INTO events (position, originator_id, originator_version, topic, schema_version, state,
                    occurred_at, actor, command_id, correlation_id, causation_id)
SELECT * FROM unnest(%b::bigint[], %b::uuid[], %b::bigint[], %b::text[], %b::int2[], %b::bytea[],
                     %b::timestamptz[], %b::text[], %b::uuid[], %b::uuid[], %b::uuid[])
"""
SELECT_OLDEST_FIRST = """
SELECT * FROM events WHERE originator_id = %s AND originator_version > %s
AND originator_version <= coalesce(%s, 9223372036854775807) ORDER BY originator_version LIMIT %s
"""
SELECT_NEWEST_FIRST = """
SELECT * FROM events WHERE originator_id = %s AND originator_version > %s
AND originator_version <= coalesce(%s, 9223372036854775807) ORDER BY originator_version DESC LIMIT %s
"""
SELECT_OF_SEVERAL = """
SELECT * FROM events WHERE originator_id = ANY(%s) ORDER BY originator_id, originator_version
"""
SELECT_NOTIFICATIONS = """
SELECT * FROM events WHERE position > %s AND position <= coalesce(%s, 9223372036854775807)
AND (%s::text[] = '{}' OR topic = ANY(%s)) ORDER BY position LIMIT %s
"""
STORED_IN_THE_CLEAR = """
SELECT DISTINCT originator_id FROM events
WHERE originator_id = ANY(%s) AND schema_version = 1 AND topic = ANY(%s)
"""
NEWEST_VERSIONS = """
SELECT id, (SELECT max(originator_version) FROM events WHERE originator_id = id) AS version
FROM unnest(%b::uuid[]) AS id
"""


@dataclass(slots=True)
class Append:
    """Events of one command on their way into the log, and what became of them."""

    events: Sequence[RecordedEvent]
    command: Command
    positions: list[int] = field(default_factory=list)
    refusal: Exception | None = None

    @property
    def answer(self) -> dict[str, Any]:
        """The answer to the command, once the events have their positions."""
        return {**(self.command.answer or {}), "position": self.positions[-1]}

    @property
    def new_keys(self) -> list[NewKey]:
        return [event.new_key for event in self.events if event.new_key]


class LogRecorder(ApplicationRecorder):
    """Stores and reads the events of one service; `pool`'s search path is that service's schema.

    Keys of `keyring` that events are sealed under for the first time are stored with them.
    """

    def __init__(self, pool: Pool, source: str, keyring: Keyring) -> None:
        self.keyring = keyring
        self._pool = pool
        self._source = source
        self._committer = Committer(self._commit)

    # -- storing --------------------------------------------------------------------------------

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        """Store the events of one `command`; return their positions.

        Commands of concurrent callers share a transaction. With `within` (a cursor in an open
        transaction) the events become part of that transaction instead, and the caller commits.
        """
        append = Append(cast(Sequence[RecordedEvent], stored_events), kwargs["command"])
        if not append.events:
            return []
        within: Cursor[DictRow] | None = kwargs.get("within")
        if within is None:
            self._committer.commit(append)
        else:
            self._append(within, [append])
        if append.refusal:
            raise append.refusal
        return append.positions

    def _commit(self, appends: Sequence[Append]) -> None:
        with self._pool.connection() as conn, conn.transaction(), conn.cursor() as cursor:
            self._append(cursor, appends)

    def _append(self, cursor: Cursor[DictRow], appends: Sequence[Append]) -> None:
        cursor.execute("SELECT position FROM log_head FOR UPDATE")
        head: int = _one(cursor)["position"]
        conflicts = _Conflicts(cursor, appends)
        accepted = conflicts.without_conflict(appends)
        if not accepted:
            return
        for append in accepted:
            append.positions = list(range(head + 1, head + len(append.events) + 1))
            head = append.positions[-1]
        conflicts.answer_repeats()
        with cursor.connection.pipeline():
            _insert(cursor, accepted)
            cursor.execute("UPDATE log_head SET position = %s", [head])
            cursor.execute("SELECT pg_notify(%s, %s)", [channel(self._source), str(head)])

    # -- names, numbers, earlier answers --------------------------------------------------------

    def answer_to(self, command_id: UUID, request_hash: bytes) -> dict[str, Any] | None:
        row = self._find("SELECT request_hash, answer FROM commands WHERE command_id = %s", command_id)
        if row is None:
            return None
        if bytes(row["request_hash"]) != request_hash:
            raise IdempotencyKeyReused
        return cast(dict[str, Any], row["answer"])

    def answered(self, command_ids: Sequence[UUID]) -> set[UUID]:
        rows = self._rows("SELECT command_id FROM commands WHERE command_id = ANY(%s)", list(command_ids))
        return {row["command_id"] for row in rows}

    def owner_of(self, kind: str, ident: str) -> UUID | None:
        row = self._find("SELECT owner FROM idents WHERE kind = %s AND ident = %s", kind, ident)
        return row["owner"] if row else None

    def owners_of(self, kind: str, idents: Collection[str]) -> dict[str, UUID]:
        rows = self._rows(
            "SELECT ident, owner FROM idents WHERE kind = %s AND ident = ANY(%s)", kind, list(idents)
        )
        return {row["ident"]: row["owner"] for row in rows}

    def held_by(self, kind: str, holder: UUID) -> list[UUID]:
        rows = self._rows("SELECT owner FROM idents WHERE holder = %s AND kind = %s", holder, kind)
        return [row["owner"] for row in rows]

    def events_of(
        self, aggregate_ids: Collection[UUID], within: Cursor[DictRow] | None = None
    ) -> dict[UUID, list[StoredEvent]]:
        found: defaultdict[UUID, list[StoredEvent]] = defaultdict(list)
        ids = list(aggregate_ids)
        rows = (
            within.execute(SELECT_OF_SEVERAL, [ids]).fetchall()
            if within
            else self._rows(SELECT_OF_SEVERAL, ids)
        )
        for row in rows:
            found[row["originator_id"]].append(_recorded(row))
        return found

    def about(self, subjects: Collection[UUID], through: int | None = None) -> Sequence[Envelope]:
        return [envelope(self._source, row) for row in self._rows(SELECT_ABOUT, list(subjects), through)]

    def next_number(self, sequence: str) -> int:
        row = self._find("SELECT nextval(%s::regclass) AS number", sequence)
        assert row is not None
        return cast(int, row["number"])

    def _find(self, query: LiteralString, *params: object) -> DictRow | None:
        rows = self._rows(query, *params)
        return rows[0] if rows else None

    def _rows(self, query: LiteralString, *params: object) -> list[DictRow]:
        return read(self._pool, query, params)

    # -- reading --------------------------------------------------------------------------------

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        query = SELECT_NEWEST_FIRST if desc else SELECT_OLDEST_FIRST
        return [_recorded(row) for row in self._rows(query, originator_id, gt or 0, lte, limit)]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        after = (start or 0) - (1 if inclusive_of_start and start else 0)
        rows = self._rows(SELECT_NOTIFICATIONS, after, stop, list(topics), list(topics), limit)
        return [
            Notification(
                row["originator_id"], row["originator_version"], row["topic"], row["state"], row["position"]
            )
            for row in rows
        ]

    def max_notification_id(self) -> int | None:
        row = self._find("SELECT nullif(position, 0) AS position FROM log_head")
        return row["position"] if row else None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> NoReturn:  # noqa: ARG002
        """Not offered: the library's subscription can miss an event between its first pull and LISTEN."""
        raise TypeError(f"read {Subscription.__name__}s of this log with infra.eventstore.feed.LogFeed")

    def close(self) -> None:
        """Finish what is being committed; nothing can be stored afterwards."""
        self._committer.close()


def channel(source: str) -> str:
    """Name of the NOTIFY channel that tells of new events in the log of `source`."""
    return f"kontor_{source}_log"


class _Conflicts:
    """What the log says about a batch of appends; true as long as the head is locked."""

    def __init__(self, cursor: Cursor[DictRow], appends: Sequence[Append]) -> None:
        commands = [a.command.context.command_id for a in appends]
        claims = [claim for a in appends for claim in a.command.claims]
        changed = {e.originator_id for a in appends for e in a.events}
        looked_at = {aggregate_id for a in appends for aggregate_id, _ in a.command.relies_on}
        cursor.execute("SELECT * FROM commands WHERE command_id = ANY(%s)", [commands])
        self._answers = {row["command_id"]: row for row in cursor}
        self._accepted: dict[UUID, Append] = {}
        self._repeats: list[tuple[Append, Append]] = []
        cursor.execute(NEWEST_VERSIONS, [list(changed | looked_at)])
        self._versions: dict[UUID, int] = {row["id"]: row["version"] or 0 for row in cursor}
        self._taken: set[tuple[str, str]] = set()
        if claims:
            cursor.execute(
                "SELECT kind, ident FROM idents WHERE (kind, ident) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
                [[c.kind for c in claims], [c.ident for c in claims]],
            )
            self._taken = {(row["kind"], row["ident"]) for row in cursor}
        self._known_keys = personal_data.known(cursor, [new for a in appends for new in a.new_keys])
        self._in_the_clear: set[UUID] = set()
        self._held: defaultdict[UUID, set[UUID]] = defaultdict(set)
        if erased := [a.command.erases for a in appends if a.command.erases]:
            cursor.execute(STORED_IN_THE_CLEAR, [erased, list(SEALED_FROM_VERSION_2)])
            self._in_the_clear = {row["originator_id"] for row in cursor}
            cursor.execute("SELECT holder, owner FROM idents WHERE holder = ANY(%s)", [erased])
            for row in cursor:
                self._held[row["holder"]].add(row["owner"])

    def without_conflict(self, appends: Iterable[Append]) -> list[Append]:
        """The appends that can be stored, in order; the others get their `refusal`."""
        accepted = []
        for append in appends:
            append.refusal = self._refusal(append)
            if append.refusal is None:
                self._remember(append)
                accepted.append(append)
        return accepted

    def answer_repeats(self) -> None:
        """Answer commands that came twice in this batch like the first of them, now that it has its positions."""
        for append, first in self._repeats:
            append.refusal = AlreadyDone(first.answer)

    def _refusal(self, append: Append) -> Exception | None:
        command, command_id = append.command, append.command.context.command_id
        first, done = self._accepted.get(command_id), self._answers.get(command_id)
        if first or done:
            known_hash = first.command.request_hash if first else bytes(done["request_hash"] if done else b"")
            if known_hash != command.request_hash:
                return IdempotencyKeyReused()
            if first:
                self._repeats.append((append, first))
            return AlreadyDone(done["answer"] if done else {})
        for claim in command.claims:
            if (claim.kind, claim.ident) in self._taken:
                return ClaimTaken(claim)
        if command.erases in self._in_the_clear:
            return StoredInTheClear(
                "An older version stored this customer in plain text, which history keeps."
            )
        return self._version_conflict(append)

    def _version_conflict(self, append: Append) -> ConcurrentChange | None:
        for aggregate_id, version in append.command.relies_on:
            if self._versions.get(aggregate_id, 0) != version:
                return ConcurrentChange(f"{aggregate_id} is no longer at version {version}")
        if append.command.erases and self._held[append.command.erases] - {
            i for i, _ in append.command.relies_on
        }:
            return ConcurrentChange(f"{append.command.erases} holds something that was not looked at")
        newest = {e.originator_id: self._versions.get(cast(UUID, e.originator_id), 0) for e in append.events}
        for event in append.events:
            if event.originator_version != newest[event.originator_id] + 1:
                return ConcurrentChange(
                    f"version {event.originator_version} of {event.originator_id} is taken"
                )
            newest[event.originator_id] = event.originator_version
        for new in append.new_keys:
            if new.key.key_id in self._known_keys:
                return ConcurrentChange(f"{new.subject} has got another key")
        return None

    def _remember(self, append: Append) -> None:
        command = append.command
        self._accepted[command.context.command_id] = append
        self._taken.update((claim.kind, claim.ident) for claim in command.claims)
        for claim in command.claims:
            if claim.holder:
                self._held[claim.holder].add(claim.owner)
        self._known_keys.update(new.key.key_id for new in append.new_keys)
        for event in append.events:
            self._versions[cast(UUID, event.originator_id)] = event.originator_version


def _insert(cursor: Cursor[DictRow], appends: Sequence[Append]) -> None:
    rows = [
        (
            position,
            event.originator_id,
            event.originator_version,
            event.topic,
            event.schema_version,
            event.state,
            event.occurred_at,
            context.actor,
            context.command_id,
            context.correlation_id,
            context.causation_id,
        )
        for append in appends
        for context in [append.command.context]
        for position, event in zip(append.positions, append.events, strict=True)
    ]
    cursor.execute(INSERT_EVENTS, [list(column) for column in zip(*rows, strict=True)])
    _insert_commands(cursor, [a for a in appends if a.command.answer is not None])
    _insert_claims(cursor, [claim for a in appends for claim in a.command.claims])
    personal_data.store(cursor, [new for a in appends for new in a.new_keys])
    for append in appends:
        if erased := append.command.erases:
            at = append.command.context.occurred_at
            personal_data.destroy(cursor, erased, append.positions[-1], at)


def _insert_commands(cursor: Cursor[DictRow], appends: Sequence[Append]) -> None:
    if not appends:
        return
    contexts = [a.command.context for a in appends]
    cursor.execute(
        "INSERT INTO commands (command_id, request_hash, answer, recorded_at)"
        " SELECT * FROM unnest(%s::uuid[], %s::bytea[], %s::json[], %s::timestamptz[])",
        [
            [c.command_id for c in contexts],
            [a.command.request_hash for a in appends],
            [Json(a.answer) for a in appends],
            [c.occurred_at for c in contexts],
        ],
    )


def _insert_claims(cursor: Cursor[DictRow], claims: Sequence[Claim]) -> None:
    if claims:
        cursor.execute(
            "INSERT INTO idents (kind, ident, owner, holder)"
            " SELECT * FROM unnest(%s::text[], %s::text[], %s::uuid[], %s::uuid[])",
            [
                list(column)
                for column in zip(*((c.kind, c.ident, c.owner, c.holder) for c in claims), strict=True)
            ],
        )


def _recorded(row: DictRow) -> RecordedEvent:
    return RecordedEvent(
        originator_id=row["originator_id"],
        originator_version=row["originator_version"],
        topic=row["topic"],
        state=row["state"],
        occurred_at=row["occurred_at"],
        schema_version=row["schema_version"],
    )


def _one(cursor: Cursor[DictRow]) -> DictRow:
    row = cursor.fetchone()
    assert row is not None
    return row
