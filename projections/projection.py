"""What a projection is: a few tables, and how each message changes their rows."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any, TypeVar
from uuid import UUID

from services.messages import Envelope, Message

Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Table:
    """A table that one projection writes. Rows are loaded by the first column of `key`, a UUID.

    Rows of an `append_only` table are never looked at again by the projection.
    """

    name: str
    key: tuple[str, ...]
    append_only: bool = False

    @cached_property
    def key_of(self) -> Callable[[Row], Any]:
        """The key of a row: the value itself where it is one column, else a tuple."""
        return itemgetter(*self.key)


class UnknownRow(LookupError):
    """A message is about something that no earlier message brought into being."""


class Rows:
    """The rows that a batch of messages is about, in memory: changed there, and written back once.

    Values are those that the database gives back, JSON columns plain builtins, so that it makes no
    difference whether a row was changed in this batch or loaded.
    """

    def __init__(self, wanted: Mapping[Table, Iterable[UUID]]) -> None:
        self._known: dict[Table, dict[UUID, dict[Any, Row]]] = {
            table: {first: {} for first in firsts} for table, firsts in wanted.items()
        }
        self.changed: dict[Table, dict[Any, Row]] = defaultdict(dict)
        self.appended: dict[Table, list[Row]] = defaultdict(list)

    def load(self, table: Table, rows: Iterable[Row]) -> None:
        """Take in what is stored."""
        known, first = self._known[table], table.key[0]
        for row in rows:
            known[row[first]][table.key_of(row)] = row

    def under(self, table: Table, first: UUID) -> list[Row]:
        """All rows whose key starts with `first`, to look at."""
        return list(self._known[table][first].values())

    def find(self, table: Table, *key: Any) -> Row | None:
        """The row with this key, to look at."""
        return self._known[table][key[0]].get(_as_one(key))

    def change(self, table: Table, *key: Any) -> Row:
        """The row with this key, to change in place; raises UnknownRow."""
        row = self.find(table, *key)
        if row is None:
            raise UnknownRow(f"{table.name} has no such row")
        self.changed[table][_as_one(key)] = row
        return row

    def put(self, table: Table, row: Row) -> Row:
        """Add a whole row, or put it in the place of the one with its key."""
        key = table.key_of(row)
        self._known[table][row[table.key[0]]][key] = row
        self.changed[table][key] = row
        return row

    def ensure(self, table: Table, fresh: Row) -> Row:
        """The row with the key of `fresh`, to change in place; `fresh` itself where there is none yet."""
        found = self._known[table][fresh[table.key[0]]].get(table.key_of(fresh), fresh)
        return self.put(table, found)

    def append(self, table: Table, row: Row) -> None:
        """Add a row to an append-only table."""
        self.appended[table].append(row)


def _as_one(key: tuple[Any, ...]) -> Any:
    return key[0] if len(key) == 1 else key


Change = Callable[[Rows, Any, Envelope], None]
Firsts = Callable[[Any], Iterable[UUID]]
C = TypeVar("C", bound=Change)


@dataclass(frozen=True, slots=True)
class Handler:
    """What a message does to the rows, and which rows of which tables it needs for that."""

    change: Change
    loads: Mapping[Table, Firsts]
    in_plain_text: bool
    """Whether it gets personal data in plain text, not as tokens (`services.personal_data`)."""


def of_customer(message: Any) -> Iterable[UUID]:
    """Rows whose key starts with the message's customer."""
    return (message.customer_id,)


class Projection:
    """A name, a version that grows when the same messages give other rows, the tables and the handlers.

    Handlers of messages from different sources must commute, because there is no order between them:
    easiest where they write different tables, or each its own columns.
    """

    def __init__(self, name: str, version: int, *tables: Table) -> None:
        self.name = name
        self.version = version
        self.tables = tables
        self._handlers: dict[str, Handler] = {}

    def on(
        self,
        *messages: type[Message],
        loads: Mapping[Table, Firsts] | None = None,
        in_plain_text: bool = False,
    ) -> Callable[[C], C]:
        """Declare the handler of `messages`; `loads` names, for each table, the first key columns it needs.

        Rows hold personal data as tokens, which say nothing once the customer is erased. A handler that needs them
        `in_plain_text`, to search and sort by them, has to handle PersonalDataErased as well: afterwards its rows are
        what the same messages give when every personal value in them is `[erased]`.
        """

        def declare(change: C) -> C:
            for message in messages:
                self._handlers[message.TOPIC] = Handler(change, loads or {}, in_plain_text)
            return change

        return declare

    @property
    def sources(self) -> tuple[str, ...]:
        """The services whose messages it uses; a topic begins with its service's name."""
        return tuple(sorted({topic.partition(".")[0] for topic in self._handlers}, reverse=True))

    @property
    def in_plain_text(self) -> bool:
        """Whether personal data are in plain text in any of its rows."""
        return any(handler.in_plain_text for handler in self._handlers.values())

    def concerned_by(self, envelope: Envelope) -> bool:
        return envelope.body is not None and envelope.topic in self._handlers

    def handler(self, envelope: Envelope) -> Handler:
        return self._handlers[envelope.topic]
