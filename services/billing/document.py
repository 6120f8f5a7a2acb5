"""The issued document: what is legally stored, and never changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar, Self
from uuid import UUID

from services.errors import NotFound
from services.events import Aggregate, FirstEvent
from services.messages import DocumentType
from services.values import (
    Address,
    Buyer,
    DocumentAdjustment,
    DocumentDelivery,
    DocumentLine,
    DocumentReference,
    DocumentTotals,
    EInvoiceFormat,
    PaymentMeans,
    Personal,
    RenderedFile,
    Seller,
    TaxSubtotal,
)

TEMPLATE_VERSION = 2
"""Version of the layout for new documents; documents keep the one they were issued with."""


class DocumentNotFound(NotFound):
    """There is no such document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A document but for its number: what would be issued."""

    billing_entity_id: UUID
    customer_id: UUID
    debtor_ident: str
    issue_date: date
    due_date: date
    currency: str
    language: str
    seller: Seller
    buyer: Buyer
    lines: tuple[DocumentLine, ...]
    taxes: tuple[TaxSubtotal, ...]
    totals: DocumentTotals
    allowances: tuple[DocumentAdjustment, ...]
    charges: tuple[DocumentAdjustment, ...]
    payment_term_days: int
    purchase_order: str | None
    supply_date: date | None
    type: DocumentType = DocumentType.INVOICE
    preceding_document: DocumentReference | None = None
    reason: str | None = None
    payment_means: PaymentMeans | None = None
    deliver_to: Address | None = None
    e_invoice: EInvoiceFormat = EInvoiceFormat.ZUGFERD
    delivery: DocumentDelivery = DocumentDelivery.NONE


class Document(Aggregate):
    """An invoice or credit note with snapshots of seller, buyer, lines, taxes and totals."""

    TOPIC: ClassVar[str] = "billing.Document"

    def __init__(self) -> None:
        self.number: str
        self.customer_id: UUID
        self.template_version: int
        self.files: tuple[RenderedFile, ...]

    class Event(Aggregate.Event):
        document_id: UUID

    class Issued(FirstEvent, Event):
        TOPIC: ClassVar[str] = "billing.DocumentIssued"

        number: str
        type: DocumentType
        billing_entity_id: UUID
        customer_id: UUID
        debtor_ident: str
        issue_date: date
        due_date: date
        currency: str
        language: str
        seller: Seller
        buyer: Buyer
        lines: tuple[DocumentLine, ...]
        taxes: tuple[TaxSubtotal, ...]
        totals: DocumentTotals
        allowances: tuple[DocumentAdjustment, ...] = ()
        charges: tuple[DocumentAdjustment, ...] = ()
        payment_term_days: int = 0
        purchase_order: str | None = None
        supply_date: date | None = None
        template_version: int = 1
        billing_run_id: UUID | None = None
        preceding_document: DocumentReference | None = None
        reason: Personal | None = None
        seen_position: int | None = None
        payment_means: PaymentMeans | None = None
        deliver_to: Address | None = None
        e_invoice: EInvoiceFormat = EInvoiceFormat.ZUGFERD
        delivery: DocumentDelivery = DocumentDelivery.NONE

        def apply(self, aggregate: "Document") -> None:
            aggregate.number = self.number
            aggregate.customer_id = self.customer_id
            aggregate.template_version = self.template_version
            aggregate.files = ()

    class Rendered(Event):
        TOPIC: ClassVar[str] = "billing.DocumentRendered"

        customer_id: UUID
        number: str
        template_version: int
        files: tuple[RenderedFile, ...]

        def apply(self, aggregate: "Document") -> None:
            aggregate.files = self.files

    @classmethod
    def issue(
        cls,
        draft: Draft,
        *,
        document_id: UUID,
        number: str,
        billing_run_id: UUID | None,
        now: datetime,
        seen_position: int | None = None,
    ) -> Self:
        """`billing_run_id` is None where a person asked for just this document; what is worked out from terms says
        up to which position of the customer log they were known."""
        return cls._create(
            cls.Issued,
            id=document_id,
            timestamp=now,
            document_id=document_id,
            number=number,
            billing_run_id=billing_run_id,
            template_version=TEMPLATE_VERSION,
            seen_position=seen_position,
            **{name: getattr(draft, name) for name in Draft.__dataclass_fields__},
        )

    def record_files(self, files: Sequence[RenderedFile], now: datetime) -> None:
        """Record what its files are, once: rendering gives the same bytes for ever, and this is what they are held to."""
        if self.files:
            return
        self.trigger_event(
            self.Rendered,
            timestamp=now,
            document_id=self.id,
            customer_id=self.customer_id,
            number=self.number,
            template_version=self.template_version,
            files=tuple(files),
        )
