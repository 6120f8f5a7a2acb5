"""Cancelling documents, crediting their lines, and deciding on proposed corrections."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import ConfigDict, Field, model_validator

from services.billing.application import BillingApplication
from services.billing.line_credit import LineCredit
from services.events import Asked
from services.fields import Body, Number, Text
from services.http import asking, created, problems

LINES_MAX = 10_000

Quantity = Annotated[Number, Field(max_digits=20, decimal_places=10)]
Amount = Annotated[Number, Field(gt=0, max_digits=20, decimal_places=4)]


class CancelDocument(Body):
    """`POST /v1/documents/{id}/cancellation`: `reason` is printed on the credit note."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Issued to the wrong company"}]})

    reason: Text


class CreditLine(Body):
    """All that is left of a line, or (one of them) a `quantity` or a net `amount` of it.

    `billAgain`: what the line billed is to be billed once more; nothing may be left of it then.
    """

    line: Annotated[int, Field(ge=1)]
    quantity: Quantity | None = None
    amount: Amount | None = None
    bill_again: bool = False

    @model_validator(mode="after")
    def _one_measure(self) -> "CreditLine":
        if self.quantity is not None and self.amount is not None:
            raise ValueError("credit a quantity or an amount, not both")
        return self

    def line_credit(self) -> LineCredit:
        return LineCredit(self.line, self.quantity, self.amount, self.bill_again)


class CreditDocument(Body):
    """`POST /v1/documents/{id}/credit`: `reason` is printed on the credit note."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"lines": [{"line": 1, "amount": "1.00"}], "reason": "Outage on 3 March"},
                {"lines": [{"line": 1, "billAgain": True}], "reason": "Wrong price"},
            ]
        }
    )

    lines: Annotated[list[CreditLine], Field(min_length=1, max_length=LINES_MAX)]
    reason: Text


class DeclineCorrection(Body):
    """`POST /v1/correction-proposals/{id}/decline`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Agreed with the customer"}]})

    reason: Text


def router(application: BillingApplication) -> APIRouter:
    api = APIRouter()

    @api.post("/documents/{document_id}/cancellation", status_code=201, responses=problems(404, 409, 422))
    def cancel_document(
        document_id: UUID,
        body: CancelDocument,
        asked: Annotated[Asked, Depends(asking("billing:run"))],
        response: Response,
    ) -> dict[str, Any]:
        """Issue a credit note over all that is left of an invoice; what it billed becomes billable again."""
        return _issued(response, application.cancel_document(document_id, body.reason, asked))

    @api.post("/documents/{document_id}/credit", status_code=201, responses=problems(404, 409, 422))
    def credit_document(
        document_id: UUID,
        body: CreditDocument,
        asked: Annotated[Asked, Depends(asking("billing:run"))],
        response: Response,
    ) -> dict[str, Any]:
        """Issue a credit note over single lines of an invoice, or a quantity or an amount of them."""
        lines = [line.line_credit() for line in body.lines]
        return _issued(response, application.credit_document(document_id, lines, body.reason, asked))

    @api.post("/correction-proposals/{proposal_id}/acceptance", status_code=201, responses=problems(404, 409))
    def accept_correction(
        proposal_id: UUID,
        asked: Annotated[Asked, Depends(asking("billing:run"))],
        response: Response,
    ) -> dict[str, Any]:
        """Issue the credit notes of a proposal and the invoice that takes their place, at once."""
        answer = application.accept_correction(proposal_id, asked)
        return created(response, f"/v1/correction-proposals/{proposal_id}", answer)

    @api.post("/correction-proposals/{proposal_id}/decline", responses=problems(404, 409, 422))
    def decline_correction(
        proposal_id: UUID,
        body: DeclineCorrection,
        asked: Annotated[Asked, Depends(asking("billing:run"))],
    ) -> dict[str, Any]:
        """Close a proposal: nothing is issued, and what is billed stays as it is."""
        return application.decline_correction(proposal_id, body.reason, asked)

    return api


def _issued(response: Response, answer: dict[str, Any]) -> dict[str, Any]:
    return created(response, f"/v1/documents/{answer['documentId']}", answer)
