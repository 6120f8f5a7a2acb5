"""The table of what the days of each recurring item of a contract cost when they were billed last."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

from services.billing.due import LastAmount
from services.billing.safety import line_amount_of, recurring
from services.billing.transaction import Cursor
from services.values import DocumentLine


def record(cursor: Cursor, documents: Iterable[tuple[UUID, Sequence[DocumentLine]]]) -> None:
    """Take in what documents bill, given as id and lines in the order in which they were issued."""
    last = {(line.origin.id, line.origin.item): line for _, lines in documents for line in recurring(lines)}
    if last:
        cursor.execute(
            "INSERT INTO last_amounts SELECT * FROM unnest(%s::uuid[], %s::text[], %s::numeric[], %s::int[])"
            " ON CONFLICT (billable_id, item) DO UPDATE SET amount = excluded.amount, days = excluded.days",
            [
                [billable_id for billable_id, _ in last],
                [item for _, item in last],
                [line_amount_of(line) for line in last.values()],
                [line.days.length_days for line in last.values()],
            ],
        )


def read(cursor: Cursor, billable_ids: Sequence[UUID]) -> dict[UUID, dict[str, LastAmount]]:
    """By contract and item; what was never billed is left out."""
    cursor.execute("SELECT * FROM last_amounts WHERE billable_id = ANY(%s)", [billable_ids])
    found: defaultdict[UUID, dict[str, LastAmount]] = defaultdict(dict)
    for row in cursor:
        found[row["billable_id"]][row["item"]] = LastAmount(row["amount"], row["days"])
    return found
