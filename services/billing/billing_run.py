"""The billing run as the billing service carries it out, and its one outcome per customer."""

from datetime import date, datetime
from typing import ClassVar, Self
from uuid import UUID, uuid5

import msgspec

from services.events import Aggregate, FirstEvent
from services.messages import BilledAmount, CustomerBilled, Outcome, RunStatus


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

        def apply(self, aggregate: "BillingRun") -> None:
            aggregate.status = RunStatus.RUNNING

    class Completed(Event):
        TOPIC: ClassVar[str] = "billing.BillingRunCompleted"

        status: RunStatus

        def apply(self, aggregate: "BillingRun") -> None:
            aggregate.status = self.status

    @classmethod
    def start(
        cls,
        *,
        billing_run_id: UUID,
        processing_date: date,
        ended_by: date,
        customers_total: int,
        customer_id: UUID | None,
        debtor_ident: str | None,
        now: datetime,
    ) -> Self:
        return cls._create(
            cls.Started,
            id=billing_run_id,
            timestamp=now,
            billing_run_id=billing_run_id,
            processing_date=processing_date,
            ended_by=ended_by,
            customers_total=customers_total,
            customer_id=customer_id,
            debtor_ident=debtor_ident,
        )

    def complete(self, *, had_failures: bool, now: datetime) -> None:
        """Close the run once every customer in scope has an outcome; nothing happens the second time."""
        if self.status is RunStatus.RUNNING:
            status = RunStatus.COMPLETED_WITH_FAILURES if had_failures else RunStatus.COMPLETED
            self.trigger_event(BillingRun.Completed, timestamp=now, billing_run_id=self.id, status=status)


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
