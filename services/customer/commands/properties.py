"""Commands about a customer's free characteristics."""

import math
import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import ConfigDict, Field, PlainValidator

from services.fields import TEXT_MAX, Body, showable
from services.values import PropertyValue

WHOLE_NUMBER_MAX = 2**53
"""Whole numbers up to here are exact for every reader of JSON."""


def _property(value: Any) -> PropertyValue:
    """A characteristic that comes back as it was sent: JSON has no NaN, and its readers no exact large integers."""
    match value:
        case str() if len(value) <= TEXT_MAX:
            return _real_date(showable(value))
        case bool():
            return value
        case int() if abs(value) <= WHOLE_NUMBER_MAX:
            return value
        case float() | Decimal() if math.isfinite(value):
            return float(value)
    raise ValueError(f"is not a text of up to {TEXT_MAX} characters, a number, true, false or a date")


def _real_date(text: str) -> str:
    """Refuse what is written like a date but is none: 2026-02-30 is a mistake, not a text."""
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        try:
            date.fromisoformat(text)
        except ValueError:
            raise ValueError("is written like a date but is not a day of the calendar") from None
    return text


PropertyKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,99}$", description="lower snake_case")]
Property = Annotated[PropertyValue, PlainValidator(_property, json_schema_input_type=PropertyValue)]


class SetProperty(Body):
    """`PUT /v1/customers/{id}/properties/{key}`: a text, a number, true or false, or a date like `"2026-01-31"`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"value": 13}]})

    value: Property
