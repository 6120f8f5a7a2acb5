"""An invoice in the terms of EN 16931-1: a field for each business term (BT) and a structure for each group (BG)
that Kontor has something to say about. Which those are, and what they hold, is decided in `en16931.py`.

Texts are as they are shown, codes are those of the lists that the standard names; None: the term is not stated.
"""

from datetime import date
from decimal import Decimal

from msgspec import Struct


class Terms(Struct, frozen=True):
    """Base of all groups."""


class Note(Terms, frozen=True, kw_only=True):
    """BG-1 Invoice note."""

    subject: str
    """BT-21, of UNTDID 4451."""
    text: str
    """BT-22."""


class ElectronicAddress(Terms, frozen=True, kw_only=True):
    """BT-34 of the seller, BT-49 of the buyer."""

    scheme: str
    """Of the CEF's EAS list."""
    identifier: str


class Address(Terms, frozen=True, kw_only=True):
    """BG-5, BG-8 and BG-15; numbers of the terms in this order."""

    line_1: str | None = None
    """BT-35, BT-50, BT-75: street or post office box."""
    line_2: str | None = None
    """BT-36, BT-51, BT-76."""
    line_3: str | None = None
    """BT-162, BT-163, BT-165."""
    city: str | None = None
    """BT-37, BT-52, BT-77."""
    post_code: str | None = None
    """BT-38, BT-53, BT-78."""
    subdivision: str | None = None
    """BT-39, BT-54, BT-79."""
    country: str
    """BT-40, BT-55, BT-80: ISO 3166-1 alpha-2."""


class Contact(Terms, frozen=True, kw_only=True):
    """BG-6 of the seller, BG-9 of the buyer."""

    point: str | None = None
    """BT-41, BT-56: a person or department."""
    telephone: str | None = None
    """BT-42, BT-57."""
    email: str | None = None
    """BT-43, BT-58."""


class Seller(Terms, frozen=True, kw_only=True):
    """BG-4."""

    name: str
    """BT-27."""
    identifier: str | None = None
    """BT-29."""
    registration: str | None = None
    """BT-30: legal registration identifier."""
    vat_id: str | None = None
    """BT-31."""
    tax_number: str | None = None
    """BT-32."""
    legal_information: str | None = None
    """BT-33."""
    electronic_address: ElectronicAddress | None = None
    """BT-34."""
    address: Address
    """BG-5."""
    contact: Contact
    """BG-6."""


class Buyer(Terms, frozen=True, kw_only=True):
    """BG-7."""

    name: str
    """BT-44."""
    identifier: str
    """BT-46."""
    vat_id: str | None = None
    """BT-48."""
    electronic_address: ElectronicAddress | None = None
    """BT-49."""
    address: Address
    """BG-8."""
    contact: Contact
    """BG-9."""


class Period(Terms, frozen=True, kw_only=True):
    """BG-14 Invoicing period, BG-26 Invoice line period."""

    start: date
    """BT-73, BT-134."""
    end: date
    """BT-74, BT-135."""


class Delivery(Terms, frozen=True, kw_only=True):
    """BG-13."""

    name: str | None = None
    """BT-70: who gets it."""
    delivered_on: date
    """BT-72."""
    period: Period | None = None
    """BG-14."""
    address: Address | None = None
    """BG-15."""


class CreditTransfer(Terms, frozen=True, kw_only=True):
    """BG-17."""

    account: str
    """BT-84: IBAN."""
    account_name: str | None = None
    """BT-85."""
    service_provider: str | None = None
    """BT-86: BIC."""


class PaymentCard(Terms, frozen=True, kw_only=True):
    """BG-18."""

    number: str
    """BT-87: its last digits."""
    holder: str | None = None
    """BT-88."""
    network: str | None = None
    """Not a term of the standard; UBL asks for it."""


class DirectDebit(Terms, frozen=True, kw_only=True):
    """BG-19."""

    mandate: str | None = None
    """BT-89."""
    creditor: str | None = None
    """BT-90: bank assigned creditor identifier."""
    account: str | None = None
    """BT-91: IBAN."""


class PaymentInstructions(Terms, frozen=True, kw_only=True):
    """BG-16."""

    code: str
    """BT-81, of UNTDID 4461."""
    text: str | None = None
    """BT-82."""
    remittance: str
    """BT-83."""
    transfer: CreditTransfer | None = None
    card: PaymentCard | None = None
    direct_debit: DirectDebit | None = None


