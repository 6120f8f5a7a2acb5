"""What the applications of all services share: how events are stored, and how a command is carried out once."""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, ClassVar, Protocol, cast
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import (
    ApplicationRecorder,
    EventStore,
    InfrastructureFactory,
    Mapper,
    Notification,
    StoredEvent,
)
from eventsourcing.utils import Environment

from services import messages
from services.errors import KontorError, Refused, StaleVersion, Unavailable
from services.event_store import EventMapper, SealedEventStore
from services.events import Aggregate, Asked, Claim, Command, Context, Event
from services.messages import Envelope
from services.personal_data import KeyDestroyed, Keyring, Purpose

RETRY_CONCURRENT_CHANGE_FOR_SECONDS = 5.0


class ConcurrentChange(StaleVersion):
    """The object was changed by someone else at the same moment."""


class StoredInTheClear(Refused):
    """Personal data that were stored before they were encrypted cannot be erased."""


class ClaimTaken(KontorError):
    """The name is already taken."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(f"{claim.kind} {claim.ident!r} is already taken")
        self.claim = claim


class AlreadyDone(Exception):
    """This very command was carried out before; `answer` is what was answered then."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__("already done")
        self.answer = answer


class EventLog(Protocol):
    """What an application asks of its event log beyond storing events."""

    keyring: Keyring
    """The keys that personal data in this log are sealed under."""

    def answer_to(self, command_id: UUID, request_hash: bytes) -> dict[str, Any] | None:
        """The answer given to this command before; None if it is new.

        Raises IdempotencyKeyReused when the id was used for a different request.
        """

    def answered(self, command_ids: Sequence[UUID]) -> set[UUID]:
        """Those of the commands that were carried out before."""

    def owner_of(self, kind: str, ident: str) -> UUID | None:
        """The aggregate that bears this name (`debtor`, `contract`, `order` …), None if it is free."""

    def owners_of(self, kind: str, idents: Collection[str]) -> dict[str, UUID]:
        """The aggregates that bear these names, by name; free names are left out."""

    def held_by(self, kind: str, holder: UUID) -> list[UUID]:
        """The aggregates with a name of `kind` that belong to `holder`, such as a customer's contracts."""

    def events_of(self, aggregate_ids: Collection[UUID], within: Any = None) -> dict[UUID, list[StoredEvent]]:
        """All events of several aggregates, each in order; unknown ones are left out.

        `within` is the caller's open transaction to read in, as for storing events.
        """

    def about(self, subjects: Collection[UUID], through: int | None = None) -> Sequence[Envelope]:
        """All that was said of these aggregates up to a position, in order."""

    def next_number(self, sequence: str) -> int:
        """A new number of `sequence`, never handed out before; a refused command leaves a gap."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a use case decided: the changed aggregates, the answer, and names that must be free.

    `relies_on` names aggregates that were only looked at: where one has changed by then, it is decided again.
    `erases` names the customer whose key is destroyed with it; it relies on all that the customer holds.
    """

    aggregates: Sequence[Aggregate]
    answer: dict[str, Any]
    claims: tuple[Claim, ...] = ()
    relies_on: tuple[Aggregate, ...] = ()
    erases: UUID | None = None

    def command(self, asked: Asked) -> Command:
        """The command as it is recorded with its events."""
        relies_on = tuple((aggregate.id, aggregate.version) for aggregate in self.relies_on)
        return Command(asked.context, asked.request_hash, self.answer, self.claims, relies_on, self.erases)


