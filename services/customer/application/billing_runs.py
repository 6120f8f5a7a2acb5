"""Use cases of billing runs: the billing service carries out what is requested here."""

from typing import Any

from services.application import Decision
from services.customer.application.deciding import Deciding
from services.customer.billing_request import BillingRunRequest
from services.customer.commands.billing_runs import RequestBillingRun
from services.customer.customer import Customer
from services.events import Asked


class BillingRuns(Deciding):
    """Requesting billing runs."""

    def request_billing_run(self, body: RequestBillingRun, asked: Asked) -> dict[str, Any]:
        """Request a billing run for one customer or for all; answers billingRunId, position."""

        def decide() -> Decision:
            for_all = body.customer_id is None and body.debtor_ident is None
            customer = None if for_all else self._named_customer(body)
            run = self._request(customer, body, asked)
            return Decision([run], {"billingRunId": str(run.id)})

        return self._carry_out(asked, decide)

    def _request(
        self, customer: Customer | None, body: RequestBillingRun | None, asked: Asked
    ) -> BillingRunRequest:
        return BillingRunRequest.request(
            billing_run_id=self._new_id(),
            customer_id=customer.id if customer else None,
            debtor_ident=customer.debtor_ident if customer else None,
            processing_date=body.processing_date if body else None,
            now=asked.context.occurred_at,
        )
