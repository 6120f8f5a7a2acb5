"""The commands of the customer service as upstream systems send them, checked field by field.

One shape for the HTTP API, the imports and every other way in; field names are fixed, others build on them.
"""

import math
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    model_validator,
)
from stdnum.eu import vat as eu_vat
from stdnum.exceptions import ValidationError as NumberInvalid

from services.fields import (
    TEXT_MAX,
    Body,
    Country,
    Currency,
    Day,
    Number,
    OptionalText,
    Showable,
    Text,
    blank_is_none,
    showable,
)
from services.values import (
    Address,
    AddressType,
    Alignment,
    AllowanceOrCharge,
    BillingInterval,
    BillingTime,
    BillingTiming,
    ContractorReference,
    CustomerType,
    DocumentDelivery,
    DocumentGrouping,
    EInvoiceFormat,
    EInvoicing,
    ExplicitTax,
    IntervalUnit,
    Item,
    ItemCategory,
    ItemKind,
    OrderLine,
    PropertyValue,
    TaxCategory,
)

WHOLE_NUMBER_MAX = 2**53
"""Whole numbers up to here are exact for every reader of JSON."""
NOT_SENT: Any = None
"""Default of a field that may be left out but not be null; whether it was sent is in `model_fields_set`."""


def _vat_id(value: str) -> str:
    """Normalise a VAT-ID of an EU member state and check its format and check digits."""
    try:
        return str(eu_vat.validate(value))
    except NumberInvalid as error:
        raise ValueError(f"is not a valid VAT-ID: {error}") from None


def _property(value: Any) -> PropertyValue:
    """A characteristic that comes back as it was sent: JSON has no NaN, and its readers no exact large integers."""
    match value:
        case str() if len(value) <= TEXT_MAX:
            return showable(value)
        case bool():
            return value
        case int() if abs(value) <= WHOLE_NUMBER_MAX:
            return value
        case float() | Decimal() if math.isfinite(value):
            return float(value)
    raise ValueError(f"is not a text of up to {TEXT_MAX} characters, a number, true or false")


Ident = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.~-]{1,100}$")]
Email = Annotated[
    Annotated[Showable, Field(max_length=TEXT_MAX, pattern=r"^[^@\s]+@[^@\s]+$")] | None,
    BeforeValidator(blank_is_none),
]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
VatId = Annotated[str, AfterValidator(_vat_id)]
Price = Annotated[Number, Field(max_digits=20, decimal_places=10)]
Quantity = Annotated[Number, Field(gt=0, max_digits=20, decimal_places=10)]
Percent = Annotated[Number, Field(ge=0, le=100, max_digits=10, decimal_places=6)]
Amount = Annotated[Number, Field(ge=0, max_digits=20, decimal_places=4)]
Property = Annotated[PropertyValue, PlainValidator(_property, json_schema_input_type=PropertyValue)]
PaymentTermDays = Annotated[int, Field(ge=0, le=3650)]


class AddressBody(Body):
    address_type: AddressType
    country: Country
    default: bool = False
    academic_title: OptionalText = None
    first_name: OptionalText = None
    last_name: OptionalText = None
    company: OptionalText = None
    department: OptionalText = None
    address_addition: OptionalText = None
    street: OptionalText = None
    street_number: OptionalText = None
    post_office_box: OptionalText = None
    postal_code: OptionalText = None
    city: OptionalText = None
    state: OptionalText = None
    email: Email = None

    def to_address(self, address_id: UUID) -> Address:
        return Address(address_id=address_id, **self.model_dump())


class ContractorReferenceBody(Body):
    system: Text
    ident: Text


class EInvoicingBody(Body):
    format: EInvoiceFormat
    buyer_reference: OptionalText = None


def references(bodies: tuple[ContractorReferenceBody, ...]) -> tuple[ContractorReference, ...]:
    return tuple(ContractorReference(system=body.system, ident=body.ident) for body in bodies)


def e_invoicing(body: EInvoicingBody | None) -> EInvoicing | None:
    return EInvoicing(format=body.format, buyer_reference=body.buyer_reference) if body else None


class CreateCustomer(Body):
    """`POST /v1/customers`; the debtor ident defaults to the account number that Kontor makes."""

    customer_type: CustomerType
    language: Language
    addresses: Annotated[tuple[AddressBody, ...], Field(min_length=1, max_length=1000)]
    debtor_ident: Ident | None = None
    contractor_references: tuple[ContractorReferenceBody, ...] = ()
    contact_person: OptionalText = None
    email: Email = None
    phone: OptionalText = None
    vat_id: VatId | None = None
    tax_number: OptionalText = None
    preferred_document_delivery: DocumentDelivery = DocumentDelivery.NONE
    e_invoicing: EInvoicingBody | None = None
    group_documents_by: DocumentGrouping = DocumentGrouping.CUSTOMER
    properties: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,99}$")], Property] = Field(
        default_factory=dict
    )


