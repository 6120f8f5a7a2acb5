"""The tables of documents that are still to be sent by e-mail, and of attempts under way.

The first follows from billing's own log, as in `billables`. The second is what mailers tell each other.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.rows import DictRow

from services.billing import delivery
from services.billing.transaction import Cursor
from services.messages import DeliveryRequested, DocumentIssued, DocumentNotSent, DocumentSent, Envelope


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to send a document, begun for one of its requests."""

    document_id: UUID
    request: int


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery whose next attempt was just begun; `since` is how long it has been wanted."""

    attempt: Attempt
    customer_id: UUID
    since: datetime


# -- working it off -----------------------------------------------------------------------------


def begin(cursor: Cursor, now: datetime, patience: timedelta) -> Due | None:
    """Begin the attempt that is due longest and that nobody else makes; None if there is none.

    It is to be over, one way or the other, when `patience` is.
    """
    cursor.execute(
        "SELECT * FROM deliveries d WHERE due_at <= %s"
        " AND NOT EXISTS (SELECT FROM delivery_attempts a WHERE a.document_id = d.document_id)"
        " ORDER BY due_at, document_id LIMIT 1 FOR UPDATE SKIP LOCKED",
        [now],
    )
    if (row := cursor.fetchone()) is None:
        return None
    cursor.execute(
        "INSERT INTO delivery_attempts VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        [row["document_id"], row["request"], now + patience],
    )
    # Somebody else may have begun it right after this looked.
    return Due(_attempt(row), row["customer_id"], row["since"]) if cursor.rowcount else None


def cut_off(cursor: Cursor, now: datetime, patience: timedelta) -> Attempt | None:
    """An attempt whose time is over; None if there is none.

    It gets as much time once more, to be recorded and ended: where that fails, others are not kept waiting by it.
    """
    cursor.execute(
        "UPDATE delivery_attempts SET over_at = %s WHERE document_id ="
        " (SELECT document_id FROM delivery_attempts WHERE over_at <= %s LIMIT 1 FOR UPDATE SKIP LOCKED)"
        " RETURNING document_id, request",
        [now + patience, now],
    )
    row = cursor.fetchone()
    return _attempt(row) if row else None


def end(cursor: Cursor, attempt: Attempt) -> None:
    """End an attempt that came to something."""
    cursor.execute("DELETE FROM delivery_attempts WHERE document_id = %s", [attempt.document_id])


def lock(cursor: Cursor, document_id: UUID) -> None:
    """Let nobody else record anything about a delivery that is not at its end until the transaction ends."""
    cursor.execute("SELECT FROM deliveries WHERE document_id = %s FOR UPDATE", [document_id])


def _attempt(row: DictRow) -> Attempt:
    return Attempt(row["document_id"], row["request"])


# -- following billing's log --------------------------------------------------------------------


def follow(cursor: Cursor, envelopes: Iterable[Envelope]) -> None:
    """Take in billing's own messages, in order."""
    for envelope in envelopes:
        match envelope.body:
            case DocumentIssued() as document if delivery.wanted(document):
                add(cursor, [(document.document_id, document.customer_id)], envelope.occurred_at)
            case DeliveryRequested() as requested:
                _ask(cursor, requested, envelope.occurred_at)
            case DocumentSent() as sent:
                _over(cursor, sent)
            case DocumentNotSent(retry_at=None) as failed:
                _over(cursor, failed)
            case DocumentNotSent() as failed:
                cursor.execute(
                    "UPDATE deliveries SET due_at = %s WHERE document_id = %s AND request = %s",
                    [failed.retry_at, failed.document_id, failed.request],
                )
            case _:
                pass


def add(cursor: Cursor, documents: Iterable[tuple[UUID, UUID]], issued_at: datetime) -> None:
    """Take in newly issued documents that are to be sent, each with its customer."""
    batch = list(documents)
    if batch:
        cursor.execute(
            "INSERT INTO deliveries SELECT document_id, customer_id, 0, %s, %s"
            " FROM unnest(%s::uuid[], %s::uuid[]) AS issued (document_id, customer_id)",
            [issued_at, issued_at, [document for document, _ in batch], [customer for _, customer in batch]],
        )


def _ask(cursor: Cursor, requested: DeliveryRequested, at: datetime) -> None:
    cursor.execute(
        "INSERT INTO deliveries VALUES (%s, %s, %s, %s, %s) ON CONFLICT (document_id) DO UPDATE"
        " SET request = excluded.request, since = excluded.since, due_at = excluded.due_at",
        [requested.document_id, requested.customer_id, requested.request, at, at],
    )


def _over(cursor: Cursor, message: DocumentSent | DocumentNotSent) -> None:
    """Nothing more is to be sent for this request; a newer one goes on."""
    cursor.execute(
        "DELETE FROM deliveries WHERE document_id = %s AND request = %s",
        [message.document_id, message.request],
    )
