"""Bodies of all services and the types of their fields: what they let through can be stored, shown and billed."""

import datetime
import re
from decimal import Decimal
from typing import Annotated, Any

from babel import Locale
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from services.code_lists import currencies
from services.personal_data import PREFIX, is_token

TEXT_MAX = 255
FIRST_DAY, LAST_DAY = datetime.date(1900, 1, 1), datetime.date(2199, 12, 31)
"""Far enough for every business, and near enough that intervals around them can be computed."""

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def blank_is_none(value: Any) -> Any:
    """Let a form's empty field be an absent one."""
    return None if isinstance(value, str) and not value.strip() else value


def showable(text: str) -> str:
    """Refuse what PostgreSQL and XML (1.0, section 2.2), and so e-invoices, cannot hold: control characters.

    Also what would be taken for an encrypted value.
    """
    if found := _NOT_IN_XML.search(text):
        raise ValueError(f"contains U+{ord(found[0]):04X}, which cannot be shown; remove it")
    if is_token(text):
        raise ValueError(f"begins with {PREFIX!r}, which marks encrypted values; write something else")
    return text


def _written_as_date(value: Any) -> Any:
    """Refuse what Pydantic would take for seconds since 1970: the number 20260115 is a mistyped date."""
    if isinstance(value, datetime.date) or (
        isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value)
    ):
        return value
    raise ValueError("is not a date; write it like 2026-01-31")


def _written_as_instant(value: Any) -> Any:
    """Refuse what Pydantic would take for seconds since 1970, and what leaves its time zone open."""
    if isinstance(value, datetime.datetime) or (isinstance(value, str) and _RFC_3339.fullmatch(value)):
        return value
    raise ValueError("is not an instant with its offset (RFC 3339); write it like 2026-01-31T08:00:00Z")


def _in_utc(value: datetime.datetime) -> datetime.datetime:
    """The instant in UTC; one far from every business, around which days could not be computed, is a mistake."""
    if not FIRST_DAY <= value.date() <= LAST_DAY or value.tzinfo is None:
        raise ValueError(f"is not an instant between {FIRST_DAY} and {LAST_DAY}")
    return value.astimezone(datetime.UTC)


def _plain(number: Decimal) -> Decimal:
    """Without positive exponent or negative zero: 1E+3 is 1000, -0 is 0."""
    return number + 0


def _currency(code: str) -> str:
    if code not in currencies():
        raise ValueError("is not a currency of ISO 4217, e.g. EUR")
    return code


def _countries() -> frozenset[str]:
    """ISO 3166-1 alpha-2 codes: CLDR's two-letter territories without its groupings and pseudo-locales."""
    territories = [str(code) for code in Locale("en").territories]
    return frozenset(c for c in territories if len(c) == 2 and c.isalpha()) - {
        "EU",
        "EZ",
        "QO",
        "UN",
        "XA",
        "XB",
        "ZZ",
    }


COUNTRIES = _countries()


def _country(code: str) -> str:
    if code not in COUNTRIES:
        raise ValueError("is not a country code of ISO 3166-1 alpha-2, e.g. DE")
    return code


Showable = Annotated[str, AfterValidator(showable)]
Text = Annotated[str, Field(max_length=TEXT_MAX), AfterValidator(showable), BeforeValidator(blank_is_none)]
OptionalText = Annotated[Text | None, BeforeValidator(blank_is_none)]
Day = Annotated[datetime.date, Field(ge=FIRST_DAY, le=LAST_DAY), BeforeValidator(_written_as_date)]
Instant = Annotated[datetime.datetime, AfterValidator(_in_utc), BeforeValidator(_written_as_instant)]
Number = Annotated[Decimal, AfterValidator(_plain)]
Country = Annotated[str, AfterValidator(_country)]
Currency = Annotated[str, AfterValidator(_currency)]


class Body(BaseModel):
    """Base of all bodies: camelCase on the wire, unknown fields are refused."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, extra="forbid", frozen=True)
