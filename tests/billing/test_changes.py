"""Whatever happens to customers, contracts and orders between runs: billed right, once, and borne out by the logs."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from infra.audit import replay_billing
from services.customer.commands.billing_stops import StopBilling
from services.customer.commands.contracts import (
    AmendContract,
    CancelContract,
    PauseContract,
    ResumeContract,
    TerminateContract,
)
from services.customer.commands.customers import AddressBody
from services.customer.commands.orders import CancelOrder
from services.customer.commands.payment_accounts import AddPaymentAccount
from services.customer.commands.usage import RecordUsage
from services.messages import DocumentIssued
from tests import examples
from tests.system import Run, System

Line = tuple[str, str, str]
"""First and last day, and net."""


@pytest.fixture
def seller(system: System) -> Iterator[System]:
    """A seller and its customer D-4711; in the end, billing's tables are what the logs say."""
    system.define_seller()
    system.customer_id = UUID(system.create_customer(examples.beispiel_gmbh())["customerId"])
    yield system
    system.work()
    assert replay_billing(system.database.owner_url, system.customer_feed, system.billing_feed) == []


def sign(seller: System, *items: examples.Row, **changes: Any) -> UUID:
    """A contract on the calendar, from 1 January 2026."""
    given = {"startDate": "2026-01-01", "items": list(items or [examples.base_fee()])} | changes
    return UUID(seller.sign_contract(examples.contract(**given))["contractId"])


def amend(seller: System, contract_id: UUID, effective: str, **body: Any) -> None:
    command = AmendContract.model_validate({"effectiveDate": effective} | body)
    seller.customer.amend_contract(contract_id, command, examples.asked())


def reprice(seller: System, contract_id: UUID, effective: str, price: str) -> None:
    amend(seller, contract_id, effective, changes=[{"itemIdent": "base", "unitPrice": price}])


def pause(seller: System, contract_id: UUID, on: str) -> None:
    seller.customer.pause_contract(contract_id, PauseContract.model_validate({"from": on}), examples.asked())


def resume(seller: System, contract_id: UUID, on: str) -> None:
    seller.customer.resume_contract(
        contract_id, ResumeContract.model_validate({"from": on}), examples.asked()
    )


def terminate(seller: System, contract_id: UUID, last: str) -> None:
    body = {"kind": "EXTRAORDINARY", "noticeDate": last, "terminationDate": last, "reason": "moved"}
    seller.customer.terminate_contract(contract_id, TerminateContract.model_validate(body), examples.asked())


def drive(seller: System, day: str, quantity: str, **changes: Any) -> None:
    entry = examples.usage(eventId=str(uuid4()), occurredAt=f"{day}T08:00:00Z", quantity=quantity)
    body = RecordUsage.model_validate({"events": [entry | changes]})
    seller.customer.record_usage(body, examples.asked(at=datetime(2026, 12, 31, tzinfo=UTC)))


def lines(run: Run) -> list[Line]:
    return [_line(line) for document in run.documents for line in document.lines]


def _line(line: Any) -> Line:
    return (f"{line.period.first:%d.%m.}", f"{line.period.last:%d.%m.}", str(line.net))


def parts(run: Run) -> list[tuple[str, str, str]]:
    """Month, quantity and net of usage."""
    return [
        (f"{line.period and line.period.first:%m}", f"{line.quantity:f}", str(line.net))
        for document in run.documents
        for line in document.lines
    ]


# -- contracts ----------------------------------------------------------------------------------


def test_new_terms_hold_from_their_day_within_an_interval(seller: System) -> None:
    contract = sign(seller)
    seller.bill("2026-01-31")
    reprice(seller, contract, "2026-02-15", "19.98")
    assert lines(seller.bill("2026-02-28")) == [("01.02.", "14.02.", "5.00"), ("15.02.", "28.02.", "9.99")]
    assert lines(seller.bill("2026-03-31")) == [("01.03.", "31.03.", "19.98")]


def test_a_backdated_price_leaves_billed_intervals_as_they_are(seller: System) -> None:
    contract = sign(seller)
    seller.bill("2026-02-28")
    reprice(seller, contract, "2026-01-01", "19.98")
    assert seller.bill("2026-02-28").outcomes == {"D-4711": "NOTHING_DUE"}
    assert lines(seller.bill("2026-03-31")) == [("01.03.", "31.03.", "19.98")]


