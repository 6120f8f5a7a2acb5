"""An explanation as texts: each step in words of the reader's language, numbers as the document shows them."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_DOWN, Decimal

from typing_extensions import TypedDict

from services.billing.explaining.steps import (
    Country,
    Exact,
    Length,
    Percent,
    Price,
    Prices,
    Quantity,
    Step,
    Sum,
    Unit,
    Word,
)
from services.billing.rendering.language import MINUS, Language
from services.money import decimals, plain, price_text
from services.values import Period

ELLIPSIS = "…"


class StepTold(TypedDict):
    """A step: `result` is the amount that it comes to, `events` are those that it rests on, as the history names them."""

    rule: str
    text: str
    result: str | None
    events: list[str]


def told(steps: Sequence[Step], currency: str, words: Language) -> list[StepTold]:
    """Each step in words."""
    return [
        StepTold(
            rule=step.rule.value,
            text=words.say(f"explanation.{step.rule}.{step.form}", **_said(step.values, currency, words)),
            result=None if step.result is None else price_text(step.result, currency),
            events=list(step.events),
        )
        for step in steps
    ]


def _said(values: Mapping[str, object], currency: str, words: Language) -> dict[str, str]:
    return {name: _value(value, currency, words) for name, value in values.items()}


def _value(value: object, currency: str, words: Language) -> str:
    match value:
        case Price(amount):
            return words.price(amount, currency)
        case Prices(amounts):
            return " / ".join(words.price(amount, currency) for amount in amounts)
        case Exact():
            return _truncated(value, currency, words)
        case Percent(rate):
            return words.percent(rate)
        case Quantity(number, unit):
            return f"{words.number(number)} {words.unit(unit, number)}"
        case Unit(code):
            return words.unit(code, Decimal(1))
        case Length(length, unit):
            return words.counted(f"explanation.length.{unit}", Decimal(length))
        case Country(code):
            return words.country(code)
        case Word(key):
            return words.say(f"explanation.{key}")
        case Sum(amounts):
            return _sum(amounts, currency, words)
        case Period():
            return words.period(value)
        case date():
            return words.date(value)
        case Decimal() | int():
            return words.number(Decimal(value))
        case _:
            return str(value)


def _truncated(exact: Exact, currency: str, words: Language) -> str:
    """One digit more than the rounded amount has, and dots where more follow: 5.478… for 5.48."""
    places = max(decimals(currency), _decimals(exact.rounded)) + 1
    shown = exact.amount.quantize(Decimal(1).scaleb(-places), ROUND_DOWN)
    if shown == exact.amount:
        return words.price(Decimal(plain(exact.amount)), currency)
    return words.price(shown, currency) + ELLIPSIS


def _decimals(number: Decimal) -> int:
    _, _, after = plain(number).partition(".")
    return len(after)


def _sum(amounts: Sequence[Decimal], currency: str, words: Language) -> str:
    """5.48 − 1.00 + 0.50"""
    first, *others = amounts
    text = words.price(first, currency)
    for amount in others:
        text += f" {'+' if amount >= 0 else MINUS} {words.price(abs(amount), currency)}"
    return text
