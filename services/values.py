"""Values that customer, contracts, orders and documents are made of, as stored, published and read."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct, field, structs


class Value(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """An immutable value; JSON names are camelCase, fields at their default are left out."""


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


PropertyValue = str | bool | int | float
"""A customer's free characteristic; dates are ISO 8601 strings."""


class Address(Value, frozen=True):
    """A postal address of a customer; the name fields of the first invoice address are the customer's name."""

    address_id: UUID
    address_type: AddressType
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")]
    default: bool = False
    academic_title: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    department: str | None = None
    address_addition: str | None = None
    street: str | None = None
    street_number: str | None = None
    post_office_box: str | None = None
    postal_code: str | None = None
    city: str | None = None
    state: str | None = None
    email: str | None = None

    @property
    def name(self) -> str:
        """The company if there is one, else title, first and last name."""
        if self.company:
            return self.company
        parts = (self.academic_title, self.first_name, self.last_name)
        return " ".join(part for part in parts if part)


def with_address(addresses: Iterable[Address], address: Address) -> tuple[Address, ...]:
    """`addresses` with one added, or put in the place of the one with its id.

    One that is the default takes that over from the others of its type.
    """
    after = {other.address_id: _yielding(other, address) for other in addresses}
    return tuple((after | {address.address_id: address}).values())


def _yielding(other: Address, address: Address) -> Address:
    yields = address.default and other.address_type is address.address_type
    return structs.replace(other, default=False) if yields else other


class BillingInterval(Value, frozen=True):
    """How long one interval of a recurring item is: 1 MONTH, 3 MONTH, 1 YEAR, 14 DAY."""

    count: int
    unit: IntervalUnit


class Item(Value, frozen=True):
    """What a contract bills: net `unit_price` per `unit` (UN/ECE Rec 20) times `quantity`, once or each interval."""

    item_ident: str
    name: str
    kind: ItemKind
    unit_price: Decimal
    quantity: Decimal
    unit: str
    tax_category: TaxCategory = TaxCategory.STANDARD
    item_category: ItemCategory = ItemCategory.SERVICE
    billing_interval: BillingInterval | None = None
    billing_timing: BillingTiming | None = None


class ExplicitTax(Value, frozen=True):
    """A tax that the upstream system decided: EN 16931 category (UNTDID 5305) and rate in percent."""

    category: str
    rate: Decimal


class AllowanceOrCharge(Value, frozen=True):
    """A deduction or surcharge on a line or order: a net `amount`, or a `percent` of what it applies to."""

    reason: str
    amount: Decimal | None = None
    percent: Decimal | None = None
    tax_category: TaxCategory = TaxCategory.STANDARD


class OrderLine(Value, frozen=True):
    name: str
    quantity: Decimal
    unit_price: Decimal
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


class Buyer(Value, frozen=True):
    """The customer as a document shows it."""

    name: str
    address: Address
    account_number: str
    vat_id: str | None = None
    contact_person: str | None = None
    email: str | None = None
    buyer_reference: str | None = None


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


class DocumentTotals(Value, frozen=True):
    """EN 16931 BG-22: net = lines − allowances + charges; gross = net + tax."""

    lines: Decimal
    allowances: Decimal
    charges: Decimal
    net: Decimal
    tax: Decimal
    gross: Decimal
