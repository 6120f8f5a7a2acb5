"""Billing runs: status, progress, sums, outcomes."""

from decimal import Decimal

import pytest

from infra.postgres.pool import Pool
from projections.billing_runs import BillingRunItem
from projections.views import Views
from services.messages import BilledAmount, Outcome, RunStatus
from tests.projections.logs import Logs
from tests.projections.reading import follow


def amount(net: str, gross: str, currency: str = "EUR") -> BilledAmount:
    return BilledAmount(currency=currency, net=Decimal(net), gross=Decimal(gross))


def test_a_run_goes_from_requested_over_running_to_completed(pool: Pool, logs: Logs, views: Views) -> None:
    def now() -> BillingRunItem:
        follow(pool, logs)
        found = views.billing_run(run)
        assert found is not None
        return found

    customer_id = logs.customer_created("D-4711")
    run = logs.run_requested(customer_id)
    assert now() == {
        "billingRunId": str(run),
        "status": "REQUESTED",
        "reason": None,
        "retryOf": None,
        "processingDate": "2026-02-28",
        "debtorIdent": "D-4711",
        "customerId": str(customer_id),
        "customers": {"total": None, "done": 0, "failed": 0, "perSecond": None, "remainingSeconds": None},
        "documents": {"count": 0, "net": None, "gross": None, "amounts": []},
        "requestedAt": "2026-01-01T08:02:00Z",
        "startedAt": None,
        "finishedAt": None,
        "requestedBy": "tester",
    }
    logs.run_started(run, 1, customer_id)
    assert (now()["status"], now()["customers"]["total"]) == ("RUNNING", 1)
    document = logs.document_issued(customer_id, run)
    logs.customer_billed(run, customer_id, document, amounts=[amount("9.99", "11.89")])
    logs.run_completed(run)
    assert now()["status"] == "COMPLETED"
    assert now()["customers"] == {
        "total": 1,
        "done": 1,
        "failed": 0,
        "perSecond": 0.01,
        "remainingSeconds": None,
    }
    assert now()["documents"] == {
        "count": 1,
        "net": "9.99",
        "gross": "11.89",
        "amounts": [{"currency": "EUR", "net": "9.99", "gross": "11.89"}],
    }
    assert (now()["startedAt"], now()["finishedAt"]) == ("2026-01-01T08:01:00Z", "2026-01-01T08:04:00Z")


def test_a_run_at_work_tells_its_rate_and_how_long_the_rest_takes(
    pool: Pool, logs: Logs, views: Views
) -> None:
    customers = [logs.customer_created(f"D-{n}") for n in range(3)]
    run = logs.run_requested()
    logs.run_started(run, 3)
    logs.customer_billed(run, customers[0], outcome=Outcome.NOTHING_DUE)
    follow(pool, logs)
    with pool.connection() as conn:
        conn.execute("UPDATE billing_run_progress SET started_at = now() - interval '2 seconds'")
    found = views.billing_run(run)
    assert found is not None
    assert found["customers"] == {
        "total": 3,
        "done": 1,
        "failed": 0,
        "perSecond": pytest.approx(0.5, abs=0.1),
        "remainingSeconds": pytest.approx(4, abs=2),
    }


def test_sums_are_by_currency_and_failures_count(pool: Pool, logs: Logs, views: Views) -> None:
    customers = [logs.customer_created(f"D-{n}") for n in range(3)]
    run = logs.run_requested()
    logs.run_started(run, 3)
    logs.customer_billed(run, customers[0], logs.new_id(), amounts=[amount("1.00", "1.19")])
    logs.customer_billed(
        run,
        customers[1],
        logs.new_id(),
        logs.new_id(),
        amounts=[amount("2.00", "2.38"), amount("5", "5", "JPY")],
    )
    logs.customer_billed(run, customers[2], outcome=Outcome.FAILED, reason="The address has no country.")
    logs.run_completed(run, RunStatus.COMPLETED_WITH_FAILURES)
    follow(pool, logs)
    found = views.billing_run(run)
    assert found is not None
    assert found["status"] == "COMPLETED_WITH_FAILURES"
    customers_done = found["customers"]
    assert (customers_done["total"], customers_done["done"], customers_done["failed"]) == (3, 3, 1)
    assert found["documents"] == {
        "count": 3,
        "net": None,
        "gross": None,
        "amounts": [
            {"currency": "EUR", "net": "3.00", "gross": "3.57"},
            {"currency": "JPY", "net": "5", "gross": "5"},
        ],
    }


def test_outcomes_name_the_documents_or_the_reason(pool: Pool, logs: Logs, views: Views) -> None:
    billed, failed = logs.customer_created("D-1"), logs.customer_created("D-2")
    run = logs.run_requested()
    logs.run_started(run, 2)
    document = logs.document_issued(billed, run)
    logs.customer_billed(run, billed, document)
    logs.customer_billed(run, failed, outcome=Outcome.FAILED, reason="The address has no country.")
    follow(pool, logs)
    page = views.outcomes(run)
    assert page["total"] == 2
    assert page["items"] == [
        {
            "customerId": str(failed),
            "debtorIdent": "D-2",
            "outcome": "FAILED",
            "documents": [],
            "documentNumbers": [],
            "reason": "The address has no country.",
        },
        {
            "customerId": str(billed),
            "debtorIdent": "D-1",
            "outcome": "DOCUMENTS_CREATED",
            "documents": [str(document)],
            "documentNumbers": ["RE-2026-000001"],
            "reason": None,
        },
    ]


def test_a_customers_runs_are_its_own_and_those_for_all_that_reached_it(
    pool: Pool, logs: Logs, views: Views
) -> None:
    one, other = logs.customer_created("D-1"), logs.customer_created("D-2")
    own, all_reaching, all_before, others = (
        logs.run_requested(one), logs.run_requested(), logs.run_requested(), logs.run_requested(other),
    )  # fmt: skip
    logs.customer_billed(all_reaching, one, outcome=Outcome.NOTHING_DUE)
    logs.customer_billed(all_before, other, outcome=Outcome.NOTHING_DUE)
    follow(pool, logs)
    found = [run["billingRunId"] for run in views.billing_runs(customer_id=one)["items"]]
    assert found == [str(all_reaching), str(own)]
    assert views.billing_runs()["total"] == 4
    assert str(others) == views.billing_runs(limit=1)["items"][0]["billingRunId"]
