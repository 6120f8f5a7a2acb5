"""The request to bill one customer or all of them; the billing service carries it out."""

from datetime import date, datetime
from typing import ClassVar, Self
from uuid import UUID

from services.errors import NotFound, Refused
from services.events import Aggregate, FirstEvent
from services.processing import check_not_far_ahead


class BillingRunNotFound(NotFound):
    """There is no such billing run."""


class NothingToRetry(Refused):
    """Only a run that is over and failed for some customers can be retried."""


class BillingRunRequest(Aggregate):
    """A billing run as asked for; its id is the run's id in every service."""

    TOPIC: ClassVar[str] = "customer.BillingRunRequest"

    def __init__(self) -> None:
        self.customer_id: UUID | None
        self.debtor_ident: str | None
        self.processing_date: date | None
        self.processing_at: datetime | None

    class Event(Aggregate.Event):
        billing_run_id: UUID

    class Requested(FirstEvent, Event):
        TOPIC: ClassVar[str] = "customer.BillingRunRequested"

        customer_id: UUID | None = None
        debtor_ident: str | None = None
        processing_date: date | None = None
        processing_at: datetime | None = None
        only_if_unchanged_since: int | None = None
        retry_of: UUID | None = None
        accept_unusual: bool = False

        def apply(self, aggregate: "BillingRunRequest") -> None:
            aggregate.customer_id = self.customer_id
            aggregate.debtor_ident = self.debtor_ident
            aggregate.processing_date = self.processing_date
            aggregate.processing_at = self.processing_at

    @classmethod
    def request(
        cls,
        *,
        billing_run_id: UUID,
        customer_id: UUID | None,
        debtor_ident: str | None,
        processing_date: date | None,
        now: datetime,
        only_if_unchanged_since: int | None = None,
        accept_unusual: bool = False,
    ) -> Self:
        """Ask for everything due by the end of `processing_date`, or by now where none is given."""
        check_not_far_ahead(processing_date, now)
        return cls._create(
            cls.Requested,
            id=billing_run_id,
            timestamp=now,
            billing_run_id=billing_run_id,
            customer_id=customer_id,
            debtor_ident=debtor_ident,
            processing_date=processing_date,
            processing_at=None if processing_date else now,
            only_if_unchanged_since=only_if_unchanged_since,
            accept_unusual=accept_unusual,
        )

    def retry(
        self, *, billing_run_id: UUID, failed_customers: int | None, accept_unusual: bool, now: datetime
    ) -> "BillingRunRequest":
        """Ask for the same once more for the customers that this run failed for.

        `failed_customers` counts them; None while the run is not over.
        """
        if failed_customers is None:
            raise NothingToRetry("The run is still under way; wait for its end, or cancel it.")
        if not failed_customers:
            raise NothingToRetry("The run failed for no customer.")
        return self._create(
            self.Requested,
            id=billing_run_id,
            timestamp=now,
            billing_run_id=billing_run_id,
            customer_id=self.customer_id,
            debtor_ident=self.debtor_ident,
            processing_date=self.processing_date,
            processing_at=self.processing_at,
            retry_of=self.id,
            accept_unusual=accept_unusual,
        )
