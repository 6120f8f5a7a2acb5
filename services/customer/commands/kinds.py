"""Kinds of fields that the commands of the customer service are made of, and how a customer is named."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, Field, model_validator

from services.fields import Body, Number, Showable, blank_is_none

NOT_SENT: Any = None
"""Default of a field that may be left out but not be null; whether it was sent is in `model_fields_set`."""

Ident = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.~-]{1,100}$")]
OptionalIdent = Annotated[Ident | None, BeforeValidator(blank_is_none)]
Price = Annotated[Number, Field(max_digits=20, decimal_places=10)]
Quantity = Annotated[Number, Field(gt=0, max_digits=20, decimal_places=10)]
Percent = Annotated[Number, Field(ge=0, le=100, max_digits=10, decimal_places=6)]
Amount = Annotated[Number, Field(ge=0, max_digits=20, decimal_places=4)]
PaymentTermDays = Annotated[int, Field(ge=0, le=3650)]


class CustomerRef(Body):
    """A customer named by `customerId` or by `debtorIdent`."""

    customer_id: UUID | None = None
    debtor_ident: Showable | None = None

    @model_validator(mode="after")
    def _one_name(self) -> "CustomerRef":
        if self.customer_id is None and self.debtor_ident is None:
            raise ValueError("name the customer by customerId or debtorIdent")
        return self
