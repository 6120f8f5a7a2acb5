"""Sending documents by e-mail when a person asks for it."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import ConfigDict

from services.billing.application import BillingApplication
from services.events import Asked
from services.fields import Body
from services.http import asking, problems
from services.identifiers import Email


class RequestDelivery(Body):
    """`POST /v1/documents/{id}/delivery`: to `recipient`; without one, to the recipient before, else to the buyer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"recipient": "rechnung@example.com"}]})

    recipient: Email = None


def router(application: BillingApplication) -> APIRouter:
    api = APIRouter()

    @api.post("/documents/{document_id}/delivery", status_code=202, responses=problems(404, 409, 422))
    def request_delivery(
        document_id: UUID, body: RequestDelivery, asked: Annotated[Asked, Depends(asking("billing:run"))]
    ) -> dict[str, Any]:
        """Send a document by e-mail, again or for the first time; what becomes of it is in the document's `delivery`.

        It is another e-mail than the one before. Without a mail server in the settings it waits for one.
        """
        return application.request_delivery(document_id, body.recipient, asked)

    return api
