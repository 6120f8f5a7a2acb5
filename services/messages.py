"""The public, versioned messages: all that services and projections know of each other.

A message is named by its topic (`customer.CustomerCreated`) and schema version; its fields are
self-sufficient, so that a consumer needs no other source. Published fields are never renamed or
removed within a version. A message travels in an `Envelope` that says where, when, who and why.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Protocol
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType, field
from msgspec.json import Decoder

from services.values import (
    Address,
    Alignment,
    AllowanceOrCharge,
    BillingTime,
    Buyer,
    ContractorReference,
    CustomerType,
    DocumentAdjustment,
    DocumentDelivery,
    DocumentGrouping,
    DocumentLine,
    DocumentTotals,
    EInvoicing,
    Item,
    OrderLine,
    PropertyValue,
    Seller,
    TaxSubtotal,
    Value,
)


class Message(Value, frozen=True):
    """Base of all messages. `TOPIC` and `VERSION` name its schema."""

    TOPIC: ClassVar[str]
    VERSION: ClassVar[int] = 1


class Envelope(Struct, frozen=True, kw_only=True):
    """A message with its place in the log of its `source` service and the context of its event."""

    source: str
    """`customer` or `billing`: the service whose log this is."""
    position: int
    """Place in the source's log: 1, 2, 3 … in the order of commits, without gaps."""
    topic: str
    subject: UUID
    """The aggregate that changed."""
    version: int
    """The aggregate's version after the change."""
    occurred_at: datetime
    actor: str
    command_id: UUID
    correlation_id: UUID
    causation_id: UUID | None
    body: Message | None
    """None for a topic that this build does not publish."""


class Feed(Protocol):
    """Public messages of one service, in order, from any position on. Consumers cannot tell which feed it is."""

    source: str

    def read(self, after: int, limit: int) -> Sequence[Envelope]:
        """Up to `limit` messages with a position greater than `after`, in order; empty at the end."""

    def wait(self, after: int, timeout_seconds: float) -> None:
        """Return when there may be something after `after`, at the latest when the time is over."""

    def head(self) -> int:
        """Position of the newest message, 0 if there is none."""


# -- customer service ---------------------------------------------------------------------------


class CustomerCreated(Message, frozen=True):
    TOPIC: ClassVar[str] = "customer.CustomerCreated"

    customer_id: UUID
    debtor_ident: str
    account_number: str
    customer_type: CustomerType
    language: str
    addresses: tuple[Address, ...]
    contractor_references: tuple[ContractorReference, ...] = ()
    contact_person: str | None = None
    email: str | None = None
    phone: str | None = None
    vat_id: str | None = None
    tax_number: str | None = None
    preferred_document_delivery: DocumentDelivery = DocumentDelivery.NONE
    e_invoicing: EInvoicing | None = None
    group_documents_by: DocumentGrouping = DocumentGrouping.CUSTOMER
    properties: dict[str, PropertyValue] = field(default_factory=dict)


class CustomerChanges(Value, frozen=True):
    """What an edit changed: only the fields that are present; null clears an optional field."""

    customer_type: CustomerType | UnsetType = UNSET
    language: str | UnsetType = UNSET
    contractor_references: tuple[ContractorReference, ...] | UnsetType = UNSET
    contact_person: str | None | UnsetType = UNSET
    email: str | None | UnsetType = UNSET
    phone: str | None | UnsetType = UNSET
    vat_id: str | None | UnsetType = UNSET
    tax_number: str | None | UnsetType = UNSET
    preferred_document_delivery: DocumentDelivery | UnsetType = UNSET
    e_invoicing: EInvoicing | None | UnsetType = UNSET
    group_documents_by: DocumentGrouping | UnsetType = UNSET


class CustomerEdited(Message, frozen=True):
    TOPIC: ClassVar[str] = "customer.CustomerEdited"

    customer_id: UUID
    changes: CustomerChanges


class AddressAdded(Message, frozen=True):
    TOPIC: ClassVar[str] = "customer.AddressAdded"

    customer_id: UUID
    address: Address


class AddressEdited(Message, frozen=True):
    """The whole address after the edit; an address that becomes the default takes it from the other of its type."""

    TOPIC: ClassVar[str] = "customer.AddressEdited"

    customer_id: UUID
    address: Address


class ContractSigned(Message, frozen=True):
    TOPIC: ClassVar[str] = "customer.ContractSigned"

    contract_id: UUID
    customer_id: UUID
    contract_ident: str
    currency: str
    signed_on: date
    starts_on: date
    alignment: Alignment
    items: tuple[Item, ...]
    ends_on: date | None = None
    """Last active day."""
    billing_starts_on: date | None = None
    """Nothing before this day is billed by Kontor (for migrations)."""
    payment_term_days: int | None = None
    purchase_order: str | None = None
    invoice_address_id: UUID | None = None
    shipping_address_id: UUID | None = None


