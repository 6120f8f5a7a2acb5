"""What billing does when a message arrives: its read model follows, and a requested run is started."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from services.billing import (
    billables,
    billing_entities,
    correction_proposals,
    credit_notes,
    customer_changes,
    deliveries,
    numbering,
    receivables,
    run_queue,
)
from services.billing.due import cutoff_of
from services.billing.transaction import Cursor
from services.messages import (
    BillingEntityDefined,
    BillingRunCompleted,
    BillingRunRequested,
    BillingRunStarted,
    CustomerBilled,
    DocumentIssued,
    Envelope,
    is_for_everybody,
)


@dataclass(frozen=True, slots=True)
class Start:
    """A requested run that is to be started, and why it is to be cancelled at once, if it is."""

    run: BillingRunStarted
    cancelled_because: str | None


def up_to_barrier(envelopes: Sequence[Envelope]) -> Sequence[Envelope]:
    """The messages up to the first that is for everybody, with it; what comes after it waits for all others."""
    for number, envelope in enumerate(envelopes, 1):
        if is_for_everybody(envelope):
            return envelopes[:number]
    return envelopes


def follow_customer_log(cursor: Cursor, envelopes: Sequence[Envelope]) -> list[Start]:
    """Take in messages of the customer log; return the runs that are to be started, in order.

    A run's customers are those known at its request: everything recorded before it has been taken in.
    """
    started = []
    for is_request, batch in groupby(envelopes, lambda e: isinstance(e.body, BillingRunRequested)):
        if not is_request:
            _follow_customers(cursor, list(batch))
            continue
        for envelope in batch:
            assert isinstance(envelope.body, BillingRunRequested)
            started.append(_start(cursor, envelope.body))
            customer_changes.record(cursor, [envelope])
    return started


def _follow_customers(cursor: Cursor, envelopes: Sequence[Envelope]) -> None:
    billables.follow_customers(cursor, envelopes)
    customer_changes.record(cursor, envelopes)


def follow_billing_log(cursor: Cursor, envelopes: Sequence[Envelope]) -> None:
    """Take in billing's own messages, in order: where a number range begins is said before its numbers are counted."""
    for _, part in groupby(envelopes, lambda e: isinstance(e.body, BillingEntityDefined)):
        batch = list(part)
        numbering.count_issued(cursor, [e.body for e in batch if isinstance(e.body, DocumentIssued)])
        follow_decided(cursor, batch)


def follow_decided(cursor: Cursor, envelopes: Sequence[Envelope]) -> None:
    """Take in billing's own messages in the transaction that appends them; their numbers are counted already."""
    for part in _parts(envelopes):
        _follow_part(cursor, part)


def _parts(envelopes: Sequence[Envelope]) -> Iterator[Sequence[Envelope]]:
    """Cut before every start of a run: a retry is about outcomes before it, and its own come after it."""
    starts = [n for n, e in enumerate(envelopes) if isinstance(e.body, BillingRunStarted)]
    return (envelopes[first:end] for first, end in pairwise([0, *starts, len(envelopes)]))


def _follow_part(cursor: Cursor, envelopes: Sequence[Envelope]) -> None:
    if envelopes and isinstance(started := envelopes[0].body, BillingRunStarted):
        run_queue.start(cursor, started, envelopes[0])
    documents = [e.body for e in envelopes if isinstance(e.body, DocumentIssued)]
    _follow_documents(cursor, documents)
    receivables.follow(cursor, [e.body for e in envelopes])
    correction_proposals.follow(cursor, [e.body for e in envelopes])
    deliveries.follow(cursor, envelopes)
    run_queue.record_outcomes(cursor, [e.body for e in envelopes if isinstance(e.body, CustomerBilled)])
    for envelope in envelopes:
        match envelope.body:
            case BillingEntityDefined() as entity:
                _define(cursor, entity, envelope.position)
            case BillingRunCompleted() as completed:
                run_queue.complete(cursor, completed)
            case _:
                pass


def _define(cursor: Cursor, entity: BillingEntityDefined, position: int) -> None:
    """Take in a billing entity; where calendars changed, usage counts to other days."""
    before = billing_entities.read(cursor)
    billing_entities.define(cursor, entity, position)
    numbering.define(cursor, entity)
    billables.redate(cursor, before, billing_entities.read(cursor))


def _follow_documents(cursor: Cursor, documents: Sequence[DocumentIssued]) -> None:
    """In order: what a credit note releases may be billed by the next document."""
    for preceding, same in groupby(
        documents, lambda d: d.preceding_document and d.preceding_document.document_id
    ):
        batch = list(same)
        if preceding:
            credit_notes.record(cursor, preceding, [document.document_id for document in batch])
            billables.release(cursor, [(d.document_id, preceding, d.lines) for d in batch])
        else:
            billables.mark_billed(cursor, [(d.document_id, d.lines) for d in batch])


def _start(cursor: Cursor, request: BillingRunRequested) -> Start:
    changed = _changed_since(cursor, request)
    processing = request.processing_date or request.processing_at
    assert processing is not None
    cutoff = cutoff_of(processing, billing_entities.read(cursor).time_zone())
    run = BillingRunStarted(
        billing_run_id=request.billing_run_id,
        processing_date=cutoff.begins_by,
        ended_by=cutoff.ended_by,
        processing_at=cutoff.instant,
        customers_total=0 if changed else _customers_to_bill(cursor, request),
        customer_id=request.customer_id,
        debtor_ident=request.debtor_ident,
        retry_of=request.retry_of,
        accept_unusual=request.accept_unusual,
    )
    return Start(run, changed)


def _customers_to_bill(cursor: Cursor, request: BillingRunRequested) -> int:
    """Put a run's customers into the queue, and count them. Those of a retry come with its start: they follow from
    billing's own log."""
    if request.retry_of:
        return run_queue.failures(cursor, request.retry_of)
    return run_queue.enqueue(cursor, request.billing_run_id, request.customer_id)


def _changed_since(cursor: Cursor, request: BillingRunRequested) -> str | None:
    """What was recorded about a run's customers since the position from which nothing was to change."""
    since = request.only_if_unchanged_since
    if since is None:
        return None
    newest = customer_changes.newest(cursor, request.customer_id)
    if newest <= since:
        return None
    return (
        f"Something was recorded at position {newest}, after position {since};"
        " look at another preview and ask for the run from there."
    )
