"""The table of when something was last recorded about each customer, by position in the customer log."""

from collections.abc import Collection, Iterable
from uuid import UUID

from services.billing.transaction import Cursor
from services.messages import BillingRunRequested, Envelope

EVERYBODY = UUID(int=0)
"""Stands for all customers, where a run is requested for all."""


def record(cursor: Cursor, envelopes: Iterable[Envelope]) -> None:
    """Take in messages of the customer log, in order."""
    newest = {customer_id: e.position for e in envelopes if (customer_id := _concerned(e))}
    if newest:
        cursor.execute(
            "INSERT INTO customer_changes SELECT * FROM unnest(%s::uuid[], %s::bigint[])"
            " ON CONFLICT (customer_id) DO UPDATE SET position = excluded.position",
            [list(newest), list(newest.values())],
        )


def newest(cursor: Cursor, customer_id: UUID | None) -> int:
    """Position of what was last recorded about one customer, or (None) about any; 0 if there is nothing."""
    cursor.execute(
        "SELECT max(position) AS position FROM customer_changes WHERE %s::uuid IS NULL OR customer_id IN (%s, %s)",
        [customer_id, customer_id, EVERYBODY],
    )
    row = cursor.fetchone()
    return (row and row["position"]) or 0


def seen(cursor: Cursor, customer_ids: Collection[UUID], reached: int) -> dict[UUID, int]:
    """For each customer the position up to which everything about it was taken in, and nothing after it.

    That is where the slowest partition has `reached`, unless the customer's own is beyond.
    """
    cursor.execute(
        "SELECT customer_id, greatest(position, %s) AS position FROM customer_changes WHERE customer_id = ANY(%s)",
        [reached, list(customer_ids)],
    )
    return dict.fromkeys(customer_ids, reached) | {row["customer_id"]: row["position"] for row in cursor}


def _concerned(envelope: Envelope) -> UUID | None:
    """The customer that a message is about; a request for a run is about those whom it may bill."""
    if isinstance(envelope.body, BillingRunRequested):
        return envelope.body.customer_id or EVERYBODY
    found: UUID | None = getattr(envelope.body, "customer_id", None)
    return found
