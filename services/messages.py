"""The public, versioned messages: all that services and projections know of each other.

A message is named by its topic (`customer.CustomerCreated`) and schema version; its fields are
self-sufficient, so that a consumer needs no other source. Published fields are never renamed or
removed within a version. A message travels in an `Envelope` that says where, when, who and why.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Protocol
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType, field

from services.upcasting import Reader
from services.values import (
    Address,
    Alignment,
    AllowanceOrCharge,
    BillingTime,
    Buyer,
    ContractorReference,
    CustomerType,
    Discount,
    DocumentAdjustment,
    DocumentDelivery,
    DocumentGrouping,
    DocumentLine,
    DocumentReference,
    DocumentTexts,
    DocumentTotals,
    Duration,
    EInvoiceFormat,
    EInvoicing,
    Item,
    ItemChange,
    NumberRange,
    OrderLine,
    PaymentAccount,
    PaymentMeans,
    Personal,
    PlanReference,
    PropertyValue,
    ProposedCredit,
    RenderedFile,
    Renewal,
    Seller,
    TaxSubtotal,
    TerminationKind,
    UsageEntry,
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


def key_of(envelope: Envelope) -> UUID:
    """What must stay in order: the customer that a message is about, else its subject."""
    customer_id: UUID | None = getattr(envelope.body, "customer_id", None)
    return customer_id or envelope.subject


def is_for_everybody(envelope: Envelope) -> bool:
    """Whether a message is about all customers, so that it has its place among what is about each of them."""
    return isinstance(envelope.body, BillingRunRequested) and envelope.body.customer_id is None


class Feed(Protocol):
    """Public messages of one service, in order, from any position on. Consumers cannot tell which feed it is."""

    source: str

    def read(self, after: int, limit: int) -> Sequence[Envelope]:
        """Up to `limit` messages with a position greater than `after`, in order; empty at the end."""

    def wait(self, after: int, timeout_seconds: float) -> None:
        """Return when there may be something after `after`, at the latest when the time is over."""

    def head(self) -> int:
        """Position of the newest message, 0 if there is none."""


class PartitionedFeed(Feed, Protocol):
    """A feed in parts that several consumers share. Each has an order of its own; all about one key is in one of them.

    What is for everybody is in every part at the same position: a barrier, before which all else was recorded.
    """

    @property
    def partitions(self) -> int:
        """How many parts there are, numbered from 0 on; a log has one."""

    def assigned(self) -> Collection[int]:
        """The parts that this consumer is to follow now."""

    def read(self, after: int, limit: int, partition: int = 0) -> Sequence[Envelope]:
        """As `Feed.read`, of one part."""


class Log(PartitionedFeed, Protocol):
    """A feed straight from its service's log, where everything about few subjects is found without reading all of it."""

    def about(self, subjects: Collection[UUID], through: int | None = None) -> Sequence[Envelope]:
        """The messages about these aggregates up to a position, in order."""


# -- customer service ---------------------------------------------------------------------------


class CustomerCreated(Message, frozen=True):
    TOPIC: ClassVar[str] = "customer.CustomerCreated"
    VERSION: ClassVar[int] = 2

    customer_id: UUID
    debtor_ident: str
    account_number: str
    customer_type: CustomerType
    language: str
    addresses: tuple[Address, ...]
    contractor_references: tuple[ContractorReference, ...] = ()
    contact_person: Personal | None = None
    email: Personal | None = None
    phone: Personal | None = None
    vat_id: Personal | None = None
    tax_number: Personal | None = None
    preferred_document_delivery: DocumentDelivery = DocumentDelivery.NONE
    e_invoicing: EInvoicing | None = None
    group_documents_by: DocumentGrouping = DocumentGrouping.CUSTOMER
    billing_entity: str | None = None
    """Ident of the billing entity that bills this customer; None: the default one."""
    properties: dict[str, PropertyValue] = field(default_factory=dict)


class CustomerChanges(Value, frozen=True):
    """What an edit changed: only the fields that are present; null clears an optional field."""

    customer_type: CustomerType | UnsetType = UNSET
    language: str | UnsetType = UNSET
    contractor_references: tuple[ContractorReference, ...] | UnsetType = UNSET
    contact_person: Personal | None | UnsetType = UNSET
    email: Personal | None | UnsetType = UNSET
    phone: Personal | None | UnsetType = UNSET
    vat_id: Personal | None | UnsetType = UNSET
    tax_number: Personal | None | UnsetType = UNSET
    preferred_document_delivery: DocumentDelivery | UnsetType = UNSET
    e_invoicing: EInvoicing | None | UnsetType = UNSET
    group_documents_by: DocumentGrouping | UnsetType = UNSET
    billing_entity: str | None | UnsetType = UNSET


