"""Commands about orders."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from services.code_lists import exemptions
from services.customer.commands.items import Unit
from services.customer.commands.kinds import (
    Amount,
    CustomerRef,
    Ident,
    OptionalIdent,
    PaymentTermDays,
    Percent,
    Price,
    Quantity,
)
from services.fields import Body, Currency, Day, OptionalText, Text
from services.values import AllowanceOrCharge, BillingTime, ExplicitTax, ItemCategory, OrderLine, TaxCategory


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


def _exemption_code(code: str) -> str:
    if code not in exemptions():
        raise ValueError("is not a code of the VATEX list, e.g. VATEX-EU-132; say it in exemptionText alone")
    return code


ExemptionCode = Annotated[
    str, Field(pattern="^VATEX-[A-Z]{2}-[A-Z0-9-]{1,40}$"), AfterValidator(_exemption_code)
]


class TaxBody(Body):
    category: Annotated[str, Field(pattern="^(S|Z|E|AE|K|G|O)$", description="EN 16931 VAT category")]
    rate: Percent
    exemption_code: ExemptionCode | None = None
    exemption_text: OptionalText = None

    @model_validator(mode="after")
    def _rate_fits(self) -> "TaxBody":
        if (self.category == "S") != (self.rate > 0):
            raise ValueError("category S has a rate above 0, every other category the rate 0")
        if self.category in ("S", "Z") and (self.exemption_code or self.exemption_text):
            raise ValueError("categories S and Z are not exempt; leave exemptionCode and exemptionText out")
        return self


class OrderLineBody(Body):
    """What was bought, at a net `unitPrice` or a `grossUnitPrice`."""

    name: Text
    quantity: Quantity = Decimal(1)
    unit: Unit = "C62"
    unit_price: Price | None = None
    gross_unit_price: Price | None = None
    tax_category: TaxCategory = TaxCategory.STANDARD
    tax: TaxBody | None = None
    item_category: ItemCategory = ItemCategory.SERVICE
    allowances: tuple[AllowanceBody, ...] = ()
    charges: tuple[AllowanceBody, ...] = ()

    def to_line(self) -> OrderLine:
        return OrderLine(
            **self.model_dump(exclude={"tax", "allowances", "charges"}),
            tax=ExplicitTax(**self.tax.model_dump()) if self.tax else None,
            allowances=tuple(a.to_value() for a in self.allowances),
            charges=tuple(c.to_value() for c in self.charges),
        )


class RecordOrder(CustomerRef):
    """`POST /v1/orders`: billed with the next run, or IMMEDIATELY with one of its own.

    `prepaidAmount` (gross) is what was collected already; the document asks for the rest.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "debtorIdent": "D-4711",
                    "orderIdent": "O-1",
                    "orderDate": "2026-01-20",
                    "billingTime": "ON_DEMAND",
                    "currency": "EUR",
                    "paymentTermDays": 30,
                    "lines": [
                        {
                            "name": "Vehicle tracker",
                            "quantity": "3",
                            "unit": "C62",
                            "unitPrice": "59.90",
                            "taxCategory": "STANDARD",
                            "allowances": [{"reason": "Rebate", "percent": "10"}],
                        }
                    ],
                    "allowances": [],
                    "charges": [{"reason": "Freight", "amount": "12.50", "taxCategory": "STANDARD"}],
                },
                {
                    "debtorIdent": "D-4711",
                    "orderIdent": "O-2",
                    "orderDate": "2026-01-21",
                    "currency": "EUR",
                    "lines": [{"name": "Mounting bracket", "grossUnitPrice": "9.99"}],
                    "prepaidAmount": "9.99",
                },
            ]
        }
    )

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
    billing_entity: OptionalIdent = None
    prepaid_amount: Amount = Decimal(0)


class CancelOrder(Body):
    """`POST /v1/orders/{id}/cancellation`: possible only while it is not billed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "returned unopened"}]})

    reason: OptionalText = None