class OrderRecorded(Message, frozen=True):
    TOPIC: ClassVar[str] = "customer.OrderRecorded"

    order_id: UUID
    customer_id: UUID
    order_ident: str
    ordered_on: date
    billing_time: BillingTime
    currency: str
    lines: tuple[OrderLine, ...]
    allowances: tuple[AllowanceOrCharge, ...] = ()
    charges: tuple[AllowanceOrCharge, ...] = ()
    payment_term_days: int | None = None
    purchase_order: str | None = None
    invoice_address_id: UUID | None = None
    shipping_address_id: UUID | None = None


class BillingRunRequested(Message, frozen=True):
    """A run over one customer or (customer_id null) over all, up to a whole day or an instant."""

    TOPIC: ClassVar[str] = "customer.BillingRunRequested"

    billing_run_id: UUID
    customer_id: UUID | None = None
    debtor_ident: str | None = None
    processing_date: date | None = None
    """The whole of this day, in the billing entity's time zone."""
    processing_at: datetime | None = None
    """This instant; set when `processing_date` is not."""


# -- billing service ----------------------------------------------------------------------------


class BillingEntityDefined(Message, frozen=True):
    TOPIC: ClassVar[str] = "billing.BillingEntityDefined"

    billing_entity_id: UUID
    ident: str
    seller: Seller
    time_zone: str
    currency: str
    payment_term_days: int
    number_prefix: str
    small_business: bool


class BillingEntityRedefined(BillingEntityDefined, frozen=True):
    """The billing entity as a whole after a change."""

    TOPIC: ClassVar[str] = "billing.BillingEntityRedefined"


class BillingRunStarted(Message, frozen=True):
    TOPIC: ClassVar[str] = "billing.BillingRunStarted"

    billing_run_id: UUID
    processing_date: date
    """Intervals in advance that begin, and one-time items and orders dated, by the end of this day are due."""
    ended_by: date
    """Intervals in arrears that ended by the end of this day are due."""
    customers_total: int
    customer_id: UUID | None = None
    debtor_ident: str | None = None


class Outcome(StrEnum):
    """What a run did for one customer."""

    DOCUMENTS_CREATED = "DOCUMENTS_CREATED"
    NOTHING_DUE = "NOTHING_DUE"
    BLOCKED = "BLOCKED"
    FAILED = "FAILED"


class BilledAmount(Value, frozen=True):
    """Sum of a customer's new documents in one currency."""

    currency: str
    net: Decimal
    gross: Decimal


class CustomerBilled(Message, frozen=True):
    """The one outcome of a run for a customer."""

    TOPIC: ClassVar[str] = "billing.CustomerBilled"

    billing_run_id: UUID
    customer_id: UUID
    debtor_ident: str
    outcome: Outcome
    documents: tuple[UUID, ...] = ()
    amounts: tuple[BilledAmount, ...] = ()
    reason: str | None = None


class DocumentType(StrEnum):
    """Kinds of document (UNTDID 1001: 380, 381, 384)."""

    INVOICE = "INVOICE"
    CREDIT_NOTE = "CREDIT_NOTE"
    CORRECTION = "CORRECTION"


class DocumentIssued(Message, frozen=True):
    """A document as legally issued: it never changes, whatever becomes of customer, seller or prices."""

    TOPIC: ClassVar[str] = "billing.DocumentIssued"

    document_id: UUID
    number: str
    type: DocumentType
    billing_run_id: UUID
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
    """Date of the last supply on the document (EN 16931 BT-72)."""
    template_version: int = 1


class RunStatus(StrEnum):
    REQUESTED = "REQUESTED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    COMPLETED_WITH_FAILURES = "COMPLETED_WITH_FAILURES"
    CANCELLED = "CANCELLED"


class BillingRunCompleted(Message, frozen=True):
    TOPIC: ClassVar[str] = "billing.BillingRunCompleted"

    billing_run_id: UUID
    status: RunStatus


ALL: tuple[type[Message], ...] = (
    CustomerCreated,
    CustomerEdited,
    AddressAdded,
    AddressEdited,
    ContractSigned,
    OrderRecorded,
    BillingRunRequested,
    BillingEntityDefined,
    BillingEntityRedefined,
    BillingRunStarted,
    CustomerBilled,
    DocumentIssued,
    BillingRunCompleted,
)

_DECODERS = {(message.TOPIC, message.VERSION): Decoder(message) for message in ALL}
_TOPICS = {message.TOPIC for message in ALL}


def from_stored(topic: str, version: int, state: bytes) -> Message | None:
    """The public message of a stored event; None for a topic that is not published.

    An event's stored state is its public message until the two have reason to part
    (docs/decisions/0003-stored-state-is-the-message.md). A version from the future raises ValueError:
    an older build must stop rather than skip what it does not understand.
    """
    if decoder := _DECODERS.get((topic, version)):
        return decoder.decode(state)
    if topic in _TOPICS:
        raise ValueError(f"{topic} version {version} is newer than this build; update Kontor")
    return None
