"""Commands about customers' general data, properties and billing stop, and their erasure."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response

from services.customer.api.answers import Administering, Answer, Expected, Writing, edited
from services.customer.application import CustomerApplication
from services.customer.commands.billing_stops import StopBilling
from services.customer.commands.customers import CreateCustomer, EditCustomer
from services.customer.commands.properties import PropertyKey, SetProperty
from services.http import created

Key = Annotated[PropertyKey, Path(examples=["fleet_size"])]


def router(application: CustomerApplication) -> APIRouter:
    api = APIRouter(tags=["customers"])

    @api.post("/customers", status_code=201)
    def create_customer(body: CreateCustomer, asked: Writing, response: Response) -> Answer:
        """Create a customer with its addresses; the first invoice address holds the name."""
        answer = application.create_customer(body, asked)
        return created(response, f"/v1/customers/{answer['customerId']}", answer)

    @api.patch("/customers/{customer_id}")
    def edit_customer(
        customer_id: UUID, body: EditCustomer, asked: Writing, expected: Expected, response: Response
    ) -> Answer:
        """Change general data; only what is sent changes."""
        return edited(response, application.edit_customer(customer_id, body, asked, expected))

    @api.put("/customers/{customer_id}/properties/{key}")
    def set_property(
        customer_id: UUID,
        key: Key,
        body: SetProperty,
        asked: Writing,
        expected: Expected,
        response: Response,
    ) -> Answer:
        """Set a free characteristic."""
        return edited(response, application.set_property(customer_id, key, body, asked, expected))

    @api.delete("/customers/{customer_id}/properties/{key}")
    def remove_property(
        customer_id: UUID, key: Key, asked: Writing, expected: Expected, response: Response
    ) -> Answer:
        """Remove a free characteristic."""
        return edited(response, application.remove_property(customer_id, key, asked, expected))

    @api.put("/customers/{customer_id}/billing-stop")
    def stop_billing(
        customer_id: UUID, body: StopBilling, asked: Writing, expected: Expected, response: Response
    ) -> Answer:
        """Let billing runs for all customers skip this one; a run for this one alone still bills it."""
        return edited(response, application.stop_billing(customer_id, body, asked, expected))

    @api.delete("/customers/{customer_id}/billing-stop")
    def lift_billing_stop(
        customer_id: UUID, asked: Writing, expected: Expected, response: Response
    ) -> Answer:
        """Let billing runs for all customers bill this one again."""
        return edited(response, application.lift_billing_stop(customer_id, asked, expected))

    @api.post("/customers/{customer_id}/erasure")
    def erase_customer(
        customer_id: UUID, asked: Administering, expected: Expected, response: Response
    ) -> Answer:
        """Erase the personal data for good (GDPR Art. 17), once nothing is left to bill; issued documents stay."""
        return edited(response, application.erase_customer(customer_id, asked, expected))

    return api