class CustomerEdited(Message, frozen=True):
    TOPIC: ClassVar[str] = "customer.CustomerEdited"
    VERSION: ClassVar[int] = 2

    customer_id: UUID
    changes: CustomerChanges


class AddressAdded(Message, frozen=True):
    TOPIC: ClassVar[str] = "customer.AddressAdded"
    VERSION: ClassVar[int] = 2

    customer_id: UUID
    address: Address


class AddressEdited(Message, frozen=True):
    """The whole address after the edit; an address that becomes the default takes it from the other of its type."""

    TOPIC: ClassVar[str] = "customer.AddressEdited"
    VERSION: ClassVar[int] = 2

    customer_id: UUID
    address: Address


class AddressRemoved(Message, frozen=True):
    """An address is gone; what named it goes to the default address of its type."""

    TOPIC: ClassVar[str] = "customer.AddressRemoved"

    customer_id: UUID
    address_id: UUID
    default_address_id: UUID | None = None
    """The address that is the default of its type now, if another one becomes it."""


class PropertySet(Message, frozen=True):
    TOPIC: ClassVar[str] = "customer.PropertySet"

    customer_id: UUID
    key: str
    value: PropertyValue


class PropertyRemoved(Message, frozen=True):
    TOPIC: ClassVar[str] = "customer.PropertyRemoved"

    customer_id: UUID
    key: str


class PaymentAccountAdded(Message, frozen=True):
    """A new payment account; one that is the default takes that over from the others."""

    TOPIC: ClassVar[str] = "customer.PaymentAccountAdded"

    customer_id: UUID
    payment_account: PaymentAccount


class PaymentAccountRemoved(Message, frozen=True):
    TOPIC: ClassVar[str] = "customer.PaymentAccountRemoved"

    customer_id: UUID
    payment_account_id: UUID
    default_payment_account_id: UUID | None = None
    """The payment account that is the default now, if another one becomes it."""


class BillingStopped(Message, frozen=True):
    """From now on runs for all customers skip this one; also a new reason for a stop that is there."""

    TOPIC: ClassVar[str] = "customer.BillingStopped"

    customer_id: UUID
    reason: Personal
    since: datetime


class BillingStopLifted(Message, frozen=True):
    TOPIC: ClassVar[str] = "customer.BillingStopLifted"

    customer_id: UUID


class PersonalDataErased(Message, frozen=True):
    """The customer's key was destroyed with this event: personal data reads as `[erased]` from now on (GDPR Art. 17)."""

    TOPIC: ClassVar[str] = "customer.PersonalDataErased"

    customer_id: UUID


class PlanCreated(Message, frozen=True):
    """The first version of a plan; an option's `itemIdent` is its option ident."""

    TOPIC: ClassVar[str] = "customer.PlanCreated"

    plan_id: UUID
    plan_ident: str
    plan_version: int
    name: str
    currency: str
    options: tuple[Item, ...]


class PlanRevised(PlanCreated, frozen=True):
    """A new version of a plan as a whole; contracts stay on the version they are on."""

    TOPIC: ClassVar[str] = "customer.PlanRevised"


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
    """Last active day, also where it follows from a term that does not renew."""
    billing_starts_on: date | None = None
    """Nothing before this day is billed by Kontor (for migrations)."""
    payment_term_days: int | None = None
    purchase_order: str | None = None
    invoice_address_id: UUID | None = None
    shipping_address_id: UUID | None = None
    plan: PlanReference | None = None
    overrides: tuple[ItemChange, ...] = ()
    """Where this contract differs from its plan; `items` have them in already."""
    minimum_term: Duration | None = None
    notice_period: Duration | None = None
    renewal: Renewal = Renewal.AUTO_RENEW
    discounts: tuple[Discount, ...] = ()
    billing_entity: str | None = None
    """Ident of the billing entity that bills this contract; None: the customer's."""


class ContractAmended(Message, frozen=True):
    """New terms from a day on. Amendments apply in the order of their days, those of one day in the order recorded."""

    TOPIC: ClassVar[str] = "customer.ContractAmended"

    contract_id: UUID
    customer_id: UUID
    effective_on: date
    """First day at the new terms."""
    changes: tuple[ItemChange, ...] = ()
    added: tuple[Item, ...] = ()
    removed: tuple[str, ...] = ()
    """Item idents."""
    plan: PlanReference | None = None
    """The version that the contract moves to; the changes say all that this means."""


