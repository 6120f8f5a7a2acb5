"""The request to bill one customer or all of them; the billing service carries it out."""

from datetime import date, datetime
from typing import ClassVar, Self
from uuid import UUID

from services.events import Aggregate, FirstEvent


class BillingRunRequest(Aggregate):
    """A billing run as asked for; its id is the run's id in every service."""

    TOPIC: ClassVar[str] = "customer.BillingRunRequest"

    def __init__(self) -> None:
        self.customer_id: UUID | None

    class Event(Aggregate.Event):
        billing_run_id: UUID

    class Requested(FirstEvent, Event):
        TOPIC: ClassVar[str] = "customer.BillingRunRequested"

        customer_id: UUID | None = None
        debtor_ident: str | None = None
        processing_date: date | None = None
        processing_at: datetime | None = None

        def apply(self, aggregate: "BillingRunRequest") -> None:
            aggregate.customer_id = self.customer_id

    @classmethod
    def request(
        cls,
        *,
        billing_run_id: UUID,
        customer_id: UUID | None,
        debtor_ident: str | None,
        processing_date: date | None,
        now: datetime,
    ) -> Self:
        """Ask for everything due by the end of `processing_date`, or by now where none is given."""
        return cls._create(
            cls.Requested,
            id=billing_run_id,
            timestamp=now,
            billing_run_id=billing_run_id,
            customer_id=customer_id,
            debtor_ident=debtor_ident,
            processing_date=processing_date,
            processing_at=None if processing_date else now,
        )