def test_an_item_that_is_added_with_effect_in_the_past_is_made_up(seller: System) -> None:
    contract = sign(seller)
    seller.bill("2026-03-31")
    amend(seller, contract, "2026-02-15", add=[examples.base_fee(itemIdent="seats", unitPrice="28")])
    assert lines(seller.bill("2026-03-31")) == [("15.02.", "28.02.", "14.00"), ("01.03.", "31.03.", "28.00")]


def test_a_pause_is_not_billed_and_what_follows_it_is(seller: System) -> None:
    contract = sign(seller, examples.base_fee(unitPrice="30"))
    pause(seller, contract, "2026-04-11")
    assert lines(seller.bill("2026-04-30"))[3:] == [("01.04.", "10.04.", "10.00")]
    assert seller.bill("2026-06-30").outcomes == {"D-4711": "NOTHING_DUE"}
    resume(seller, contract, "2026-04-21")
    assert lines(seller.bill("2026-05-31")) == [("21.04.", "30.04.", "10.00"), ("01.05.", "31.05.", "30.00")]


def test_a_pause_that_is_taken_back_after_a_run_is_made_up(seller: System) -> None:
    contract = sign(seller, examples.base_fee(unitPrice="30"))
    pause(seller, contract, "2026-04-11")
    resume(seller, contract, "2026-04-21")
    seller.bill("2026-05-31")
    resume(seller, contract, "2026-04-11")
    assert lines(seller.bill("2026-05-31")) == [("11.04.", "20.04.", "10.00")]


def test_a_terminated_contract_is_billed_to_its_last_day(seller: System) -> None:
    contract = sign(seller, examples.base_fee(unitPrice="28", billingTiming="INTERVAL_END"))
    seller.bill("2026-01-31")
    terminate(seller, contract, "2026-02-07")
    assert seller.bill("2026-02-06").documents == []
    assert lines(seller.bill("2026-02-07")) == [("01.02.", "07.02.", "7.00")]
    assert seller.bill("2027-12-31").outcomes == {"D-4711": "NOTHING_DUE"}


def test_a_cancelled_contract_is_never_billed(seller: System) -> None:
    contract = sign(seller, examples.setup_fee(), examples.base_fee(), examples.kilometres())
    drive(seller, "2026-01-05", "500")
    seller.customer.cancel_contract(contract, CancelContract(), examples.asked())
    assert seller.bill("2027-12-31").outcomes == {"D-4711": "NOTHING_DUE"}


def test_a_discount_is_an_allowance_of_each_line_it_is_for(seller: System) -> None:
    sign(seller, discounts=[{"name": "Welcome", "percent": "10", "intervals": 2}])
    [document] = seller.bill("2026-03-31").documents
    assert [
        (line.net, [(a.reason, a.amount, a.percent) for a in line.allowances]) for line in document.lines
    ] == [
        (Decimal("8.99"), [("Welcome", Decimal("1.00"), Decimal(10))]),
        (Decimal("8.99"), [("Welcome", Decimal("1.00"), Decimal(10))]),
        (Decimal("9.99"), []),
    ]
    assert document.totals.net == Decimal("27.97")


# -- usage --------------------------------------------------------------------------------------


def test_usage_is_billed_in_arrears_tier_by_tier(seller: System) -> None:
    sign(seller, examples.kilometres())
    drive(seller, "2026-02-03", "1000")
    drive(seller, "2026-02-20", "400")
    assert seller.bill("2026-02-27").outcomes == {"D-4711": "NOTHING_DUE"}
    run = seller.bill("2026-02-28")
    assert parts(run) == [("02", "100", "0.00"), ("02", "900", "180.00"), ("02", "400", "60.00")]
    assert run.documents[0].totals.net == Decimal("240.00")
    assert seller.bill("2026-12-31").outcomes == {"D-4711": "NOTHING_DUE"}


