"""Billing runs: what was requested, how far they are, and their outcome for each customer."""

from collections.abc import Iterable
from decimal import Decimal
from math import ceil
from typing import Any
from uuid import UUID

from msgspec import to_builtins
from psycopg import Connection
from psycopg.rows import DictRow
from typing_extensions import TypedDict

from projections.paging import Filters, Page, newest_first, one
from projections.projection import Projection, Row, Rows, Table
from services.messages import (
    BilledAmount,
    BillingRunCompleted,
    BillingRunRequested,
    BillingRunStarted,
    CustomerBilled,
    Envelope,
    Outcome,
    RunStatus,
)

# The request comes from the customer service, all the rest from the billing service: two tables commute.
RUNS = Table("billing_runs", ("billing_run_id",))
PROGRESS = Table("billing_run_progress", ("billing_run_id",))
OUTCOMES = Table("billing_run_outcomes", ("billing_run_id", "customer_id"), append_only=True)

PROJECTION = Projection("billing_runs", 1, RUNS, PROGRESS, OUTCOMES)


def _of_run(message: Any) -> Iterable[UUID]:
    return (message.billing_run_id,)


@PROJECTION.on(BillingRunRequested, loads={RUNS: _of_run})
def requested(rows: Rows, message: BillingRunRequested, envelope: Envelope) -> None:
    row = {
        "billing_run_id": message.billing_run_id,
        "customer_id": message.customer_id,
        "debtor_ident": message.debtor_ident,
        "processing_date": message.processing_date
        or (message.processing_at and message.processing_at.date()),
        "requested_at": envelope.occurred_at,
        "requested_by": envelope.actor,
        "retry_of": message.retry_of,
        "position": envelope.position,
    }
    rows.put(RUNS, row)


@PROJECTION.on(BillingRunStarted, loads={PROGRESS: _of_run})
def started(rows: Rows, message: BillingRunStarted, envelope: Envelope) -> None:
    row = _progress(rows, message.billing_run_id)
    row["processing_date"] = message.processing_date
    row["customers_total"] = message.customers_total
    row["started_at"] = envelope.occurred_at


@PROJECTION.on(CustomerBilled, loads={PROGRESS: _of_run})
def customer_billed(rows: Rows, message: CustomerBilled, envelope: Envelope) -> None:
    row = _progress(rows, message.billing_run_id)
    row["customers_done"] += 1
    row["customers_failed"] += message.outcome is Outcome.FAILED
    row["documents_count"] += len(message.documents)
    row["amounts"] = _added(row["amounts"], message.amounts)
    outcome = {
        "billing_run_id": message.billing_run_id,
        "customer_id": message.customer_id,
        "debtor_ident": message.debtor_ident,
        "outcome": message.outcome,
        "documents": message.documents,
        "reason": message.reason,
        "position": envelope.position,
    }
    rows.append(OUTCOMES, outcome)


@PROJECTION.on(BillingRunCompleted, loads={PROGRESS: _of_run})
def completed(rows: Rows, message: BillingRunCompleted, envelope: Envelope) -> None:
    row = _progress(rows, message.billing_run_id)
    row["final_status"] = message.status
    row["reason"] = message.reason
    row["finished_at"] = envelope.occurred_at


def _progress(rows: Rows, billing_run_id: UUID) -> Row:
    fresh: Row = {
        "billing_run_id": billing_run_id,
        "processing_date": None,
        "customers_total": None,
        "customers_done": 0,
        "customers_failed": 0,
        "documents_count": 0,
        "amounts": [],
        "started_at": None,
        "finished_at": None,
        "final_status": None,
        "reason": None,
    }
    return rows.ensure(PROGRESS, fresh)


def _added(sums: list[dict[str, str]], amounts: Iterable[BilledAmount]) -> list[dict[str, str]]:
    """Sums by currency, in its order, with `amounts` added."""
    by_currency = {known["currency"]: (Decimal(known["net"]), Decimal(known["gross"])) for known in sums}
    for amount in amounts:
        net, gross = by_currency.get(amount.currency, (Decimal(0), Decimal(0)))
        by_currency[amount.currency] = (net + amount.net, gross + amount.gross)
    return [
        {"currency": currency, "net": f"{net:f}", "gross": f"{gross:f}"}
        for currency, (net, gross) in sorted(by_currency.items())
    ]


class RunCustomers(TypedDict):
    """`done` counts all customers that have an outcome, `failed` those of them that failed.

    `perSecond` is how many got one on average since the run began, null before; `remainingSeconds` is how long the
    others take at that rate, null where that is not known or the run is over.
    """

    total: int | None
    done: int
    failed: int
    perSecond: float | None
    remainingSeconds: int | None


class RunAmount(TypedDict):
    currency: str
    net: str
    gross: str


class RunDocuments(TypedDict):
    """`net` and `gross` are the sums where the run has one currency, null where it has several."""

    count: int
    net: str | None
    gross: str | None
    amounts: list[RunAmount]


