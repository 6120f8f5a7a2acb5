"""What became of a document's amount: one arithmetic for billing, its read model and the views."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from msgspec import structs

from services.messages import DocumentIssued, DocumentType, PaymentRecorded, RefundRecorded
from services.money import ZERO
from services.values import DocumentReference, DocumentTotals, Value


class PaymentStatus(StrEnum):
    """What of a document is paid."""

    OPEN = "OPEN"
    PARTIALLY_PAID = "PARTIALLY_PAID"
    PAID = "PAID"
    OVERDUE = "OVERDUE"
    CREDITED = "CREDITED"


class Settlement(Value, frozen=True):
    """A document's amount and what was done about it, in the document's currency:
    open + prepaid + received + credited = owed."""

    owed: Decimal
    """The document's gross total with its rounding; negative where it gives money instead of asking for it."""
    prepaid: Decimal = ZERO
    """What had been paid before the document was issued, as it says itself."""
    paid: Decimal = ZERO
    refunded: Decimal = ZERO
    """What was paid back."""
    credited: Decimal = ZERO
    """What credit notes take off an invoice. Of a credit note: what it gave to the invoice that it names, negative."""

    @classmethod
    def of(
        cls, kind: DocumentType, totals: DocumentTotals, preceding: DocumentReference | None = None
    ) -> "Settlement":
        """A new document's. A credit note that names an invoice is settled at once: its amount goes to that invoice."""
        amount, prepaid = totals.owed, totals.prepaid
        if kind is not DocumentType.CREDIT_NOTE:
            return cls(owed=amount, prepaid=prepaid)
        return cls(owed=-amount, prepaid=-prepaid, credited=-amount if preceding else ZERO)

    def after(self, change: PaymentRecorded | RefundRecorded) -> "Settlement":
        """The settlement once this was paid, or paid back, as well."""
        match change:
            case PaymentRecorded():
                return structs.replace(self, paid=self.paid + change.amount)
            case RefundRecorded():
                return structs.replace(self, refunded=self.refunded + change.amount)

    def after_credit(self, amount: Decimal) -> "Settlement":
        """The settlement once a credit note over `amount` named the document as well."""
        return structs.replace(self, credited=self.credited + amount)

    @property
    def received(self) -> Decimal:
        """What was paid for the document and not paid back."""
        return self.paid - self.refunded

    @property
    def paid_by_now(self) -> Decimal:
        """What was received, with what had been paid before."""
        return self.prepaid + self.received

    @property
    def open(self) -> Decimal:
        """What is still to be paid; negative where the customer has it to its credit: paid or credited too much."""
        return self.owed - self.credited - self.paid_by_now

    @property
    def refundable(self) -> Decimal:
        """What can be paid back: what came in, before or after, and what a document that gives money has left to give."""
        return self.paid_by_now + max(ZERO, self.credited - self.owed)

    @property
    def status(self) -> PaymentStatus:
        """What of it is paid, on whichever day; credited is what was taken back as a whole, paid or not."""
        if self.owed and self.credited == self.owed:
            return PaymentStatus.CREDITED
        settled = self.open <= 0 if self.owed >= 0 else self.open >= 0
        if settled:
            return PaymentStatus.PAID
        return PaymentStatus.PARTIALLY_PAID if self.paid_by_now else PaymentStatus.OPEN

    def status_on(self, day: date, due_date: date) -> PaymentStatus:
        """The status as of a day: overdue is what is open after its due date."""
        return PaymentStatus.OVERDUE if self.open > 0 and due_date < day else self.status


def credit_in(document: DocumentIssued) -> tuple[UUID, Decimal] | None:
    """The invoice that a document credits, and how much; None where it credits none."""
    if document.type is not DocumentType.CREDIT_NOTE or document.preceding_document is None:
        return None
    return document.preceding_document.document_id, document.totals.due


def owed_more(change: DocumentIssued | PaymentRecorded | RefundRecorded) -> Decimal:
    """How much more a customer owes by this, in its currency; what is credited is owed less, whatever it names."""
    match change:
        case DocumentIssued():
            return Settlement.of(change.type, change.totals).open
        case PaymentRecorded():
            return -change.amount
        case RefundRecorded():
            return change.amount
