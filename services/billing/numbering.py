"""The tables of document numbers: gapless, unique and sequential per billing entity, document type and year.

A block of numbers is allotted at the end of the transaction that records the documents: a crash before
its commit takes the numbers back, and nobody waits for a range while documents are computed.
"""

from collections import Counter as Counts
from collections.abc import Iterator, Sequence
from uuid import UUID

from services.billing.document import Draft
from services.billing.number_ranges import Counter, Numbering, ranges_of
from services.billing.sellers import Sellers
from services.billing.transaction import Cursor
from services.messages import BillingEntityDefined, DocumentIssued, DocumentType
from services.values import NumberRange


def numbers_for(cursor: Cursor, sellers: Sellers, drafts: Sequence[Draft]) -> list[str]:
    """The next numbers for drafts, in their order, such as RE-2026-000001; ranges stay locked until the transaction ends.

    Ranges are locked in one order, so that nobody waits for somebody who waits in turn.
    """
    keys = [(draft.billing_entity_id, draft.type, draft.issue_date.year) for draft in drafts]
    allotted = {
        (entity_id, kind, year): _written(
            ranges_of(sellers.with_id(entity_id))[kind], year, _allot(cursor, entity_id, kind, year, count)
        )
        for (entity_id, kind, year), count in sorted(Counts(keys).items())
    }
    return [next(allotted[key]) for key in keys]


def _written(number_range: NumberRange, year: int, numbers: range) -> Iterator[str]:
    return (f"{number_range.prefix}-{year}-{number:0{number_range.digits}}" for number in numbers)


def _allot(cursor: Cursor, entity_id: UUID, document_type: DocumentType, year: int, count: int) -> range:
    """`count` consecutive numbers."""
    cursor.execute(
        "INSERT INTO number_ranges (billing_entity_id, document_type, year, last_number) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (billing_entity_id, document_type, year)"
        " DO UPDATE SET last_number = number_ranges.last_number + excluded.last_number"
        " RETURNING last_number",
        [entity_id, document_type.value, year, count],
    )
    row = cursor.fetchone()
    assert row is not None
    return range(row["last_number"] - count + 1, row["last_number"] + 1)


def count_issued(cursor: Cursor, documents: Sequence[DocumentIssued]) -> None:
    """Rebuild the counters from documents of the log: numbers without gaps are as many as documents."""
    counts = Counts((d.billing_entity_id, d.type, d.issue_date.year) for d in documents)
    for key, count in counts.items():
        _allot(cursor, *key, count)


# -- settings -----------------------------------------------------------------------------------


def of_entity(cursor: Cursor, billing_entity_id: UUID) -> Numbering:
    """What the settings of a billing entity have to go with."""
    return Numbering(_owners(cursor), _counters(cursor, billing_entity_id))


def _owners(cursor: Cursor) -> dict[str, tuple[UUID, DocumentType]]:
    cursor.execute("SELECT * FROM number_prefixes")
    return {row["prefix"]: (row["billing_entity_id"], DocumentType(row["document_type"])) for row in cursor}


def _counters(cursor: Cursor, billing_entity_id: UUID) -> dict[tuple[DocumentType, int], Counter]:
    cursor.execute("SELECT * FROM number_ranges WHERE billing_entity_id = %s", [billing_entity_id])
    return {
        (DocumentType(row["document_type"]), row["year"]): Counter(row["first_number"], row["last_number"])
        for row in cursor
    }


def define(cursor: Cursor, entity: BillingEntityDefined) -> None:
    """Take in the ranges of a billing entity: their prefixes are its own from now on, and they begin where it says."""
    for kind, number_range in ranges_of(entity).items():
        _own(cursor, entity.billing_entity_id, kind, number_range.prefix)
        if number_range.next is not None:
            _begin(cursor, entity.billing_entity_id, kind, number_range)


def _own(cursor: Cursor, entity_id: UUID, document_type: DocumentType, prefix: str) -> None:
    cursor.execute(
        "INSERT INTO number_prefixes VALUES (%s, %s, %s) ON CONFLICT (prefix) DO NOTHING",
        [prefix, entity_id, document_type.value],
    )


def _begin(cursor: Cursor, entity_id: UUID, document_type: DocumentType, number_range: NumberRange) -> None:
    """A range that has begun goes on where it stands."""
    assert number_range.next is not None
    cursor.execute(
        "INSERT INTO number_ranges VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (billing_entity_id, document_type, year)"
        " DO UPDATE SET last_number = excluded.last_number, first_number = excluded.first_number"
        " WHERE number_ranges.last_number < number_ranges.first_number",
        [
            entity_id,
            document_type.value,
            number_range.year,
            number_range.next - 1,
            number_range.next,
        ],
    )
