"""Lists that people page through: keyset cursors that stay put while rows come and go, and a total."""

import binascii
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, LiteralString, TypeVar

import msgspec
import psycopg
from psycopg import Connection, sql
from psycopg.rows import DictRow
from typing_extensions import TypedDict

from projections.projection import Row
from services.errors import FieldError, InvalidFields

T = TypeVar("T")

MAX_LIMIT = 500


class Page(TypedDict, Generic[T]):
    """One page of a list: `total` counts all that match, `cursor` leads to the next page, null on the last."""

    items: list[T]
    total: int
    cursor: str | None


@dataclass(slots=True)
class Filters:
    """Conditions that all must hold, and the values that they name."""

    conditions: list[LiteralString] = field(default_factory=lambda: ["true"])
    values: dict[str, Any] = field(default_factory=dict)

    def add(self, condition: LiteralString, **values: Any) -> None:
        """Add a condition if none of its values is None: what was not asked for does not filter."""
        if None not in values.values():
            self.conditions.append(condition)
            self.values.update(values)


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list selects and in which order: expressions that are never null and unique together.

    `counted` are the tables that the total needs, where that is fewer than `tables`.
    """

    columns: LiteralString
    tables: LiteralString
    order: tuple[LiteralString, ...]
    descending: bool = True
    counted: LiteralString | None = None

    def page(
        self,
        conn: Connection[DictRow],
        filters: Filters,
        limit: int,
        cursor: str | None,
        item: Callable[[Row], T],
        **context: Any,
    ) -> Page[T]:
        """One page; `context` are values that `tables` and `columns` name.

        Raises InvalidFields for a cursor that does not belong to this list.
        """
        place = _Place.of(cursor, self._digest(filters)) if cursor else None
        try:
            rows = self._rows(conn, filters, {**context, "limit": limit + 1}, place)
        except psycopg.DataError:
            raise _wrong_cursor(cursor) if cursor else _wrong_filter() from None
        total = place.total if place else self._total(conn, filters)
        next_page = None
        if len(rows) > limit:
            next_page = _Place(self._digest(filters), total, self._key_of(rows[limit - 1])).cursor
        return Page(items=[item(row) for row in rows[:limit]], total=total, cursor=next_page)

    def _rows(
        self, conn: Connection[DictRow], filters: Filters, context: dict[str, Any], place: "_Place | None"
    ) -> list[Row]:
        conditions, values = list(filters.conditions), {**filters.values, **context}
        if place:
            if len(place.key) != len(self.order):
                raise _wrong_cursor(place.cursor)
            after = {f"after_{n}": value for n, value in enumerate(place.key)}
            conditions.append(
                f"({', '.join(self.order)}) {'<' if self.descending else '>'} "
                f"({', '.join(f'%({name})s' for name in after)})"
            )
            values.update(after)
        keys = ", ".join(f"{expression} AS key_{n}" for n, expression in enumerate(self.order))
        order = ", ".join(f"{expression} {'DESC' if self.descending else 'ASC'}" for expression in self.order)
        query = sql.SQL(
            f"SELECT {self.columns}, {keys} FROM {self.tables} WHERE {' AND '.join(conditions)} "  # noqa: S608 - no values
            f"ORDER BY {order} LIMIT %(limit)s"
        )
        # Never prepared: the best plan depends on the values, such as how often what is searched for occurs.
        return conn.execute(query, values, prepare=False).fetchall()

    def _total(self, conn: Connection[DictRow], filters: Filters) -> int:
        tables = self.counted or self.tables
        query = sql.SQL(f"SELECT count(*) AS total FROM {tables} WHERE {' AND '.join(filters.conditions)}")  # noqa: S608
        row = conn.execute(query, filters.values, prepare=False).fetchone()
        return int(row["total"]) if row else 0

    def _key_of(self, row: Row) -> tuple[str, ...]:
        return tuple(str(row[f"key_{n}"]) for n in range(len(self.order)))

    def _digest(self, filters: Filters) -> int:
        asked = (self.order, self.descending, filters.conditions, sorted(filters.values.items()))
        return zlib.crc32(repr(asked).encode())


def newest_first(columns: LiteralString, tables: LiteralString, position: LiteralString) -> Listing:
    """A list in the order in which things were recorded, newest first."""
    return Listing(columns, tables, (position,))


class _Place(msgspec.Struct, frozen=True, array_like=True):
    """What a cursor holds: the list it belongs to, the total counted on the first page, the last row's key."""

    digest: int
    total: int
    key: tuple[str, ...]

    @classmethod
    def of(cls, cursor: str, digest: int) -> "_Place":
        try:
            place = msgspec.json.decode(urlsafe_b64decode(cursor + "=="), type=cls)
        except (binascii.Error, msgspec.DecodeError, ValueError):
            raise _wrong_cursor(cursor) from None
        if place.digest != digest:
            raise _wrong_cursor(cursor)
        return place

    @property
    def cursor(self) -> str:
        return urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")


def _wrong_cursor(cursor: str | None) -> InvalidFields:
    return InvalidFields(FieldError("cursor", "belongs to another list; start again without one", cursor))


def _wrong_filter() -> InvalidFields:
    return InvalidFields(FieldError("filter", "holds characters that nothing here can have"))


def one(items: Sequence[T]) -> T | None:
    """The only item, None if there is none."""
    return items[0] if items else None
