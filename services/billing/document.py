"""The issued document: what is legally stored, and never changes."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar, Self
from uuid import UUID

from services.errors import NotFound
from services.events import Aggregate, FirstEvent
from services.messages import DocumentType
from services.values import (
    Buyer,
    DocumentAdjustment,
    DocumentLine,
    DocumentReference,
    DocumentTotals,
    Personal,
    Seller,
    TaxSubtotal,
)

TEMPLATE_VERSION = 1
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


class Document(Aggregate):
    """An invoice or credit note with snapshots of seller, buyer, lines, taxes and totals."""

    TOPIC: ClassVar[str] = "billing.Document"

    def __init__(self) -> None:
        self.number: str

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

        def apply(self, aggregate: "Document") -> None:
            aggregate.number = self.number

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