class KontorApplication(Application[UUID]):
    """An event-sourced application on a given event log."""

    purpose: ClassVar[Purpose] = Purpose.CUSTOMER
    """What the keys are for that personal data in its events are sealed under."""

    def __init__(self, log: ApplicationRecorder) -> None:
        self._log = log
        super().__init__()

    def construct_mapper(self) -> Mapper[UUID]:
        return EventMapper(self.keyring, self.purpose)

    def construct_recorder(self) -> ApplicationRecorder:
        return self._log

    def construct_event_store(self) -> EventStore[UUID]:
        return SealedEventStore(cast(EventMapper, self.mapper), self.recorder)

    def construct_factory(self, env: Environment) -> InfrastructureFactory:
        # The factory would only be asked for what is given here: mapper and recorder.
        return InfrastructureFactory.construct(Environment(env.name, {}))

    @property
    def log_index(self) -> EventLog:
        """Names, numbers and earlier answers in this application's log."""
        return cast(EventLog, self._log)

    @property
    def keyring(self) -> Keyring:
        """The keys of personal data."""
        return self.log_index.keyring

    def load(self, aggregate_ids: Collection[UUID], within: Any = None) -> dict[UUID, Aggregate]:
        """Several aggregates as of their newest events, read at once; unknown ones are left out."""
        found = self.log_index.events_of(aggregate_ids, within)
        stored = [event for events in found.values() for event in events]
        events = cast(EventMapper, self.mapper).to_domain_events(stored)
        return {
            aggregate_id: _replayed(history)
            for aggregate_id, history in groupby(map(_as_event, events), lambda e: e.originator_id)
        }

    def carry_out(self, asked: Asked, decide: Callable[[], Decision]) -> dict[str, Any]:
        """Carry out a command once and return its answer, with the `position` of its last event.

        `decide` loads, checks and changes aggregates; it is called again when someone else changed
        one of them at the same moment. The same command again gets the first answer.
        """
        return self._once(asked, lambda: self._decide_and_save(asked, decide))

    def _once(self, asked: Asked, attempt: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The answer of an attempt to carry out a command, tried again where someone else changed the same."""
        give_up_at = time.monotonic() + RETRY_CONCURRENT_CHANGE_FOR_SECONDS
        while True:
            try:
                return attempt()
            except AlreadyDone as done:
                return done.answer
            except (ConcurrentChange, KeyDestroyed):
                if time.monotonic() > give_up_at:
                    raise Unavailable("Too many changes to the same object at once; try again.") from None
            except KontorError:
                # What refuses it may be what it did itself the first time, such as taking a name.
                if answer := self._earlier_answer(asked):
                    return answer
                raise

    def _earlier_answer(self, asked: Asked) -> dict[str, Any] | None:
        if not asked.request_hash:
            return None
        return self.log_index.answer_to(asked.context.command_id, asked.request_hash)

    def _decide_and_save(self, asked: Asked, decide: Callable[[], Decision]) -> dict[str, Any]:
        decision = decide()
        recordings = self.save(*decision.aggregates, command=decision.command(asked))
        if not recordings and (answer := self._earlier_answer(asked)):
            return answer
        position = recordings[-1].notification.id if recordings else self._log.max_notification_id()
        return {**decision.answer, "position": position or 0}


def _as_event(event: object) -> Event:
    return cast(Event, event)


def _replayed(events: Iterable[Event]) -> Aggregate:
    aggregate: Aggregate | None = None
    for event in events:
        aggregate = event.mutate(aggregate)
    assert aggregate is not None
    return aggregate


def check_version(expected: int | None, actual: int) -> None:
    """Refuse an edit of an older version than the current one."""
    if expected is not None and expected != actual:
        raise StaleVersion(f"You edit version {expected}, but it is at {actual} now; load it again.")


def published(source: str, stored: Notification, context: Context) -> Envelope:
    """A newly stored event as the envelope that consumers of `source` get for it."""
    return Envelope(
        source=source,
        position=stored.id,
        topic=stored.topic,
        subject=cast(UUID, stored.originator_id),
        version=stored.originator_version,
        occurred_at=context.occurred_at,
        actor=context.actor,
        command_id=context.command_id,
        correlation_id=context.correlation_id,
        causation_id=context.causation_id,
        body=messages.from_stored(stored.topic, messages.version_of(stored.topic), stored.state),
    )
