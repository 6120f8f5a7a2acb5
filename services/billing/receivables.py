"""What is owed on each document: billing's read model of payments, refunds and credits.

Everything here follows from billing's own log, as in `billables`.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from psycopg.rows import DictRow

from services.billing.document import Draft
from services.billing.receivable import Owed
from services.billing.transaction import Cursor
from services.messages import DocumentIssued, Message, PaymentRecorded, RefundRecorded
from services.money import ZERO
from services.settlement import Settlement, credit_in


def owed_on(document_id: UUID, number: str, document: DocumentIssued | Draft) -> Owed:
    """What is owed on a document when it is issued."""
    settlement = Settlement.of(document.type, document.totals, document.preceding_document)
    return Owed(document_id, number, document.customer_id, document.currency, settlement)


# -- reading ------------------------------------------------------------------------------------


def of_document(cursor: Cursor, document_id: UUID) -> Owed | None:
    """What is owed on a document; None where there is none of this id."""
    cursor.execute("SELECT * FROM receivables WHERE document_id = %s", [document_id])
    row = cursor.fetchone()
    return _owed(row) if row else None


def of_number(cursor: Cursor, number: str) -> Owed | None:
    """What is owed on the document that bears a number; None where none does."""
    cursor.execute("SELECT * FROM receivables WHERE number = %s", [number])
    row = cursor.fetchone()
    return _owed(row) if row else None


def _owed(row: DictRow) -> Owed:
    settlement = Settlement(**{name: row[name] for name in Settlement.__struct_fields__})
    return Owed(row["document_id"], row["number"], row["customer_id"], row["currency"], settlement)


# -- following billing's log --------------------------------------------------------------------


def follow(cursor: Cursor, messages: Iterable[Message | None]) -> None:
    """Take in billing's own messages, in order."""
    batch = list(messages)
    issued = [message for message in batch if isinstance(message, DocumentIssued)]
    add(cursor, [owed_on(document.document_id, document.number, document) for document in issued])
    for document_id, amount in filter(None, map(credit_in, issued)):
        cursor.execute(
            "UPDATE receivables SET credited = credited + %s WHERE document_id = %s", [amount, document_id]
        )
    for message in batch:
        if isinstance(message, PaymentRecorded | RefundRecorded):
            _take_in_payment(cursor, message)


def add(cursor: Cursor, documents: Sequence[Owed]) -> None:
    """Take in newly issued documents."""
    if not documents:
        return
    settlements = [document.settlement for document in documents]
    cursor.execute(
        "INSERT INTO receivables (document_id, number, customer_id, currency, owed, prepaid, credited)"
        " SELECT * FROM unnest(%s::uuid[], %s::text[], %s::uuid[], %s::text[], %s::numeric[], %s::numeric[],"
        " %s::numeric[])",
        [
            [document.document_id for document in documents],
            [document.number for document in documents],
            [document.customer_id for document in documents],
            [document.currency for document in documents],
            [settlement.owed for settlement in settlements],
            [settlement.prepaid for settlement in settlements],
            [settlement.credited for settlement in settlements],
        ],
    )


def _take_in_payment(cursor: Cursor, message: PaymentRecorded | RefundRecorded) -> None:
    is_payment = isinstance(message, PaymentRecorded)
    paid, refunded = (message.amount, ZERO) if is_payment else (ZERO, message.amount)
    cursor.execute(
        "UPDATE receivables SET paid = paid + %s, refunded = refunded + %s WHERE document_id = %s",
        [paid, refunded, message.document_id],
    )
