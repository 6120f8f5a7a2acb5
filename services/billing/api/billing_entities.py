"""Billing entities: who bills, as documents show it, and how."""

from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from fastapi import APIRouter, Depends
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from services.as_json import full
from services.billing.application import BillingApplication
from services.billing.application.billing_entities import KnownEntity
from services.billing.billing_entity import Settings
from services.billing.number_ranges import completed, ranges_of
from services.events import Asked
from services.fields import (
    FIRST_DAY,
    LAST_DAY,
    Body,
    Country,
    Currency,
    OptionalText,
    Showable,
    Text,
    blank_is_none,
)
from services.http import asking, problems, require
from services.identifiers import CreditorId, Email, Iban, Language, OptionalBic, VatId, checked_tax_number
from services.messages import DocumentType
from services.values import BankAccount, DocumentTexts, NumberRange, Seller

DEFAULT_PREFIX = "RE"
DIGITS_MAX = 12
LANGUAGES_MAX = 20
PRINTED_MAX = 2000
"""Characters of a text on documents."""


def _time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("is not a time zone, e.g. Europe/Berlin")
    return ZoneInfo(name).key


Prefix = Annotated[str, Field(pattern=r"^[A-Z0-9-]{1,20}$")]
Ident = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.~-]{1,100}$")]
Printed = Annotated[Annotated[Showable, Field(max_length=PRINTED_MAX)] | None, BeforeValidator(blank_is_none)]


class BankAccountBody(Body):
    iban: Iban
    bic: OptionalBic = None
    bank_name: OptionalText = None
    account_holder: OptionalText = None


class SellerBody(Body):
    """As documents show it; `creditorId` is who collects by SEPA direct debit, `contactName` whom to ask about a document.

    The logo has a path of its own, and stays as it is.
    """

    name: Text
    street: Text
    postal_code: Text
    city: Text
    country: Country
    vat_id: VatId = None
    tax_number: OptionalText = None
    register_court: OptionalText = None
    register_number: OptionalText = None
    managing_directors: OptionalText = None
    email: Email = None
    phone: OptionalText = None
    contact_name: OptionalText = None
    website: OptionalText = None
    bank_account: BankAccountBody | None = None
    creditor_id: CreditorId = None
    accent_color: Annotated[str | None, Field(pattern="^#[0-9a-fA-F]{6}$")] = None

    @field_validator("tax_number")
    @classmethod
    def _of_its_country(cls, number: str | None, info: ValidationInfo) -> str | None:
        return checked_tax_number(number, info.data.get("country", "")) if number else None

    def to_seller(self) -> Seller:
        account = BankAccount(**self.bank_account.model_dump()) if self.bank_account else None
        return Seller(**self.model_dump(exclude={"bank_account"}), bank_account=account)


class NumberRangeBody(Body):
    """Numbers such as RE-2026-000001: prefix, year of issue, and a counter of at least so many digits.

    Whoever moves in goes on with `next` as the first number of `year`; every other year begins at 1.
    """

    prefix: Prefix | None = None
    digits: Annotated[int, Field(ge=1, le=DIGITS_MAX)] = 6
    next: Annotated[int, Field(ge=1, lt=10**DIGITS_MAX)] | None = None
    year: Annotated[int, Field(ge=FIRST_DAY.year, le=LAST_DAY.year)] | None = None

    @model_validator(mode="after")
    def _of_a_year(self) -> "NumberRangeBody":
        if (self.next is None) != (self.year is None):
            raise ValueError("send next and year together: the first number, and the year that it is of")
        return self


class TextsBody(Body):
    """Printed on invoices in one language: above the lines, and below the totals."""

    introduction: Printed = None
    closing: Printed = None


