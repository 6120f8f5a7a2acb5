"""Contracts: terms, status as of a day, how far they are billed."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from infra.postgres.pool import Pool
from projections.views import Views
from services.errors import Unavailable
from services.values import Duration, IntervalUnit, ItemChange, PlanReference
from tests.projections.logs import Logs, february, january, kilometres, monthly, setup
from tests.projections.reading import follow


def test_a_signed_contract_shows_its_terms(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created("D-4711")
    term = Duration(count=12, unit=IntervalUnit.MONTH)
    contract_id = logs.contract_signed(
        customer_id, payment_term_days=14, purchase_order="PO-9", minimum_term=term
    )
    follow(pool, logs)
    contract = views.contract(contract_id)
    assert contract is not None
    items = contract.pop("items")
    assert contract == {
        "contractId": str(contract_id),
        "contractIdent": "C-1",
        "customerId": str(customer_id),
        "debtorIdent": "D-4711",
        "planIdent": None,
        "planVersion": None,
        "currency": "EUR",
        "date": "2026-01-10",
        "startDate": "2026-01-15",
        "endDate": None,
        "lastDay": None,
        "billingStartDate": None,
        "alignment": "CALENDAR",
        "minimumTerm": {"count": 12, "unit": "MONTH"},
        "noticePeriod": None,
        "renewal": "AUTO_RENEW",
        "discounts": [],
        "paymentTermDays": 14,
        "purchaseOrder": "PO-9",
        "invoiceAddressId": None,
        "shippingAddressId": None,
        "billingEntity": None,
        "status": "ACTIVE",
        "pauses": [],
        "termination": None,
        "billedThrough": None,
        "nextBilling": "2026-01-15",
        "amendments": [],
        "usage": [],
        "version": 1,
        "createdAt": "2026-01-01T08:02:00Z",
    }
    assert items[0] == {
        "itemIdent": "base",
        "name": "Base fee",
        "kind": "RECURRING",
        "unitPrice": "9.99",
        "quantity": "1",
        "unit": "MON",
        "pricing": None,
        "taxCategory": "STANDARD",
        "itemCategory": "SERVICE",
        "billingInterval": {"count": 1, "unit": "MONTH"},
        "billingTiming": "INTERVAL_START",
        "billedThrough": None,
    }


@pytest.mark.parametrize(
    ("today", "status"),
    [
        (date(2026, 1, 14), "PENDING"),
        (date(2026, 1, 15), "ACTIVE"),
        (date(2026, 2, 28), "ACTIVE"),
        (date(2026, 3, 1), "EXPIRED"),
    ],
)
def test_status_is_as_of_today(pool: Pool, logs: Logs, today: date, status: str) -> None:
    contract_id = logs.contract_signed(logs.customer_created(), ends_on=date(2026, 2, 28))
    follow(pool, logs)
    contract = Views(pool, logs.vault, today=lambda: today).contract(contract_id)
    assert contract is not None
    assert contract["status"] == status


def test_a_contract_is_billed_through_the_last_day_of_its_newest_interval(
    pool: Pool, logs: Logs, views: Views
) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id)
    run = logs.run_requested()
    logs.document_issued(
        customer_id, run, ("CONTRACT", contract_id, february()), ("CONTRACT", contract_id, january())
    )
    logs.document_issued(
        customer_id, run, ("CONTRACT", contract_id, None), ("ORDER", contract_id, february())
    )
    follow(pool, logs)
    contract = views.contract(contract_id)
    assert contract is not None
    assert contract["billedThrough"] == "2026-02-28"
    assert [item["billedThrough"] for item in contract["items"]] == ["2026-02-28", "2026-01-15"]
    assert contract["nextBilling"] == "2026-03-01"


def test_a_contract_is_billed_as_far_as_all_its_recurring_items_are(
    pool: Pool, logs: Logs, views: Views
) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id, items=(monthly("base"), monthly("extra"), setup()))
    logs.document_issued(customer_id, logs.run_requested(), ("CONTRACT", contract_id, january()))
    follow(pool, logs)
    contract = views.contract(contract_id)
    assert contract is not None
    assert contract["billedThrough"] is None
    assert contract["items"][0]["billedThrough"] == "2026-01-31"


def test_what_a_credit_note_lets_be_billed_again_is_not_billed(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id, items=(monthly("base"),))
    run = logs.run_requested()
    first, second = (
        logs.document_issued(customer_id, run, ("CONTRACT", contract_id, period))
        for period in (january(), february())
    )
    logs.taken_back(first, bill_again=False)
    logs.taken_back(second)
    follow(pool, logs)
    contract = views.contract(contract_id)
    assert contract is not None
    assert (contract["billedThrough"], contract["nextBilling"]) == ("2026-01-31", "2026-02-01")


def test_a_contract_of_which_nothing_billed_stands_is_not_billed(
    pool: Pool, logs: Logs, views: Views
) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id, items=(monthly("base"),))
    document_id = logs.document_issued(
        customer_id, logs.run_requested(), ("CONTRACT", contract_id, january())
    )
    logs.taken_back(document_id)
    follow(pool, logs)
    contract = views.contract(contract_id)
    assert contract is not None
    assert (contract["billedThrough"], views.anything_billed_of(contract_id)) == (None, False)


def test_usage_that_a_credit_note_lets_be_billed_again_is_due(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id, items=(kilometres(),))
    logs.usage_recorded(contract_id, customer_id, ("2026-02-10T08:00:00Z", "12"))
    document_id = logs.usage_billed(customer_id, logs.run_requested(), contract_id, february())
    logs.taken_back(document_id)
    follow(pool, logs)
    contract = views.contract(contract_id)
    assert contract is not None
    assert contract["nextBilling"] == "2026-02-28"
    logs.usage_billed(customer_id, logs.run_requested(), contract_id, february())
    follow(pool, logs)
    contract = views.contract(contract_id)
    assert contract is not None
    assert contract["nextBilling"] is None


# -- what was done to it -----------------------------------------------------------------------------


def test_an_amended_contract_shows_its_items_at_the_terms_of_the_day(
    pool: Pool, logs: Logs, views: Views
) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id)
    price = ItemChange(item_ident="base", unit_price=Decimal("11.99"), quantity=Decimal(2))
    logs.contract_amended(
        contract_id, customer_id, date(2026, 3, 1), price, added=(kilometres(),), removed=("setup",)
    )
    follow(pool, logs)
    before, after = views.contract(contract_id, date(2026, 2, 28)), views.contract(contract_id)
    assert before is not None
    assert after is not None
    assert [(i["itemIdent"], i["unitPrice"]) for i in before["items"]] == [
        ("base", "9.99"),
        ("setup", "49.00"),
    ]
    assert [(i["itemIdent"], i["unitPrice"]) for i in after["items"]] == [("base", "11.99"), ("km", None)]
    assert after["items"][0]["quantity"] == "2"
    assert after["version"] == 2
    [amendment] = after["amendments"]
    assert amendment["effectiveDate"] == "2026-03-01"
    assert amendment["changes"] == [{"itemIdent": "base", "unitPrice": "11.99", "quantity": "2"}]
    assert ([i["itemIdent"] for i in amendment["added"]], amendment["removed"]) == (["km"], ["setup"])


def test_a_contract_that_is_moved_says_which_version_of_its_plan_it_is_on(
    pool: Pool, logs: Logs, views: Views
) -> None:
    customer_id, plan_id = logs.customer_created(), logs.plan_created("fleet-basic")
    plans = [PlanReference(plan_id=plan_id, plan_ident="fleet-basic", plan_version=n) for n in (1, 2)]
    contract_id = logs.contract_signed(customer_id, plan=plans[0])
    logs.contract_amended(contract_id, customer_id, date(2026, 3, 1), plan=plans[1])
    follow(pool, logs)
    contract = views.contract(contract_id)
    assert contract is not None
    assert (contract["planIdent"], contract["planVersion"]) == ("fleet-basic", 2)


@pytest.mark.parametrize(
    ("day", "status"),
    [
        (date(2026, 3, 31), "ACTIVE"),
        (date(2026, 4, 1), "PAUSED"),
        (date(2026, 4, 30), "PAUSED"),
        (date(2026, 5, 1), "ACTIVE"),
        (date(2026, 6, 30), "ACTIVE"),
        (date(2026, 7, 1), "TERMINATED"),
    ],
)
def test_pauses_and_a_termination_show_in_the_status_of_a_day(
    pool: Pool, logs: Logs, views: Views, day: date, status: str
) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id, ends_on=date(2027, 1, 14))
    logs.contract_paused(contract_id, customer_id, date(2026, 4, 1))
    logs.contract_resumed(contract_id, customer_id, date(2026, 5, 1))
    logs.contract_terminated(contract_id, customer_id, date(2026, 6, 30))
    follow(pool, logs)
    contract = views.contract(contract_id, day)
    assert contract is not None
    assert contract["status"] == status
    assert contract["pauses"] == [{"from": "2026-04-01", "to": "2026-04-30"}]
    assert contract["termination"] == {
        "kind": "ORDINARY",
        "noticeDate": "2026-02-01",
        "terminationDate": "2026-06-30",
        "reason": None,
    }
    assert (contract["endDate"], contract["lastDay"]) == ("2027-01-14", "2026-06-30")


def test_a_pause_that_was_taken_back_is_none(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id)
    logs.contract_paused(contract_id, customer_id, date(2026, 2, 1))
    logs.contract_resumed(contract_id, customer_id, date(2026, 2, 1))
    follow(pool, logs)
    contract = views.contract(contract_id)
    assert contract is not None
    assert (contract["status"], contract["pauses"]) == ("ACTIVE", [])


def test_a_cancelled_contract_has_nothing_to_bill(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id)
    logs.contract_cancelled(contract_id, customer_id, "never wanted")
    follow(pool, logs)
    contract = views.contract(contract_id)
    assert contract is not None
    assert (contract["status"], contract["nextBilling"]) == ("CANCELLED", None)
    assert views.left_to_bill(customer_id) == []


# -- usage -------------------------------------------------------------------------------------------


def test_usage_adds_up_by_item_and_month(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id, items=(kilometres(),))
    logs.usage_recorded(
        contract_id, customer_id, ("2026-01-31T23:59:59Z", "1.5"), ("2026-02-03T08:00Z", "250.5")
    )
    logs.usage_recorded(contract_id, customer_id, ("2026-02-28T08:00:00+01:00", "49.5"))
    follow(pool, logs)
    contract = views.contract(contract_id)
    assert contract is not None
    assert contract["usage"] == [
        {"month": "2026-02", "itemIdent": "km", "quantity": "300.0", "events": 2},
        {"month": "2026-01", "itemIdent": "km", "quantity": "1.5", "events": 1},
    ]


def test_a_contract_shows_the_usage_of_thirteen_months(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id, items=(kilometres(),))
    for year in (2024, 2025):
        for month in range(1, 13):
            logs.usage_recorded(contract_id, customer_id, (f"{year}-{month:02}-05T08:00:00Z", "1"))
    follow(pool, logs)
    contract = views.contract(contract_id)
    assert contract is not None
    assert [used["month"] for used in contract["usage"]][::12] == ["2025-12", "2024-12"]


def test_usage_that_is_not_billed_is_to_be_billed_when_its_interval_ends(
    pool: Pool, logs: Logs, views: Views
) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id, items=(kilometres(),))
    follow(pool, logs)
    assert _next_billing(views, contract_id) is None
    logs.usage_recorded(
        contract_id, customer_id, ("2026-02-03T08:00:00Z", "250"), ("2026-01-20T08:00:00Z", "9")
    )
    follow(pool, logs)
    assert _next_billing(views, contract_id) == "2026-01-31"
    logs.usage_billed(customer_id, logs.new_id(), contract_id, january())
    follow(pool, logs)
    assert _next_billing(views, contract_id) == "2026-02-28"
    logs.usage_billed(customer_id, logs.new_id(), contract_id, february())
    follow(pool, logs)
    assert _next_billing(views, contract_id) is None
    logs.usage_recorded(contract_id, customer_id, ("2026-01-20T08:01:00Z", "1"))
    follow(pool, logs)
    assert _next_billing(views, contract_id) == "2026-01-31", "late usage is to be billed as well"


def _next_billing(views: Views, contract_id: UUID) -> str | None:
    contract = views.contract(contract_id)
    assert contract is not None
    return contract["nextBilling"]


# -- what is left to bill ----------------------------------------------------------------------------


def test_one_time_items_count_as_billed_too(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id, items=(setup(),))
    follow(pool, logs)
    assert not views.anything_billed_of(contract_id)
    assert views.left_to_bill(customer_id) == ["C-1"]
    logs.document_issued(customer_id, logs.run_requested(), ("CONTRACT", contract_id, None))
    follow(pool, logs)
    assert views.anything_billed_of(contract_id)
    assert views.left_to_bill(customer_id) == []


@pytest.mark.parametrize(("terminates_on", "left"), [(date(2026, 2, 28), []), (date(2026, 3, 1), ["C-1"])])
def test_a_contract_is_left_to_bill_until_its_last_interval_is_billed(
    pool: Pool, logs: Logs, views: Views, terminates_on: date, left: list[str]
) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id, items=(monthly("base"),))
    logs.contract_terminated(contract_id, customer_id, terminates_on)
    run = logs.run_requested()
    logs.document_issued(
        customer_id, run, ("CONTRACT", contract_id, january()), ("CONTRACT", contract_id, february())
    )
    follow(pool, logs)
    assert views.left_to_bill(customer_id) == left


@pytest.mark.parametrize(("last_day", "left"), [(date(2026, 2, 28), []), (date(2026, 3, 1), ["C-1"])])
def test_what_is_measured_is_left_to_bill_until_the_contract_has_ended(
    pool: Pool, logs: Logs, views: Views, last_day: date, left: list[str]
) -> None:
    customer_id = logs.customer_created()
    logs.contract_signed(customer_id, items=(kilometres(),), ends_on=last_day)
    follow(pool, logs)
    assert views.left_to_bill(customer_id) == left


def test_nobody_is_told_what_is_billed_while_the_views_are_behind(logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    with pytest.raises(Unavailable):
        views.left_to_bill(customer_id)


# -- lists -------------------------------------------------------------------------------------------


def test_contracts_are_listed_newest_first_by_customer_or_ident(pool: Pool, logs: Logs, views: Views) -> None:
    one, other = logs.customer_created("D-1"), logs.customer_created("D-2")
    for n in range(5):
        logs.contract_signed(one if n % 2 else other, f"C-{n}")
    follow(pool, logs)
    first = views.contracts(limit=3)
    second = views.contracts(limit=3, cursor=first["cursor"])
    assert [c["contractIdent"] for c in first["items"] + second["items"]] == [
        "C-4",
        "C-3",
        "C-2",
        "C-1",
        "C-0",
    ]
    assert (first["total"], second["total"], second["cursor"]) == (5, 5, None)
    assert [c["contractIdent"] for c in views.contracts(customer_id=one)["items"]] == ["C-3", "C-1"]
    assert [c["debtorIdent"] for c in views.contracts(contract_ident="C-2")["items"]] == ["D-2"]