class ContractPaused(Message, frozen=True):
    TOPIC: ClassVar[str] = "customer.ContractPaused"

    contract_id: UUID
    customer_id: UUID
    paused_from: date
    """First inactive day."""


class ContractResumed(Message, frozen=True):
    TOPIC: ClassVar[str] = "customer.ContractResumed"

    contract_id: UUID
    customer_id: UUID
    resumed_from: date
    """First active day; the day of the pause itself takes the pause back."""


class ContractTerminated(Message, frozen=True):
    TOPIC: ClassVar[str] = "customer.ContractTerminated"

    contract_id: UUID
    customer_id: UUID
    kind: TerminationKind
    noticed_on: date
    terminates_on: date
    """Last active day."""
    reason: str | None = None


class ContractCancelled(Message, frozen=True):
    """The contract is as if it had never been; possible only while nothing of it was billed."""

    TOPIC: ClassVar[str] = "customer.ContractCancelled"

    contract_id: UUID
    customer_id: UUID
    reason: str | None = None


class UsageRecorded(Message, frozen=True):
    """What was used of one contract, as reported together; every `event_id` is recorded once."""

    TOPIC: ClassVar[str] = "customer.UsageRecorded"

    usage_id: UUID
    contract_id: UUID
    customer_id: UUID
    entries: tuple[UsageEntry, ...]


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
    billing_entity: str | None = None
    """Ident of the billing entity that bills this order; None: the customer's."""
    prepaid_amount: Decimal = Decimal(0)
    """Gross, what was collected before it is billed; the order's first document says so (EN 16931 BT-113)."""


class OrderCancelled(Message, frozen=True):
    """The order is not to be billed; possible only while it was not."""

    TOPIC: ClassVar[str] = "customer.OrderCancelled"

    order_id: UUID
    customer_id: UUID
    reason: str | None = None


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
    only_if_unchanged_since: int | None = None
    """Position in the customer log, as a preview names it: nothing is billed where anything about the customers
    was recorded after it and before this request."""
    retry_of: UUID | None = None
    """The run whose failed customers are billed again, and nobody else."""
    accept_unusual: bool = False
    """Somebody looked at it: amounts far beyond the usual ones are billed too."""


# -- billing service ----------------------------------------------------------------------------


class DocumentType(StrEnum):
    """Kinds of document (UNTDID 1001: 380, 381, 384)."""

    INVOICE = "INVOICE"
    CREDIT_NOTE = "CREDIT_NOTE"
    CORRECTION = "CORRECTION"


class BillingEntityDefined(Message, frozen=True):
    """Who bills, and how."""

    TOPIC: ClassVar[str] = "billing.BillingEntityDefined"

    billing_entity_id: UUID
    ident: str
    seller: Seller
    time_zone: str
    currency: str
    payment_term_days: int
    number_prefix: str
    small_business: bool
    oss: bool = False
    """The seller pays the VAT of consumers in other member states through the One Stop Shop."""
    default: bool = False
    """Bills everybody for whom no other one is named; a new default takes that over from the one before."""
    number_ranges: dict[DocumentType, NumberRange] = field(default_factory=dict)
    """By type; before there were settings of their own, all followed from `number_prefix`, the invoices'."""
    texts: dict[str, DocumentTexts] = field(default_factory=dict)
    """By language tag."""


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
    retry_of: UUID | None = None
    """The run whose failed customers this one bills again."""
    accept_unusual: bool = False
    """Amounts far beyond the usual ones are billed too."""
    processing_at: datetime | None = None
    """The instant up to which is billed, if it is no plain day: the days above are the default billing entity's then,
    every other one's are those of its own time zone."""


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


class DocumentIssued(Message, frozen=True):
    """A document as legally issued: it never changes, whatever becomes of customer, seller or prices."""

    TOPIC: ClassVar[str] = "billing.DocumentIssued"
    VERSION: ClassVar[int] = 2

    document_id: UUID
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
    """Date of the last supply on the document (EN 16931 BT-72)."""
    template_version: int = 1
    billing_run_id: UUID | None = None
    """The run that issued it; None where a person asked for just this document."""
    preceding_document: DocumentReference | None = None
    """The invoice that a credit note or correction is about."""
    reason: Personal | None = None
    """Why a credit note or correction was issued, as it is printed."""
    seen_position: int | None = None
    """Position in the customer log up to which was known what is billed; nothing later changed it."""
    payment_means: PaymentMeans | None = None
    """How it is paid; None: by transfer to the seller's account."""
    deliver_to: Address | None = None
    """Where the goods went (EN 16931 BG-13, BG-15); None where that is not said, or it is the buyer's address."""
    e_invoice: EInvoiceFormat = EInvoiceFormat.ZUGFERD
    """The syntax that the customer asked for; the PDF carries EN 16931 XML in any case."""
    delivery: DocumentDelivery = DocumentDelivery.NONE
    """Whether it is sent to the buyer's e-mail address."""