class BillingEntityBody(Body):
    """`PUT /v1/billing-entities/{ident}`: the seller as documents show it, and how it bills.

    The `default` one bills everybody for whom no other is named; it is the one that was defined first as long as none
    is said to be. Prefixes that are not sent follow from the invoices': RE, RE-GS for credit notes, RE-RK for
    corrections.
    """

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
                        "email": "rechnung@nordlicht.example",
                        "phone": "+49 40 123456-0",
                        "bankAccount": {"iban": "DE89370400440532013000"},
                    },
                    "timeZone": "Europe/Berlin",
                    "currency": "EUR",
                    "paymentTermDays": 14,
                    "numberPrefix": "RG",
                },
                {
                    "seller": {
                        "name": "Nordlicht Software GmbH",
                        "street": "Alsterufer 1",
                        "postalCode": "20354",
                        "city": "Hamburg",
                        "country": "DE",
                        "vatId": "DE136695976",
                        "taxNumber": "27/123/45678",
                        "contactName": "Erika Beispiel, Buchhaltung",
                        "email": "rechnung@nordlicht.example",
                        "phone": "+49 40 123456-0",
                        "bankAccount": {"iban": "DE89370400440532013000", "bic": "COBADEFFXXX"},
                        "creditorId": "DE98ZZZ09999999999",
                    },
                    "default": True,
                    "numberRanges": {
                        "INVOICE": {"prefix": "NL", "next": 4712, "year": 2026},
                        "CREDIT_NOTE": {"prefix": "NL-GS"},
                        "CORRECTION": {"prefix": "NL-RK", "digits": 4},
                    },
                    "texts": {
                        "de": {"introduction": "Wir berechnen Ihnen wie vereinbart:"},
                        "en": {"introduction": "As agreed, we charge you for:", "closing": "Thank you."},
                    },
                },
            ]
        }
    )

    seller: SellerBody
    time_zone: Annotated[str, AfterValidator(_time_zone)] = "Europe/Berlin"
    currency: Currency = "EUR"
    payment_term_days: Annotated[int, Field(ge=0, le=3650)] = 14
    number_prefix: Prefix | None = None
    number_ranges: dict[DocumentType, NumberRangeBody] = Field(default_factory=dict)
    small_business: bool = False
    oss: bool = False
    default: bool = False
    texts: Annotated[dict[Language, TextsBody], Field(max_length=LANGUAGES_MAX)] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_invoice_prefix(self) -> "BillingEntityBody":
        own = self._own_invoice_prefix()
        if own and self.number_prefix and own != self.number_prefix:
            raise ValueError("numberPrefix is that of the INVOICE range; send one of them")
        return self

    def to_settings(self) -> Settings:
        prefix = self._own_invoice_prefix() or self.number_prefix or DEFAULT_PREFIX
        given = self.model_dump(exclude={"seller", "number_prefix", "number_ranges", "texts"})
        return Settings(
            **given,
            seller=self.seller.to_seller(),
            number_prefix=prefix,
            number_ranges=self._ranges(prefix),
            texts={tag: DocumentTexts(**texts.model_dump()) for tag, texts in self.texts.items()},
        )

    def _own_invoice_prefix(self) -> str | None:
        invoices = self.number_ranges.get(DocumentType.INVOICE)
        return invoices.prefix if invoices else None

    def _ranges(self, invoice_prefix: str) -> dict[DocumentType, NumberRange]:
        following = completed(invoice_prefix, {})
        return {
            kind: NumberRange(
                prefix=body.prefix or following[kind].prefix,
                digits=body.digits,
                next=body.next,
                year=body.year,
            )
            for kind, body in self.number_ranges.items()
        }


def router(application: BillingApplication) -> APIRouter:
    api = APIRouter()
    reading = [Depends(require("customers:read"))]

    @api.put("/billing-entities/{ident}", responses=problems(409, 422))
    def define_billing_entity(
        ident: Ident, body: BillingEntityBody, asked: Annotated[Asked, Depends(asking("admin"))]
    ) -> dict[str, Any]:
        """Define a billing entity, or replace its settings; issued documents keep what they showed."""
        return application.define_billing_entity(ident, body.to_settings(), asked)

    @api.get("/billing-entities", dependencies=reading, responses=problems())
    def list_billing_entities() -> dict[str, Any]:
        """All billing entities, the default one first."""
        return {"items": [_shown(known) for known in application.billing_entities()]}

    @api.get("/billing-entities/{ident}", dependencies=reading, responses=problems(404))
    def get_billing_entity(ident: str) -> dict[str, Any]:
        """A billing entity with all its settings, as they can be sent again."""
        return _shown(application.billing_entity(ident))

    return api


NOT_SENT = {"logo", *DocumentTexts.__struct_fields__}
"""What a seller has on documents only: the texts there are the billing entity's, and the logo is sent as a picture."""


def _shown(known: KnownEntity) -> dict[str, Any]:
    entity = known.entity
    seller = full(entity.seller)
    return {
        "ident": entity.ident,
        "default": known.is_default,
        "seller": {name: seller[name] for name in seller if name not in NOT_SENT},
        "timeZone": entity.time_zone,
        "currency": entity.currency,
        "paymentTermDays": entity.payment_term_days,
        "numberRanges": full(ranges_of(entity)),
        "smallBusiness": entity.small_business,
        "oss": entity.oss,
        "texts": full(entity.texts),
    }