class EditCustomer(Body):
    """`PATCH /v1/customers/{id}`: only what is sent changes; null clears an optional field."""

    customer_type: CustomerType = NOT_SENT
    language: Language = NOT_SENT
    contractor_references: tuple[ContractorReferenceBody, ...] = NOT_SENT
    contact_person: OptionalText = None
    email: Email = None
    phone: OptionalText = None
    vat_id: VatId | None = None
    tax_number: OptionalText = None
    preferred_document_delivery: DocumentDelivery = NOT_SENT
    e_invoicing: EInvoicingBody | None = None
    group_documents_by: DocumentGrouping = NOT_SENT


class CustomerRef(Body):
    """A customer named by `customerId` or by `debtorIdent`."""

    customer_id: UUID | None = None
    debtor_ident: Showable | None = None

    @model_validator(mode="after")
    def _one_name(self) -> "CustomerRef":
        if self.customer_id is None and self.debtor_ident is None:
            raise ValueError("name the customer by customerId or debtorIdent")
        return self


class IntervalBody(Body):
    count: Annotated[int, Field(ge=1, le=1200)]
    unit: IntervalUnit


class ItemBody(Body):
    item_ident: Ident
    name: Text
    kind: ItemKind
    unit_price: Price
    quantity: Quantity = Decimal(1)
    unit: Annotated[str, Field(pattern=r"^[A-Z0-9]{2,3}$", description="UN/ECE Rec 20")] = "C62"
    tax_category: TaxCategory = TaxCategory.STANDARD
    item_category: ItemCategory = ItemCategory.SERVICE
    billing_interval: IntervalBody | None = None
    billing_timing: BillingTiming | None = None

    def to_item(self) -> Item:
        interval = self.billing_interval
        return Item(
            **self.model_dump(exclude={"billing_interval"}),
            billing_interval=BillingInterval(count=interval.count, unit=interval.unit) if interval else None,
        )


class SignContract(CustomerRef):
    """`POST /v1/contracts` with own items."""

    contract_ident: Ident
    currency: Currency
    start_date: Day
    date: Day | None = None
    end_date: Day | None = None
    billing_start_date: Day | None = None
    alignment: Alignment = Alignment.ANNIVERSARY
    items: Annotated[tuple[ItemBody, ...], Field(min_length=1, max_length=1000)]
    payment_term_days: PaymentTermDays | None = None
    purchase_order: OptionalText = None
    invoice_address_id: UUID | None = None
    shipping_address_id: UUID | None = None


class AllowanceBody(Body):
    reason: Text
    amount: Amount | None = None
    percent: Percent | None = None
    tax_category: TaxCategory = TaxCategory.STANDARD

    @model_validator(mode="after")
    def _one_measure(self) -> "AllowanceBody":
        if (self.amount is None) == (self.percent is None):
            raise ValueError("give either amount or percent")
        return self

    def to_value(self) -> AllowanceOrCharge:
        return AllowanceOrCharge(**self.model_dump())


class TaxBody(Body):
    category: Annotated[str, Field(pattern="^(S|Z|E|AE|K|G|O)$", description="EN 16931 VAT category")]
    rate: Percent

    @model_validator(mode="after")
    def _rate_fits(self) -> "TaxBody":
        if (self.category == "S") != (self.rate > 0):
            raise ValueError("category S has a rate above 0, every other category the rate 0")
        return self


class OrderLineBody(Body):
    name: Text
    quantity: Quantity = Decimal(1)
    unit: Annotated[str, Field(pattern=r"^[A-Z0-9]{2,3}$", description="UN/ECE Rec 20")] = "C62"
    unit_price: Price
    tax_category: TaxCategory = TaxCategory.STANDARD
    tax: TaxBody | None = None
    item_category: ItemCategory = ItemCategory.SERVICE
    allowances: tuple[AllowanceBody, ...] = ()
    charges: tuple[AllowanceBody, ...] = ()

    def to_line(self) -> OrderLine:
        return OrderLine(
            **self.model_dump(exclude={"tax", "allowances", "charges"}),
            tax=ExplicitTax(category=self.tax.category, rate=self.tax.rate) if self.tax else None,
            allowances=tuple(a.to_value() for a in self.allowances),
            charges=tuple(c.to_value() for c in self.charges),
        )


class RecordOrder(CustomerRef):
    """`POST /v1/orders`."""

    order_ident: Ident
    order_date: Day
    billing_time: BillingTime = BillingTime.ON_DEMAND
    currency: Currency
    lines: Annotated[tuple[OrderLineBody, ...], Field(min_length=1, max_length=10_000)]
    allowances: tuple[AllowanceBody, ...] = ()
    charges: tuple[AllowanceBody, ...] = ()
    payment_term_days: PaymentTermDays | None = None
    purchase_order: OptionalText = None
    invoice_address_id: UUID | None = None
    shipping_address_id: UUID | None = None


class RequestBillingRun(Body):
    """`POST /v1/billing-runs`: without a customer the run is for all, without a date it bills up to now."""

    customer_id: UUID | None = None
    debtor_ident: Showable | None = None
    processing_date: Day | None = None
