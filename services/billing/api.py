"""Billing over HTTP: the documents as files, and the billing entity."""

from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from fastapi import APIRouter, Depends, Response
from pydantic import AfterValidator, ConfigDict, Field

from services.billing.application import BillingApplication
from services.billing.rendering import pdf
from services.events import Asked
from services.fields import Body, Country, Currency, OptionalText, Text
from services.http import asking, require
from services.values import BankAccount, Seller


def _time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("is not a time zone, e.g. Europe/Berlin")
    return ZoneInfo(name).key


class BankAccountBody(Body):
    iban: Text
    bic: OptionalText = None
    bank_name: OptionalText = None
    account_holder: OptionalText = None


class SellerBody(Body):
    name: Text
    street: Text
    postal_code: Text
    city: Text
    country: Country
    vat_id: OptionalText = None
    tax_number: OptionalText = None
    register_court: OptionalText = None
    register_number: OptionalText = None
    managing_directors: OptionalText = None
    email: OptionalText = None
    phone: OptionalText = None
    website: OptionalText = None
    bank_account: BankAccountBody | None = None
    accent_color: Annotated[str | None, Field(pattern="^#[0-9a-fA-F]{6}$")] = None

    def to_seller(self) -> Seller:
        account = BankAccount(**self.bank_account.model_dump()) if self.bank_account else None
        return Seller(**self.model_dump(exclude={"bank_account"}), bank_account=account)


class BillingEntityBody(Body):
    """`PUT /v1/billing-entities/{ident}`: the seller as documents show it, and how it bills."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "seller": {
                        "name": "Nordlicht Software GmbH",
                        "street": "Alsterufer 1",
                        "postalCode": "20354",
                        "city": "Hamburg",
                        "country": "DE",
                        "vatId": "DE136695976",
                        "bankAccount": {"iban": "DE89370400440532013000"},
                    },
                    "timeZone": "Europe/Berlin",
                    "currency": "EUR",
                    "paymentTermDays": 14,
                    "numberPrefix": "RE",
                }
            ]
        }
    )

    seller: SellerBody
    time_zone: Annotated[str, AfterValidator(_time_zone)] = "Europe/Berlin"
    currency: Currency = "EUR"
    payment_term_days: Annotated[int, Field(ge=0, le=3650)] = 14
    number_prefix: Annotated[str, Field(pattern=r"^[A-Z0-9-]{1,20}$")] = "RE"
    small_business: bool = False
    oss: bool = False


def router(application: BillingApplication) -> APIRouter:
    """Routes under /v1 that answer from billing's own log."""
    api = APIRouter(prefix="/v1", tags=["billing"])

    @api.get(
        "/documents/{document_id}/pdf",
        dependencies=[Depends(require("documents:read"))],
        response_class=Response,
        responses={200: {"content": {"application/pdf": {}}, "description": "The document as PDF/A-3"}},
    )
    def document_pdf(document_id: UUID) -> Response:
        """The document as a PDF; the same document always gives the same bytes."""
        document = application.document(document_id)
        return Response(
            pdf.render(document),
            media_type="application/pdf",
            headers={"Content-Disposition": f'inline; filename="{document.number}.pdf"'},
        )

    @api.put("/billing-entities/{ident}")
    def define_billing_entity(
        ident: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.~-]{1,100}$")],
        body: BillingEntityBody,
        asked: Annotated[Asked, Depends(asking("admin"))],
    ) -> dict[str, Any]:
        """Define the seller, or replace its settings; issued documents keep what they showed."""
        settings = body.model_dump(exclude={"seller"}) | {"seller": body.seller.to_seller()}
        position = application.define_billing_entity(asked.context, ident=ident, **settings)
        return {"ident": ident, "position": position}

    return api
