"""What people do around billing runs: preview one, ask for it only if nothing changed, cancel it, retry it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from uuid import UUID, uuid4

import pytest

from infra.audit import replay_billing
from services.billing.application.previews import CustomerNotFound, RunAtWork, Wanted
from services.billing.billing_run import BillingRunNotFound, BillingRunOver
from services.customer.billing_request import BillingRunNotFound as NoSuchRequest
from services.customer.billing_request import NothingToRetry
from services.customer.commands.billing_runs import RequestBillingRun, RetryBillingRun
from services.customer.commands.contracts import AmendContract
from services.customer.commands.properties import SetProperty
from services.errors import IdempotencyKeyReused, InvalidFields
from services.events import Asked
from services.messages import BillingRunCompleted, BillingRunStarted, CustomerBilled
from tests import examples
from tests.system import Run, System

JANUARY, FEBRUARY = date(2026, 1, 31), date(2026, 2, 28)


@pytest.fixture
def seller(system: System) -> System:
    system.define_seller()
    system.create_customer(examples.beispiel_gmbh())
    system.sign_contract(examples.contract())
    return system


def request(system: System, asked: Asked | None = None, **body: object) -> UUID:
    wanted = RequestBillingRun.model_validate({"processingDate": str(JANUARY)} | body)
    answer = system.customer.request_billing_run(wanted, asked or examples.asked())
    return UUID(answer["billingRunId"])


def done(system: System, run_id: UUID) -> Run:
    system.work()
    events = [e for e in system.billing_events() if getattr(e.body, "billing_run_id", None) == run_id]
    return Run(run_id, events, [d for d in system.documents() if d.billing_run_id == run_id])


def end_of(run: Run) -> BillingRunCompleted:
    [completed] = [e.body for e in run.events if isinstance(e.body, BillingRunCompleted)]
    return completed


def other_customer(system: System) -> None:
    system.create_customer(examples.erika())
    system.sign_contract(examples.contract(debtorIdent="D-0815", contractIdent="C-2"))


# -- preview ------------------------------------------------------------------------------------


def test_a_preview_is_what_the_run_then_issues_and_stores_nothing(seller: System) -> None:
    wanted = Wanted(debtor_ident="D-4711", processing_date=FEBRUARY)
    preview = seller.billing.preview(wanted)
    [(_, draft)] = preview.customers[0].drafts
    assert seller.documents() == []
    assert preview.position == seller.customer_events()[-1].position
    assert seller.billing.preview(wanted).customers[0].drafts[0][1] == draft
    [issued] = seller.bill(FEBRUARY, debtor="D-4711").documents
    assert all(getattr(issued, name) == getattr(draft, name) for name in type(draft).__dataclass_fields__)


def test_a_preview_sees_everything_that_was_recorded_before(seller: System) -> None:
    other_customer(seller)
    preview = seller.billing.preview(Wanted(processing_date=JANUARY))
    assert {billed.account.customer.debtor_ident for billed in preview.customers} == {"D-4711", "D-0815"}


def test_a_preview_says_why_a_customer_gets_no_document(system: System) -> None:
    system.create_customer(examples.beispiel_gmbh())
    system.sign_contract(examples.contract())
    [billed] = system.billing.preview(Wanted(processing_date=JANUARY)).customers
    assert "define the seller" in (billed.reason or "")


def test_what_a_run_is_about_to_bill_cannot_be_previewed(seller: System) -> None:
    request(seller)
    with pytest.raises(RunAtWork):
        seller.billing.preview(Wanted(processing_date=JANUARY))
    seller.work()
    assert seller.billing.preview(Wanted(processing_date=JANUARY)).customers == []


def test_a_customer_that_does_not_exist_cannot_be_previewed(seller: System) -> None:
    for nobody in (Wanted(debtor_ident="D-0"), Wanted(customer_id=uuid4())):
        with pytest.raises(CustomerNotFound):
            seller.billing.preview(nobody)


# -- only if nothing changed --------------------------------------------------------------------


def test_a_run_from_a_previews_position_bills_where_nothing_changed(seller: System) -> None:
    other_customer(seller)
    position = seller.billing.preview(Wanted(debtor_ident="D-4711", processing_date=JANUARY)).position
    seller.sign_contract(examples.contract(debtorIdent="D-0815", contractIdent="C-3"))
    run = done(seller, request(seller, debtorIdent="D-4711", onlyIfUnchangedSince=position))
    assert (len(run.documents), end_of(run).status) == (1, "COMPLETED")


def test_a_run_is_cancelled_where_something_about_its_customer_was_recorded(seller: System) -> None:
    position = seller.billing.preview(Wanted(debtor_ident="D-4711", processing_date=JANUARY)).position
    seller.sign_contract(examples.contract(contractIdent="C-2"))
    run = done(seller, request(seller, debtorIdent="D-4711", onlyIfUnchangedSince=position))
    assert (run.documents, run.outcomes, end_of(run).status) == ([], {}, "CANCELLED")
    assert f"after position {position}" in (end_of(run).reason or "")


def test_what_is_recorded_after_the_request_does_not_cancel_it(seller: System) -> None:
    position = seller.billing.preview(Wanted(debtor_ident="D-4711", processing_date=JANUARY)).position
    run_id = request(seller, debtorIdent="D-4711", onlyIfUnchangedSince=position)
    customer_id = seller.customer_events()[0].subject
    seller.customer.set_property(customer_id, "a", SetProperty.model_validate({"value": 1}), examples.asked())
    assert end_of(done(seller, run_id)).status == "COMPLETED"


def test_a_run_in_between_changes_what_is_billed(seller: System) -> None:
    for before in ({"debtorIdent": "D-4711"}, {}):
        position = seller.billing.preview(Wanted(debtor_ident="D-4711", processing_date=JANUARY)).position
        request(seller, **before)
        run = done(seller, request(seller, debtorIdent="D-4711", onlyIfUnchangedSince=position))
        assert end_of(run).status == "CANCELLED"


def test_a_run_for_all_is_cancelled_whomever_something_was_recorded_about(seller: System) -> None:
    position = seller.billing.preview(Wanted(processing_date=JANUARY)).position
    other_customer(seller)
    assert end_of(done(seller, request(seller, onlyIfUnchangedSince=position))).status == "CANCELLED"


def test_a_position_that_nothing_has_come_to_yet_is_no_preview_s(seller: System) -> None:
    with pytest.raises(InvalidFields, match="onlyIfUnchangedSince"):
        request(seller, onlyIfUnchangedSince=1000)


def test_ten_at_once_who_saw_the_same_preview_issue_it_once(seller: System) -> None:
    position = seller.billing.preview(Wanted(debtor_ident="D-4711", processing_date=JANUARY)).position
    with ThreadPoolExecutor(10) as people:
        asking = lambda _: request(seller, debtorIdent="D-4711", onlyIfUnchangedSince=position)  # noqa: E731
        runs = [done(seller, run_id) for run_id in list(people.map(asking, range(10)))]
    assert sorted(end_of(run).status for run in runs) == ["CANCELLED"] * 9 + ["COMPLETED"]
    assert len(seller.documents()) == 1


def test_the_same_run_requested_ten_times_at_once_is_one_run(seller: System) -> None:
    asked = examples.asked()
    with ThreadPoolExecutor(10) as people:
        runs = set(people.map(lambda _: request(seller, asked, debtorIdent="D-4711"), range(10)))
    assert len(runs) == 1
    seller.work()
    assert len(seller.documents()) == 1


def test_ten_runs_at_once_give_one_set_of_documents(seller: System) -> None:
    with ThreadPoolExecutor(10) as people:
        list(people.map(lambda _: request(seller), range(10)))
        while seller.billing.follow(seller.customer_feed):
            pass
        list(people.map(lambda _: seller.work(), range(4)))
    assert len(seller.documents()) == 1
    outcomes = [e.body.outcome for e in seller.billing_events() if isinstance(e.body, CustomerBilled)]
    assert sorted(outcomes) == ["DOCUMENTS_CREATED"] + ["NOTHING_DUE"] * 9


# -- cancelling ---------------------------------------------------------------------------------


def test_a_cancelled_run_stops_before_its_next_customers_and_keeps_what_it_issued(seller: System) -> None:
    other_customer(seller)
    run_id = request(seller)
    while seller.billing.follow(seller.customer_feed):
        pass
    assert seller.billing.bill_some(limit=1) == 1
    answer = seller.billing.cancel_run(run_id, "wrong date", examples.asked())
    assert answer["status"] == "CANCELLED"
    run = done(seller, run_id)
    assert (len(run.documents), len(run.outcomes)) == (1, 1)
    assert (end_of(run).status, end_of(run).reason) == ("CANCELLED", "wrong date")


def test_a_run_that_was_requested_a_moment_ago_can_be_cancelled(seller: System) -> None:
    run_id = request(seller)
    seller.billing.cancel_run(run_id, None, examples.asked())
    assert done(seller, run_id).outcomes == {}


def test_only_a_run_that_is_under_way_can_be_cancelled(seller: System) -> None:
    run_id = done(seller, request(seller)).billing_run_id
    with pytest.raises(BillingRunOver):
        seller.billing.cancel_run(run_id, None, examples.asked())
    with pytest.raises(BillingRunNotFound):
        seller.billing.cancel_run(uuid4(), None, examples.asked())


def test_the_same_cancellation_again_gets_the_first_answer(seller: System) -> None:
    run_id, asked = request(seller), examples.asked()
    first = seller.billing.cancel_run(run_id, None, asked)
    assert seller.billing.cancel_run(run_id, None, asked) == first
    with pytest.raises(IdempotencyKeyReused):
        seller.billing.cancel_run(run_id, None, Asked(asked.context, b"another body"))


def test_a_run_is_cancelled_while_workers_bill_it(seller: System) -> None:
    for n in range(60):
        seller.create_customer(examples.erika(debtorIdent=f"D-{n}"))
        seller.sign_contract(examples.contract(debtorIdent=f"D-{n}", contractIdent=f"C-{n}-1"))
    run_id = request(seller)
    while seller.billing.follow(seller.customer_feed):
        pass

    def work(_: int) -> None:
        while seller.billing.bill_some(limit=2):
            pass

    with ThreadPoolExecutor(4) as workers:
        busy = [workers.submit(work, n) for n in range(3)]
        workers.submit(seller.billing.cancel_run, run_id, None, examples.asked()).result()
        for each in busy:
            each.result()
    run = done(seller, run_id)
    issued = [outcome for outcome in run.outcomes.values() if outcome == "DOCUMENTS_CREATED"]
    assert end_of(run).status == "CANCELLED"
    assert len(run.documents) == len(issued) == len(run.outcomes)
    assert [e.body for e in run.events][-1] == end_of(run)


# -- retrying -----------------------------------------------------------------------------------


@pytest.fixture
def failed(seller: System) -> tuple[System, UUID]:
    """A run that failed for one customer of two: its contract would cost far more than before."""
    other_customer(seller)
    seller.bill(JANUARY)
    amend(seller, "C-2", "9990.00")
    run = seller.bill(FEBRUARY)
    assert run.outcomes == {"D-4711": "DOCUMENTS_CREATED", "D-0815": "FAILED"}
    return seller, run.billing_run_id


def amend(system: System, contract_ident: str, price: str, since: str = "2026-02-01") -> None:
    contract_id = system.customer.owner_of("contract", contract_ident)
    assert contract_id
    body = {"effectiveDate": since, "changes": [{"itemIdent": "base", "unitPrice": price}]}
    system.customer.amend_contract(contract_id, AmendContract.model_validate(body), examples.asked())


def retry(system: System, run_id: UUID, **body: object) -> Run:
    answer = system.customer.retry_billing_run(run_id, RetryBillingRun.model_validate(body), examples.asked())
    return done(system, UUID(answer["billingRunId"]))


def test_a_customer_is_repaired_retried_alone_and_billed(failed: tuple[System, UUID]) -> None:
    system, run_id = failed
    amend(system, "C-2", "10.99")
    again = retry(system, run_id)
    assert again.outcomes == {"D-0815": "DOCUMENTS_CREATED"}
    [started] = [e.body for e in again.events if isinstance(e.body, BillingRunStarted)]
    assert (started.retry_of, started.customers_total) == (run_id, 1)
    assert again.documents[0].issue_date == FEBRUARY


def test_a_retry_may_accept_what_is_unusual(failed: tuple[System, UUID]) -> None:
    system, run_id = failed
    assert retry(system, run_id).outcomes == {"D-0815": "FAILED"}
    assert retry(system, run_id, acceptUnusual=True).outcomes == {"D-0815": "DOCUMENTS_CREATED"}


def test_a_run_that_failed_for_nobody_or_is_under_way_cannot_be_retried(seller: System) -> None:
    fine = done(seller, request(seller)).billing_run_id
    waiting = request(seller)
    for run_id in (fine, waiting):
        with pytest.raises(NothingToRetry):
            retry(seller, run_id)
    with pytest.raises(NoSuchRequest):
        retry(seller, uuid4())


def test_what_retried_and_cancelled_runs_leave_follows_from_the_logs(failed: tuple[System, UUID]) -> None:
    system, run_id = failed
    position = system.billing.preview(Wanted(processing_date=FEBRUARY)).position
    retry(system, run_id)
    done(system, request(system, onlyIfUnchangedSince=position))
    cancelled, half_done = request(system), request(system)
    system.billing.cancel_run(cancelled, None, examples.asked())
    while system.billing.follow(system.customer_feed):
        pass
    system.billing.bill_some(limit=1)
    system.customer.retry_billing_run(run_id, RetryBillingRun(), examples.asked())
    while system.billing.follow(system.customer_feed):
        pass
    assert replay_billing(system.database.owner_url, system.customer_feed, system.billing_feed) == []
    assert done(system, half_done).outcomes.keys() == {"D-4711", "D-0815"}


# -- safety stops -------------------------------------------------------------------------------


def test_a_far_higher_amount_parks_the_customer_and_says_what_to_do(failed: tuple[System, UUID]) -> None:
    system, _ = failed
    [reason] = [e.body.reason for e in system.billing_events() if getattr(e.body, "outcome", "") == "FAILED"]
    assert reason == (
        "C-2: 9990.00 for 'base' from 2026-02-01 to 2026-02-28 is more than 20 times what was billed last, 5.48"
        " for 17 days. Correct the contract, or, if it is right, run or retry with acceptUnusual."
    )


def test_intervals_that_are_made_up_are_not_unusual(seller: System) -> None:
    seller.bill(JANUARY)
    run = seller.bill("2030-12-31")
    assert run.outcomes == {"D-4711": "DOCUMENTS_CREATED"}
    assert len(run.documents[0].lines) == 59


def test_a_run_years_ahead_is_a_slip_of_the_pen(seller: System) -> None:
    with pytest.raises(InvalidFields, match="processingDate"):
        request(seller, processingDate="2062-01-31")
    with pytest.raises(InvalidFields, match="processingDate"):
        seller.billing.preview(Wanted(processing_date=date(2062, 1, 31)))
