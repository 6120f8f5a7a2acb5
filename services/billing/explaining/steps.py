"""What an explanation is made of: steps with typed values, which a language turns into text."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from services.messages import Envelope
from services.values import IntervalUnit


class Rule(StrEnum):
    """What a step is about."""

    DIFFERENCE = "DIFFERENCE"
    CREDIT = "CREDIT"
    ORIGIN = "ORIGIN"
    PRICE = "PRICE"
    INTERVAL = "INTERVAL"
    ACTIVE_DAYS = "ACTIVE_DAYS"
    PRORATION = "PRORATION"
    SUPPLY = "SUPPLY"
    USAGE = "USAGE"
    TIER = "TIER"
    TAX = "TAX"
    GROSS_PRICE = "GROSS_PRICE"
    AMOUNT = "AMOUNT"
    DISCOUNT = "DISCOUNT"
    ALLOWANCE = "ALLOWANCE"
    CHARGE = "CHARGE"
    NET = "NET"


@dataclass(frozen=True, slots=True)
class Price:
    """An amount with all of its decimals, and at least those of the document's currency."""

    amount: Decimal


@dataclass(frozen=True, slots=True)
class Prices:
    """What a unit costs: one price, or one for each tier."""

    amounts: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class Exact:
    """A result before it is rounded to `rounded`: only as many digits as show which way that goes."""

    amount: Decimal
    rounded: Decimal


@dataclass(frozen=True, slots=True)
class Percent:
    """A rate: 19 for 19 %."""

    rate: Decimal


@dataclass(frozen=True, slots=True)
class Quantity:
    """So many of a unit (UN/ECE Rec 20)."""

    number: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class Unit:
    """One of a unit: what a price is for."""

    code: str


@dataclass(frozen=True, slots=True)
class Length:
    """How long an interval is."""

    count: int
    unit: IntervalUnit


@dataclass(frozen=True, slots=True)
class Country:
    """An ISO 3166-1 alpha-2 code."""

    code: str


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the language, by its key below `explanation`."""

    key: str


@dataclass(frozen=True, slots=True)
class Sum:
    """Amounts that are added, and taken off where they are negative."""

    amounts: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One reason why a line is what it is.

    `form` says which of the rule's texts tells it, with `values` in its places; `result` is the amount that it comes to,
    in the document's currency; `events` are those that it rests on, as the history names them.
    """

    rule: Rule
    form: str
    values: Mapping[str, object] = field(default_factory=dict)
    result: Decimal | None = None
    events: tuple[str, ...] = ()


def named(envelopes: Iterable[Envelope]) -> tuple[str, ...]:
    """Events by topic and position in their log, as the history shows them: `customer.ContractSigned 23`."""
    return tuple(dict.fromkeys(f"{e.topic} {e.position}" for e in envelopes))
