"""Rules of amending a contract: prices, quantities and items from a day on, and moves to another plan version."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from services.customer.amendment import ChargedOnce, ItemReshaped, NothingLeft
from services.customer.contract import Contract
from services.errors import InvalidFields
from services.values import Alignment, PriceModel
from tests import examples
from tests.customer.contracts import (
    amend,
    blamed,
    created_plan,
    idents,
    item,
    revise,
    signed,
    signed_from,
    terminate,
)

GPS = examples.base_fee(itemIdent="gps", name="GPS")


def price(contract: Contract, day: str, ident: str = "base") -> Decimal | None:
    return item(contract, ident, day).unit_price


def refused_for(contract: Contract, **asked: Any) -> str:
    before = contract.terms
    with pytest.raises(InvalidFields) as error:
        amend(contract, "2026-03-01", **asked)
    assert contract.terms == before
    return blamed(error)


# -- changes ------------------------------------------------------------------------------------


def test_an_amendment_changes_price_and_quantity_from_its_day_on() -> None:
    contract = signed()
    amend(contract, "2026-03-01", changes=[{"itemIdent": "base", "unitPrice": "11.99", "quantity": "2"}])
    before, after = item(contract, "base", "2026-02-28"), item(contract, "base", "2026-03-01")
    assert (before.unit_price, before.quantity) == (Decimal("9.99"), 1)
    assert (after.unit_price, after.quantity) == (Decimal("11.99"), 2)


def test_amendments_apply_in_the_order_of_their_days() -> None:
    contract = signed()
    amend(contract, "2026-05-01", changes=[{"itemIdent": "base", "unitPrice": "12"}])
    amend(contract, "2026-03-01", changes=[{"itemIdent": "base", "unitPrice": "11", "quantity": "2"}])
    assert [price(contract, day) for day in ("2026-02-28", "2026-03-01", "2026-05-01")] == [
        Decimal("9.99"),
        11,
        12,
    ]
    assert item(contract, "base", "2026-05-01").quantity == 2


def test_of_two_amendments_of_one_day_the_later_recorded_holds() -> None:
    contract = signed()
    amend(contract, "2026-03-01", changes=[{"itemIdent": "base", "unitPrice": "11"}])
    amend(contract, "2026-03-01", changes=[{"itemIdent": "base", "unitPrice": "12"}])
    assert price(contract, "2026-03-01") == 12


def test_an_amendment_may_name_the_first_and_the_last_day() -> None:
    contract = signed()
    terminate(contract, "2026-06-30")
    amend(contract, "2026-01-15", changes=[{"itemIdent": "base", "unitPrice": "10"}])
    amend(contract, "2026-06-30", changes=[{"itemIdent": "base", "unitPrice": "12"}])
    assert (price(contract, "2026-01-15"), price(contract, "2026-06-30")) == (10, 12)


def test_a_price_of_usage_is_changed_as_flat_price_or_pricing() -> None:
    contract = signed(items=[examples.base_fee(), examples.kilometres()])
    amend(contract, "2026-03-01", changes=[{"itemIdent": "km", "unitPrice": "0.30"}])
    volume = {"model": "VOLUME", "tiers": [{"upTo": "10", "unitPrice": "1"}, {"unitPrice": "0.5"}]}
    amend(contract, "2026-04-01", changes=[{"itemIdent": "km", "pricing": volume}])
    march, april = item(contract, "km", "2026-03-01").pricing, item(contract, "km", "2026-04-01").pricing
    assert march is not None
    assert april is not None
    assert (march.model, march.included_quantity) == (PriceModel.FLAT, 100)
    assert (april.model, april.included_quantity) == (PriceModel.VOLUME, 0)


def test_an_amendment_that_changes_nothing_records_nothing() -> None:
    contract = signed()
    amend(contract, "2026-03-01", changes=[{"itemIdent": "base", "unitPrice": "9.99", "quantity": "1"}])
    assert len(contract.pending_events) == 1


@pytest.mark.parametrize(
    "body", [{}, {"changes": [{"itemIdent": "base"}]}, {"changes": [{"quantity": "2"}]}, {"remove": [""]}]
)
def test_an_amendment_says_what_it_changes(body: examples.Row) -> None:
    with pytest.raises(ValidationError):
        amend(signed(), "2026-03-01", **body)


REFUSED = {
    "a change of no item": ({"changes": [{"itemIdent": "gps", "quantity": "2"}]}, "changes[0].itemIdent"),
    "a change of an option that is none": (
        {"changes": [{"optionIdent": "gps", "quantity": "2"}]},
        "changes[0].optionIdent",
    ),
    "a removal of no item": ({"remove": ["gps"]}, "remove[0]"),
    "an addition of what is there": ({"add": [examples.base_fee()]}, "add[0].itemIdent"),
    "an addition of what comes later": ({"add": [examples.base_fee(itemIdent="later")]}, "add[0].itemIdent"),
    "an item named twice": (
        {"changes": [{"itemIdent": "base", "quantity": "2"}], "remove": ["base"]},
        "remove[0]",
    ),
    "an item that is none": ({"add": [examples.base_fee(itemIdent="x", unitPrice=None)]}, "add[0].unitPrice"),
    "an item that does not fit the calendar": (
        {"add": [examples.base_fee(itemIdent="x", billingInterval={"count": 5, "unit": "MONTH"})]},
        "add[0].billingInterval",
    ),
    "a plan version without a plan": ({"planVersion": 2}, "planVersion"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_amendment_fits_the_contract_so_there_is_never(name: str) -> None:
    asked, field = REFUSED[name]
    contract = signed()
    amend(contract, "2026-07-01", add=[examples.base_fee(itemIdent="later")])
    assert refused_for(contract, **asked) == field


# -- items --------------------------------------------------------------------------------------


def test_items_are_added_and_removed_from_a_day_on() -> None:
    contract = signed()
    amend(contract, "2026-03-01", add=[GPS])
    amend(contract, "2026-06-01", remove=["gps"])
    days = ("2026-02-28", "2026-03-01", "2026-05-31", "2026-06-01")
    assert [idents(contract, day) for day in days] == [["base"], ["base", "gps"], ["base", "gps"], ["base"]]


def test_an_item_that_comes_back_has_a_gap() -> None:
    contract = signed(items=[examples.base_fee(), GPS])
    amend(contract, "2026-03-01", remove=["gps"])
    amend(contract, "2026-05-01", add=[GPS])
    spans = [(p.span.first, p.span.last) for p in contract.terms.phases()["gps"]]
    assert spans == [(date(2026, 1, 15), date(2026, 2, 28)), (date(2026, 5, 1), None)]


def test_an_item_that_comes_back_is_billed_as_before() -> None:
    contract = signed(items=[examples.base_fee(), GPS])
    amend(contract, "2026-03-01", remove=["gps"])
    with pytest.raises(ItemReshaped):
        amend(contract, "2026-05-01", add=[GPS | {"billingInterval": {"count": 1, "unit": "YEAR"}}])


def test_a_contract_keeps_an_item() -> None:
    with pytest.raises(NothingLeft):
        amend(signed(), "2026-03-01", remove=["base"])


def test_the_last_item_can_be_replaced() -> None:
    contract = signed()
    amend(contract, "2026-03-01", remove=["base"], add=[GPS])
    assert idents(contract, "2026-03-01") == ["gps"]


def test_what_is_charged_once_is_not_changed_after_the_day_it_is_charged_on() -> None:
    contract = signed(items=[examples.setup_fee(), examples.base_fee()])
    change = [{"itemIdent": "setup", "unitPrice": "39.00"}]
    for asked in ({"changes": change}, {"remove": ["setup"]}):
        with pytest.raises(ChargedOnce):
            amend(contract, "2026-01-16", **asked)
    amend(contract, "2026-01-15", changes=change)
    assert price(contract, "2026-01-15", "setup") == 39


# -- moving to another version ------------------------------------------------------------------


def test_a_move_brings_the_new_version_from_its_day_on() -> None:
    plan = created_plan()
    contract = signed_from(plan)
    revise(plan, examples.base_fee(unitPrice="12.99"), examples.kilometres(unit="SMI"), GPS)
    amend(contract, "2026-03-01", plan, planVersion=2)
    assert idents(contract, "2026-02-28") == ["setup", "base", "km"]
    assert idents(contract, "2026-03-01") == ["setup", "base", "km", "gps"]
    assert (price(contract, "2026-02-28"), price(contract, "2026-03-01")) == (
        Decimal("9.99"),
        Decimal("12.99"),
    )
    assert item(contract, "km", "2026-03-01").unit == "SMI"
    assert contract.terms.plan_on(date(2026, 2, 28)) == plan.reference(1)
    assert contract.terms.plan_on(date(2026, 3, 1)) == plan.reference(2)


def test_a_move_removes_options_that_the_new_version_does_not_have() -> None:
    plan = created_plan()
    contract = signed_from(plan)
    revise(plan, examples.setup_fee(), examples.base_fee())
    amend(contract, "2026-03-01", plan, planVersion=2)
    assert idents(contract, "2026-03-01") == ["setup", "base"]


def test_overrides_stay_when_a_contract_moves() -> None:
    plan = created_plan()
    contract = signed_from(plan, overrides=[{"optionIdent": "base", "unitPrice": "8.99"}])
    revise(plan, examples.base_fee(unitPrice="12.99", quantity="2"))
    amend(contract, "2026-03-01", plan, planVersion=2)
    base = item(contract, "base", "2026-03-01")
    assert (base.unit_price, base.quantity) == (Decimal("8.99"), 2)


def test_an_override_to_the_plans_own_price_stays_as_well() -> None:
    plan = created_plan()
    contract = signed_from(plan, overrides=[{"optionIdent": "base", "unitPrice": "9.99"}])
    revise(plan, examples.base_fee(unitPrice="12.99"))
    amend(contract, "2026-03-01", plan, planVersion=2)
    assert price(contract, "2026-03-01") == Decimal("9.99")


def test_an_override_of_an_option_that_comes_back_applies_again() -> None:
    plan = created_plan()
    contract = signed_from(plan, overrides=[{"optionIdent": "base", "unitPrice": "8.99"}])
    revise(plan, examples.kilometres())
    revise(plan, examples.kilometres(), examples.base_fee(unitPrice="12.99"))
    amend(contract, "2026-03-01", plan, planVersion=2)
    amend(contract, "2026-05-01", plan, planVersion=3)
    assert price(contract, "2026-05-01") == Decimal("8.99")


def test_what_was_agreed_in_amendments_stays_when_a_contract_moves() -> None:
    plan = created_plan()
    contract = signed_from(plan, items=[GPS])
    amend(contract, "2026-02-01", changes=[{"optionIdent": "base", "quantity": "5"}], remove=["km"])
    revise(plan, examples.base_fee(unitPrice="12.99"), examples.kilometres())
    amend(contract, "2026-03-01", plan, planVersion=2)
    assert idents(contract, "2026-03-01") == ["setup", "base", "gps"]
    base = item(contract, "base", "2026-03-01")
    assert (base.unit_price, base.quantity) == (Decimal("12.99"), 5)


def test_an_own_item_stays_where_the_new_version_has_an_option_of_its_name() -> None:
    plan = created_plan()
    contract = signed_from(plan, items=[GPS | {"unitPrice": "1.00"}])
    revise(plan, examples.base_fee(), GPS)
    amend(contract, "2026-03-01", plan, planVersion=2)
    assert price(contract, "2026-03-01", "gps") == 1


def test_changes_come_on_top_of_a_move() -> None:
    plan = created_plan()
    contract = signed_from(plan)
    revise(plan, examples.base_fee(unitPrice="12.99"), GPS, examples.kilometres())
    amend(
        contract,
        "2026-03-01",
        plan,
        planVersion=2,
        changes=[{"optionIdent": "gps", "unitPrice": "5"}, {"optionIdent": "base", "unitPrice": "10"}],
        remove=["km"],
        add=[examples.base_fee(itemIdent="own")],
    )
    assert idents(contract, "2026-03-01") == ["setup", "base", "gps", "own"]
    assert (price(contract, "2026-03-01"), price(contract, "2026-03-01", "gps")) == (10, 5)


def test_a_new_option_can_be_left_out_of_a_move() -> None:
    plan = created_plan()
    contract = signed_from(plan)
    revise(plan, examples.base_fee(), GPS, examples.kilometres())
    amend(contract, "2026-03-01", plan, planVersion=2, remove=["gps"])
    assert idents(contract, "2026-03-01") == ["setup", "base", "km"]


def test_what_was_charged_once_stays_as_it_was_in_a_move() -> None:
    plan = created_plan()
    contract = signed_from(plan)
    revise(plan, examples.setup_fee(unitPrice="99.00"), examples.base_fee())
    amend(contract, "2026-03-01", plan, planVersion=2)
    assert price(contract, "2026-03-01", "setup") == 49
    sooner = signed_from(plan, planVersion=1)
    amend(sooner, "2026-01-15", plan, planVersion=2)
    assert price(sooner, "2026-01-15", "setup") == 99


@pytest.mark.parametrize(
    "changes", [{"billingInterval": {"count": 1, "unit": "YEAR"}}, {"billingTiming": "INTERVAL_END"}]
)
def test_an_option_that_is_billed_differently_needs_a_new_ident(changes: examples.Row) -> None:
    plan = created_plan()
    contract = signed_from(plan)
    revise(plan, examples.base_fee(**changes))
    with pytest.raises(ItemReshaped, match="Give it a new ident"):
        amend(contract, "2026-03-01", plan, planVersion=2)


def test_a_move_names_a_version_that_there_is() -> None:
    plan = created_plan()
    with pytest.raises(InvalidFields) as error:
        amend(signed_from(plan), "2026-03-01", plan, planVersion=2)
    assert blamed(error) == "planVersion"


def test_a_move_to_the_version_that_a_contract_is_on_changes_nothing() -> None:
    plan = created_plan()
    contract = signed_from(plan, overrides=[{"optionIdent": "base", "unitPrice": "8.99"}])
    amend(contract, "2026-03-01", plan, planVersion=1)
    assert len(contract.pending_events) == 1


def test_a_new_option_fits_the_contracts_calendar() -> None:
    plan = created_plan()
    contract = signed_from(plan)
    assert contract.terms.signed.alignment is Alignment.CALENDAR
    odd = GPS | {"billingInterval": {"count": 5, "unit": "MONTH"}}
    revise(plan, examples.base_fee(), odd, examples.base_fee(itemIdent="fits"))
    with pytest.raises(InvalidFields) as error:
        amend(contract, "2026-03-01", plan, planVersion=2)
    assert blamed(error) == "planVersion"