class DocumentRendered(Message, frozen=True):
    """A document's files were made for the first time: whatever is made of it later must have these hashes."""

    TOPIC: ClassVar[str] = "billing.DocumentRendered"

    document_id: UUID
    customer_id: UUID
    number: str
    template_version: int
    files: tuple[RenderedFile, ...]


class DeliveryRequested(Message, frozen=True):
    """A person asked for the document to be sent by e-mail, once more or for the first time."""

    TOPIC: ClassVar[str] = "billing.DeliveryRequested"

    document_id: UUID
    customer_id: UUID
    number: str
    request: int
    """1, 2, 3 …; what is sent because the customer wants documents by e-mail belongs to request 0."""
    recipient: Personal


class DocumentSent(Message, frozen=True):
    """The mail server took over the e-mail with the document."""

    TOPIC: ClassVar[str] = "billing.DocumentSent"

    document_id: UUID
    customer_id: UUID
    number: str
    request: int
    attempt: int
    """1, 2, 3 … over all requests."""
    recipient: Personal
    message_id: str
    """RFC 5322 Message-ID, the same in every attempt of a request: whoever gets it twice sees that it is one."""


class SendFailure(StrEnum):
    """Why a document was not sent by e-mail."""

    SERVER_UNAVAILABLE = "SERVER_UNAVAILABLE"
    """No connection to the mail server, or none that is as safe as it was to be."""
    SIGN_IN_REFUSED = "SIGN_IN_REFUSED"
    """The mail server did not accept user and password."""
    SENDER_REFUSED = "SENDER_REFUSED"
    """The mail server takes nothing from this sender."""
    DEFERRED = "DEFERRED"
    """The mail server cannot take it now (4xx)."""
    REFUSED = "REFUSED"
    """The mail server will never take it (5xx): the address does not exist, say."""
    IN_DOUBT = "IN_DOUBT"
    """The attempt was cut off: the mail server may have taken it over or not."""
    NOT_RENDERED = "NOT_RENDERED"
    """The document's files could not be made."""
    NO_SENDER = "NO_SENDER"
    """Neither settings nor billing entity say who writes."""
    NO_RECIPIENT = "NO_RECIPIENT"
    """The document names no e-mail address of its buyer."""
    INVALID_ADDRESS = "INVALID_ADDRESS"
    """No mail can be addressed to the recipient."""
    ADDRESS_NOT_SUPPORTED = "ADDRESS_NOT_SUPPORTED"
    """The address has letters beyond ASCII before its @, and the mail server does not take such (RFC 6531)."""
    CUSTOMER_ERASED = "CUSTOMER_ERASED"
    """The customer's personal data are erased: nothing is sent any more."""
    TOO_OLD = "TOO_OLD"
    """It was issued too long ago to be sent without being asked for."""


class DocumentNotSent(Message, frozen=True):
    """An attempt to send the document by e-mail failed, or was not even to be made."""

    TOPIC: ClassVar[str] = "billing.DocumentNotSent"

    document_id: UUID
    customer_id: UUID
    number: str
    request: int
    attempt: int
    """As in `DocumentSent`; where nothing was tried, the number of attempts before."""
    failure: SendFailure
    recipient: Personal | None = None
    answer: Personal | None = None
    """What the mail server said, or what went wrong on the way to it."""
    retry_at: datetime | None = None
    """None: it is not tried again by itself."""


class LogoUploaded(Message, frozen=True):
    """A picture for documents; its id is made of the hash of its bytes, so that each is stored once."""

    TOPIC: ClassVar[str] = "billing.LogoUploaded"

    logo_id: UUID
    sha256: str
    media_type: str
    """`image/png` or `image/jpeg`."""
    data: bytes


class CorrectionProposed(Message, frozen=True):
    """A change of a contract has effect in intervals that are billed: what would be credited, and billed instead.

    Nothing is issued unless a person accepts it.
    """

    TOPIC: ClassVar[str] = "billing.CorrectionProposed"

    proposal_id: UUID
    customer_id: UUID
    debtor_ident: str
    contract_id: UUID
    contract_ident: str
    since: date
    """First day from which the contract changed."""
    causes: tuple[int, ...]
    """Positions in the customer log of what changed it."""
    currency: str
    credits: tuple[ProposedCredit, ...]
    bills: tuple[DocumentLine, ...]
    net: Decimal
    """What the customer would owe more; negative: less."""
    gross: Decimal


