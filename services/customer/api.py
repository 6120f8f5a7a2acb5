"""The customer service's commands over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from services.customer.application import CustomerApplication
from services.customer.commands import (
    AddressBody,
    CreateCustomer,
    EditCustomer,
    RecordOrder,
    RequestBillingRun,
    SignContract,
)
from services.events import Asked
from services.http import asking, created, expected_version

Writing = Annotated[Asked, Depends(asking("customers:write"))]
Billing = Annotated[Asked, Depends(asking("billing:run"))]
Expected = Annotated[int | None, Depends(expected_version)]
Answer = dict[str, Any]


def router(application: CustomerApplication) -> APIRouter:
    """Routes under /v1 that change customers, contracts and orders, and request billing runs."""
    api = APIRouter(prefix="/v1")

    @api.post("/customers", status_code=201, tags=["customers"])
    def create_customer(body: CreateCustomer, asked: Writing, response: Response) -> Answer:
        """Create a customer with its addresses; the first invoice address holds the name."""
        answer = application.create_customer(body, asked)
        return created(response, f"/v1/customers/{answer['customerId']}", answer)

    @api.patch("/customers/{customer_id}", tags=["customers"])
    def edit_customer(
        customer_id: UUID, body: EditCustomer, asked: Writing, expected: Expected, response: Response
    ) -> Answer:
        """Change general data; only what is sent changes."""
        return _edited(response, application.edit_customer(customer_id, body, asked, expected))

    @api.post("/customers/{customer_id}/addresses", status_code=201, tags=["customers"])
    def add_address(
        customer_id: UUID, body: AddressBody, asked: Writing, expected: Expected, response: Response
    ) -> Answer:
        """Add an invoice or shipping address."""
        answer = application.add_address(customer_id, body, asked, expected)
        return created(response, f"/v1/customers/{customer_id}/addresses/{answer['addressId']}", answer)

    @api.put("/customers/{customer_id}/addresses/{address_id}", tags=["customers"])
    def edit_address(
        customer_id: UUID,
        address_id: UUID,
        body: AddressBody,
        asked: Writing,
        expected: Expected,
        response: Response,
    ) -> Answer:
        """Replace an address; its type never changes."""
        return _edited(response, application.edit_address(customer_id, address_id, body, asked, expected))

    @api.post("/contracts", status_code=201, tags=["contracts"])
    def sign_contract(body: SignContract, asked: Writing, response: Response) -> Answer:
        """Sign a contract with its own one-time and recurring items."""
        answer = application.sign_contract(body, asked)
        return created(response, f"/v1/contracts/{answer['contractId']}", answer)

    @api.post("/orders", status_code=201, tags=["orders"])
    def record_order(body: RecordOrder, asked: Writing, response: Response) -> Answer:
        """Record an order; billed with the next run, or at once."""
        answer = application.record_order(body, asked)
        return created(response, f"/v1/orders/{answer['orderId']}", answer)

    @api.post("/billing-runs", status_code=202, tags=["billing"])
    def request_billing_run(body: RequestBillingRun, asked: Billing, response: Response) -> Answer:
        """Request a billing run; the billing service carries it out."""
        answer = application.request_billing_run(body, asked)
        response.headers["Location"] = f"/v1/billing-runs/{answer['billingRunId']}"
        return answer

    return api


def _edited(response: Response, answer: Answer) -> Answer:
    response.headers["ETag"] = f'"{answer["version"]}"'
    return answer
