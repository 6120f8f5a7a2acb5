"""Values that customer, contracts, orders and documents are made of, as stored, published and read."""

from calendar import monthrange
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct, field, structs

from services.personal_data import ERASED


class Value(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """An immutable value; JSON names are camelCase, fields at their default are left out."""


Personal = Annotated[str, Meta(extra={"personal": True})]
"""A text about a person: encrypted under the customer's key wherever history rests (`services.personal_data`)."""


class AddressType(StrEnum):
    INVOICE = "INVOICE"
    SHIPPING = "SHIPPING"


class CustomerType(StrEnum):
    B2B = "B2B"
    B2C = "B2C"
    AFFILIATED = "AFFILIATED"
    OTHER = "OTHER"


class DocumentDelivery(StrEnum):
    EMAIL = "EMAIL"
    NONE = "NONE"


class DocumentGrouping(StrEnum):
    """How a customer's billed items are put on documents."""

    CUSTOMER = "CUSTOMER"
    CONTRACT = "CONTRACT"


class TaxCategory(StrEnum):
    """Which of a country's rates applies to an item."""

    STANDARD = "STANDARD"
    REDUCED = "REDUCED"
    ZERO = "ZERO"


class ItemKind(StrEnum):
    ONE_TIME = "ONE_TIME"
    RECURRING = "RECURRING"
    USAGE = "USAGE"


class ItemCategory(StrEnum):
    """What an item is; only physical products are goods, everything else is a service."""

    SERVICE = "SERVICE"
    DIGITAL_PRODUCT = "DIGITAL_PRODUCT"
    PHYSICAL_PRODUCT = "PHYSICAL_PRODUCT"
    LOGISTIC_COST = "LOGISTIC_COST"
    LABOR_COST = "LABOR_COST"
    ELECTRICITY = "ELECTRICITY"

    @property
    def is_goods(self) -> bool:
        return self is ItemCategory.PHYSICAL_PRODUCT


class BillingTiming(StrEnum):
    """In advance (an interval is billed when it begins) or in arrears (when it has ended)."""

    INTERVAL_START = "INTERVAL_START"
    INTERVAL_END = "INTERVAL_END"


class Alignment(StrEnum):
    """Whether intervals follow the contract's start day or the calendar."""

    ANNIVERSARY = "ANNIVERSARY"
    CALENDAR = "CALENDAR"


class IntervalUnit(StrEnum):
    DAY = "DAY"
    MONTH = "MONTH"
    YEAR = "YEAR"


class PriceModel(StrEnum):
    """How a quantity is priced: one price, each tier's part at its own price, or all at the price of the tier reached."""

    FLAT = "FLAT"
    GRADUATED = "GRADUATED"
    VOLUME = "VOLUME"


class Renewal(StrEnum):
    """What becomes of a contract when its term is over: it ends, or another term begins."""

    NONE = "NONE"
    AUTO_RENEW = "AUTO_RENEW"


class TerminationKind(StrEnum):
    """By notice as term and notice period allow, or at any date for a reason."""

    ORDINARY = "ORDINARY"
    EXTRAORDINARY = "EXTRAORDINARY"


class ContractStatus(StrEnum):
    """What a contract is on a day."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    TERMINATED = "TERMINATED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


class PaymentMethod(StrEnum):
    DIRECT_DEBIT = "DIRECT_DEBIT"
    CREDIT_CARD = "CREDIT_CARD"
    PAY_PAL = "PAY_PAL"
    BANK_TRANSFER = "BANK_TRANSFER"


class BillingTime(StrEnum):
    """When an order is billed: recording it requests a run, or it waits for one."""

    IMMEDIATELY = "IMMEDIATELY"
    ON_DEMAND = "ON_DEMAND"


class EInvoiceFormat(StrEnum):
    ZUGFERD = "ZUGFERD"
    XRECHNUNG = "XRECHNUNG"


class ContractorReference(Value, frozen=True):
    """The same customer in a third-party system."""

    system: str
    ident: str


class EInvoicing(Value, frozen=True):
    format: EInvoiceFormat
    buyer_reference: str | None = None


PropertyValue = Annotated[str | bool | int | float, Meta(extra={"personal": True})]
"""A customer's free characteristic, which may say something personal; dates are ISO 8601 strings."""


class Address(Value, frozen=True):
    """A postal address of a customer; the name fields of the first invoice address are the customer's name."""

    address_id: UUID
    address_type: AddressType
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")]
    default: bool = False
    academic_title: Personal | None = None
    first_name: Personal | None = None
    last_name: Personal | None = None
    company: Personal | None = None
    department: Personal | None = None
    address_addition: Personal | None = None
    street: Personal | None = None
    street_number: Personal | None = None
    post_office_box: Personal | None = None
    postal_code: Personal | None = None
    city: Personal | None = None
    state: Personal | None = None
    email: Personal | None = None

    @property
    def name(self) -> str:
        """The company if there is one, else title, first and last name; `[erased]` once, whatever it was."""
        if self.company:
            return self.company
        parts = [part for part in (self.academic_title, self.first_name, self.last_name) if part]
        return ERASED if ERASED in parts else " ".join(parts)


def with_address(addresses: Iterable[Address], address: Address) -> tuple[Address, ...]:
    """`addresses` with one added, or put in the place of the one with its id.

    One that is the default takes that over from the others of its type.
    """
    after = {other.address_id: _yielding(other, address) for other in addresses}
    return tuple((after | {address.address_id: address}).values())


def _yielding(other: Address, address: Address) -> Address:
    yields = address.default and other.address_type is address.address_type
    return structs.replace(other, default=False) if yields else other


def without_address(
    addresses: Iterable[Address], address_id: UUID, default_address_id: UUID | None
) -> tuple[Address, ...]:
    """`addresses` without one; `default_address_id` takes its place as the default of its type."""
    return tuple(
        structs.replace(a, default=True) if a.address_id == default_address_id else a
        for a in addresses
        if a.address_id != address_id
    )


class PaymentAccount(Value, frozen=True):
    """How a customer pays; which fields there are depends on the method."""

    payment_account_id: UUID
    payment_method: PaymentMethod
    default: bool = False
    display_name: Personal | None = None
    account_holder_name: Personal | None = None
    iban: Personal | None = None
    bic: Personal | None = None
    mandate_reference: Personal | None = None
    mandate_date: date | None = None
    gateway_token: Personal | None = None
    """What the payment gateway knows the card by; a card's number is never stored."""
    brand: str | None = None
    last_four: Personal | None = None
    expiry: str | None = None
    """Year and month, 2028-05."""
    payer_reference: Personal | None = None


def with_payment_account(
    accounts: Iterable[PaymentAccount], account: PaymentAccount
) -> tuple[PaymentAccount, ...]:
    """`accounts` with one added, which takes being the default over from the others if it is."""
    return (*(structs.replace(a, default=a.default and not account.default) for a in accounts), account)


def without_payment_account(
    accounts: Iterable[PaymentAccount], payment_account_id: UUID, default_payment_account_id: UUID | None
) -> tuple[PaymentAccount, ...]:
    """`accounts` without one; `default_payment_account_id` takes its place as the default."""
    return tuple(
        structs.replace(a, default=True) if a.payment_account_id == default_payment_account_id else a
        for a in accounts
        if a.payment_account_id != payment_account_id
    )


class BillingStop(Value, frozen=True):
    """Runs for all customers skip this one, for `reason`."""

    reason: Personal
    since: datetime


class Duration(Value, frozen=True):
    """A number of days, months or years: 14 DAY, 3 MONTH, 1 YEAR."""

    count: int
    unit: IntervalUnit

    def after(self, day: date, times: int = 1) -> date:
        """The day this long (`times` over) after `day`; months keep the day of month where they have it."""
        if self.unit is IntervalUnit.DAY:
            return day + timedelta(days=times * self.count)
        return add_months(day, times * self.months)

    @property
    def months(self) -> int:
        """Length in months; 0 for days."""
        return {IntervalUnit.DAY: 0, IntervalUnit.MONTH: 1, IntervalUnit.YEAR: 12}[self.unit] * self.count


class BillingInterval(Duration, frozen=True):
    """How long one interval of a recurring item is: 1 MONTH, 3 MONTH, 1 YEAR, 14 DAY."""


def add_months(day: date, months: int) -> date:
    """The same day of the month `months` later, the last of the month where there is none: 31 Jan + 1 = 28 or 29 Feb."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


class Tier(Value, frozen=True):
    """Units up to and including `up_to` (None: all above) and the net price of each."""

    up_to: Decimal | None
    unit_price: Decimal


class Pricing(Value, frozen=True):
    """What used units cost: tiers over the whole quantity of an interval, whose first `included_quantity` units are free."""

    model: PriceModel
    tiers: tuple[Tier, ...]
    """In ascending order, the last without an end; FLAT has one."""
    included_quantity: Decimal = Decimal(0)


class Item(Value, frozen=True):
    """What a contract bills, and what a plan offers as an option: net `unit_price` per `unit` (UN/ECE Rec 20) times
    `quantity`, once or each interval; what was used is priced by `pricing`."""

    item_ident: str
    """An option's optionIdent."""
    name: str
    kind: ItemKind
    unit: str
    unit_price: Decimal | None = None
    """None for USAGE."""
    quantity: Decimal = Decimal(1)
    pricing: Pricing | None = None
    """For USAGE."""
    tax_category: TaxCategory = TaxCategory.STANDARD
    item_category: ItemCategory = ItemCategory.SERVICE
    billing_interval: BillingInterval | None = None
    billing_timing: BillingTiming | None = None


class ItemChange(Value, frozen=True):
    """New terms of one item; None leaves a field as it is."""

    item_ident: str
    name: str | None = None
    unit_price: Decimal | None = None
    quantity: Decimal | None = None
    unit: str | None = None
    pricing: Pricing | None = None
    tax_category: TaxCategory | None = None
    item_category: ItemCategory | None = None

    def applied_to(self, item: Item) -> Item:
        """The item at these terms."""
        given = {name: value for name, value in structs.asdict(self).items() if value is not None}
        return structs.replace(item, **given)


class Discount(Value, frozen=True):
    """Less to pay for one recurring item, or (`item_ident` None) for all: `percent` of each interval, or a net `amount`.

    For the first `intervals` of an item, or for intervals that begin by `until`; without both as long as the contract runs.
    """

    name: str
    percent: Decimal | None = None
    amount: Decimal | None = None
    item_ident: str | None = None
    intervals: int | None = None
    until: date | None = None


class PlanReference(Value, frozen=True):
    """The version of a plan that a contract is on."""

    plan_id: UUID
    plan_ident: str
    plan_version: int


class UsageEntry(Value, frozen=True):
    """What was used of an item at an instant; `event_id` is the upstream system's name of it."""

    event_id: str
    item_ident: str
    quantity: Decimal
    occurred_at: datetime


class ExplicitTax(Value, frozen=True):
    """A tax that the upstream system decided: EN 16931 category (UNTDID 5305) and rate in percent.

    Where no VAT is charged it may also say why: VATEX code and legal text, printed as it is. Without them the
    category's usual ones stand on the document.
    """

    category: str
    rate: Decimal
    exemption_code: str | None = None
    exemption_text: str | None = None


class AllowanceOrCharge(Value, frozen=True):
    """A deduction or surcharge on a line or order: a net `amount`, or a `percent` of what it applies to."""

    reason: str
    amount: Decimal | None = None
    percent: Decimal | None = None
    tax_category: TaxCategory = TaxCategory.STANDARD


class OrderLine(Value, frozen=True):
    """What was bought, at a net `unit_price` or, for shops that sell to consumers, a `gross_unit_price`."""

    name: str
    quantity: Decimal
    unit_price: Decimal | None = None
    gross_unit_price: Decimal | None = None
    unit: str = "C62"
    tax_category: TaxCategory = TaxCategory.STANDARD
    tax: ExplicitTax | None = None
    item_category: ItemCategory = ItemCategory.SERVICE
    allowances: tuple[AllowanceOrCharge, ...] = ()
    charges: tuple[AllowanceOrCharge, ...] = ()


class Period(Value, frozen=True):
    """Whole days, both ends inclusive, as on an invoice."""

    first: date = field(name="from")
    last: date = field(name="to")

    @property
    def length_days(self) -> int:
        return (self.last - self.first).days + 1


class BankAccount(Value, frozen=True):
    iban: str
    bic: str | None = None
    bank_name: str | None = None
    account_holder: str | None = None


class Seller(Value, frozen=True):
    """The billing entity as a document shows it."""

    name: str
    street: str
    postal_code: str
    city: str
    country: str
    vat_id: str | None = None
    tax_number: str | None = None
    register_court: str | None = None
    register_number: str | None = None
    managing_directors: str | None = None
    email: str | None = None
    phone: str | None = None
    website: str | None = None
    bank_account: BankAccount | None = None
    accent_color: str | None = None
    creditor_id: str | None = None
    """Who collects by SEPA direct debit (AT-02)."""
    contact_name: str | None = None
    """Whom to ask about a document (EN 16931 BT-41): a person or department."""
    logo: str | None = None
    """SHA-256 of the picture printed on documents, in hexadecimal; its bytes are those of `billing.LogoUploaded`."""
    introduction: str | None = None
    """Printed above the lines of an invoice, in the document's language."""
    closing: str | None = None
    """Printed below the totals of an invoice, in the document's language."""


class DocumentTexts(Value, frozen=True):
    """What a billing entity has its invoices say in one language."""

    introduction: str | None = None
    closing: str | None = None


class NumberRange(Value, frozen=True):
    """How documents of one type are numbered: prefix, year and a counter of at least so many digits."""

    prefix: str
    digits: int = 6
    next: int | None = None
    """The first number of `year`, for whoever continues the numbers of another system; else every year begins at 1."""
    year: int | None = None


class Buyer(Value, frozen=True):
    """The customer as a document shows it."""

    name: Personal
    address: Address
    account_number: str
    vat_id: Personal | None = None
    contact_person: Personal | None = None
    email: Personal | None = None
    buyer_reference: str | None = None


class PaymentMeans(Value, frozen=True):
    """How a document is paid, as it was agreed when it was issued (EN 16931 BG-16 to BG-19).

    Which fields there are depends on the method; what identifies the payer's card or account is the payment account's.
    """

    method: PaymentMethod
    account_holder_name: Personal | None = None
    iban: Personal | None = None
    """The account that is debited (BT-91)."""
    mandate_reference: Personal | None = None
    """BT-89."""
    mandate_date: date | None = None
    brand: str | None = None
    last_four: Personal | None = None
    """BT-87: no more of a card's number is known."""


class LineOrigin(Value, frozen=True):
    """Where a document line comes from: `CONTRACT` or `ORDER`, its ident and, for contracts, the item."""

    type: str
    ident: str
    id: UUID
    item: str
    """Item ident of a contract, 1-based line number of an order."""


class LineAdjustment(Value, frozen=True):
    """A line's allowance or charge as billed: the net amount (positive), and the percent it came from."""

    reason: str
    amount: Decimal
    percent: Decimal | None = None


class BilledUsage(Value, frozen=True):
    """The usage that a line bills: what occurred of its item between two instants, was recorded up to a position of the
    customer log, and was not billed before. Several lines, one per price, may bill the same usage."""

    through: int
    """Position in the customer log."""
    occurred_from: datetime | None = None
    """First instant; None for the contract's first interval, to which everything earlier counts."""
    occurred_before: datetime | None = None
    """First instant after; None for the contract's last interval, to which everything later counts."""
    late: int = 0
    """0 for an interval's first bill; n for the n-th one after it, with usage that was recorded late."""


class CreditedLine(Value, frozen=True):
    """What a credit note's line takes back: of which line of the preceding document, and how many of its units."""

    line: int
    quantity: Decimal = Decimal(0)
    """0 where an amount is credited and not units."""
    bill_again: bool = False
    """What the line billed (interval, usage, one-time item or order line) is to be billed once more."""


class DocumentLine(Value, frozen=True):
    """One billed position; `net` = round(`quantity` × `unit_price`) − allowances + charges."""

    line: int
    name: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    net: Decimal
    tax_category: str
    tax_rate: Decimal
    origin: LineOrigin
    period: Period | None = None
    """Billing period of a recurring item; None for what is supplied once."""
    supplied_on: date | None = None
    """Date of supply of an order line or one-time item."""
    allowances: tuple[LineAdjustment, ...] = ()
    charges: tuple[LineAdjustment, ...] = ()
    usage: BilledUsage | None = None
    """Which usage of `period` is billed; None for what is not measured."""
    credits: CreditedLine | None = None
    """Set where a line of an earlier document is credited; nothing is billed by it then."""

    @property
    def days(self) -> Period:
        """The interval that is billed, or the day of supply of what is supplied once."""
        if self.period:
            return self.period
        assert self.supplied_on, "what is billed has a period or a day of supply"
        return Period(first=self.supplied_on, last=self.supplied_on)


class DocumentAdjustment(Value, frozen=True):
    """A document-level allowance or charge: net amount (positive) with its own VAT."""

    reason: str
    amount: Decimal
    tax_category: str
    tax_rate: Decimal
    percent: Decimal | None = None


class TaxSubtotal(Value, frozen=True):
    """VAT breakdown per category and rate (EN 16931 BG-23)."""

    category: str
    rate: Decimal
    taxable: Decimal
    tax: Decimal
    exemption_code: str | None = None
    """VATEX code list of the CEF, e.g. VATEX-EU-AE."""
    exemption_text: str | None = None


class DocumentReference(Value, frozen=True):
    """An issued document as another one names it (EN 16931 BG-3)."""

    document_id: UUID
    number: str
    issue_date: date


class ProposedCredit(Value, frozen=True):
    """What a correction would credit of an invoice."""

    document: DocumentReference
    lines: tuple[DocumentLine, ...]


class DocumentTotals(Value, frozen=True):
    """EN 16931 BG-22: net = lines − allowances + charges; gross = net + tax; due = gross − prepaid + rounding."""

    lines: Decimal
    allowances: Decimal
    charges: Decimal
    net: Decimal
    tax: Decimal
    gross: Decimal
    prepaid: Decimal = Decimal(0)
    """What was paid before the document was issued (BT-113)."""
    rounding: Decimal = Decimal(0)
    """What makes the amount due that of gross prices, where VAT on their net sum comes to a cent more or less (BT-114)."""

    @property
    def owed(self) -> Decimal:
        """What the document comes to, whatever of it was prepaid."""
        return self.gross + self.rounding

    @property
    def due(self) -> Decimal:
        """What is to be paid for the document (BT-115); of a credit note, what it gives."""
        return self.owed - self.prepaid


class DocumentFile(StrEnum):
    """A file that an issued document is given out as."""

    PDF = "PDF"
    ZUGFERD = "ZUGFERD"
    """The EN 16931 XML (CII) that is in the PDF: profile EN 16931 of ZUGFeRD and Factur-X."""
    XRECHNUNG = "XRECHNUNG"
    """XRechnung in the CII syntax."""
    XRECHNUNG_UBL = "XRECHNUNG_UBL"
    """XRechnung in the UBL syntax."""


class RenderedFile(Value, frozen=True):
    """What a file of a document is known by."""

    file: DocumentFile
    sha256: str
    """In hexadecimal."""
    size_bytes: int
