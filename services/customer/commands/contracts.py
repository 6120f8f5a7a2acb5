"""Commands about contracts."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from services.customer.commands.items import DurationBody, ItemBody, ItemChangeBody
from services.customer.commands.kinds import CustomerRef, Ident, OptionalIdent, PaymentTermDays
from services.fields import Body, Currency, Day, Number, OptionalText, Text
from services.values import Alignment, Discount, Renewal, TerminationKind


class DiscountBody(Body):
    """A percent or an amount off each interval, on one recurring item or on all of them."""

    name: Text
    percent: Annotated[Number, Field(gt=0, le=100, max_digits=10, decimal_places=6)] | None = None
    amount: Annotated[Number, Field(gt=0, max_digits=20, decimal_places=4)] | None = None
    option_ident: Ident | None = None
    item_ident: Ident | None = None
    intervals: Annotated[int, Field(ge=1, le=1200)] | None = None
    until: Day | None = None

    @model_validator(mode="after")
    def _one_of_each(self) -> "DiscountBody":
        if (self.percent is None) == (self.amount is None):
            raise ValueError("give either percent or amount")
        if self.intervals is not None and self.until is not None:
            raise ValueError("give either intervals or until")
        if self.option_ident is not None and self.item_ident is not None:
            raise ValueError("name the item by either optionIdent or itemIdent")
        return self

    def to_discount(self) -> Discount:
        return Discount(
            name=self.name,
            percent=self.percent,
            amount=self.amount,
            item_ident=self.option_ident or self.item_ident,
            intervals=self.intervals,
            until=self.until,
        )


class SignContract(CustomerRef):
    """`POST /v1/contracts` from a plan, with `overrides` and `items` beside it, or with own `items` and `currency`.

    Not sent: `date` is the start date, `renewal` is AUTO_RENEW, with an `endDate` NONE, `planVersion` the newest.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "debtorIdent": "D-4711",
                    "contractIdent": "C-2",
                    "planIdent": "fleet-basic",
                    "overrides": [{"optionIdent": "base", "unitPrice": "8.99", "quantity": "3"}],
                    "date": "2026-01-10",
                    "startDate": "2026-01-15",
                    "alignment": "CALENDAR",
                    "minimumTerm": {"count": 12, "unit": "MONTH"},
                    "noticePeriod": {"count": 1, "unit": "MONTH"},
                    "renewal": "AUTO_RENEW",
                    "discounts": [
                        {"name": "Welcome", "percent": "10", "optionIdent": "base", "intervals": 3}
                    ],
                    "paymentTermDays": 14,
                    "purchaseOrder": "PO-9",
                },
                {
                    "debtorIdent": "D-4711",
                    "contractIdent": "C-3",
                    "currency": "EUR",
                    "startDate": "2026-01-31",
                    "alignment": "ANNIVERSARY",
                    "items": [
                        {
                            "itemIdent": "support",
                            "name": "Support",
                            "kind": "RECURRING",
                            "unitPrice": "120.00",
                            "unit": "MON",
                            "billingInterval": {"count": 3, "unit": "MONTH"},
                            "billingTiming": "INTERVAL_END",
                        }
                    ],
                },
            ]
        }
    )

    contract_ident: Ident
    plan_ident: Ident | None = None
    plan_version: Annotated[int, Field(ge=1)] | None = None
    overrides: Annotated[tuple[ItemChangeBody, ...], Field(max_length=1000)] = ()
    currency: Currency | None = None
    items: Annotated[tuple[ItemBody, ...], Field(max_length=1000)] = ()
    start_date: Day
    date: Day | None = None
    end_date: Day | None = None
    billing_start_date: Day | None = None
    alignment: Alignment = Alignment.ANNIVERSARY
    minimum_term: DurationBody | None = None
    notice_period: DurationBody | None = None
    renewal: Renewal | None = None
    discounts: Annotated[tuple[DiscountBody, ...], Field(max_length=100)] = ()
    payment_term_days: PaymentTermDays | None = None
    purchase_order: OptionalText = None
    invoice_address_id: UUID | None = None
    shipping_address_id: UUID | None = None
    billing_entity: OptionalIdent = None


class AmendContract(Body):
    """`POST /v1/contracts/{id}/amendments`: new terms from `effectiveDate` on, which may lie in the past."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "effectiveDate": "2026-03-01",
                    "changes": [{"optionIdent": "base", "unitPrice": "11.99", "quantity": "2"}],
                }
            ]
        }
    )

    effective_date: Day
    changes: Annotated[tuple[ItemChangeBody, ...], Field(max_length=1000)] = ()
    add: Annotated[tuple[ItemBody, ...], Field(max_length=1000)] = ()
    remove: Annotated[tuple[Ident, ...], Field(max_length=1000)] = ()
    plan_version: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _asks_for_something(self) -> "AmendContract":
        if not (self.changes or self.add or self.remove or self.plan_version):
            raise ValueError("send changes, add, remove or planVersion")
        return self


class PauseContract(Body):
    """`POST /v1/contracts/{id}/pause`: `from` is the first inactive day."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"from": "2026-04-01"}]})

    paused_from: Annotated[Day, Field(alias="from")]


class ResumeContract(Body):
    """`POST /v1/contracts/{id}/resume`: `from` is the first active day; the pause's own takes it back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"from": "2026-05-01"}]})

    resumed_from: Annotated[Day, Field(alias="from")]


class TerminateContract(Body):
    """`POST /v1/contracts/{id}/termination`: `terminationDate` is the last active day.

    Not sent: `noticeDate` is today (UTC); `terminationDate` is the earliest that notice period and term allow, for an
    EXTRAORDINARY termination, which needs a reason, the date of the notice.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "ORDINARY", "noticeDate": "2026-05-02", "terminationDate": None, "reason": "moved"}
            ]
        }
    )

    kind: TerminationKind = TerminationKind.ORDINARY
    notice_date: Day | None = None
    termination_date: Day | None = None
    reason: OptionalText = None


class CancelContract(Body):
    """`POST /v1/contracts/{id}/cancellation`: possible only while nothing of it was billed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "signed by mistake"}]})

    reason: OptionalText = None