def test_late_usage_goes_onto_the_next_document_once(seller: System) -> None:
    sign(seller, examples.kilometres())
    drive(seller, "2026-02-03", "900")
    seller.bill("2026-02-28")
    drive(seller, "2026-02-20", "300")
    drive(seller, "2026-03-05", "150")
    run = seller.bill("2026-03-31")
    assert parts(run) == [
        ("02", "100", "20.00"), ("02", "200", "30.00"), ("03", "100", "0.00"), ("03", "50", "10.00")]  # fmt: skip
    assert [line.usage and line.usage.late for line in run.documents[0].lines] == [1, 1, 0, 0]
    drive(seller, "2026-02-21", "1")
    again = seller.bill("2026-03-31")
    assert parts(again) == [("02", "1", "0.15")]
    assert [line.usage and line.usage.late for line in again.documents[0].lines] == [2]
    assert seller.bill("2026-03-31").outcomes == {"D-4711": "NOTHING_DUE"}


def test_the_same_usage_in_one_catch_up_run_and_in_monthly_runs_costs_the_same(seller: System) -> None:
    seller.create_customer(examples.erika())
    sign(seller, examples.kilometres())
    sign(seller, examples.kilometres(), debtorIdent="D-0815", contractIdent="C-2")
    monthly: list[Decimal] = []
    for month, days in ((1, 31), (2, 28), (3, 31), (4, 30)):
        for contract in ("C-1", "C-2"):
            drive(seller, f"2026-{month:02}-15", "1234.5", contractIdent=contract)
        run = seller.bill(f"2026-{month:02}-{days}", debtor="D-4711")
        monthly += [line.net for d in run.documents for line in d.lines]
    [at_once] = seller.bill("2026-04-30", debtor="D-0815").documents
    assert monthly == [line.net for line in at_once.lines]


def test_usage_that_is_recorded_while_a_run_waits_is_billed_by_one_of_the_two(seller: System) -> None:
    sign(seller, examples.kilometres())
    drive(seller, "2026-02-03", "600")
    seller.request_run("2026-02-28")
    seller.billing.follow(seller.customer_feed)
    drive(seller, "2026-02-04", "600")
    seller.work()
    seller.bill("2026-02-28")
    quantities = [line.quantity for document in seller.documents() for line in document.lines]
    assert sum(quantities) == 1200


def test_usage_and_runs_at_once_bill_every_unit_once(seller: System) -> None:
    for number in range(10):
        seller.create_customer(examples.erika(debtorIdent=f"E-{number}"))
        sign(seller, examples.kilometres(), debtorIdent=f"E-{number}", contractIdent=f"E-{number}")

    def report(batch: int) -> None:
        for number in range(10):
            drive(seller, f"2026-02-{batch + 1:02}", "70", contractIdent=f"E-{number}")
        seller.request_run("2026-02-28")

    def work(_: int) -> None:
        for _ in range(60):
            seller.billing.follow(seller.customer_feed)
            seller.billing.bill_some(limit=3)

    with ThreadPoolExecutor(6) as threads:
        working = [threads.submit(work, number) for number in range(3)]
        list(threads.map(report, range(10)))
        for future in working:
            future.result()
    seller.bill("2026-02-28")
    documents = [d for d in seller.documents() if d.debtor_ident != "D-4711"]
    for number in range(10):
        billed = [line for d in documents if d.debtor_ident == f"E-{number}" for line in d.lines]
        assert sum(line.quantity for line in billed) == 700
        assert sum(line.net for line in billed) == Decimal("120.00")


def test_usage_after_a_backdated_termination_counts_to_the_last_interval(seller: System) -> None:
    contract = sign(seller, examples.kilometres())
    drive(seller, "2026-03-10", "100")
    terminate(seller, contract, "2026-02-20")
    run = seller.bill("2026-03-31")
    assert [(str(line.period and line.period.last)) for line in run.documents[0].lines] == ["2026-02-20"]
    assert seller.bill("2026-12-31").outcomes == {"D-4711": "NOTHING_DUE"}


def test_another_calendar_of_the_seller_moves_usage_that_is_not_billed(seller: System) -> None:
    """Half past eleven at night in UTC is the next day in Berlin, and still the same evening in New York."""
    sign(seller, examples.kilometres())
    drive(seller, "2026-01-31", "10", occurredAt="2026-01-31T23:30:00Z")
    assert seller.bill("2026-01-31").outcomes == {"D-4711": "NOTHING_DUE"}
    seller.define_seller(time_zone="America/New_York")
    assert parts(seller.bill("2026-01-31")) == [("01", "10", "0.00")]


# -- orders -------------------------------------------------------------------------------------


