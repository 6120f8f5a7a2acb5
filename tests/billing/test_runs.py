"""Billing runs on the real database: everything due once, nothing twice, each customer one outcome."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import psycopg
import pytest

from services.billing.due import Cutoff, cutoff_of
from services.messages import BillingRunCompleted, DocumentIssued
from tests import examples
from tests.system import System


@pytest.fixture
def seller(system: System) -> System:
    system.define_seller()
    system.create_customer(examples.beispiel_gmbh())
    return system


def nets(documents: list[DocumentIssued]) -> list[Decimal]:
    return [line.net for document in documents for line in document.lines]


def test_the_first_month_is_prorated_and_later_months_are_whole(seller: System) -> None:
    seller.sign_contract(examples.contract())
    assert nets(seller.bill("2026-01-31").documents) == [Decimal("5.48")]
    assert nets(seller.bill("2026-02-28").documents) == [Decimal("9.99")]
    assert nets(seller.bill("2026-03-31").documents) == [Decimal("9.99")]


def test_a_run_three_months_late_makes_up_all_of_them(seller: System) -> None:
    seller.sign_contract(examples.contract())
    [document] = seller.bill("2026-04-30").documents
    assert [(str(line.period and line.period.first), line.net) for line in document.lines] == [
        ("2026-01-15", Decimal("5.48")),
        ("2026-02-01", Decimal("9.99")),
        ("2026-03-01", Decimal("9.99")),
        ("2026-04-01", Decimal("9.99")),
    ]


def test_a_second_run_finds_nothing_due(seller: System) -> None:
    seller.sign_contract(examples.contract())
    seller.bill("2026-04-30")
    assert seller.bill("2026-04-30").outcomes == {"D-4711": "NOTHING_DUE"}


def test_a_customer_added_between_two_runs_is_billed_alone(seller: System) -> None:
    seller.sign_contract(examples.contract())
    seller.bill("2026-01-31")
    seller.create_customer(examples.erika())
    seller.sign_contract(examples.contract(debtorIdent="D-0815", contractIdent="C-2"))
    assert seller.bill("2026-01-31").outcomes == {"D-4711": "NOTHING_DUE", "D-0815": "DOCUMENTS_CREATED"}


def test_a_run_for_one_debtor_leaves_the_others_alone(seller: System) -> None:
    seller.create_customer(examples.erika())
    for debtor in ("D-4711", "D-0815"):
        seller.sign_contract(examples.contract(debtorIdent=debtor, contractIdent=debtor))
    assert seller.bill("2026-01-31", debtor="D-0815").outcomes == {"D-0815": "DOCUMENTS_CREATED"}


def test_an_interval_in_advance_is_due_on_its_first_day_and_not_before(seller: System) -> None:
    seller.sign_contract(examples.contract(startDate="2026-02-10", alignment="ANNIVERSARY"))
    assert seller.bill("2026-02-09").documents == []
    assert nets(seller.bill("2026-02-10").documents) == [Decimal("9.99")]


def test_an_interval_in_arrears_is_due_when_it_has_ended(seller: System) -> None:
    item = examples.base_fee(billingTiming="INTERVAL_END")
    seller.sign_contract(examples.contract(startDate="2026-02-10", alignment="ANNIVERSARY", items=[item]))
    assert seller.bill("2026-03-08").documents == []
    assert nets(seller.bill("2026-03-09").documents) == [Decimal("9.99")]


def test_a_one_time_item_is_billed_once_with_the_contract_start(seller: System) -> None:
    seller.sign_contract(examples.contract(items=[examples.setup_fee(), examples.base_fee()]))
    assert nets(seller.bill("2026-01-31").documents) == [Decimal("49.00"), Decimal("5.48")]
    assert nets(seller.bill("2026-02-28").documents) == [Decimal("9.99")]


def test_a_contract_that_ended_is_billed_to_its_last_day(seller: System) -> None:
    seller.sign_contract(examples.contract(endDate="2026-02-14"))
    assert nets(seller.bill("2026-12-31").documents) == [Decimal("5.48"), Decimal("5.00")]
    assert seller.bill("2027-12-31").outcomes == {"D-4711": "NOTHING_DUE"}


def test_an_order_is_billed_once_with_its_rebate_freight_and_tax(seller: System) -> None:
    seller.record_order(examples.order())
    assert seller.bill("2026-01-19").documents == []
    [document] = seller.bill("2026-01-20").documents
    assert [a.amount for a in document.lines[0].allowances] == [Decimal("17.97")]
    totals = document.totals
    assert (totals.lines, totals.charges, totals.net) == (
        Decimal("161.73"),
        Decimal("12.50"),
        Decimal("174.23"),
    )
    assert (totals.tax, totals.gross) == (Decimal("33.10"), Decimal("207.33"))
    assert document.due_date == date(2026, 2, 19)
    assert seller.bill("2026-12-31").documents == []


def test_an_order_to_be_billed_immediately_asks_for_its_run(seller: System) -> None:
    answer = seller.record_order(examples.order(billingTime="IMMEDIATELY"))
    seller.work()
    assert answer["billingRunId"]
    assert len(seller.documents()) == 1


def test_what_differs_in_payment_term_or_purchase_order_goes_on_its_own_document(seller: System) -> None:
    seller.record_order(examples.order())
    seller.record_order(examples.order(orderIdent="O-2"))
    seller.record_order(examples.order(orderIdent="O-3", purchaseOrder="PO-1"))
    documents = seller.bill("2026-01-31").documents
    assert [[line.origin.ident for line in d.lines] for d in documents] == [["O-1", "O-2"], ["O-3"]]


def test_documents_per_contract_where_the_customer_wants_it(seller: System) -> None:
    seller.create_customer(examples.erika(groupDocumentsBy="CONTRACT"))
    for ident in ("A", "B"):
        seller.sign_contract(examples.contract(debtorIdent="D-0815", contractIdent=ident))
    assert len(seller.bill("2026-01-31").documents) == 2


def test_numbers_are_sequential_per_year(seller: System) -> None:
    seller.sign_contract(examples.contract())
    for day in ("2026-01-31", "2026-12-31", "2027-01-31"):
        seller.bill(day)
    assert [d.number for d in seller.documents()] == ["RE-2026-000001", "RE-2026-000002", "RE-2027-000001"]


def test_a_run_before_a_seller_is_defined_fails_with_what_to_do_and_can_be_made_up(system: System) -> None:
    system.create_customer(examples.erika())
    system.sign_contract(examples.contract(debtorIdent="D-0815"))
    failed = system.bill("2026-01-31")
    assert failed.outcomes == {"D-0815": "FAILED"}
    assert "define the seller" in (failed.reasons["D-0815"] or "")
    assert [e.body.status for e in failed.events if isinstance(e.body, BillingRunCompleted)] == [
        "COMPLETED_WITH_FAILURES"
    ]
    system.define_seller()
    assert system.bill("2026-01-31").outcomes == {"D-0815": "DOCUMENTS_CREATED"}


def test_one_customers_failure_does_not_stop_the_run(seller: System) -> None:
    seller.sign_contract(examples.contract())
    seller.create_customer(examples.erika())
    seller.record_order(examples.order(debtorIdent="D-0815", orderDate="1999-01-01"))
    run = seller.bill("2026-01-31")
    assert run.outcomes == {"D-4711": "DOCUMENTS_CREATED", "D-0815": "FAILED"}
    assert "no VAT rate for DE on 1999-01-01" in (run.reasons["D-0815"] or "")


def test_the_database_refuses_a_second_bill_and_fails_that_customer_alone(seller: System) -> None:
    """Even if the read model forgets what is billed, no interval is billed twice."""
    for number in range(5):
        seller.create_customer(examples.erika(debtorIdent=f"E-{number}"))
        seller.sign_contract(examples.contract(debtorIdent=f"E-{number}", contractIdent=f"E-{number}"))
    seller.bill("2026-01-31", debtor="E-3")
    with seller.billing_pool.connection() as conn:
        conn.execute("UPDATE billables SET progress = '{}', due_on = '2026-01-15'")
    run = seller.bill("2026-01-31")
    assert run.outcomes.pop("E-3") == "FAILED"
    assert "refused a document" in (run.reasons["E-3"] or "")
    assert [run.outcomes[f"E-{n}"] for n in (0, 1, 2, 4)] == ["DOCUMENTS_CREATED"] * 4
    assert [d.number for d in seller.documents()] == [f"RE-2026-{n:06}" for n in range(1, 6)]


def test_runs_requested_at_once_and_worked_at_once_bill_everything_once(seller: System) -> None:
    for number in range(40):
        seller.create_customer(examples.erika(debtorIdent=f"E-{number}"))
        seller.sign_contract(examples.contract(debtorIdent=f"E-{number}", contractIdent=f"E-{number}"))
    for _ in range(4):
        seller.request_run("2026-03-31")
    while seller.billing.follow(seller.customer_feed):
        pass

    def work(_: int) -> None:
        while seller.billing.bill_some(limit=3):
            pass

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    seller.work()
    documents = seller.documents()
    assert sorted(d.number for d in documents) == [f"RE-2026-{n:06}" for n in range(1, 41)]
    assert (
        len({(line.origin.id, line.period and line.period.first) for d in documents for line in d.lines})
        == 120
    )
    outcomes = [e for e in seller.billing_events() if e.topic == "billing.CustomerBilled"]
    assert len(outcomes) == 4 * 41
    completed = [e for e in seller.billing_events() if e.topic == "billing.BillingRunCompleted"]
    assert len(completed) == 4


def test_a_crash_before_the_commit_leaves_nothing_half_done(seller: System) -> None:
    seller.sign_contract(examples.contract())
    seller.request_run("2026-03-31")
    seller.billing.follow(seller.customer_feed)
    before = len(seller.billing_events())
    with psycopg.connect(seller.database.owner_url) as other:
        other.execute("LOCK TABLE billing.billed_intervals IN EXCLUSIVE MODE")
        with ThreadPoolExecutor(1) as thread:
            billing = thread.submit(seller.billing.bill_some)
            while not other.execute(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'test billing'"
            ).fetchone():
                pass
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE wait_event_type = 'Lock' AND application_name = 'test billing'"
            )
            with pytest.raises(psycopg.OperationalError):
                billing.result()
    assert len(seller.billing_events()) == before
    seller.work()
    assert [d.number for d in seller.documents()] == ["RE-2026-000001"]


def test_a_plain_date_means_the_end_of_that_day_and_an_instant_lies_within_its_day() -> None:
    plain, instant = date(2026, 3, 1), datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    berlin, new_york = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
    assert cutoff_of(plain, berlin) == Cutoff(date(2026, 3, 1), date(2026, 3, 1))
    assert cutoff_of(instant, berlin) == Cutoff(date(2026, 3, 29), date(2026, 3, 28), instant)
    assert cutoff_of(instant, new_york) == Cutoff(date(2026, 3, 28), date(2026, 3, 27), instant)
