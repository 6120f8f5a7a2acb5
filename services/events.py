"""What every stored event carries, and the shape that all aggregates share.

An event's own fields are its *state*; who, when and why are the *context* of the command that
caused it. Both are stored side by side, so that decisions stay pure functions of what happened.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.domain import BaseAggregate, CanInitAggregate, CanMutateAggregate, DomainEvent


@dataclass(frozen=True, slots=True)
class Context:
    """Who asked for what, when and why; stored with every event that a command caused.

    `command_id` identifies the request (from `Idempotency-Key` where one was sent), `correlation_id`
    everything that follows from one first cause, `causation_id` the event or command right before.
    """

    command_id: UUID
    actor: str
    occurred_at: datetime
    correlation_id: UUID
    causation_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A command as it arrived: its context, and the hash that tells a repeated request from another one.

    Without a hash the command is new: its id was made for it.
    """

    context: Context
    request_hash: bytes = b""


@dataclass(frozen=True, slots=True)
class Command:
    """A request to change something, as recorded with its events in one transaction.

    The first answer to a command is kept under its id, so that the same request sent again is
    answered and not carried out again; `request_hash` (SHA-256) tells the same request from another one.
    """

    context: Context
    request_hash: bytes = b""
    answer: dict[str, Any] | None = None
    """The answer without `position`, which is known when the events are stored."""
    claims: tuple["Claim", ...] = ()
    relies_on: tuple[tuple[UUID, int], ...] = ()
    """Aggregates, and their versions, that the decision looked at and that must not have changed meanwhile."""
    erases: UUID | None = None
    """The customer whose key is destroyed in the same transaction, and with it all personal data in history."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A name that only one aggregate may bear, e.g. ("debtor", "D-4711"); taken in the same transaction.

    `holder` is the aggregate that the owner belongs to: a contract's customer.
    """

    kind: str
    ident: str
    owner: UUID
    holder: UUID | None = None


class Event(CanMutateAggregate[UUID], DomainEvent):
    """Something that happened to an aggregate; `timestamp` is when the command was accepted."""

    TOPIC: ClassVar[str]


class FirstEvent(CanInitAggregate[UUID], Event):
    """The event that brings an aggregate into being."""

    originator_topic: str


class Aggregate(BaseAggregate[UUID]):
    """State that follows from its events, and the decisions that add events.

    Decisions check the rules and then call `trigger_event`; events only assign in `apply`, because
    they are applied again on every replay.
    """

    class Event(Event):
        """Base of the events of one aggregate."""
