"""Payments and refunds as they were recorded for documents."""

from collections.abc import Sequence
from uuid import UUID

from msgspec import to_builtins
from psycopg import Connection
from psycopg.rows import DictRow
from typing_extensions import TypedDict

from projections.paging import Filters, Page, newest_first, one
from projections.projection import Projection, Row, Rows, Table
from services.messages import Envelope, PaymentRecorded, RefundRecorded
from services.personal_data import Vault, opened_json

PAYMENTS = Table("payments", ("payment_id",), append_only=True)

PROJECTION = Projection("payments", 1, PAYMENTS)

_KINDS = {PaymentRecorded.TOPIC: "PAYMENT", RefundRecorded.TOPIC: "REFUND"}


@PROJECTION.on(PaymentRecorded, RefundRecorded)
def recorded(rows: Rows, message: PaymentRecorded | RefundRecorded, envelope: Envelope) -> None:
    row = {
        "payment_id": message.payment_id,
        "document_id": message.document_id,
        "number": message.number,
        "customer_id": message.customer_id,
        "kind": _KINDS[message.TOPIC],
        "amount": message.amount,
        "currency": message.currency,
        "paid_on": message.paid_on,
        "method": message.method,
        "reference": message.reference,
        "payment_ident": message.payment_ident,
        "recorded_at": envelope.occurred_at,
        "recorded_by": envelope.actor,
        "position": envelope.position,
    }
    rows.append(PAYMENTS, row)


class PaymentItem(TypedDict):
    """A payment, or a refund: money paid back. `number` is the document's; the amount is positive either way."""

    paymentId: str
    kind: str
    documentId: str
    number: str
    customerId: str
    amount: str
    currency: str
    paidOn: str
    method: str | None
    reference: str | None
    paymentIdent: str | None
    recordedAt: str
    recordedBy: str


_PAYMENTS = newest_first("*", "payments", "position")


def payments(
    conn: Connection[DictRow],
    vault: Vault,
    *,
    customer_id: UUID | None = None,
    document_id: UUID | None = None,
    payment_id: UUID | None = None,
    payment_ident: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[PaymentItem]:
    """Payments and refunds in the order in which they were recorded, newest first."""
    filters = Filters()
    filters.add("customer_id = %(customer_id)s", customer_id=customer_id)
    filters.add("document_id = %(document_id)s", document_id=document_id)
    filters.add("payment_id = %(payment_id)s", payment_id=payment_id)
    filters.add("payment_ident = %(payment_ident)s", payment_ident=payment_ident)
    page = _PAYMENTS.page(conn, filters, limit, cursor, lambda row: row)
    return Page(items=_items(page["items"], vault), total=page["total"], cursor=page["cursor"])


def payment(conn: Connection[DictRow], payment_id: UUID, vault: Vault) -> PaymentItem | None:
    return one(payments(conn, vault, payment_id=payment_id, limit=1)["items"])


def payments_of(conn: Connection[DictRow], document_id: UUID, vault: Vault) -> list[PaymentItem]:
    """All that was recorded for a document, oldest first."""
    rows = conn.execute("SELECT * FROM payments WHERE document_id = %s ORDER BY position", [document_id])
    return _items(rows.fetchall(), vault)


def _items(rows: Sequence[Row], vault: Vault) -> list[PaymentItem]:
    opened = opened_json([(row["customer_id"], {"reference": row["reference"]}) for row in rows], vault)
    return [_item(row, personal["reference"]) for row, personal in zip(rows, opened, strict=True)]


def _item(row: Row, reference: str | None) -> PaymentItem:
    return PaymentItem(
        paymentId=str(row["payment_id"]),
        kind=row["kind"],
        documentId=str(row["document_id"]),
        number=row["number"],
        customerId=str(row["customer_id"]),
        amount=f"{row['amount']:f}",
        currency=row["currency"],
        paidOn=to_builtins(row["paid_on"]),
        method=row["method"],
        reference=reference,
        paymentIdent=row["payment_ident"],
        recordedAt=to_builtins(row["recorded_at"]),
        recordedBy=row["recorded_by"],
    )
