"""Rules of a plan, on the aggregate and through the application."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from services.customer.application.deciding import PLAN
from services.customer.commands.plans import CreatePlan, RevisePlan
from services.customer.plan import PlanCurrencyFixed, PlanIdentTaken, PlanNotFound
from services.errors import InvalidFields, StaleVersion
from services.messages import PlanCreated, PlanRevised
from services.values import BillingTiming, PriceModel, Tier
from tests import examples
from tests.customer.contracts import blamed, created_plan, revise
from tests.system import System


def refused_option(**changes: Any) -> str:
    """The field that an option is refused for."""
    with pytest.raises(InvalidFields) as error:
        created_plan(options=[examples.option(examples.setup_fee()), examples.option(changes)])
    return blamed(error)


def test_a_plan_is_created_in_version_1_with_options_of_every_kind() -> None:
    plan = created_plan()
    assert plan.plan_version == 1
    assert [(o.item_ident, o.kind.value) for o in plan.options] == [
        ("setup", "ONE_TIME"),
        ("base", "RECURRING"),
        ("km", "USAGE"),
    ]


def test_a_new_version_is_the_whole_plan_and_leaves_the_ones_before_as_they_are() -> None:
    plan = created_plan()
    revise(plan, examples.base_fee(unitPrice="12.99"))
    assert [o.item_ident for o in plan.options_of(1)] == ["setup", "base", "km"]
    assert [(o.item_ident, o.unit_price) for o in plan.options_of(2)] == [("base", Decimal("12.99"))]


def test_a_version_that_changes_nothing_is_none() -> None:
    plan = created_plan()
    revise(plan, examples.setup_fee(), examples.base_fee(), examples.kilometres())
    assert plan.plan_version == 1
    assert len(plan.pending_events) == 1


def test_the_currency_of_a_plan_never_changes() -> None:
    with pytest.raises(PlanCurrencyFixed):
        revise(created_plan(), examples.base_fee(), currency="USD")


def test_an_option_ident_is_used_once_in_a_plan() -> None:
    assert refused_option(**examples.setup_fee()) == "options[1].optionIdent"


def test_a_plain_unit_price_of_usage_is_a_flat_price() -> None:
    usage = examples.kilometres(unitPrice="0.25", pricing=None)
    pricing = created_plan(options=[examples.option(usage)]).options[0].pricing
    assert pricing is not None
    assert (pricing.model, pricing.tiers, pricing.included_quantity) == (
        PriceModel.FLAT,
        (Tier(up_to=None, unit_price=Decimal("0.25")),),
        0,
    )


def test_a_flat_pricing_takes_a_unit_price_or_one_tier() -> None:
    by_price = examples.kilometres(pricing={"model": "FLAT", "includedQuantity": "10", "unitPrice": "0.25"})
    by_tier = examples.kilometres(
        pricing={"model": "FLAT", "includedQuantity": "10", "tiers": [{"unitPrice": "0.25"}]}
    )
    one, other = (created_plan(options=[examples.option(usage)]).options[0] for usage in (by_price, by_tier))
    assert one == other


def test_usage_is_billed_in_arrears() -> None:
    plan = created_plan()
    assert plan.options[2].billing_timing is BillingTiming.INTERVAL_END
    assert refused_option(**examples.kilometres(billingTiming="INTERVAL_START")) == "options[1].billingTiming"


TIERS = {
    "tiers that go down": ([("100", "1"), ("50", "1"), (None, "1")], "tiers[1].upTo"),
    "two tiers with one end": ([("100", "1"), ("100", "1"), (None, "1")], "tiers[1].upTo"),
    "a last tier with an end": ([("100", "1")], "tiers[0].upTo"),
    "an end only in the middle": ([(None, "1"), ("100", "1"), (None, "1")], "tiers"),
}


@pytest.mark.parametrize("name", TIERS)
def test_tiers_go_up_and_the_last_is_open_so_there_are_never(name: str) -> None:
    tiers, field = TIERS[name]
    pricing = {"model": "VOLUME", "tiers": [{"upTo": up_to, "unitPrice": price} for up_to, price in tiers]}
    assert refused_option(**examples.kilometres(pricing=pricing)) == f"options[1].pricing.{field}"


OPTIONS = {
    "flat pricing in two tiers": (
        examples.kilometres(
            pricing={"model": "FLAT", "tiers": [{"upTo": "1", "unitPrice": "1"}, {"unitPrice": "2"}]}
        ),
        "options[1].pricing.tiers",
    ),
    "usage without a price": (examples.kilometres(pricing=None), "options[1].pricing"),
    "usage with two prices": (examples.kilometres(unitPrice="1"), "options[1].unitPrice"),
    "usage with a quantity": (examples.kilometres(quantity="3"), "options[1].quantity"),
    "usage without an interval": (examples.kilometres(billingInterval=None), "options[1].billingInterval"),
    "a recurring option without a price": (examples.base_fee(unitPrice=None), "options[1].unitPrice"),
    "a recurring option without an interval": (
        examples.base_fee(billingInterval=None),
        "options[1].billingInterval",
    ),
    "a recurring option with tiers": (
        examples.base_fee(unitPrice=None, pricing=examples.kilometres()["pricing"]),
        "options[1].pricing",
    ),
    "a one-time option without a price": (
        examples.setup_fee(itemIdent="gift", unitPrice=None),
        "options[1].unitPrice",
    ),
    "a one-time option with an interval": (
        examples.setup_fee(itemIdent="gift", billingInterval={"count": 1, "unit": "MONTH"}),
        "options[1].billingInterval",
    ),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_fits_its_kind_so_there_is_never(name: str) -> None:
    option, field = OPTIONS[name]
    assert refused_option(**option) == field


def test_a_pricing_needs_one_price_or_tiers() -> None:
    for pricing in ({"model": "FLAT"}, {"unitPrice": "1", "tiers": [{"unitPrice": "1"}]}):
        with pytest.raises(ValidationError, match="either unitPrice or tiers"):
            CreatePlan.model_validate(
                examples.plan(options=[examples.option(examples.kilometres(pricing=pricing))])
            )


# -- on the real log ----------------------------------------------------------------------------


def revised(system: System, expected: int | None = None, **changes: Any) -> dict[str, Any]:
    body = RevisePlan.model_validate(examples.plan(**changes))
    return system.customer.revise_plan("fleet-basic", body, examples.asked(), expected)


def test_a_plan_is_created_and_revised(system: System) -> None:
    created = system.create_plan(examples.plan())
    answer = revised(system, name="Fleet Basic 2027")
    assert created == {
        "planId": str(system.customer.owner_of(PLAN, "fleet-basic")),
        "planIdent": "fleet-basic",
        "planVersion": 1,
        "version": 1,
        "position": 1,
    }
    assert answer == created | {"planVersion": 2, "version": 2, "position": 2}
    bodies = [event.body for event in system.customer_events()]
    assert [type(body) for body in bodies] == [PlanCreated, PlanRevised]


def test_a_plan_ident_belongs_to_one_plan_only(system: System) -> None:
    def create(_: int) -> str:
        try:
            return system.create_plan(examples.plan())["planIdent"]
        except PlanIdentTaken:
            return "taken"

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(create, range(16)))
    assert sorted(answers) == ["fleet-basic"] + ["taken"] * 15
    assert len(system.customer_events()) == 1


def test_only_a_plan_that_is_there_is_revised(system: System) -> None:
    with pytest.raises(PlanNotFound):
        revised(system)


def test_a_revision_names_the_plan_of_its_path_or_none(system: System) -> None:
    system.create_plan(examples.plan())
    with pytest.raises(InvalidFields) as error:
        revised(system, planIdent="fleet-plus")
    assert blamed(error) == "planIdent"


def test_a_revision_of_an_older_version_is_refused(system: System) -> None:
    system.create_plan(examples.plan())
    revised(system, expected=1, name="Fleet Basic 2027")
    with pytest.raises(StaleVersion):
        revised(system, expected=1, name="Fleet Basic 2028")
