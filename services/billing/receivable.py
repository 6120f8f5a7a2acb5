"""What is owed on one document, and the payments and refunds that were recorded for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, Self
from uuid import NAMESPACE_URL, UUID, uuid5

from msgspec import structs

from services.errors import FieldError, InvalidFields, Refused
from services.events import Aggregate
from services.money import ZERO, decimals, rounded
from services.settlement import Settlement
from services.values import Personal


class PaymentKind(StrEnum):
    """Which way the money went: from the customer, or back."""

    PAYMENT = "PAYMENT"
    REFUND = "REFUND"


class CreditNoteNotPaid(Refused):
    """A credit note cannot be paid: payments are recorded for invoices."""


class RefundTooHigh(Refused):
    """No more can be paid back than was paid and not paid back before, or than a credit note gives."""


class PaymentIdentTaken(Refused):
    """A payment with this paymentIdent is recorded already."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A document as receivables know it."""

    document_id: UUID
    number: str
    customer_id: UUID
    currency: str
    settlement: Settlement


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that came in or went back, as it was reported; `amount` is positive either way."""

    kind: PaymentKind
    amount: Decimal
    paid_on: date
    method: str | None = None
    reference: str | None = None
    payment_ident: str | None = None


class Receivable(Aggregate):
    """A document's payments and refunds. The document itself never changes, so its money has an aggregate of its own."""

    TOPIC: ClassVar[str] = "billing.Receivable"

    def __init__(self) -> None:
        self.paid: Decimal
        self.refunded: Decimal

    class Event(Aggregate.Event):
        payment_id: UUID
        document_id: UUID
        number: str
        customer_id: UUID
        amount: Decimal
        currency: str
        paid_on: date

        def mutate(self, aggregate: Any) -> Any:
            """Nothing opens a receivable: it is there with its document, and has version 1 with the first payment."""
            return super().mutate(aggregate or Receivable.of(self.document_id, self.timestamp))

    class PaymentRecorded(Event):
        TOPIC: ClassVar[str] = "billing.PaymentRecorded"

        method: str | None = None
        reference: Personal | None = None
        payment_ident: str | None = None

        def apply(self, aggregate: "Receivable") -> None:
            aggregate.paid += self.amount

    class RefundRecorded(Event):
        TOPIC: ClassVar[str] = "billing.RefundRecorded"

        method: str | None = None
        reference: Personal | None = None
        payment_ident: str | None = None

        def apply(self, aggregate: "Receivable") -> None:
            aggregate.refunded += self.amount

    @staticmethod
    def id_of(document_id: UUID) -> UUID:
        """Id of the receivable of a document."""
        return uuid5(NAMESPACE_URL, f"kontor:receivable:{document_id}")

    @classmethod
    def of(cls, document_id: UUID, now: datetime) -> Self:
        """The receivable of a document for which nothing is recorded yet, at version 0."""
        receivable = cls.__new__(cls)
        receivable.__base_init__(cls.id_of(document_id), 0, now)
        receivable.paid, receivable.refunded = ZERO, ZERO
        return receivable

    def settlement(self, owed: Owed) -> Settlement:
        """What became of the document's amount, by what is recorded here."""
        return structs.replace(owed.settlement, paid=self.paid, refunded=self.refunded)

    def record(self, owed: Owed, payment: Payment, *, payment_id: UUID, now: datetime) -> None:
        """Record a payment or refund for the document. More than is open may be paid: it is to the customer's credit."""
        amount = _in_currency(payment.amount, owed.currency)
        if payment.kind is PaymentKind.PAYMENT and owed.settlement.owed < 0:
            raise CreditNoteNotPaid(f"{owed.number} gives money; record the payment for the invoice.")
        if payment.kind is PaymentKind.REFUND:
            self._check_refund(owed, amount)
        self.trigger_event(
            _EVENTS[payment.kind],
            timestamp=now,
            payment_id=payment_id,
            document_id=owed.document_id,
            number=owed.number,
            customer_id=owed.customer_id,
            amount=amount,
            currency=owed.currency,
            paid_on=payment.paid_on,
            method=payment.method,
            reference=payment.reference,
            payment_ident=payment.payment_ident,
        )

    def _check_refund(self, owed: Owed, amount: Decimal) -> None:
        refundable = self.settlement(owed).refundable
        if amount > refundable:
            raise RefundTooHigh(f"At most {refundable:f} {owed.currency} of {owed.number} can be paid back.")


_EVENTS: Mapping[PaymentKind, type[Receivable.Event]] = {
    PaymentKind.PAYMENT: Receivable.PaymentRecorded,
    PaymentKind.REFUND: Receivable.RefundRecorded,
}


def _in_currency(amount: Decimal, currency: str) -> Decimal:
    """The amount with the currency's decimals; one that has more, or is none, cannot be paid."""
    if amount <= 0:
        raise InvalidFields(FieldError("amount", "is not greater than 0", f"{amount:f}"))
    if amount != rounded(amount, currency):
        raise InvalidFields(
            FieldError(
                "amount", f"has more than the {decimals(currency)} decimals of {currency}", f"{amount:f}"
            )
        )
    return rounded(amount, currency)
