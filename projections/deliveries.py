"""What became of the e-mails with documents."""

from enum import StrEnum
from typing import Any

from msgspec import to_builtins
from psycopg import Connection
from psycopg.rows import DictRow
from typing_extensions import TypedDict

from projections.projection import Projection, Row, Rows, Table
from services.messages import DeliveryRequested, DocumentNotSent, DocumentSent, Envelope
from services.personal_data import Vault, opened_json
from services.values import DocumentDelivery

DELIVERIES = Table("document_deliveries", ("document_id",))

PROJECTION = Projection("deliveries", 1, DELIVERIES)

Json = dict[str, Any]
Attempt = DocumentSent | DocumentNotSent


class DeliveryStatus(StrEnum):
    """How far a document has come on its way to the recipient."""

    NONE = "NONE"
    """It is not sent by e-mail."""
    NOT_CONFIGURED = "NOT_CONFIGURED"
    """It would be sent if the settings named a mail server."""
    WAITING = "WAITING"
    RETRYING = "RETRYING"
    """An attempt failed, and there will be another one."""
    SENT = "SENT"
    FAILED = "FAILED"


@PROJECTION.on(DeliveryRequested, loads={DELIVERIES: lambda message: (message.document_id,)})
def requested(rows: Rows, message: DeliveryRequested, _: Envelope) -> None:
    row = _of(rows, message)
    row |= _NOTHING_YET | {
        "request": message.request,
        "status": DeliveryStatus.WAITING.value,
        "recipient": message.recipient,
    }


@PROJECTION.on(DocumentSent, DocumentNotSent, loads={DELIVERIES: lambda message: (message.document_id,)})
def tried(rows: Rows, message: Attempt, envelope: Envelope) -> None:
    """An attempt that was begun before a newer request counts, and says nothing more about that."""
    row = _of(rows, message)
    row["attempts"] = message.attempt
    if message.request == row["request"]:
        row |= _NOTHING_YET | {
            "status": _status(message).value,
            "recipient": message.recipient,
            "last_attempt_at": envelope.occurred_at,
        }
        row |= _outcome(message)


_NOTHING_YET: Row = dict.fromkeys(("last_attempt_at", "next_attempt_at", "failure", "answer", "message_id"))


def _of(rows: Rows, message: DeliveryRequested | Attempt) -> Row:
    fresh = {
        "document_id": message.document_id,
        "customer_id": message.customer_id,
        "request": 0,
        "status": DeliveryStatus.WAITING.value,
        "attempts": 0,
        "recipient": None,
    }
    return rows.ensure(DELIVERIES, fresh | _NOTHING_YET)


def _status(message: Attempt) -> DeliveryStatus:
    if isinstance(message, DocumentSent):
        return DeliveryStatus.SENT
    return DeliveryStatus.RETRYING if message.retry_at else DeliveryStatus.FAILED


def _outcome(message: Attempt) -> Row:
    if isinstance(message, DocumentSent):
        return {"message_id": message.message_id}
    return {
        "failure": message.failure.value,
        "answer": message.answer,
        "next_attempt_at": message.retry_at,
    }


class Delivery(TypedDict):
    """The e-mails with a document: NONE, NOT_CONFIGURED, WAITING, RETRYING, SENT or FAILED.

    `failure` is why the last attempt failed, `answer` what the mail server said about it. `attempts` counts all of them.
    """

    status: str
    recipient: str | None
    attempts: int
    lastAttemptAt: str | None
    nextAttemptAt: str | None
    failure: str | None
    answer: str | None
    messageId: str | None


def delivery_of(
    conn: Connection[DictRow], document: Json, vault: Vault, *, mail_configured: bool
) -> Delivery:
    """The delivery of an issued document, as it is shown; what is personal in `document` is open."""
    row = conn.execute(
        "SELECT * FROM document_deliveries WHERE document_id = %s", [document["documentId"]]
    ).fetchone()
    if row is None:
        is_wanted = document["delivery"] == DocumentDelivery.EMAIL
        found = _untried(document["buyer"]["email"]) if is_wanted else Delivery({**_NO_DELIVERY})
    else:
        found = _shown(row, vault)
    if found["status"] in (DeliveryStatus.WAITING, DeliveryStatus.RETRYING) and not mail_configured:
        found["status"] = DeliveryStatus.NOT_CONFIGURED.value
    return found


_NO_DELIVERY = Delivery(
    status=DeliveryStatus.NONE.value,
    recipient=None,
    attempts=0,
    lastAttemptAt=None,
    nextAttemptAt=None,
    failure=None,
    answer=None,
    messageId=None,
)


def _untried(recipient: str | None) -> Delivery:
    return Delivery({**_NO_DELIVERY, "status": DeliveryStatus.WAITING.value, "recipient": recipient})


def _shown(row: Row, vault: Vault) -> Delivery:
    sealed = {"recipient": row["recipient"], "answer": row["answer"]}
    [personal] = opened_json([(row["customer_id"], sealed)], vault)
    return Delivery(
        status=row["status"],
        recipient=personal["recipient"],
        attempts=row["attempts"],
        lastAttemptAt=to_builtins(row["last_attempt_at"]),
        nextAttemptAt=to_builtins(row["next_attempt_at"]),
        failure=row["failure"],
        answer=personal["answer"],
        messageId=row["message_id"],
    )
