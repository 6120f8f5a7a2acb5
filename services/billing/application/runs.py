"""Use cases of billing runs: bill a chunk of customers, complete the run, cancel it."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.application import Decision
from services.billing import (
    billables,
    billing_entities,
    customer_changes,
    deliveries,
    delivery,
    feed_positions,
    receivables,
    run_queue,
)
from services.billing.application.following import Following
from services.billing.billing_run import BillingOutcome, BillingRun, BillingRunNotFound
from services.billing.document import Document
from services.billing.due import Cutoff
from services.billing.issuing import Billed, Scope, bill_all, outcome
from services.billing.numbering import numbers_for
from services.billing.run_queue import Run
from services.billing.sellers import Sellers
from services.billing.transaction import Cursor, DatabaseRefused
from services.events import Asked, Command, Context

log = logging.getLogger(__name__)

CUSTOMERS_PER_TRANSACTION = 100


class Runs(Following):
    """Carrying out runs, a chunk of customers at a time."""

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
        billing_entities.keep(cursor)
        sellers, scope = billing_entities.read(cursor), self._scope(run)
        accounts = billables.accounts(cursor, customer_ids, sellers.last_day(scope.cutoff))
        if refused:
            billed = [Billed(account, failure=refused) for account in accounts]
        else:
            billed = bill_all(accounts, sellers, scope, self._new_id, self.keyring)
        self._issue(cursor, run, sellers, billed)
        return len(customer_ids)

    def _issue(self, cursor: Cursor, run: Run, sellers: Sellers, billed: Sequence[Billed]) -> None:
        """Store what a chunk of customers gets.

        All that takes time or can be refused comes first: once numbers are allotted, every other worker waits.
        """
        outcomes = [outcome(run, customer) for customer in billed]
        drafts = [entry for customer in billed for entry in customer.drafts]
        billables.mark_billed(cursor, [(document_id, draft.lines) for document_id, draft in drafts])
        run_queue.record_outcomes(cursor, outcomes)
        # Nothing about these customers was taken in since they are locked, so this is what was seen of them.
        reached = feed_positions.reached(cursor, self._customers.source)
        seen = customer_changes.seen(cursor, {draft.customer_id for _, draft in drafts}, reached)
        numbers = numbers_for(cursor, sellers, [draft for _, draft in drafts])
        owed = [
            receivables.owed_on(document_id, number, draft)
            for (document_id, draft), number in zip(drafts, numbers, strict=True)
        ]
        receivables.add(cursor, owed)
        now = self._clock()
        to_send = [(document_id, d.customer_id) for document_id, d in drafts if delivery.wanted(d)]
        deliveries.add(cursor, to_send, now)
        documents = [
            Document.issue(
                draft,
                document_id=document_id,
                number=number,
                billing_run_id=run.billing_run_id,
                now=now,
                seen_position=seen[draft.customer_id],
            )
            for (document_id, draft), number in zip(drafts, numbers, strict=True)
        ]
        recorded = [BillingOutcome.record(found, now) for found in outcomes]
        self.save(*documents, *recorded, command=Command(self._of_run(run, now)), within=cursor)

    def _scope(self, run: Run) -> Scope:
        multiple = None if run.accept_unusual else self._unusual_multiple
        return Scope(
            Cutoff(run.processing_date, run.ended_by, run.processing_at), run.customer_id is None, multiple
        )

    def _complete_if_done(self, run: Run) -> None:
        with self._transaction() as cursor:
            done = run_queue.lock_if_done(cursor, run)
            if done is None:
                return
            aggregate = self._loaded(cursor, BillingRun, run.billing_run_id)
            assert aggregate is not None
            now = self._clock()
            aggregate.complete(had_failures=done.had_failures, now=now)
            self._store(cursor, [aggregate], self._of_run(run, now))

    def cancel_run(self, billing_run_id: UUID, reason: str | None, asked: Asked) -> dict[str, Any]:
        """Stop a run before its next chunk of customers; what it has issued stays, who has no outcome gets none.

        Answers billingRunId, status, position. Raises BillingRunNotFound, BillingRunOver.
        """

        def decide(cursor: Cursor) -> Decision:
            run_queue.clear(cursor, billing_run_id)
            run = self._loaded(cursor, BillingRun, billing_run_id)
            if run is None:
                raise BillingRunNotFound(f"There is no billing run {billing_run_id}.")
            run.cancel(reason, asked.context.occurred_at)
            return Decision([run], {"billingRunId": str(billing_run_id), "status": run.status.value})

        try:
            return self._carry_out(asked, decide)
        except BillingRunNotFound:
            self._catch_up()  # it may have been requested a moment ago
            return self._carry_out(asked, decide)

    def _of_run(self, run: Run, now: datetime) -> Context:
        """Context of what a worker does for a run: on behalf of whoever requested it."""
        return Context(self._new_id(), run.actor, now, run.correlation_id, run.billing_run_id)
