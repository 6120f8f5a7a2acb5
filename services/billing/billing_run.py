"""The billing run as the billing service carries it out, and its one outcome per customer."""

from datetime import date, datetime
from typing import ClassVar, Self
from uuid import UUID, uuid5

import msgspec

from services.errors import NotFound, Refused
from services.events import Aggregate, FirstEvent
from services.messages import BilledAmount, BillingRunStarted, CustomerBilled, Outcome, RunStatus


class BillingRunNotFound(NotFound):
    """There is no such billing run."""


class BillingRunOver(Refused):
    """Only a run that is under way can be cancelled."""


class BillingRun(Aggregate):
    """A run over the customers in its scope; its id is that of the request."""

    TOPIC: ClassVar[str] = "billing.BillingRun"

    def __init__(self) -> None:
        self.status: RunStatus

    class Event(Aggregate.Event):
        billing_run_id: UUID

    class Started(FirstEvent, Event):
        TOPIC: ClassVar[str] = "billing.BillingRunStarted"

        processing_date: date
        ended_by: date
        customers_total: int
        customer_id: UUID | None = None
        debtor_ident: str | None = None
        retry_of: UUID | None = None
        accept_unusual: bool = False
        processing_at: datetime | None = None

        def apply(self, aggregate: "BillingRun") -> None:
            aggregate.status = RunStatus.RUNNING

    class Completed(Event):
        TOPIC: ClassVar[str] = "billing.BillingRunCompleted"

        status: RunStatus
        reason: str | None = None

        def apply(self, aggregate: "BillingRun") -> None:
            aggregate.status = self.status

    @classmethod
    def start(cls, started: BillingRunStarted, now: datetime) -> Self:
        fields = msgspec.structs.asdict(started)
        return cls._create(cls.Started, id=started.billing_run_id, timestamp=now, **fields)

    def complete(self, *, had_failures: bool, now: datetime) -> None:
        """Close the run once every customer in scope has an outcome; nothing happens the second time."""
        if self.status is RunStatus.RUNNING:
            status = RunStatus.COMPLETED_WITH_FAILURES if had_failures else RunStatus.COMPLETED
            self.trigger_event(BillingRun.Completed, timestamp=now, billing_run_id=self.id, status=status)

    def cancel(self, reason: str | None, now: datetime) -> None:
        """Close the run before every customer has an outcome; what was issued stays."""
        if self.status is not RunStatus.RUNNING:
            raise BillingRunOver(f"The run is {self.status} already.")
        self.trigger_event(
            BillingRun.Completed,
            timestamp=now,
            billing_run_id=self.id,
            status=RunStatus.CANCELLED,
            reason=reason,
        )


class BillingOutcome(Aggregate):
    """What a run did for one customer. Its id is made of both, so that the log refuses a second outcome."""

    TOPIC: ClassVar[str] = "billing.BillingOutcome"

    class Event(Aggregate.Event):
        billing_run_id: UUID
        customer_id: UUID

    class Recorded(FirstEvent, Event):
        TOPIC: ClassVar[str] = "billing.CustomerBilled"

        debtor_ident: str
        outcome: Outcome
        documents: tuple[UUID, ...] = ()
        amounts: tuple[BilledAmount, ...] = ()
        reason: str | None = None

    @classmethod
    def record(cls, outcome: CustomerBilled, now: datetime) -> Self:
        outcome_id = uuid5(outcome.billing_run_id, str(outcome.customer_id))
        return cls._create(cls.Recorded, id=outcome_id, timestamp=now, **msgspec.structs.asdict(outcome))
