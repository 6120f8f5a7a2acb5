"""What the applications of all services share: how events are stored, and how a command is carried out once."""

import time
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from functools import cache
from typing import Any, Protocol, cast
from uuid import UUID

import msgspec
from eventsourcing.application import Application
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    ApplicationRecorder,
    InfrastructureFactory,
    JSONTranscoder,
    Mapper,
    Notification,
    StoredEvent,
)
from eventsourcing.utils import Environment, get_topic, resolve_topic

from services import messages
from services.errors import KontorError, StaleVersion, Unavailable
from services.events import Aggregate, Asked, Claim, Command, Context, Event
from services.messages import Envelope

RETRY_CONCURRENT_CHANGE_FOR_SECONDS = 5.0

_IN_COLUMNS = {"originator_id", "originator_version", "timestamp"}
"""Fields of an event that the log keeps in columns of their own, not in the state."""


@dataclass(frozen=True)
class RecordedEvent(StoredEvent):
    """A stored event with what Kontor's log keeps beside the state."""

    occurred_at: Any
    schema_version: int


class EventMapper(Mapper[UUID]):
    """Events to and from compact, typed JSON: camelCase names, decimals as strings, fields at their default left out.

    Older versions are brought up to date by the event class's `upcast_vX_vY(state)`, which get the plain JSON object.
    """

    def __init__(self) -> None:
        super().__init__(transcoder=JSONTranscoder())

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> RecordedEvent:
        event = cast(Event, domain_event)
        values = {k: v for k, v in vars(event).items() if k not in _IN_COLUMNS}
        return RecordedEvent(
            originator_id=event.originator_id,
            originator_version=event.originator_version,
            topic=get_topic(type(event)),
            state=msgspec.json.encode(_state_type(type(event))(**values)),
            occurred_at=event.timestamp,
            schema_version=event.class_version,
        )

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        stored = cast(RecordedEvent, stored_event)
        cls: type[Event] = resolve_topic(stored.topic)
        state = msgspec.structs.asdict(_decode(cls, stored.state, stored.schema_version))
        event = object.__new__(cls)
        state.update(
            originator_id=stored.originator_id,
            originator_version=stored.originator_version,
            timestamp=stored.occurred_at,
        )
        object.__setattr__(event, "__dict__", state)
        return event


@cache
def _state_type(cls: type[Event]) -> type[msgspec.Struct]:
    """The typed shape of an event's state: its fields but for those in columns."""
    return msgspec.defstruct(
        f"{cls.__qualname__}State",
        [_typed(f) for f in fields(cls) if f.name not in _IN_COLUMNS],
        rename="camel",
        omit_defaults=True,
        kw_only=True,
    )


def _typed(field: Field[Any]) -> tuple[str, Any] | tuple[str, Any, Any]:
    if field.default_factory is not MISSING:
        return field.name, field.type, msgspec.field(default_factory=field.default_factory)
    if field.default is not MISSING:
        return field.name, field.type, field.default
    return field.name, field.type


def _decode(cls: type[Event], state: bytes, version: int) -> msgspec.Struct:
    if version == cls.class_version:
        return msgspec.json.decode(state, type=_state_type(cls))
    values = msgspec.json.decode(state)
    for step in range(version, cls.class_version):
        getattr(cls, f"upcast_v{step}_v{step + 1}")(values)
    return msgspec.convert(values, _state_type(cls))


class ConcurrentChange(StaleVersion):
    """The object was changed by someone else at the same moment."""


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

    def answer_to(self, command_id: UUID, request_hash: bytes) -> dict[str, Any] | None:
        """The answer given to this command before; None if it is new.

        Raises IdempotencyKeyReused when the id was used for a different request.
        """

    def answered(self, command_ids: Sequence[UUID]) -> set[UUID]:
        """Those of the commands that were carried out before."""

    def owner_of(self, kind: str, ident: str) -> UUID | None:
        """The aggregate that bears this name (`debtor`, `contract`, `order` …), None if it is free."""

    def next_number(self, sequence: str) -> int:
        """A new number of `sequence`, never handed out before; a refused command leaves a gap."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a use case decided: the changed aggregates, the answer, and names that must be free."""

    aggregates: Sequence[Aggregate]
    answer: dict[str, Any]
    claims: tuple[Claim, ...] = ()


class KontorApplication(Application[UUID]):
    """An event-sourced application on a given event log."""

    def __init__(self, log: ApplicationRecorder) -> None:
        self._log = log
        super().__init__()

    def construct_mapper(self) -> Mapper[UUID]:
        return EventMapper()

    def construct_recorder(self) -> ApplicationRecorder:
        return self._log

    def construct_factory(self, env: Environment) -> InfrastructureFactory:
        # The factory would only be asked for what is given here: mapper and recorder.
        return InfrastructureFactory.construct(Environment(env.name, {}))

    @property
    def log_index(self) -> EventLog:
        """Names, numbers and earlier answers in this application's log."""
        return cast(EventLog, self._log)

    def carry_out(self, asked: Asked, decide: Callable[[], Decision]) -> dict[str, Any]:
        """Carry out a command once and return its answer, with the `position` of its last event.

        `decide` loads, checks and changes aggregates; it is called again when someone else changed
        one of them at the same moment. The same command again gets the first answer.
        """
        give_up_at = time.monotonic() + RETRY_CONCURRENT_CHANGE_FOR_SECONDS
        while True:
            try:
                return self._decide_and_save(asked, decide)
            except AlreadyDone as done:
                return done.answer
            except ConcurrentChange:
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
        command = Command(asked.context, asked.request_hash, decision.answer, decision.claims)
        recordings = self.save(*decision.aggregates, command=command)
        if not recordings and (answer := self._earlier_answer(asked)):
            return answer
        position = recordings[-1].notification.id if recordings else self._log.max_notification_id()
        return {**decision.answer, "position": position or 0}


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
        body=messages.from_stored(stored.topic, resolve_topic(stored.topic).class_version, stored.state),
    )