class CorrectionAccepted(Message, frozen=True):
    """The proposed credit notes and invoices were issued, in this transaction."""

    TOPIC: ClassVar[str] = "billing.CorrectionAccepted"

    proposal_id: UUID
    customer_id: UUID
    contract_id: UUID
    documents: tuple[UUID, ...]


class CorrectionDeclined(Message, frozen=True):
    """Nothing is issued, and what is billed stays as it is."""

    TOPIC: ClassVar[str] = "billing.CorrectionDeclined"

    proposal_id: UUID
    customer_id: UUID
    contract_id: UUID
    reason: str


class CorrectionSuperseded(Message, frozen=True):
    """The proposal is no longer right: something changed again; another one follows where there is still a difference."""

    TOPIC: ClassVar[str] = "billing.CorrectionSuperseded"

    proposal_id: UUID
    customer_id: UUID
    contract_id: UUID


class PaymentRecorded(Message, frozen=True):
    """Money came in for a document; more than was open is to the customer's credit."""

    TOPIC: ClassVar[str] = "billing.PaymentRecorded"

    payment_id: UUID
    document_id: UUID
    number: str
    customer_id: UUID
    amount: Decimal
    currency: str
    paid_on: date
    method: str | None = None
    """How it was paid, in the words of who recorded it."""
    reference: Personal | None = None
    """What the bank statement says."""
    payment_ident: str | None = None
    """The payment in the system that it comes from, such as the line of a bank statement; recorded once."""


class RefundRecorded(Message, frozen=True):
    """Money went back to the customer; what was paid back of an invoice is open again."""

    TOPIC: ClassVar[str] = "billing.RefundRecorded"

    payment_id: UUID
    document_id: UUID
    number: str
    customer_id: UUID
    amount: Decimal
    currency: str
    paid_on: date
    method: str | None = None
    reference: Personal | None = None
    payment_ident: str | None = None


class RunStatus(StrEnum):
    REQUESTED = "REQUESTED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    COMPLETED_WITH_FAILURES = "COMPLETED_WITH_FAILURES"
    CANCELLED = "CANCELLED"


class BillingRunCompleted(Message, frozen=True):
    """The run is at its end: every customer in its scope has an outcome, unless it was cancelled before."""

    TOPIC: ClassVar[str] = "billing.BillingRunCompleted"

    billing_run_id: UUID
    status: RunStatus
    reason: str | None = None
    """Why it was cancelled."""


ALL: tuple[type[Message], ...] = (
    CustomerCreated,
    CustomerEdited,
    AddressAdded,
    AddressEdited,
    AddressRemoved,
    PropertySet,
    PropertyRemoved,
    PaymentAccountAdded,
    PaymentAccountRemoved,
    BillingStopped,
    BillingStopLifted,
    PersonalDataErased,
    PlanCreated,
    PlanRevised,
    ContractSigned,
    ContractAmended,
    ContractPaused,
    ContractResumed,
    ContractTerminated,
    ContractCancelled,
    UsageRecorded,
    OrderRecorded,
    OrderCancelled,
    BillingRunRequested,
    BillingEntityDefined,
    BillingEntityRedefined,
    BillingRunStarted,
    CustomerBilled,
    DocumentIssued,
    DocumentRendered,
    DeliveryRequested,
    DocumentSent,
    DocumentNotSent,
    LogoUploaded,
    CorrectionProposed,
    CorrectionAccepted,
    CorrectionDeclined,
    CorrectionSuperseded,
    PaymentRecorded,
    RefundRecorded,
    BillingRunCompleted,
)

_READERS = {message.TOPIC: Reader(message.TOPIC, message.VERSION, message) for message in ALL}
_VERSIONS = {message.TOPIC: message.VERSION for message in ALL}


def version_of(topic: str) -> int:
    """The version that events of a topic are stored in; 1 for one that is not published."""
    return _VERSIONS.get(topic, 1)


def from_stored(topic: str, version: int, state: bytes) -> Message | None:
    """The public message of a stored event; None for a topic that is not published.

    An event's stored state is its public message until the two have reason to part
    (docs/decisions/0003-stored-state-is-the-message.md). A version from the future raises FromTheFuture.
    """
    reader = _READERS.get(topic)
    return reader.read(state, version) if reader else None
