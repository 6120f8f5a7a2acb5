"""Use cases of payments: record what was paid for a document, or paid back."""

from typing import Any
from uuid import UUID

from services.application import ClaimTaken, Decision
from services.billing import receivables
from services.billing.application.storing import Storing
from services.billing.document import DocumentNotFound
from services.billing.receivable import Owed, Payment, PaymentIdentTaken, Receivable
from services.billing.transaction import Cursor
from services.errors import FieldError, InvalidFields
from services.events import Asked, Claim

PAYMENT = "payment"


class Payments(Storing):
    """Recording payments and refunds."""

    def record_payment(
        self, payment: Payment, asked: Asked, *, document_id: UUID | None = None, number: str | None = None
    ) -> dict[str, Any]:
        """Record a payment or refund for the document of this id or number.

        Answers paymentId, documentId, number, openAmount (negative: to the customer's credit), version, position.
        """

        def decide(cursor: Cursor) -> Decision:
            owed = _owed(cursor, document_id, number)
            now, payment_id = asked.context.occurred_at, self._new_id()
            receivable = self._loaded(cursor, Receivable, Receivable.id_of(owed.document_id))
            receivable = receivable or Receivable.of(owed.document_id, now)
            receivable.record(owed, payment, payment_id=payment_id, now=now)
            answer = {
                "paymentId": str(payment_id),
                "documentId": str(owed.document_id),
                "number": owed.number,
                "openAmount": f"{receivable.settlement(owed).open:f}",
                "version": receivable.version,
            }
            return Decision([receivable], answer, _claims(payment, payment_id))

        try:
            return self._carry_out(asked, decide)
        except ClaimTaken as taken:
            raise PaymentIdentTaken(f"The payment {taken.claim.ident!r} is recorded already.") from None


def _owed(cursor: Cursor, document_id: UUID | None, number: str | None) -> Owed:
    """The document that is named by its id or its number, or by both where they agree."""
    if document_id is None:
        return _of_number(cursor, number or "")
    owed = receivables.of_document(cursor, document_id)
    if owed is None:
        raise DocumentNotFound(f"There is no document {document_id}.")
    if number is not None and owed.number != number:
        raise InvalidFields(FieldError("number", "is that of another document than documentId", number))
    return owed


def _of_number(cursor: Cursor, number: str) -> Owed:
    owed = receivables.of_number(cursor, number)
    if owed is None:
        raise DocumentNotFound(f"There is no document with the number {number!r}.")
    return owed


def _claims(payment: Payment, payment_id: UUID) -> tuple[Claim, ...]:
    return (Claim(PAYMENT, payment.payment_ident, payment_id),) if payment.payment_ident else ()