def test_a_cancelled_order_is_never_billed(seller: System) -> None:
    order = UUID(seller.record_order(examples.order())["orderId"])
    seller.billing.follow(seller.customer_feed)
    seller.customer.cancel_order(order, CancelOrder(), examples.asked())
    assert seller.bill("2026-12-31").outcomes == {"D-4711": "NOTHING_DUE"}


def test_a_gross_price_is_billed_net_of_the_tax_that_applies(seller: System) -> None:
    lines = [
        {"name": "Cable", "quantity": "3", "grossUnitPrice": "9.99"},
        {"name": "Book", "quantity": "1", "grossUnitPrice": "10.70", "taxCategory": "REDUCED"},
    ]
    seller.record_order(examples.order(lines=lines, charges=[]))
    [document] = seller.bill("2026-01-31").documents
    assert [(str(line.unit_price), str(line.net)) for line in document.lines] == [
        ("8.393", "25.18"), ("10.00", "10.00")]  # fmt: skip
    assert document.totals.gross == Decimal(
        "40.66"
    )  # in the shop 29.97 + 10.70 = 40.67: see rating.net_price


# -- customers ----------------------------------------------------------------------------------


def stop(seller: System) -> None:
    body = StopBilling(reason="a dispute about Erika")
    seller.customer.stop_billing(seller.customer_id, body, examples.asked())


def test_a_run_for_all_skips_a_customer_whose_billing_is_stopped_and_says_so(seller: System) -> None:
    sign(seller)
    stop(seller)
    run = seller.bill("2026-01-31")
    assert run.outcomes == {"D-4711": "BLOCKED"}
    assert "lift the billing stop" in (run.reasons["D-4711"] or "")
    assert "Erika" not in (run.reasons["D-4711"] or "")


def test_a_run_for_one_customer_overrides_its_billing_stop(seller: System) -> None:
    sign(seller)
    stop(seller)
    assert seller.bill("2026-01-31", debtor="D-4711").outcomes == {"D-4711": "DOCUMENTS_CREATED"}


def test_when_the_stop_is_lifted_everything_is_made_up(seller: System) -> None:
    sign(seller)
    stop(seller)
    seller.bill("2026-01-31")
    seller.customer.lift_billing_stop(seller.customer_id, examples.asked())
    assert len(lines(seller.bill("2026-02-28"))) == 2


def test_a_contract_whose_address_was_removed_is_billed_to_the_default_one(seller: System) -> None:
    body = AddressBody.model_validate(examples.invoice_address(city="Bremen"))
    added = seller.customer.add_address(seller.customer_id, body, examples.asked())
    sign(seller, invoiceAddressId=added["addressId"])
    assert _cities(seller.bill("2026-01-31").documents) == ["Bremen"]
    seller.customer.remove_address(seller.customer_id, UUID(added["addressId"]), examples.asked())
    assert _cities(seller.bill("2026-02-28").documents) == ["Hamburg"]


def _cities(documents: list[DocumentIssued]) -> list[str | None]:
    return [document.buyer.address.city for document in documents]


def test_goods_are_taxed_where_they_are_shipped_to_also_by_default(seller: System) -> None:
    shipped_to = examples.shipping_address(country="AT")
    seller.create_customer(examples.beispiel_gmbh(debtorIdent="D-2", vatId="ATU38516405",
                                                  addresses=[examples.invoice_address(), shipped_to]))  # fmt: skip
    line = {"name": "Tracker", "quantity": "1", "unitPrice": "59.90", "itemCategory": "PHYSICAL_PRODUCT"}
    seller.record_order(examples.order(debtorIdent="D-2", lines=[line], charges=[]))
    [document] = seller.bill("2026-01-31").documents
    assert document.lines[0].tax_category == "K"


def test_payment_accounts_and_edits_are_followed(seller: System) -> None:
    accounts = [
        seller.customer.add_payment_account(
            seller.customer_id, AddPaymentAccount.model_validate(body), examples.asked()
        )["paymentAccountId"]
        for body in (examples.direct_debit(), examples.credit_card(default=True))
    ]
    seller.customer.remove_payment_account(seller.customer_id, UUID(accounts[1]), examples.asked())
    seller.work()
    with seller.billing_pool.connection() as conn:
        row = conn.execute("SELECT party FROM customers").fetchone()
    assert row is not None
    [account] = row["party"]["paymentAccounts"]
    assert (account["paymentAccountId"], account["default"]) == (accounts[0], True)
    assert account["iban"] != "DE89370400440532013000"
