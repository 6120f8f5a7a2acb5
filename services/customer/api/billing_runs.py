"""Requests for billing runs."""

from fastapi import APIRouter, Response

from services.customer.api.answers import Answer, Billing
from services.customer.application import CustomerApplication
from services.customer.commands.billing_runs import RequestBillingRun


def router(application: CustomerApplication) -> APIRouter:
    api = APIRouter(tags=["billing"])

    @api.post("/billing-runs", status_code=202)
    def request_billing_run(body: RequestBillingRun, asked: Billing, response: Response) -> Answer:
        """Request a billing run; the billing service carries it out."""
        answer = application.request_billing_run(body, asked)
        response.headers["Location"] = f"/v1/billing-runs/{answer['billingRunId']}"
        return answer

    return api
