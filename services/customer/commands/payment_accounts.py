"""Commands about how a customer pays."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from services.customer.commands.card_numbers import refuse_card_numbers
from services.fields import Body, Day, OptionalText, blank_is_none
from services.identifiers import Bic, Iban
from services.values import PaymentAccount, PaymentMethod

MandateReference = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9+?/:().,' -]{1,35}$", description="as SEPA has it (AT-01)")
]
LastFour = Annotated[str, Field(pattern=r"^[0-9]{4}$")]
Expiry = Annotated[
    str, Field(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", description="year and month, e.g. 2028-05")
]
Optional = BeforeValidator(blank_is_none)


class AddPaymentAccount(Body):
    """`POST /v1/customers/{id}/payment-accounts`.

    DIRECT_DEBIT needs iban, mandateReference and mandateDate; CREDIT_CARD gatewayToken, brand, lastFour and expiry;
    PAY_PAL payerReference; BANK_TRANSFER nothing. A full card number is refused, wherever it is.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "paymentMethod": "DIRECT_DEBIT",
                    "iban": "DE89370400440532013000",
                    "bic": "COBADEFFXXX",
                    "mandateReference": "M-1",
                    "mandateDate": "2026-01-02",
                    "accountHolderName": "Beispiel GmbH",
                    "default": True,
                },
                {
                    "paymentMethod": "CREDIT_CARD",
                    "gatewayToken": "tok_1NirD82eZvKYlo2C",
                    "brand": "Visa",
                    "lastFour": "4242",
                    "expiry": "2028-05",
                    "accountHolderName": "Erika Beispiel",
                },
                {"paymentMethod": "PAY_PAL", "payerReference": "B-5YM51794TD"},
                {"paymentMethod": "BANK_TRANSFER", "displayName": "On account"},
            ]
        }
    )

    payment_method: PaymentMethod
    default: bool = False
    display_name: OptionalText = None
    account_holder_name: OptionalText = None
    iban: Annotated[Iban | None, Optional] = None
    bic: Annotated[Bic | None, Optional] = None
    mandate_reference: Annotated[MandateReference | None, Optional] = None
    mandate_date: Annotated[Day | None, Optional] = None
    gateway_token: OptionalText = None
    brand: OptionalText = None
    last_four: Annotated[LastFour | None, Optional] = None
    expiry: Annotated[Expiry | None, Optional] = None
    payer_reference: OptionalText = None

    @model_validator(mode="before")
    @classmethod
    def _without_card_number(cls, body: Any) -> Any:
        return refuse_card_numbers(body)

    def to_payment_account(self, payment_account_id: UUID) -> PaymentAccount:
        return PaymentAccount(payment_account_id=payment_account_id, **self.model_dump())
