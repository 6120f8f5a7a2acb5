"""Commands about customers' addresses."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.customer.api.answers import Answer, Expected, Writing, edited
from services.customer.application import CustomerApplication
from services.customer.commands.customers import AddressBody
from services.http import created


def router(application: CustomerApplication) -> APIRouter:
    api = APIRouter(prefix="/customers/{customer_id}/addresses", tags=["customers"])

    @api.post("", status_code=201)
    def add_address(
        customer_id: UUID, body: AddressBody, asked: Writing, expected: Expected, response: Response
    ) -> Answer:
        """Add an invoice or shipping address."""
        answer = application.add_address(customer_id, body, asked, expected)
        return created(response, f"/v1/customers/{customer_id}/addresses/{answer['addressId']}", answer)

    @api.put("/{address_id}")
    def edit_address(
        customer_id: UUID,
        address_id: UUID,
        body: AddressBody,
        asked: Writing,
        expected: Expected,
        response: Response,
    ) -> Answer:
        """Replace an address; its type never changes."""
        return edited(response, application.edit_address(customer_id, address_id, body, asked, expected))

    @api.delete("/{address_id}")
    def remove_address(
        customer_id: UUID, address_id: UUID, asked: Writing, expected: Expected, response: Response
    ) -> Answer:
        """Remove an address other than Invoice address 1; what named it goes to the default one of its type."""
        return edited(response, application.remove_address(customer_id, address_id, asked, expected))

    return api
