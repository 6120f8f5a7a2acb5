"""Commands about customers' payment accounts."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.customer.api.answers import Answer, Expected, Writing, edited
from services.customer.application import CustomerApplication
from services.customer.commands.payment_accounts import AddPaymentAccount
from services.http import created


def router(application: CustomerApplication) -> APIRouter:
    api = APIRouter(prefix="/customers/{customer_id}/payment-accounts", tags=["customers"])

    @api.post("", status_code=201)
    def add_payment_account(
        customer_id: UUID, body: AddPaymentAccount, asked: Writing, expected: Expected, response: Response
    ) -> Answer:
        """Add a payment account; the first one is the default. A full card number is refused, wherever it is."""
        answer = application.add_payment_account(customer_id, body, asked, expected)
        location = f"/v1/customers/{customer_id}/payment-accounts/{answer['paymentAccountId']}"
        return created(response, location, answer)

    @api.delete("/{payment_account_id}")
    def remove_payment_account(
        customer_id: UUID, payment_account_id: UUID, asked: Writing, expected: Expected, response: Response
    ) -> Answer:
        """Remove a payment account; if it was the default, the oldest one that is left becomes it."""
        answer = application.remove_payment_account(customer_id, payment_account_id, asked, expected)
        return edited(response, answer)

    return api