class Vat(Terms, frozen=True, kw_only=True):
    """Category (UNTDID 5305; BT-95, BT-102, BT-151) and rate in percent (BT-96, BT-103, BT-152)."""

    category: str
    rate: Decimal | None
    """None for what is outside the scope of VAT (BR-O-05 to BR-O-07)."""


class Adjustment(Terms, frozen=True, kw_only=True):
    """BG-20 and BG-27 Allowances, BG-21 and BG-28 Charges; numbers of the terms in this order."""

    is_charge: bool
    amount: Decimal
    """BT-92, BT-136, BT-99, BT-141."""
    base: Decimal | None = None
    """BT-93, BT-137, BT-100, BT-142."""
    percent: Decimal | None = None
    """BT-94, BT-138, BT-101, BT-143."""
    vat: Vat | None = None
    """None on a line, whose own it is."""
    reason: str
    """BT-97, BT-139, BT-104, BT-144."""
    reason_code: str | None = None
    """BT-98, BT-140 of UNTDID 5189; BT-105, BT-145 of UNTDID 7161."""


class Totals(Terms, frozen=True, kw_only=True):
    """BG-22."""

    lines: Decimal
    """BT-106."""
    allowances: Decimal | None
    """BT-107."""
    charges: Decimal | None
    """BT-108."""
    net: Decimal
    """BT-109."""
    vat: Decimal
    """BT-110."""
    gross: Decimal
    """BT-112."""
    paid: Decimal | None
    """BT-113."""
    rounding: Decimal | None
    """BT-114."""
    due: Decimal
    """BT-115."""


class VatBreakdown(Terms, frozen=True, kw_only=True):
    """BG-23."""

    taxable: Decimal
    """BT-116."""
    tax: Decimal
    """BT-117."""
    category: str
    """BT-118, of UNTDID 5305."""
    rate: Decimal
    """BT-119: of what is outside the scope of VAT, 0."""
    exemption_reason: str | None = None
    """BT-120."""
    exemption_code: str | None = None
    """BT-121, of the CEF's VATEX list."""


class ObjectIdentifier(Terms, frozen=True, kw_only=True):
    """BT-128: what a line is about."""

    scheme: str
    """Of UNTDID 1153."""
    identifier: str


class Line(Terms, frozen=True, kw_only=True):
    """BG-25, with BG-29 Price, BG-30 VAT and BG-31 Item."""

    identifier: str
    """BT-126."""
    note: str | None = None
    """BT-127."""
    object_identifier: ObjectIdentifier
    """BT-128."""
    quantity: Decimal
    """BT-129."""
    unit: str
    """BT-130, of UN/ECE Recommendations 20 and 21."""
    net: Decimal
    """BT-131."""
    period: Period | None = None
    """BG-26."""
    adjustments: tuple[Adjustment, ...] = ()
    """BG-27, BG-28."""
    price: Decimal
    """BT-146."""
    vat: Vat
    """BT-151, BT-152."""
    name: str
    """BT-153."""
    seller_item: str | None = None
    """BT-155."""


class PrecedingInvoice(Terms, frozen=True, kw_only=True):
    """BG-3."""

    number: str
    """BT-25."""
    issued_on: date
    """BT-26."""


class Invoice(Terms, frozen=True, kw_only=True):
    """The invoice as a whole."""

    number: str
    """BT-1."""
    issued_on: date
    """BT-2."""
    type_code: str
    """BT-3, of UNTDID 1001."""
    currency: str
    """BT-5: ISO 4217."""
    due_on: date | None = None
    """BT-9."""
    buyer_reference: str | None = None
    """BT-10."""
    contract: str | None = None
    """BT-12."""
    purchase_order: str | None = None
    """BT-13."""
    sales_order: str | None = None
    """BT-14."""
    payment_terms: str | None = None
    """BT-20."""
    notes: tuple[Note, ...] = ()
    """BG-1."""
    process: str | None = None
    """BT-23."""
    specification: str
    """BT-24."""
    preceding: PrecedingInvoice | None = None
    """BG-3."""
    seller: Seller
    buyer: Buyer
    delivery: Delivery
    payment: PaymentInstructions
    adjustments: tuple[Adjustment, ...] = ()
    """BG-20, BG-21."""
    totals: Totals
    vat_breakdown: tuple[VatBreakdown, ...]
    lines: tuple[Line, ...]
