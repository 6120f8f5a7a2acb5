"""Commands about plans."""

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.config import JsonValue

from services.customer.commands.items import OptionBody
from services.customer.commands.kinds import Ident
from services.fields import Body, Currency, Text

OPTIONS: list[JsonValue] = [
    {
        "optionIdent": "setup",
        "name": "Setup",
        "kind": "ONE_TIME",
        "unitPrice": "49.00",
        "quantity": "1",
        "unit": "C62",
        "taxCategory": "STANDARD",
    },
    {
        "optionIdent": "base",
        "name": "Base fee",
        "kind": "RECURRING",
        "unitPrice": "12.99",
        "quantity": "1",
        "unit": "MON",
        "taxCategory": "STANDARD",
        "billingInterval": {"count": 1, "unit": "MONTH"},
        "billingTiming": "INTERVAL_START",
    },
    {
        "optionIdent": "km",
        "name": "Kilometres",
        "kind": "USAGE",
        "unit": "KMT",
        "taxCategory": "STANDARD",
        "billingInterval": {"count": 1, "unit": "MONTH"},
        "pricing": {
            "model": "GRADUATED",
            "includedQuantity": "100",
            "tiers": [{"upTo": "1000", "unitPrice": "0.20"}, {"upTo": None, "unitPrice": "0.15"}],
        },
    },
]
"""One option of each kind, for the examples in the API's documentation."""


class _PlanBody(Body):
    name: Text
    currency: Currency
    options: Annotated[tuple[OptionBody, ...], Field(min_length=1, max_length=1000)]


class CreatePlan(_PlanBody):
    """`POST /v1/plans`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"planIdent": "fleet-plus", "name": "Fleet Plus", "currency": "EUR", "options": OPTIONS}
            ]
        }
    )

    plan_ident: Ident


class RevisePlan(_PlanBody):
    """`PUT /v1/plans/{planIdent}`: the whole plan as it is from now on; contracts stay on the version they are on."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Fleet Basic", "currency": "EUR", "options": OPTIONS}]}
    )

    plan_ident: Ident | None = None
    """As in the path."""
