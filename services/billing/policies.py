"""What billing does when a message arrives: its read model follows, and a requested run is started."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from services.billing import billables, numbering, run_queue
from services.billing.transaction import Cursor
from services.messages import (
    BillingEntityDefined,
    BillingRunCompleted,
    BillingRunRequested,
    BillingRunStarted,
    CustomerBilled,
    DocumentIssued,
    Envelope,
)


def follow_customer_log(cursor: Cursor, envelopes: Sequence[Envelope]) -> list[BillingRunStarted]:
    """Take in messages of the customer log; return the runs that are to be started, in order.

    A run's customers are those known at its request: everything recorded before it has been taken in.
    """
    started = []
    for is_request, batch in groupby(envelopes, lambda e: isinstance(e.body, BillingRunRequested)):
        if not is_request:
            billables.follow_customers(cursor, batch)
            continue
        for envelope in batch:
            assert isinstance(envelope.body, BillingRunRequested)
            started.append(_start(cursor, envelope.body))
    return started


def follow_billing_log(cursor: Cursor, envelopes: Sequence[Envelope]) -> None:
    """Take in billing's own messages, in order."""
    documents = [e.body for e in envelopes if isinstance(e.body, DocumentIssued)]
    billables.mark_billed(cursor, [(document.document_id, document.lines) for document in documents])
    numbering.count_issued(cursor, documents)
    run_queue.record_outcomes(cursor, [e.body for e in envelopes if isinstance(e.body, CustomerBilled)])
    for envelope in envelopes:
        match envelope.body:
            case BillingEntityDefined() as entity:
                billables.define_entity(cursor, entity, envelope.position)
            case BillingRunStarted() as started:
                run_queue.start(cursor, started, envelope)
            case BillingRunCompleted() as completed:
                run_queue.complete(cursor, completed)
            case _:
                pass


def _start(cursor: Cursor, request: BillingRunRequested) -> BillingRunStarted:
    total = run_queue.enqueue(cursor, request.billing_run_id, request.customer_id)
    processing_date, ended_by = days_of(request, billables.time_zone(cursor))
    return BillingRunStarted(
        billing_run_id=request.billing_run_id,
        processing_date=processing_date,
        ended_by=ended_by,
        customers_total=total,
        customer_id=request.customer_id,
        debtor_ident=request.debtor_ident,
    )


def days_of(request: BillingRunRequested, time_zone: ZoneInfo) -> tuple[date, date]:
    """Until when intervals must have begun, and until when ended: a plain date means the end of that day,
    an instant falls within a day that has begun and not ended."""
    if request.processing_date:
        return request.processing_date, request.processing_date
    assert isinstance(request.processing_at, datetime)
    today = request.processing_at.astimezone(time_zone).date()
    return today, today - timedelta(days=1)
