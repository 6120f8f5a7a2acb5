"""Document numbers: gapless, unique and sequential per billing entity, document type and year.

A block of numbers is allotted at the end of the transaction that records the documents: a crash before
its commit takes the numbers back, and nobody waits for a range while documents are computed.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from uuid import UUID

from services.billing.transaction import Cursor
from services.messages import DocumentIssued, DocumentType

DIGITS = 6


class NumberRanges:
    """Hands out the next numbers within an open transaction; ranges stay locked until it ends."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor

    def allot(
        self, entity_id: UUID, document_type: DocumentType, year: int, prefix: str, count: int
    ) -> Iterator[str]:
        """`count` consecutive numbers such as RE-2026-000001."""
        self._cursor.execute(
            "INSERT INTO number_ranges VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (billing_entity_id, document_type, year)"
            " DO UPDATE SET last_number = number_ranges.last_number + excluded.last_number"
            " RETURNING last_number",
            [entity_id, document_type.value, year, count],
        )
        row = self._cursor.fetchone()
        assert row is not None
        first = row["last_number"] - count + 1
        return (f"{prefix}-{year}-{number:0{DIGITS}}" for number in range(first, first + count))


def count_issued(cursor: Cursor, documents: Sequence[DocumentIssued]) -> None:
    """Rebuild the counters from documents of the log: numbers without gaps are as many as documents."""
    counts = Counter((d.billing_entity_id, d.type.value, d.issue_date.year) for d in documents)
    for (entity_id, document_type, year), count in counts.items():
        cursor.execute(
            "INSERT INTO number_ranges VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (billing_entity_id, document_type, year)"
            " DO UPDATE SET last_number = number_ranges.last_number + excluded.last_number",
            [entity_id, document_type, year, count],
        )
