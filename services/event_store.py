"""Events on their way into the log and out of it: typed JSON, personal data sealed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from functools import cache
from typing import Any, cast
from uuid import UUID

import msgspec
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    AggregateRecorder,
    EventStore,
    JSONTranscoder,
    Mapper,
    Notification,
    Recording,
    StoredEvent,
)
from eventsourcing.utils import get_topic, resolve_topic

from services import messages
from services.events import Event
from services.personal_data import Key, Keyring, NewKey, Purpose, has_personal_data, opened, sealed
from services.upcasting import Reader

_IN_COLUMNS = {"originator_id", "originator_version", "timestamp"}
"""Fields of an event that the log keeps in columns of their own, not in the state."""


@dataclass(frozen=True)
class RecordedEvent(StoredEvent):
    """A stored event with what Kontor's log keeps beside the state."""

    occurred_at: Any
    schema_version: int
    new_key: NewKey | None = None
    """The key that was made for its customer and is to be stored with it."""


class EventMapper(Mapper[UUID]):
    """Events to and from compact, typed JSON: camelCase names, decimals as strings, fields at their default left out.

    Personal data in an event are those of its `customer_id`; they are sealed under that customer's key for
    `purpose`, which is made with the first event that needs it. Older versions are brought up to date by
    `services.upcasting`. Each batch asks for its keys once.
    """

    def __init__(self, keyring: Keyring, purpose: Purpose) -> None:
        super().__init__(transcoder=JSONTranscoder())
        self._keyring = keyring
        self._purpose = purpose

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> RecordedEvent:
        return self.to_stored_events([domain_event])[0]

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        return self.to_domain_events([stored_event])[0]

    def to_stored_events(self, domain_events: Iterable[DomainEventProtocol[UUID]]) -> list[RecordedEvent]:
        """Raises KeyDestroyed for personal data of an erased customer."""
        events = [cast(Event, event) for event in domain_events]
        keys = _SealingKeys(self._keyring, self._purpose, events)
        return [_stored(event, keys) for event in events]

    def to_domain_events(self, stored_events: Iterable[StoredEvent]) -> list[DomainEventProtocol[UUID]]:
        stored = [cast(RecordedEvent, event) for event in stored_events]
        classes = [resolve_topic(event.topic) for event in stored]
        states = [
            _reader(cls).read(event.state, event.schema_version)
            for cls, event in zip(classes, stored, strict=True)
        ]
        personal = [n for n, state in enumerate(states) if has_personal_data(type(state))]
        plain = opened([(states[n].customer_id, states[n]) for n in personal], self._keyring)
        for n, state in zip(personal, plain, strict=True):
            states[n] = state
        return list(map(_event, classes, stored, states))


class SealedEventStore(EventStore[UUID]):
    """The event store of an application, which seals and opens in batches."""

    def __init__(self, mapper: EventMapper, recorder: AggregateRecorder) -> None:
        super().__init__(mapper, recorder)
        self._events = mapper

    def put(self, domain_events: Sequence[DomainEventProtocol[UUID]], **kwargs: Any) -> list[Recording[UUID]]:
        stored = self._events.to_stored_events(domain_events)
        positions = self.recorder.insert_events(stored, **kwargs) or ()
        notifications = [
            Notification(s.originator_id, s.originator_version, s.topic, s.state, id=position)
            for s, position in zip(stored, positions, strict=bool(positions))
        ]
        return [Recording(*both) for both in zip(domain_events, notifications, strict=bool(positions))]

    def get(self, originator_id: UUID, **bounds: Any) -> Iterator[DomainEventProtocol[UUID]]:
        return iter(self._events.to_domain_events(self.recorder.select_events(originator_id, **bounds)))


class _SealingKeys:
    """The keys that a batch of events is sealed under; one that is missing is made once."""

    def __init__(self, keyring: Keyring, purpose: Purpose, events: Iterable[Event]) -> None:
        self._keyring = keyring
        self._purpose = purpose
        known = {_customer(event) for event in events if _needs_key(event) and not _is_first(event)}
        self._keys: dict[UUID, Key] = dict(keyring.of(known, purpose)) if known else {}

    def of(self, event: Event) -> tuple[Key, NewKey | None]:
        """The key for an event, and the same once more where it has yet to be stored."""
        subject = _customer(event)
        if key := self._keys.get(subject):
            return key, None
        new = self._keyring.new(subject, self._purpose)
        self._keys[subject] = new.key
        return new.key, new


def _needs_key(event: Event) -> bool:
    return has_personal_data(_state_type(type(event)))


def _is_first(event: Event) -> bool:
    """Whether the customer comes into being with this event, so that it cannot have a key."""
    return event.originator_version == 1 and event.originator_id == _customer(event)


def _customer(event: Event) -> UUID:
    return cast(UUID, vars(event)["customer_id"])


def _stored(event: Event, keys: _SealingKeys) -> RecordedEvent:
    cls, new_key = type(event), None
    state = _state_type(cls)(**{k: v for k, v in vars(event).items() if k not in _IN_COLUMNS})
    if has_personal_data(type(state)):
        key, new_key = keys.of(event)
        state = sealed(state, _customer(event), key)
    return RecordedEvent(
        originator_id=event.originator_id,
        originator_version=event.originator_version,
        topic=get_topic(cls),
        state=msgspec.json.encode(state),
        occurred_at=event.timestamp,
        schema_version=messages.version_of(cls.TOPIC),
        new_key=new_key,
    )


def _event(cls: type[Event], stored: RecordedEvent, state: msgspec.Struct) -> Event:
    event = object.__new__(cls)
    values = msgspec.structs.asdict(state)
    values.update(
        originator_id=stored.originator_id,
        originator_version=stored.originator_version,
        timestamp=stored.occurred_at,
    )
    object.__setattr__(event, "__dict__", values)
    return event


@cache
def _reader(cls: type[Event]) -> Reader:
    return Reader(cls.TOPIC, messages.version_of(cls.TOPIC), _state_type(cls))


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
