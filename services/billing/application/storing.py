"""What all use cases of billing share: one transaction for events and read model, and commands carried out once."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder

from services.application import ConcurrentChange, Decision, KontorApplication, published
from services.billing import policies
from services.billing.transaction import Cursor, DatabaseRefused, Pool, snapshot, transaction
from services.events import Aggregate, Asked, Command, Context
from services.ids import new_id
from services.messages import Log
from services.personal_data import Purpose

A = TypeVar("A", bound=Aggregate)

UNUSUAL_MULTIPLE = 20


class Storing(KontorApplication):
    """Billing's log and its read model, which change together; `new_id` and `clock` make ids and instants.

    `customers` is the customer log, for what has to see all that is recorded by now.
    Days that cost more than `unusual_multiple` times what they cost last are not billed; None: whatever they cost.
    """

    name = "billing"
    purpose: ClassVar[Purpose] = Purpose.DOCUMENTS

    def __init__(
        self,
        log: ApplicationRecorder,
        pool: Pool,
        customers: Log,
        *,
        new_id: Callable[[], UUID] = new_id,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        unusual_multiple: int | None = UNUSUAL_MULTIPLE,
    ) -> None:
        self._unusual_multiple = unusual_multiple
        self._pool = pool
        self._customers = customers
        self._new_id = new_id
        self._clock = clock
        super().__init__(log)

    def _transaction(self) -> AbstractContextManager[Cursor]:
        return transaction(self._pool)

    def _snapshot(self) -> AbstractContextManager[Cursor]:
        return snapshot(self._pool)

    def _loaded(self, cursor: Cursor, kind: type[A], aggregate_id: UUID) -> A | None:
        """The aggregate as of its newest event, read on the transaction's own connection; None if there is none.

        A use case that took a second connection while it holds one could wait for ever for others that do the same.
        """
        aggregate: object = self.load([aggregate_id], within=cursor).get(aggregate_id)
        return aggregate if isinstance(aggregate, kind) else None

    def _carry_out(self, asked: Asked, decide: Callable[[Cursor], Decision]) -> dict[str, Any]:
        """Carry out a command once and return its answer, with the `position` in billing's log of its last event.

        `decide` gets the transaction in which its events, its answer and the read model will change together:
        it locks and reads what it needs, allots numbers last, and changes aggregates. Whatever it raises undoes
        all of it. It is called again when someone else changed one of the aggregates at the same moment; the same
        command again, also after a crash or a commit whose end nobody saw, gets the first answer.
        Raises IdempotencyKeyReused when the same key came with another body.
        """
        return self._once(asked, lambda: self._unless_overtaken(asked, decide))

    def _unless_overtaken(self, asked: Asked, decide: Callable[[Cursor], Decision]) -> dict[str, Any]:
        """What the last guards of the read model refuse (a second bill, say) was done by someone else meanwhile."""
        try:
            return self._decide_and_store(asked, decide)
        except DatabaseRefused as refused:
            raise ConcurrentChange(str(refused)) from refused

    def _decide_and_store(self, asked: Asked, decide: Callable[[Cursor], Decision]) -> dict[str, Any]:
        with self._transaction() as cursor:
            decision = decide(cursor)
            position = self._store_decided(cursor, decision.aggregates, decision.command(asked))
        if not position:  # nothing had to change, unless this very command had changed it before
            return self._earlier_answer(asked) or {**decision.answer, "position": self._position()}
        return {**decision.answer, "position": position}

    def _position(self) -> int:
        """The position of the newest event in billing's log."""
        return self._log.max_notification_id() or 0

    def _store(self, cursor: Cursor, aggregates: Sequence[Aggregate], context: Context) -> int:
        """Append what a worker decided, and let the read model follow it, in the caller's transaction."""
        return self._store_decided(cursor, aggregates, Command(context))

    def _store_decided(self, cursor: Cursor, aggregates: Sequence[Aggregate], command: Command) -> int:
        """Append the aggregates' events and let the read model follow; return the last one's position, 0 for none.

        Numbers of documents among them were allotted, and so counted, in this very transaction.
        """
        recordings = self.save(*aggregates, command=command, within=cursor)
        envelopes = [published(self.name, r.notification, command.context) for r in recordings]
        policies.follow_decided(cursor, envelopes)
        return envelopes[-1].position if envelopes else 0
