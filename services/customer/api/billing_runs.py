"""Requests for billing runs."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.customer.api.answers import Answer, Billing
from services.customer.application import CustomerApplication
from services.customer.commands.billing_runs import RequestBillingRun, RetryBillingRun
from services.http import problems

AS_USUAL = RetryBillingRun()


def router(application: CustomerApplication) -> APIRouter:
    api = APIRouter(tags=["billing"])

    @api.post("/billing-runs", status_code=202, responses=problems(404, 422))
    def request_billing_run(body: RequestBillingRun, asked: Billing, response: Response) -> Answer:
        """Request a billing run; the billing service carries it out."""
        answer = application.request_billing_run(body, asked)
        response.headers["Location"] = f"/v1/billing-runs/{answer['billingRunId']}"
        return answer

    @api.post("/billing-runs/{billing_run_id}/retry", status_code=202, responses=problems(404, 409, 422))
    def retry_billing_run(
        billing_run_id: UUID, asked: Billing, response: Response, body: RetryBillingRun = AS_USUAL
    ) -> Answer:
        """Request a run for the customers for which that one failed; it names the other as `retryOf`."""
        answer = application.retry_billing_run(billing_run_id, body, asked)
        response.headers["Location"] = f"/v1/billing-runs/{answer['billingRunId']}"
        return answer

    return api