class BillingRunItem(TypedDict):
    """A run for one customer, or for all where `customerId` is null; of those only that `retryOf` failed for.

    `reason` says why it was cancelled.
    """

    billingRunId: str
    status: str
    reason: str | None
    retryOf: str | None
    processingDate: str | None
    debtorIdent: str | None
    customerId: str | None
    customers: RunCustomers
    documents: RunDocuments
    requestedAt: str
    startedAt: str | None
    finishedAt: str | None
    requestedBy: str


class OutcomeItem(TypedDict):
    """What a run did for one customer: DOCUMENTS_CREATED, NOTHING_DUE, BLOCKED, or FAILED with a reason."""

    customerId: str
    debtorIdent: str
    outcome: str
    documents: list[str]
    documentNumbers: list[str]
    reason: str | None


_RUNS = newest_first(
    "r.billing_run_id, r.customer_id, r.debtor_ident, r.requested_at, r.requested_by, r.retry_of,"
    " coalesce(p.processing_date, r.processing_date) AS processing_date,"
    " p.customers_total, coalesce(p.customers_done, 0) AS customers_done,"
    " coalesce(p.customers_failed, 0) AS customers_failed, coalesce(p.documents_count, 0) AS documents_count,"
    " p.amounts, p.started_at, p.finished_at, p.final_status, p.reason,"
    " extract(epoch FROM coalesce(p.finished_at, now()) - p.started_at) AS seconds",
    "billing_runs r LEFT JOIN billing_run_progress p USING (billing_run_id)",
    "r.position",
)
_OUTCOMES = newest_first(
    "customer_id, debtor_ident, outcome, documents, reason,"
    " ARRAY(SELECT d.number FROM documents d WHERE d.document_id = ANY(x.documents) ORDER BY d.number) AS numbers",
    "billing_run_outcomes x",
    "x.position",
)


def billing_runs(
    conn: Connection[DictRow],
    *,
    customer_id: UUID | None = None,
    billing_run_id: UUID | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[BillingRunItem]:
    """Runs, newest first; of one customer those for this customer and those for all that reached it."""
    filters = Filters()
    filters.add("r.billing_run_id = %(billing_run_id)s", billing_run_id=billing_run_id)
    filters.add(
        "(r.customer_id = %(customer_id)s OR r.billing_run_id IN"
        " (SELECT x.billing_run_id FROM billing_run_outcomes x WHERE x.customer_id = %(customer_id)s))",
        customer_id=customer_id,
    )
    return _RUNS.page(conn, filters, limit, cursor, _run)


def billing_run(conn: Connection[DictRow], billing_run_id: UUID) -> BillingRunItem | None:
    return one(billing_runs(conn, billing_run_id=billing_run_id, limit=1)["items"])


def outcomes(
    conn: Connection[DictRow], billing_run_id: UUID, limit: int = 50, cursor: str | None = None
) -> Page[OutcomeItem]:
    """Outcomes of a run, newest first."""
    filters = Filters()
    filters.add("x.billing_run_id = %(billing_run_id)s", billing_run_id=billing_run_id)
    return _OUTCOMES.page(conn, filters, limit, cursor, _outcome)


def _run(row: Row) -> BillingRunItem:
    amounts: list[RunAmount] = row["amounts"] or []
    only = amounts[0] if len(amounts) == 1 else None
    plain = to_builtins(row)
    return BillingRunItem(
        billingRunId=plain["billing_run_id"],
        status=_status(row),
        reason=row["reason"],
        retryOf=plain["retry_of"],
        processingDate=plain["processing_date"],
        debtorIdent=row["debtor_ident"],
        customerId=plain["customer_id"],
        customers=_customers(row),
        documents=RunDocuments(
            count=row["documents_count"],
            net=only and only["net"],
            gross=only and only["gross"],
            amounts=amounts,
        ),
        requestedAt=plain["requested_at"],
        startedAt=plain["started_at"],
        finishedAt=plain["finished_at"],
        requestedBy=row["requested_by"],
    )


def _customers(row: Row) -> RunCustomers:
    total, done, seconds = row["customers_total"], row["customers_done"], row["seconds"]
    per_second = done / float(seconds) if done and seconds and seconds > 0 else None
    is_known = per_second and row["finished_at"] is None
    return RunCustomers(
        total=total,
        done=done,
        failed=row["customers_failed"],
        perSecond=per_second and round(per_second, 2),
        remainingSeconds=ceil((total - done) / per_second) if per_second and is_known else None,
    )


def _status(row: Row) -> str:
    if row["final_status"]:
        return str(row["final_status"])
    return RunStatus.RUNNING if row["started_at"] else RunStatus.REQUESTED


def _outcome(row: Row) -> OutcomeItem:
    return OutcomeItem(
        customerId=str(row["customer_id"]),
        debtorIdent=row["debtor_ident"],
        outcome=row["outcome"],
        documents=[str(document_id) for document_id in row["documents"]],
        documentNumbers=row["numbers"],
        reason=row["reason"],
    )
