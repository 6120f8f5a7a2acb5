"""The use cases of billing: follow the customer log, bill a chunk of a run, complete it.

Each is one transaction: the events, the numbers, the read model and the position in the feed become
true together or not at all. A crash anywhere leaves what was committed, and the rest is done again.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, ClassVar, cast
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError
from eventsourcing.persistence import ApplicationRecorder

from services import messages
from services.application import KontorApplication, published
from services.billing import billables, feed_positions, policies, run_queue
from services.billing.billing_entity import BillingEntity
from services.billing.billing_run import BillingOutcome, BillingRun
from services.billing.document import Document, DocumentNotFound
from services.billing.issuing import Billed, bill, outcome
from services.billing.numbering import NumberRanges
from services.billing.run_queue import Run
from services.billing.transaction import Cursor, DatabaseRefused, Pool, transaction
from services.event_store import RecordedEvent
from services.events import Aggregate, Command, Context
from services.ids import new_id
from services.messages import (
    BillingEntityDefined,
    BillingRunStarted,
    DocumentIssued,
    DocumentType,
    Envelope,
    Feed,
)
from services.personal_data import Purpose, looked_up, opened

log = logging.getLogger(__name__)

CUSTOMERS_PER_TRANSACTION = 100
MESSAGES_PER_TRANSACTION = 500


class BillingApplication(KontorApplication):
    """Runs and documents; `pool` is on billing's own schema, where its event log and read model live."""

    name = "billing"
    purpose: ClassVar[Purpose] = Purpose.DOCUMENTS

    def __init__(
        self,
        log: ApplicationRecorder,
        pool: Pool,
        *,
        new_id: Callable[[], UUID] = new_id,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._pool = pool
        self._new_id = new_id
        self._clock = clock
        super().__init__(log)

    # -- billing entity -------------------------------------------------------------------------

    def define_billing_entity(self, context: Context, **settings: Any) -> int:
        """Define the seller (fields of BillingEntityDefined besides its id), or replace its settings.

        Returns the position in billing's log.
        """
        with self._transaction() as cursor:
            billables.change_entity(cursor)
            entity_id = BillingEntity.id_of(settings["ident"])
            try:
                entity: BillingEntity = self.repository.get(entity_id)
            except AggregateNotFoundError:
                entity = BillingEntity.define(**settings, now=context.occurred_at)
            else:
                entity.redefine(**settings, now=context.occurred_at)
            return self._store(cursor, [entity], context)

    def has_billing_entity(self) -> bool:
        """Whether there is a seller to bill for."""
        with self._transaction() as cursor:
            return billables.billing_entity(cursor) is not None

    # -- following the customer log -------------------------------------------------------------

    def follow(self, feed: Feed) -> int:
        """Take in the next messages of the customer log; return how many. One process at a time does it."""
        with self._transaction() as cursor:
            position = feed_positions.lock(cursor, feed.source)
            if position is None:
                return 0
            envelopes = feed.read(position, MESSAGES_PER_TRANSACTION)
            if envelopes:
                self._take_in(cursor, envelopes)
                feed_positions.advance(cursor, feed.source, envelopes[-1].position)
            return len(envelopes)

    def followed_position(self, source: str = "customer") -> int:
        """Position in the log of `source` that the read model has taken in."""
        with self._transaction() as cursor:
            return feed_positions.reached(cursor, source)

    def _take_in(self, cursor: Cursor, envelopes: Sequence[Envelope]) -> None:
        billables.keep_entity(cursor)
        causes = {e.subject: e for e in envelopes}
        for started in policies.follow_customer_log(cursor, envelopes):
            self._start_run(cursor, started, causes[started.billing_run_id])

    def _start_run(self, cursor: Cursor, started: BillingRunStarted, cause: Envelope) -> None:
        now = self._clock()
        run = BillingRun.start(
            billing_run_id=started.billing_run_id,
            processing_date=started.processing_date,
            ended_by=started.ended_by,
            customers_total=started.customers_total,
            customer_id=started.customer_id,
            debtor_ident=started.debtor_ident,
            now=now,
        )
        self._store(
            cursor, [run], Context(self._new_id(), cause.actor, now, cause.correlation_id, cause.command_id)
        )

    # -- billing --------------------------------------------------------------------------------

    def bill_some(self, limit: int = CUSTOMERS_PER_TRANSACTION) -> int:
        """Bill the next customers of the first run that has any to spare; return how many got their outcome."""
        for run in self._running():
            if done := self._bill_safely(run, limit):
                return done
            self._complete_if_done(run)
        return 0

    def _running(self) -> list[Run]:
        with self._transaction() as cursor:
            return run_queue.running(cursor)

    def _bill_safely(self, run: Run, limit: int) -> int:
        """Bill a chunk; where the database refuses it, bill its customers one by one and fail the one it refuses."""
        try:
            with self._transaction() as cursor:
                return self._bill(cursor, run, run_queue.claim(cursor, run, limit))
        except DatabaseRefused:
            log.exception("run %s: a chunk was refused, billing one customer at a time", run.billing_run_id)
        with self._transaction() as cursor:
            waiting = run_queue.waiting(cursor, run, limit)
        return sum(self._bill_one(run, customer_id) for customer_id in waiting)

    def _bill_one(self, run: Run, customer_id: UUID, refused: str | None = None) -> int:
        try:
            with self._transaction() as cursor:
                claimed = run_queue.claim(cursor, run, 1, only=customer_id)
                return self._bill(cursor, run, claimed, refused)
        except DatabaseRefused as error:
            if refused:
                raise
            reason = f"The database refused a document: {error}. Please report this."
            return self._bill_one(run, customer_id, reason)

    def _bill(
        self, cursor: Cursor, run: Run, customer_ids: Sequence[UUID], refused: str | None = None
    ) -> int:
        if not customer_ids:
            return 0
        billables.keep_entity(cursor)
        entity = billables.billing_entity(cursor)
        accounts = billables.accounts(cursor, customer_ids, run.processing_date)
        vault = looked_up(
            [(a.customer.customer_id, a.customer) for a in accounts if a.billables], self.keyring
        )
        billed = [
            Billed(a, failure=refused) if refused else bill(a, entity, run, self._new_id, vault)
            for a in accounts
        ]
        self._issue(cursor, run, entity, billed)
        return len(customer_ids)

    def _issue(
        self, cursor: Cursor, run: Run, entity: BillingEntityDefined | None, billed: Sequence[Billed]
    ) -> None:
        """Store what a chunk of customers gets.

        All that takes time or can be refused comes first: once numbers are allotted, every other worker waits.
        """
        outcomes = [outcome(run, customer) for customer in billed]
        drafts = [entry for customer in billed for entry in customer.drafts]
        billables.mark_billed(cursor, [(document_id, draft.lines) for document_id, draft in drafts])
        run_queue.record_outcomes(cursor, outcomes)
        numbers = _numbers(cursor, run, entity, len(drafts))
        now = self._clock()
        documents = [
            Document.issue(
                draft, document_id=document_id, number=number, billing_run_id=run.billing_run_id, now=now
            )
            for (document_id, draft), number in zip(drafts, numbers, strict=True)
        ]
        recorded = [BillingOutcome.record(found, now) for found in outcomes]
        self.save(*documents, *recorded, command=Command(self._of_run(run, now)), within=cursor)

    def _complete_if_done(self, run: Run) -> None:
        with self._transaction() as cursor:
            done = run_queue.lock_if_done(cursor, run)
            if done is None:
                return
            aggregate: BillingRun = self.repository.get(run.billing_run_id)
            now = self._clock()
            aggregate.complete(had_failures=done.had_failures, now=now)
            self._store(cursor, [aggregate], self._of_run(run, now))

    def _of_run(self, run: Run, now: datetime) -> Context:
        """Context of what a worker does for a run: on behalf of whoever requested it."""
        return Context(self._new_id(), run.actor, now, run.correlation_id, run.billing_run_id)

    # -- documents ------------------------------------------------------------------------------

    def document(self, document_id: UUID) -> DocumentIssued:
        """The document as issued; raises DocumentNotFound."""
        stored = self.recorder.select_events(document_id, limit=1)
        if not stored or stored[0].topic != DocumentIssued.TOPIC:
            raise DocumentNotFound(f"There is no document {document_id}.")
        version = cast(RecordedEvent, stored[0]).schema_version
        message = messages.from_stored(DocumentIssued.TOPIC, version, stored[0].state)
        assert isinstance(message, DocumentIssued)
        return opened([(message.customer_id, message)], self.keyring)[0]

    # -- storing --------------------------------------------------------------------------------

    def _transaction(self) -> AbstractContextManager[Cursor]:
        return transaction(self._pool)

    def _store(self, cursor: Cursor, aggregates: Sequence[Aggregate], context: Context) -> int:
        """Append the aggregates' events and let the read model follow them, in the caller's transaction."""
        recordings = self.save(*aggregates, command=Command(context), within=cursor)
        envelopes = [published(self.name, recording.notification, context) for recording in recordings]
        policies.follow_billing_log(cursor, envelopes)
        return envelopes[-1].position if envelopes else 0


def _numbers(cursor: Cursor, run: Run, entity: BillingEntityDefined | None, count: int) -> Iterable[str]:
    if entity is None or not count:
        return ()
    year = run.processing_date.year
    return NumberRanges(cursor).allot(
        entity.billing_entity_id, DocumentType.INVOICE, year, entity.number_prefix, count
    )
