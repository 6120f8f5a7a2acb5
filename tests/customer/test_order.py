"""Rules of an order."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from services.customer.commands.contracts import SignContract
from services.customer.commands.orders import CancelOrder, RecordOrder
from services.customer.order import OrderIdentTaken, OrderIsBilled, OrderIsCancelled, OrderNotFound
from services.errors import InvalidFields, StaleVersion
from services.messages import BillingRunRequested, OrderCancelled, OrderRecorded
from services.values import ExplicitTax
from tests import examples
from tests.customer.contracts import blamed
from tests.system import System


@pytest.fixture
def shop(system: System) -> System:
    """A system with a customer and a seller."""
    system.create_customer(examples.beispiel_gmbh())
    system.define_seller()
    return system


def line(**changes: Any) -> examples.Row:
    return {"name": "Vehicle tracker", "quantity": "3", "unitPrice": "59.90"} | changes


def recorded(system: System) -> OrderRecorded:
    body = system.customer_events()[-1].body
    assert isinstance(body, OrderRecorded)
    return body


def cancel(system: System, order_id: str, expected: int | None = None) -> dict[str, Any]:
    return system.customer.cancel_order(
        UUID(order_id), CancelOrder(reason="returned"), examples.asked(), expected
    )


def test_an_order_is_recorded_as_in_the_examples(shop: System) -> None:
    shop.record_order(examples.order())
    order = recorded(shop)
    assert (order.order_ident, order.currency, order.payment_term_days) == ("O-1", "EUR", 30)
    assert [a.percent for a in order.lines[0].allowances] == [10]
    assert [c.amount for c in order.charges] == [Decimal("12.50")]


def test_an_order_ident_belongs_to_one_order_only(shop: System) -> None:
    shop.record_order(examples.order())
    with pytest.raises(OrderIdentTaken):
        shop.record_order(examples.order())


def test_an_order_that_is_billed_immediately_requests_a_run(shop: System) -> None:
    answer = shop.record_order(examples.order(billingTime="IMMEDIATELY"))
    run = shop.customer_events()[-1].body
    assert isinstance(run, BillingRunRequested)
    assert answer["billingRunId"] == str(run.billing_run_id)
    assert run.debtor_ident == "D-4711"


def test_a_line_has_a_gross_unit_price_instead_of_a_net_one(shop: System) -> None:
    shop.record_order(examples.order(lines=[line(unitPrice=None, grossUnitPrice="71.28")]))
    sold = recorded(shop).lines[0]
    assert (sold.unit_price, sold.gross_unit_price) == (None, Decimal("71.28"))


@pytest.mark.parametrize(
    ("prices", "field"),
    [
        ({"unitPrice": None}, "lines[1].unitPrice"),
        ({"grossUnitPrice": "71.28"}, "lines[1].grossUnitPrice"),
    ],
)
def test_a_line_has_either_a_net_or_a_gross_unit_price(
    shop: System, prices: examples.Row, field: str
) -> None:
    with pytest.raises(InvalidFields) as error:
        shop.record_order(examples.order(lines=[line(), line(**prices)]))
    assert blamed(error) == field


def test_an_order_says_what_was_collected_for_it(shop: System) -> None:
    shop.record_order(examples.order(prepaidAmount="59.90"))
    assert recorded(shop).prepaid_amount == Decimal("59.90")
    shop.record_order(examples.order(orderIdent="O-2"))
    assert recorded(shop).prepaid_amount == 0


@pytest.mark.parametrize(("amount", "currency"), [("0.001", "EUR"), ("0.5", "JPY"), ("0.0001", "KWD")])
def test_what_was_collected_has_at_most_the_decimals_of_its_currency(
    shop: System, amount: str, currency: str
) -> None:
    with pytest.raises(InvalidFields, match=f"decimals of {currency}") as error:
        shop.record_order(examples.order(prepaidAmount=amount, currency=currency))
    assert blamed(error) == "prepaidAmount"


def test_nothing_less_than_nothing_was_collected() -> None:
    with pytest.raises(ValidationError, match="prepaidAmount"):
        RecordOrder.model_validate(examples.order(prepaidAmount="-0.01"))


def test_an_upstream_system_may_decide_the_tax(shop: System) -> None:
    shop.record_order(examples.order(lines=[line(tax={"category": "S", "rate": "7"})]))
    assert recorded(shop).lines[0].tax == ExplicitTax(category="S", rate=Decimal(7))


def test_who_decides_on_an_exemption_may_say_why(shop: System) -> None:
    why = {"exemptionCode": "VATEX-EU-132-1I", "exemptionText": "Steuerfrei nach § 4 Nr. 21 UStG."}
    shop.record_order(examples.order(lines=[line(tax={"category": "E", "rate": "0"} | why)]))
    assert recorded(shop).lines[0].tax == ExplicitTax(
        category="E",
        rate=Decimal(0),
        exemption_code="VATEX-EU-132-1I",
        exemption_text="Steuerfrei nach § 4 Nr. 21 UStG.",
    )


@pytest.mark.parametrize(
    "tax",
    [
        {"category": "S", "rate": "7", "exemptionText": "because"},
        {"category": "Z", "rate": "0", "exemptionCode": "VATEX-EU-G"},
        {"category": "E", "rate": "0", "exemptionCode": "§ 4 Nr. 21"},
    ],
)
def test_only_what_is_exempt_has_a_reason_and_its_code_is_a_vatex_code(tax: examples.Row) -> None:
    with pytest.raises(ValidationError):
        RecordOrder.model_validate(examples.order(lines=[line(tax=tax)]))


@pytest.mark.parametrize(
    "allowance", [{}, {"amount": "1", "percent": "1"}, {"percent": "101"}, {"amount": "-1"}]
)
def test_an_allowance_is_an_amount_or_a_percent(allowance: examples.Row) -> None:
    for body in (
        examples.order(allowances=[{"reason": "Rebate"} | allowance]),
        examples.order(lines=[line(charges=[{"reason": "Rebate"} | allowance])]),
    ):
        with pytest.raises(ValidationError):
            RecordOrder.model_validate(body)


def test_an_address_of_somebody_else_is_refused(shop: System) -> None:
    with pytest.raises(InvalidFields) as error:
        shop.record_order(examples.order(invoiceAddressId=str(uuid4())))
    assert blamed(error) == "invoiceAddressId"


def test_an_order_is_cancelled_while_it_is_not_billed(shop: System) -> None:
    answer = shop.record_order(examples.order())
    cancelled = cancel(shop, answer["orderId"], expected=1)
    assert cancelled == {"orderId": answer["orderId"], "version": 2, "position": answer["position"] + 1}
    event = shop.customer_events()[-1].body
    assert isinstance(event, OrderCancelled)
    assert event.reason == "returned"


def test_an_order_that_is_billed_cannot_be_cancelled(shop: System) -> None:
    answer = shop.record_order(examples.order())
    shop.bill("2026-01-31")
    with pytest.raises(OrderIsBilled):
        cancel(shop, answer["orderId"])


def test_a_cancelled_order_cannot_be_cancelled_again(shop: System) -> None:
    answer = shop.record_order(examples.order())
    cancel(shop, answer["orderId"])
    with pytest.raises(OrderIsCancelled):
        cancel(shop, answer["orderId"])


def test_the_ident_of_a_cancelled_order_stays_taken(shop: System) -> None:
    answer = shop.record_order(examples.order())
    cancel(shop, answer["orderId"])
    with pytest.raises(OrderIdentTaken):
        shop.record_order(examples.order())


def test_only_an_order_that_is_there_is_cancelled(shop: System) -> None:
    signed = shop.customer.sign_contract(SignContract.model_validate(examples.contract()), examples.asked())
    for unknown in (str(uuid4()), signed["contractId"]):
        with pytest.raises(OrderNotFound):
            cancel(shop, unknown)


def test_a_cancellation_of_an_older_version_is_refused(shop: System) -> None:
    answer = shop.record_order(examples.order())
    with pytest.raises(StaleVersion):
        cancel(shop, answer["orderId"], expected=2)
