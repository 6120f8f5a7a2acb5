"""Use cases of billing runs: the billing service carries out what is requested here."""

from typing import Any
from uuid import UUID

from services.application import Decision
from services.customer.application.deciding import Deciding
from services.customer.billing_request import BillingRunNotFound, BillingRunRequest
from services.customer.commands.billing_runs import RequestBillingRun, RetryBillingRun
from services.customer.customer import Customer
from services.errors import FieldError, InvalidFields
from services.events import Asked


class BillingRuns(Deciding):
    """Requesting billing runs, and retries of them."""

    def request_billing_run(self, body: RequestBillingRun, asked: Asked) -> dict[str, Any]:
        """Request a billing run for one customer or for all; answers billingRunId, position."""

        def decide() -> Decision:
            for_all = body.customer_id is None and body.debtor_ident is None
            customer = None if for_all else self._named_customer(body)
            self._check_reached(body.only_if_unchanged_since)
            run = self._request(customer, body, asked)
            return Decision([run], {"billingRunId": str(run.id)})

        return self._carry_out(asked, decide)

    def retry_billing_run(self, billing_run_id: UUID, body: RetryBillingRun, asked: Asked) -> dict[str, Any]:
        """Request a run for the customers for which another one failed; answers billingRunId, position."""

        def decide() -> Decision:
            before = self._found(BillingRunRequest, billing_run_id)
            if before is None:
                raise BillingRunNotFound(f"There is no billing run {billing_run_id}.")
            run = before.retry(
                billing_run_id=self._new_id(),
                failed_customers=self._billed.failed_customers(billing_run_id),
                accept_unusual=body.accept_unusual,
                now=asked.context.occurred_at,
            )
            return Decision([run], {"billingRunId": str(run.id)})

        return self._carry_out(asked, decide)

    def _check_reached(self, position: int | None) -> None:
        if position is not None and position > (self._log.max_notification_id() or 0):
            raise InvalidFields(
                FieldError("onlyIfUnchangedSince", "is a position that nothing has come to yet", position)
            )

    def _request(
        self, customer: Customer | None, body: RequestBillingRun | None, asked: Asked
    ) -> BillingRunRequest:
        return BillingRunRequest.request(
            billing_run_id=self._new_id(),
            customer_id=customer.id if customer else None,
            debtor_ident=customer.debtor_ident if customer else None,
            processing_date=body.processing_date if body else None,
            now=asked.context.occurred_at,
            only_if_unchanged_since=body.only_if_unchanged_since if body else None,
            accept_unusual=body.accept_unusual if body else False,
        )
