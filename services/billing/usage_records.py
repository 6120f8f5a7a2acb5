"""The table of what was used: each event once, and where it was billed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

from services.billing.transaction import Cursor
from services.billing.usage import Used
from services.messages import UsageRecorded
from services.values import BilledUsage, DocumentLine

ByItem = dict[str, list[Used]]


def record(cursor: Cursor, recorded: Iterable[tuple[int, UsageRecorded]]) -> None:
    """Take in usage, given with its position in the customer log."""
    rows = [
        (entry.event_id, message.contract_id, entry.item_ident, entry.occurred_at, entry.quantity, position)
        for position, message in recorded
        for entry in message.entries
    ]
    if rows:
        cursor.execute(
            "INSERT INTO usage (event_id, billable_id, item, occurred_at, quantity, position)"
            " SELECT * FROM unnest(%s::text[], %s::uuid[], %s::text[], %s::timestamptz[], %s::numeric[], %s::bigint[])",
            [list(column) for column in zip(*rows, strict=True)],
        )


def unbilled(cursor: Cursor, billable_ids: Sequence[UUID]) -> dict[UUID, ByItem]:
    """What was used and is not billed, by contract and item."""
    cursor.execute(
        "SELECT * FROM usage WHERE billable_id = ANY(%s) AND document_id IS NULL"
        " ORDER BY occurred_at, event_id",
        [billable_ids],
    )
    return _by_contract(cursor)


def billed(cursor: Cursor, intervals: Sequence[tuple[UUID, str, date]]) -> dict[UUID, ByItem]:
    """What was used and billed in intervals, given as contract, item and first day."""
    cursor.execute(
        "SELECT * FROM usage JOIN unnest(%s::uuid[], %s::text[], %s::date[])"
        " AS wanted (billable_id, item, interval_start) USING (billable_id, item, interval_start)"
        " ORDER BY occurred_at, event_id",
        [list(column) for column in zip(*intervals, strict=True)],
    )
    return _by_contract(cursor)


def recorded(
    cursor: Cursor, billable_id: UUID, item: str, since: datetime | None, before: datetime | None
) -> list[Used]:
    """All that was used of an item from one instant (None: ever) to another, whether it is billed or not."""
    # By the two indexes, each of which has one half of it.
    cursor.execute(
        "SELECT * FROM ("
        " SELECT * FROM usage WHERE billable_id = %(billable_id)s AND item = %(item)s AND document_id IS NULL"
        " UNION ALL"
        " SELECT * FROM usage WHERE billable_id = %(billable_id)s AND item = %(item)s AND document_id IS NOT NULL"
        ") AS used WHERE (%(since)s::timestamptz IS NULL OR occurred_at >= %(since)s)"
        " AND (%(before)s::timestamptz IS NULL OR occurred_at < %(before)s) ORDER BY occurred_at, event_id",
        {"billable_id": billable_id, "item": item, "since": since, "before": before},
    )
    return [Used(row["occurred_at"], row["quantity"], row["position"]) for row in cursor]


def with_unbilled(cursor: Cursor, customer_ids: Sequence[UUID]) -> list[UUID]:
    """All contracts of customers of which some usage is not billed."""
    cursor.execute(
        "SELECT DISTINCT billable_id FROM usage JOIN billables USING (billable_id)"
        " WHERE customer_id = ANY(%s) AND document_id IS NULL",
        [customer_ids],
    )
    return [row["billable_id"] for row in cursor]


def mark_billed(cursor: Cursor, documents: Iterable[tuple[UUID, Sequence[DocumentLine]]]) -> None:
    """Record which usage documents bill, given as id and lines in the order in which they were issued.

    What two of them mean (an interval and, later, what came late for it) is billed by the first.
    """
    bills = {
        (document_id, line.origin.id, line.origin.item, line.usage): line
        for document_id, lines in documents
        for line in lines
        if line.usage
    }
    if not bills:
        return
    rows = [_bill(document_id, line, line.usage) for (document_id, *_), line in bills.items() if line.usage]
    cursor.execute(
        "WITH bills AS ("
        " SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::date[], %s::timestamptz[],"
        "  %s::timestamptz[], %s::bigint[], %s::int[]) WITH ORDINALITY AS bills"
        "  (document_id, billable_id, item, interval_start, occurred_from, occurred_before, through, late, number)"
        "), meant AS ("
        " SELECT DISTINCT ON (event_id) event_id, bills.* FROM usage JOIN bills USING (billable_id, item)"
        " WHERE usage.document_id IS NULL AND usage.position <= bills.through"
        "  AND (bills.occurred_from IS NULL OR usage.occurred_at >= bills.occurred_from)"
        "  AND (bills.occurred_before IS NULL OR usage.occurred_at < bills.occurred_before)"
        " ORDER BY event_id, number"
        ") UPDATE usage SET document_id = meant.document_id, interval_start = meant.interval_start,"
        "  late = meant.late FROM meant WHERE usage.event_id = meant.event_id",
        [list(column) for column in zip(*rows, strict=True)],
    )


def release(cursor: Cursor, bills: Sequence[Sequence[object]]) -> None:
    """Let the usage of bills be billed again; each is given as document, contract, item, first day and late bill."""
    cursor.execute(
        "UPDATE usage SET document_id = NULL, interval_start = NULL, late = NULL"
        " FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::date[], %s::int[])"
        "  AS released (document_id, billable_id, item, interval_start, late)"
        " WHERE (usage.document_id, usage.billable_id, usage.item, usage.interval_start, usage.late)"
        "  = (released.document_id, released.billable_id, released.item, released.interval_start, released.late)",
        [list(column) for column in zip(*bills, strict=True)],
    )


def _bill(document_id: UUID, line: DocumentLine, usage: BilledUsage) -> tuple[object, ...]:
    assert line.period is not None
    return (
        document_id,
        line.origin.id,
        line.origin.item,
        line.period.first,
        usage.occurred_from,
        usage.occurred_before,
        usage.through,
        usage.late,
    )


def _by_contract(cursor: Cursor) -> dict[UUID, ByItem]:
    found: defaultdict[UUID, ByItem] = defaultdict(lambda: defaultdict(list))
    for row in cursor:
        used = Used(row["occurred_at"], row["quantity"], row["position"], row["interval_start"], row["late"])
        found[row["billable_id"]][row["item"]].append(used)
    return found
