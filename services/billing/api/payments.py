"""Payments and refunds, recorded for documents."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import ConfigDict, Field, model_validator

from services.billing.application import BillingApplication
from services.billing.receivable import Payment, PaymentKind
from services.events import Asked
from services.fields import Body, Day, Number, OptionalText, Showable
from services.http import asking, created


class RecordPayment(Body):
    """`POST /v1/payments`: the document is named by `documentId` or by `number`; `amount` is in its currency."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "number": "RE-2026-000001",
                    "amount": "5.00",
                    "paidOn": "2026-03-01",
                    "method": "BANK_TRANSFER",
                    "reference": "Beispiel GmbH RE-2026-000001",
                    "paymentIdent": "2026-03-01/17",
                }
            ]
        }
    )

    document_id: UUID | None = None
    number: Showable | None = None
    kind: PaymentKind = PaymentKind.PAYMENT
    amount: Annotated[Number, Field(gt=0, max_digits=20, decimal_places=4, examples=["10.00"])]
    paid_on: Day
    method: OptionalText = None
    reference: OptionalText = None
    payment_ident: OptionalText = None

    @model_validator(mode="after")
    def _one_name(self) -> "RecordPayment":
        if self.document_id is None and self.number is None:
            raise ValueError("name the document by documentId or number")
        return self

    def payment(self) -> Payment:
        return Payment(
            kind=self.kind,
            amount=self.amount,
            paid_on=self.paid_on,
            method=self.method,
            reference=self.reference,
            payment_ident=self.payment_ident,
        )


def router(application: BillingApplication) -> APIRouter:
    api = APIRouter()

    @api.post("/payments", status_code=201)
    def record_payment(
        body: RecordPayment, asked: Annotated[Asked, Depends(asking("billing:run"))], response: Response
    ) -> dict[str, Any]:
        """Record a payment for a document, or money paid back; more than is open is to the customer's credit."""
        answer = application.record_payment(
            body.payment(), asked, document_id=body.document_id, number=body.number
        )
        return created(response, f"/v1/payments/{answer['paymentId']}", answer)

    return api
