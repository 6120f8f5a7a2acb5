"""Rules of signing, pausing, resuming and cancelling a contract."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from services.customer.application.contracts import agreed_in
from services.customer.commands.contracts import (
    AmendContract,
    CancelContract,
    PauseContract,
    SignContract,
    TerminateContract,
)
from services.customer.commands.customers import EditCustomer
from services.customer.contract import (
    AlreadyPaused,
    Contract,
    ContractIdentTaken,
    ContractIsBilled,
    ContractIsCancelled,
    ContractNotFound,
    NotPaused,
    OutsideContract,
)
from services.customer.customer import CustomerErased
from services.customer.plan import PlanNotFound
from services.errors import InvalidFields, StaleVersion
from services.messages import ContractCancelled, ContractSigned
from services.values import PriceModel, Renewal, Tier
from tests import examples
from tests.customer.contracts import (
    amend,
    blamed,
    created_plan,
    idents,
    item,
    pause,
    resume,
    revise,
    signed,
    signed_from,
    status,
    terminate,
    terminate_for_a_reason,
)
from tests.system import System


def refused_for(**changes: Any) -> str:
    with pytest.raises(InvalidFields) as error:
        signed(**changes)
    return blamed(error)


# -- from a plan, or with own items -------------------------------------------------------------


def test_a_contract_from_a_plan_has_its_options_currency_and_version() -> None:
    plan = created_plan()
    terms = signed_from(plan).terms
    assert terms.signed.items == plan.options
    assert terms.signed.currency == "EUR"
    assert terms.plan == plan.reference(1)


def test_a_contract_is_signed_on_the_newest_version_or_the_one_it_names() -> None:
    plan = created_plan()
    revise(plan, examples.base_fee(unitPrice="12.99"))
    assert item(signed_from(plan), "base", "2026-02-01").unit_price == Decimal("12.99")
    assert item(signed_from(plan, planVersion=1), "base", "2026-02-01").unit_price == Decimal("9.99")


def test_a_new_version_of_the_plan_never_touches_a_running_contract() -> None:
    plan = created_plan()
    contract = signed_from(plan)
    revise(plan, examples.base_fee(unitPrice="12.99"))
    assert item(contract, "base", "2027-01-01").unit_price == Decimal("9.99")


def test_overrides_replace_prices_and_quantities_of_the_plan() -> None:
    overrides = [
        {"optionIdent": "base", "unitPrice": "8.99", "quantity": "3"},
        {"optionIdent": "km", "unitPrice": "0.10"},
    ]
    contract = signed_from(created_plan(), overrides=overrides)
    base, km = item(contract, "base", "2026-02-01"), item(contract, "km", "2026-02-01")
    assert (base.unit_price, base.quantity) == (Decimal("8.99"), 3)
    assert km.pricing is not None
    assert (km.pricing.model, km.pricing.tiers) == (
        PriceModel.FLAT,
        (Tier(up_to=None, unit_price=Decimal("0.10")),),
    )


def test_a_price_that_overrides_usage_leaves_the_included_quantity() -> None:
    contract = signed_from(created_plan(), overrides=[{"optionIdent": "km", "unitPrice": "0.10"}])
    pricing = item(contract, "km", "2026-02-01").pricing
    assert pricing is not None
    assert pricing.included_quantity == 100


OVERRIDES = {
    "of no option": ({"optionIdent": "gps", "quantity": "2"}, "optionIdent"),
    "with the quantity of usage": ({"optionIdent": "km", "quantity": "2"}, "quantity"),
    "with tiers of a recurring option": (
        {"optionIdent": "base", "pricing": {"unitPrice": "1"}},
        "pricing",
    ),
    "with two prices": (
        {"optionIdent": "km", "unitPrice": "1", "pricing": {"unitPrice": "1"}},
        "unitPrice",
    ),
    "with tiers that go down": (
        {
            "optionIdent": "km",
            "pricing": {
                "model": "VOLUME",
                "tiers": [
                    {"upTo": "9", "unitPrice": "1"},
                    {"upTo": "8", "unitPrice": "1"},
                    {"unitPrice": "1"},
                ],
            },
        },
        "pricing.tiers[1].upTo",
    ),
}


@pytest.mark.parametrize("name", OVERRIDES)
def test_an_override_fits_its_option_so_there_is_none(name: str) -> None:
    override, field = OVERRIDES[name]
    with pytest.raises(InvalidFields) as error:
        signed_from(created_plan(), overrides=[{"optionIdent": "base", "quantity": "2"}, override])
    assert blamed(error) == f"overrides[1].{field}"


def test_items_of_ones_own_come_beside_those_of_the_plan() -> None:
    contract = signed_from(created_plan(), items=[examples.base_fee(itemIdent="gps")])
    assert idents(contract, "2026-02-01") == ["setup", "base", "km", "gps"]


def test_an_own_item_is_named_unlike_every_option() -> None:
    with pytest.raises(InvalidFields) as error:
        signed_from(created_plan(), items=[examples.base_fee(itemIdent="gps"), examples.base_fee()])
    assert blamed(error) == "items[1].itemIdent"


WAYS = {
    "own items without a currency": ({"currency": None}, "currency"),
    "neither a plan nor items": ({"items": []}, "items"),
    "overrides without a plan": ({"overrides": [{"optionIdent": "base", "quantity": "2"}]}, "overrides"),
    "a plan version without a plan": ({"planVersion": 1}, "planVersion"),
    "an unknown version": ({"planIdent": "fleet-basic", "planVersion": 2, "items": []}, "planVersion"),
    "another currency than the plan's": (
        {"planIdent": "fleet-basic", "currency": "USD", "items": []},
        "currency",
    ),
    "an own item twice": ({"items": [examples.base_fee(), examples.base_fee()]}, "items[1].itemIdent"),
}


@pytest.mark.parametrize("name", WAYS)
def test_a_contract_is_of_a_plan_or_of_its_own_so_it_never_has(system: System, name: str) -> None:
    changes, field = WAYS[name]
    system.create_customer(examples.beispiel_gmbh())
    system.create_plan(examples.plan())
    before = len(system.customer_events())
    with pytest.raises(InvalidFields) as error:
        system.sign_contract(examples.contract(**changes))
    assert blamed(error) == field
    assert len(system.customer_events()) == before


# -- terms and ends -----------------------------------------------------------------------------


def test_an_end_is_not_before_the_start() -> None:
    assert signed(endDate="2026-01-15").terms.last_day == date(2026, 1, 15)
    assert refused_for(endDate="2026-01-14") == "endDate"


def test_a_term_that_does_not_renew_ends_the_contract() -> None:
    contract = signed(minimumTerm={"count": 12, "unit": "MONTH"}, renewal="NONE")
    assert contract.terms.signed.ends_on == date(2027, 1, 14)
    assert (status(contract, "2027-01-14"), status(contract, "2027-01-15")) == ("ACTIVE", "EXPIRED")


def test_a_term_that_renews_leaves_the_contract_open() -> None:
    assert signed(minimumTerm={"count": 12, "unit": "MONTH"}).terms.last_day is None


def test_renewal_is_automatic_unless_there_is_an_end() -> None:
    assert signed().terms.signed.renewal is Renewal.AUTO_RENEW
    assert signed(endDate="2026-12-31").terms.signed.renewal is Renewal.NONE


def test_a_contract_with_an_end_does_not_renew() -> None:
    assert refused_for(endDate="2026-12-31", renewal="AUTO_RENEW") == "renewal"


def test_an_end_is_not_before_the_minimum_term_is_over() -> None:
    assert refused_for(endDate="2026-12-31", minimumTerm={"count": 1, "unit": "YEAR"}) == "endDate"


def test_terms_and_intervals_are_no_longer_than_a_century() -> None:
    with pytest.raises(ValidationError):
        signed(minimumTerm={"count": 101, "unit": "YEAR"})


# -- calendar alignment -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "unit", "fits"),
    [
        (1, "MONTH", True),
        (3, "MONTH", True),
        (12, "MONTH", True),
        (1, "YEAR", True),
        (5, "MONTH", False),
        (24, "MONTH", False),
        (2, "YEAR", False),
        (14, "DAY", False),
    ],
)
def test_calendar_alignment_needs_intervals_that_tile_the_year(count: int, unit: str, fits: bool) -> None:
    items = [examples.kilometres(billingInterval={"count": count, "unit": unit})]
    if fits:
        signed(items=items)
    else:
        assert refused_for(items=items) == "items[0].billingInterval"
    signed(items=items, alignment="ANNIVERSARY")


def test_a_plan_that_does_not_fit_the_calendar_needs_anniversary_alignment() -> None:
    every_two_weeks = examples.base_fee(billingInterval={"count": 14, "unit": "DAY"})
    plan = created_plan(options=[examples.option(every_two_weeks)])
    with pytest.raises(InvalidFields) as error:
        signed_from(plan)
    assert blamed(error) == "alignment"
    signed_from(plan, alignment="ANNIVERSARY")


# -- discounts ----------------------------------------------------------------------------------

TWO_FEES = [examples.base_fee(), examples.base_fee(itemIdent="gps"), examples.setup_fee()]


def test_a_discount_is_a_percent_of_all_recurring_items_or_of_one() -> None:
    everywhere = {"name": "Welcome", "percent": "10", "intervals": 3}
    on_one = {"name": "Fleet", "amount": "1.00", "itemIdent": "gps", "until": "2026-12-31"}
    terms = signed(items=TWO_FEES, discounts=[everywhere, on_one]).terms
    assert [(d.percent, d.amount, d.item_ident, d.intervals, d.until) for d in terms.signed.discounts] == [
        (10, None, None, 3, None),
        (None, 1, "gps", None, date(2026, 12, 31)),
    ]


DISCOUNTS = {
    "an amount on no certain item": ({"amount": "1"}, "discounts[0].itemIdent"),
    "a percent on a one-time item": ({"percent": "1", "itemIdent": "setup"}, "discounts[0].itemIdent"),
    "a percent on no item": ({"percent": "1", "itemIdent": "nothing"}, "discounts[0].itemIdent"),
}


@pytest.mark.parametrize("name", DISCOUNTS)
def test_a_discount_is_on_recurring_items_so_it_is_never(name: str) -> None:
    discount, field = DISCOUNTS[name]
    assert refused_for(items=TWO_FEES, discounts=[{"name": "Welcome"} | discount]) == field


def test_an_amount_needs_no_item_where_there_is_but_one() -> None:
    signed(discounts=[{"name": "Welcome", "amount": "1"}])


def test_a_discount_needs_a_recurring_item() -> None:
    assert refused_for(items=[examples.setup_fee()], discounts=[{"name": "Welcome", "percent": "1"}]) == (
        "discounts[0]"
    )


@pytest.mark.parametrize(
    "discount",
    [
        {},
        {"percent": "1", "amount": "1"},
        {"percent": "101"},
        {"percent": "0"},
        {"amount": "0"},
        {"percent": "1", "intervals": 1, "until": "2026-12-31"},
        {"percent": "1", "intervals": 0},
    ],
)
def test_a_discount_is_one_amount_for_one_time(discount: examples.Row) -> None:
    with pytest.raises(ValidationError):
        signed(discounts=[{"name": "Welcome"} | discount])


# -- pause and resume ---------------------------------------------------------------------------


def test_a_contract_is_paused_from_the_first_inactive_to_the_first_active_day() -> None:
    contract = signed()
    pause(contract, "2026-04-01")
    resume(contract, "2026-05-01")
    days = ("2026-01-14", "2026-03-31", "2026-04-01", "2026-04-30", "2026-05-01")
    assert [status(contract, day) for day in days] == ["PENDING", "ACTIVE", "PAUSED", "PAUSED", "ACTIVE"]


def test_a_pause_is_taken_back_from_its_first_day() -> None:
    contract = signed()
    pause(contract, "2026-04-01")
    resume(contract, "2026-04-01")
    assert contract.terms.pauses == ()
    assert status(contract, "2026-04-01") == "ACTIVE"


def test_a_pause_that_is_recorded_late_lasts_until_the_resumption_that_is_known() -> None:
    contract = signed()
    pause(contract, "2026-04-01")
    resume(contract, "2026-05-01")
    pause(contract, "2026-02-01")
    assert [status(contract, day) for day in ("2026-02-01", "2026-04-30", "2026-05-01")] == [
        "PAUSED",
        "PAUSED",
        "ACTIVE",
    ]
    resume(contract, "2026-03-01")
    assert [status(contract, day) for day in ("2026-03-01", "2026-04-01", "2026-05-01")] == [
        "ACTIVE",
        "PAUSED",
        "ACTIVE",
    ]


def test_a_pause_can_be_shortened_and_prolonged() -> None:
    contract = signed()
    pause(contract, "2026-04-01")
    resume(contract, "2026-05-01")
    resume(contract, "2026-04-16")
    assert status(contract, "2026-04-16") == "ACTIVE"
    pause(contract, "2026-05-01")
    assert status(contract, "2026-06-01") == "PAUSED"


def test_a_paused_contract_cannot_be_paused() -> None:
    contract = signed()
    pause(contract, "2026-04-01")
    with pytest.raises(AlreadyPaused):
        pause(contract, "2026-04-02")


def test_an_active_contract_cannot_be_resumed() -> None:
    contract = signed()
    pause(contract, "2026-04-01")
    with pytest.raises(NotPaused):
        resume(contract, "2026-03-31")


def test_a_change_takes_effect_on_a_day_of_the_contract() -> None:
    contract = signed(endDate="2026-12-31")
    for day in ("2026-01-14", "2027-01-01"):
        for change in (
            pause,
            resume,
            lambda c, d: amend(c, d, changes=[{"itemIdent": "base", "quantity": "2"}]),
        ):
            with pytest.raises(OutsideContract):
                change(contract, day)
    pause(contract, "2026-01-15")
    resume(contract, "2026-12-31")


def test_what_is_terminated_is_changed_on_its_days_only() -> None:
    contract = signed()
    terminate(contract, "2026-06-30")
    pause(contract, "2026-06-30")
    with pytest.raises(OutsideContract):
        resume(contract, "2026-07-01")


# -- cancellation -------------------------------------------------------------------------------


def cancel(contract: Contract, billed: bool = False) -> None:
    contract.cancel("mistake", lambda _: billed, examples.NOW)


def test_a_cancelled_contract_is_as_if_it_had_never_been() -> None:
    contract = signed()
    cancel(contract)
    assert {status(contract, day) for day in ("2026-01-01", "2026-02-01", "2036-01-01")} == {"CANCELLED"}
    assert contract.terms.active_spans() == []
    assert contract.terms.phases() == {}


def test_a_contract_of_which_something_was_billed_cannot_be_cancelled() -> None:
    contract = signed()
    with pytest.raises(ContractIsBilled):
        cancel(contract, billed=True)
    assert not contract.terms.cancelled


def test_a_cancelled_contract_refuses_everything() -> None:
    contract = signed()
    cancel(contract)
    for change in (
        lambda: pause(contract, "2026-04-01"),
        lambda: resume(contract, "2026-04-01"),
        lambda: amend(contract, "2026-04-01", changes=[{"itemIdent": "base", "quantity": "2"}]),
        lambda: terminate(contract, "2026-04-01"),
        lambda: terminate_for_a_reason(contract, "2026-04-01"),
        lambda: cancel(contract),
    ):
        with pytest.raises(ContractIsCancelled):
            change()


# -- on the real log ----------------------------------------------------------------------------


@pytest.fixture
def fleet(system: System) -> System:
    """A system in which customer D-4711, plan fleet-basic and contract C-1 exist."""
    system.create_customer(examples.beispiel_gmbh())
    system.create_plan(examples.plan())
    system.sign_contract(examples.plan_contract())
    return system


def contract_id(system: System) -> UUID:
    found = system.customer.owner_of("contract", "C-1")
    assert found is not None
    return found


def test_a_contract_is_signed_as_in_the_examples(fleet: System) -> None:
    event = fleet.customer_events()[-1]
    assert isinstance(event.body, ContractSigned)
    assert (event.body.contract_ident, event.body.starts_on, event.body.ends_on) == (
        "C-1",
        date(2026, 1, 15),
        None,
    )
    assert [i.item_ident for i in event.body.items] == ["setup", "base", "km"]


def test_a_contract_ident_belongs_to_one_contract_only(fleet: System) -> None:
    with pytest.raises(ContractIdentTaken):
        fleet.sign_contract(examples.contract())


def test_the_plan_of_a_contract_exists(fleet: System) -> None:
    with pytest.raises(PlanNotFound):
        fleet.sign_contract(examples.plan_contract(contractIdent="C-2", planIdent="fleet-plus"))


def test_a_contract_is_amended_paused_and_terminated_by_its_id(fleet: System) -> None:
    known = contract_id(fleet)
    amended = fleet.customer.amend_contract(
        known,
        AmendContract.model_validate(
            {"effectiveDate": "2026-03-01", "changes": [{"optionIdent": "base", "unitPrice": "11.99"}]}
        ),
        examples.asked(),
        1,
    )
    paused = fleet.customer.pause_contract(
        known, PauseContract.model_validate({"from": "2026-04-01"}), examples.asked()
    )
    terminated = fleet.customer.terminate_contract(
        known, TerminateContract.model_validate({"noticeDate": "2026-05-02"}), examples.asked()
    )
    assert amended == {"contractId": str(known), "version": 2, "position": 4}
    assert (paused["version"], terminated["version"]) == (3, 4)
    assert terminated["terminationDate"] == "2027-01-14"


def test_notice_is_given_today_if_no_date_is_sent(fleet: System) -> None:
    fleet.sign_contract(examples.contract(contractIdent="C-2", noticePeriod={"count": 14, "unit": "DAY"}))
    known = fleet.customer.owner_of("contract", "C-2")
    assert known is not None
    answer = fleet.customer.terminate_contract(
        known, TerminateContract.model_validate({"kind": "ORDINARY"}), examples.asked()
    )
    assert answer["terminationDate"] == (examples.NOW.date() + timedelta(days=14)).isoformat()


def test_a_change_of_an_older_version_is_refused(fleet: System) -> None:
    body = PauseContract.model_validate({"from": "2026-04-01"})
    with pytest.raises(StaleVersion):
        fleet.customer.pause_contract(contract_id(fleet), body, examples.asked(), 2)


def test_only_a_contract_that_is_there_is_changed(fleet: System) -> None:
    body = PauseContract.model_validate({"from": "2026-04-01"})
    for unknown in (uuid4(), UUID(str(fleet.customer_events()[0].subject))):
        with pytest.raises(ContractNotFound):
            fleet.customer.pause_contract(unknown, body, examples.asked())


def test_a_contract_is_cancelled_until_billing_has_billed_it(fleet: System) -> None:
    fleet.define_seller()
    fleet.sign_contract(examples.contract(contractIdent="C-2"))
    fleet.bill("2026-01-31")
    fleet.sign_contract(examples.contract(contractIdent="C-3"))
    body = CancelContract(reason="mistake")
    for ident in ("C-1", "C-2"):
        billed = fleet.customer.owner_of("contract", ident)
        assert billed is not None
        with pytest.raises(ContractIsBilled):
            fleet.customer.cancel_contract(billed, body, examples.asked())
    unbilled = fleet.customer.owner_of("contract", "C-3")
    assert unbilled is not None
    fleet.customer.cancel_contract(unbilled, body, examples.asked())
    assert isinstance(fleet.customer_events()[-1].body, ContractCancelled)


def test_two_pauses_at_once_are_one(fleet: System) -> None:
    known, body = contract_id(fleet), PauseContract.model_validate({"from": "2026-04-01"})

    def try_to(_: int) -> str:
        try:
            fleet.customer.pause_contract(known, body, examples.asked())
        except AlreadyPaused:
            return "refused"
        return "paused"

    with ThreadPoolExecutor(8) as threads:
        answers = sorted(threads.map(try_to, range(8)))
    assert answers == ["paused"] + ["refused"] * 7


def test_nothing_is_signed_or_changed_for_an_erased_customer(system: System) -> None:
    created = system.create_customer(examples.beispiel_gmbh())
    system.sign_contract(examples.contract(endDate="2026-01-31"))
    system.define_seller()
    system.bill("2026-02-28")
    system.customer.erase_customer(UUID(created["customerId"]), examples.asked())
    with pytest.raises(CustomerErased):
        system.sign_contract(examples.contract(contractIdent="C-2"))
    with pytest.raises(CustomerErased):
        system.customer.pause_contract(
            contract_id(system), PauseContract.model_validate({"from": "2026-01-20"}), examples.asked()
        )
    with pytest.raises(CustomerErased):
        system.record_order(examples.order())


def test_a_customer_that_changes_while_a_contract_is_signed_is_looked_at_again(system: System) -> None:
    """Signing relies on the customer: were its addresses gone or its data erased meanwhile, it would be refused."""
    created = system.create_customer(examples.beispiel_gmbh())
    customer_id = UUID(created["customerId"])
    edited = []

    def ids() -> UUID:
        if not edited:
            edited.append(True)
            system.customer.edit_customer(customer_id, EditCustomer(language="en"), examples.asked())
        return uuid4()

    system.customer._new_id = ids
    answer = system.sign_contract(examples.contract())
    assert (answer["version"], answer["position"]) == (1, 3)


def test_defaults_of_a_body_are_those_of_the_rules() -> None:
    body = SignContract.model_validate(
        {
            "debtorIdent": "D-4711",
            "contractIdent": "C-9",
            "currency": "EUR",
            "startDate": "2026-01-31",
            "items": [examples.base_fee()],
        }
    )
    agreed = agreed_in(body, uuid4(), uuid4(), None)
    assert (agreed.signed_on, agreed.alignment.value, agreed.renewal.value) == (
        date(2026, 1, 31),
        "ANNIVERSARY",
        "AUTO_RENEW",
    )
