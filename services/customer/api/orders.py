"""Commands about orders."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.customer.api.answers import Answer, Expected, Writing, edited
from services.customer.application import CustomerApplication
from services.customer.commands.orders import CancelOrder, RecordOrder
from services.http import created, problems


def router(application: CustomerApplication) -> APIRouter:
    api = APIRouter(tags=["orders"])

    @api.post("/orders", status_code=201, responses=problems(404, 409, 422))
    def record_order(body: RecordOrder, asked: Writing, response: Response) -> Answer:
        """Record an order; billed with the next run, or at once."""
        answer = application.record_order(body, asked)
        return created(response, f"/v1/orders/{answer['orderId']}", answer)

    @api.post("/orders/{order_id}/cancellation", responses=problems(404, 409, 412, 422))
    def cancel_order(
        order_id: UUID, body: CancelOrder, asked: Writing, expected: Expected, response: Response
    ) -> Answer:
        """Take an order back; possible only while it is not billed."""
        return edited(response, application.cancel_order(order_id, body, asked, expected))

    return api
