"""Running billing runs and the customers they have still to bill, shared by any number of workers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from psycopg.rows import DictRow

from services.billing.transaction import Cursor
from services.messages import BillingRunCompleted, BillingRunStarted, CustomerBilled, Envelope, Outcome

RUNNING = "RUNNING"


@dataclass(frozen=True, slots=True)
class Run:
    """A run that was started: how far it goes, and for whom it acts."""

    billing_run_id: UUID
    customer_id: UUID | None
    """The one customer that the run is for; None: all."""
    processing_date: date
    ended_by: date
    processing_at: datetime | None
    actor: str
    correlation_id: UUID
    had_failures: bool
    accept_unusual: bool


def enqueue(cursor: Cursor, billing_run_id: UUID, customer_id: UUID | None) -> int:
    """Put one customer or (None) all customers known so far into a run; return how many."""
    cursor.execute(
        "INSERT INTO run_work SELECT %s, customer_id FROM customers WHERE %s::uuid IS NULL OR customer_id = %s",
        [billing_run_id, customer_id, customer_id],
    )
    return cursor.rowcount


def failures(cursor: Cursor, billing_run_id: UUID) -> int:
    """For how many customers a run failed."""
    cursor.execute("SELECT FROM run_failures WHERE billing_run_id = %s", [billing_run_id])
    return cursor.rowcount


def start(cursor: Cursor, started: BillingRunStarted, envelope: Envelope) -> None:
    """Open a run for workers; a retry has the customers to bill that the other run failed for."""
    cursor.execute(
        "INSERT INTO runs (billing_run_id, started_at, customer_id, processing_date, ended_by, processing_at,"
        " actor, correlation_id, customers_total, accept_unusual, status)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            started.billing_run_id,
            envelope.position,
            started.customer_id,
            started.processing_date,
            started.ended_by,
            started.processing_at,
            envelope.actor,
            envelope.correlation_id,
            started.customers_total,
            started.accept_unusual,
            RUNNING,
        ],
    )
    if started.retry_of:
        cursor.execute(
            "INSERT INTO run_work SELECT %s, customer_id FROM run_failures WHERE billing_run_id = %s",
            [started.billing_run_id, started.retry_of],
        )


def running(cursor: Cursor) -> list[Run]:
    """All runs that are not complete, small ones first: somebody waits for the one customer they billed."""
    cursor.execute("SELECT * FROM runs WHERE status = %s ORDER BY customers_total, started_at", [RUNNING])
    return [_run(row) for row in cursor]


def claim(cursor: Cursor, run: Run, limit: int, only: UUID | None = None) -> list[UUID]:
    """Up to `limit` customers without an outcome that no other worker is billing, locked until the transaction ends.

    The customer itself is locked too, so that overlapping runs never bill the same customer at the same time.
    """
    cursor.execute(
        "SELECT customer_id FROM run_work JOIN customers USING (customer_id)"
        " WHERE billing_run_id = %s AND (%s::uuid IS NULL OR customer_id = %s)"
        " ORDER BY customer_id LIMIT %s FOR UPDATE SKIP LOCKED",
        [run.billing_run_id, only, only, limit],
    )
    return [row["customer_id"] for row in cursor]


def waiting(cursor: Cursor, run: Run, limit: int) -> list[UUID]:
    """The first `limit` customers of a run without an outcome, claimed or not."""
    cursor.execute(
        "SELECT customer_id FROM run_work WHERE billing_run_id = %s ORDER BY customer_id LIMIT %s",
        [run.billing_run_id, limit],
    )
    return [row["customer_id"] for row in cursor]


def has_waiting(cursor: Cursor, customer_id: UUID | None) -> bool:
    """Whether a run has still to bill one customer, or (None) any."""
    cursor.execute(
        "SELECT FROM run_work WHERE %s::uuid IS NULL OR customer_id = %s LIMIT 1", [customer_id, customer_id]
    )
    return cursor.rowcount > 0


def lock_if_done(cursor: Cursor, run: Run) -> Run | None:
    """The run, locked for completing it, if every customer has an outcome and nobody else is completing it."""
    cursor.execute(
        "SELECT * FROM runs WHERE billing_run_id = %s AND status = %s"
        " AND NOT EXISTS (SELECT FROM run_work WHERE billing_run_id = runs.billing_run_id)"
        " FOR UPDATE SKIP LOCKED",
        [run.billing_run_id, RUNNING],
    )
    row = cursor.fetchone()
    return _run(row) if row else None


def _run(row: DictRow) -> Run:
    return Run(**{name: row[name] for name in Run.__dataclass_fields__})


def record_outcomes(cursor: Cursor, outcomes: Sequence[CustomerBilled]) -> None:
    """Take customers with an outcome out of their run's work."""
    if not outcomes:
        return
    cursor.execute(
        "DELETE FROM run_work USING unnest(%s::uuid[], %s::uuid[]) AS done (billing_run_id, customer_id)"
        " WHERE run_work.billing_run_id = done.billing_run_id AND run_work.customer_id = done.customer_id",
        [[o.billing_run_id for o in outcomes], [o.customer_id for o in outcomes]],
    )
    if failed := [o for o in outcomes if o.outcome is Outcome.FAILED]:
        runs = [o.billing_run_id for o in failed]
        cursor.execute(
            "INSERT INTO run_failures SELECT * FROM unnest(%s::uuid[], %s::uuid[])",
            [runs, [o.customer_id for o in failed]],
        )
        cursor.execute(
            "UPDATE runs SET had_failures = true WHERE billing_run_id = ANY(%s) AND NOT had_failures", [runs]
        )


def clear(cursor: Cursor, billing_run_id: UUID) -> None:
    """Take all customers without an outcome out of a run, and lock it until the transaction ends.

    What no worker is billing goes first, so that none begins anything more; then this waits for those that are.
    """
    cursor.execute(
        "DELETE FROM run_work WHERE billing_run_id = %s AND customer_id IN"
        " (SELECT customer_id FROM run_work WHERE billing_run_id = %s FOR UPDATE SKIP LOCKED)",
        [billing_run_id, billing_run_id],
    )
    _empty(cursor, billing_run_id)
    cursor.execute("SELECT FROM runs WHERE billing_run_id = %s FOR UPDATE", [billing_run_id])


def _empty(cursor: Cursor, billing_run_id: UUID) -> None:
    cursor.execute("DELETE FROM run_work WHERE billing_run_id = %s", [billing_run_id])


def complete(cursor: Cursor, completed: BillingRunCompleted) -> None:
    """Close a run; who has no outcome by then gets none."""
    _empty(cursor, completed.billing_run_id)
    cursor.execute(
        "UPDATE runs SET status = %s WHERE billing_run_id = %s",
        [completed.status.value, completed.billing_run_id],
    )
