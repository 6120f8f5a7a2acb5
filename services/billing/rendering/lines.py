"""The line table: lines under the contract or order they come from, with the dates of supply and aligned numbers."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import accumulate, groupby
from typing import Any

from services.billing.rendering.language import Language
from services.messages import DocumentIssued
from services.values import DocumentAdjustment, DocumentLine, LineAdjustment, Period

View = dict[str, Any]
Vat = tuple[str, Decimal]
"""Category (UNTDID 5305) and rate in percent."""


def groups(document: DocumentIssued, words: Language, marks: Mapping[Vat, str]) -> list[View]:
    """Lines by origin, in the document's order; without a heading where all come from one."""
    several = len(origins(document)) > 1
    pairs = zip(document.lines, _lines(document, words, marks), strict=True)
    return [
        {"origin": " ".join(origin(*key, words)) if several else None, "lines": [shown for _, shown in group]}
        for key, group in groupby(pairs, key=lambda pair: (pair[0].origin.type, pair[0].origin.ident))
    ]


def origins(document: DocumentIssued) -> list[tuple[str, str]]:
    """Type and ident of each contract and order on the document."""
    return list(dict.fromkeys((line.origin.type, line.origin.ident) for line in document.lines))


def origin(kind: str, ident: str, words: Language) -> tuple[str, str]:
    return words.say(f"origin.{kind}"), ident


def supplied(document: DocumentIssued) -> Period | None:
    """From the first day to the last of all that was supplied (§ 14 (4) no. 6 UStG)."""
    periods = [period for line in document.lines if (period := _supplied(line))]
    days = [day for period in periods for day in (period.first, period.last)]
    if not days and document.supply_date:
        days = [document.supply_date]
    return Period(first=min(days), last=max(days)) if days else None


def reason(adjustment: LineAdjustment | DocumentAdjustment, words: Language) -> str:
    """Why there is an allowance or charge, with the percent it came from."""
    if adjustment.percent is None:
        return adjustment.reason
    return f"{adjustment.reason} {words.percent(adjustment.percent)}"


def _supplied(line: DocumentLine) -> Period | None:
    if line.period:
        return line.period
    return Period(first=line.supplied_on, last=line.supplied_on) if line.supplied_on else None


def _lines(document: DocumentIssued, words: Language, marks: Mapping[Vat, str]) -> list[View]:
    sign, currency = words.decimal_sign, document.currency
    quantities = aligned([words.number(line.quantity) for line in document.lines], sign)
    prices = aligned([words.price(line.unit_price, currency) for line in document.lines], sign)
    nets = (line.net for line in document.lines)
    of_document = supplied(document)
    return [
        {
            "position": str(line.line),
            "name": line.name,
            "details": [
                *_when(line, of_document, words),
                *_usage(line, words),
                *_adjustments(line, currency, words),
            ],
            "quantity": quantity,
            "unit": words.unit(line.unit, line.quantity),
            "unitPrice": price,
            "taxRate": words.percent(line.tax_rate),
            "mark": marks.get((line.tax_category, line.tax_rate), ""),
            "net": words.price(line.net, currency),
            "carried": words.price(carried, currency),
        }
        for line, quantity, price, carried in zip(
            document.lines, quantities, prices, accumulate(nets), strict=True
        )
    ]


def _when(line: DocumentLine, of_document: Period | None, words: Language) -> Iterator[str]:
    """A period always; a day only where the document's information block does not say it for all lines."""
    if line.period:
        yield words.period(line.period)
    elif line.supplied_on and _supplied(line) != of_document:
        yield words.say("line.supplied_on", date=words.date(line.supplied_on))


def _usage(line: DocumentLine, words: Language) -> Iterator[str]:
    """What is included in the price of something else, and what was reported after its interval was billed."""
    if line.usage and not line.unit_price:
        yield words.say("line.included")
    if line.usage and line.usage.late:
        yield words.say("line.late")


def _adjustments(line: DocumentLine, currency: str, words: Language) -> Iterator[str]:
    """Why the line's net is not quantity × price."""
    for allowance in line.allowances:
        amount = words.money(-allowance.amount, currency)
        yield words.say("line.allowance", reason=reason(allowance, words), amount=amount)
    for charge in line.charges:
        amount = words.money(charge.amount, currency)
        yield words.say("line.charge", reason=reason(charge, words), amount=amount)


def aligned(numbers: Sequence[str], decimal_sign: str) -> list[View]:
    """Each number with the invisible rest that puts the decimal signs of a right-aligned column in one line."""
    split = [number.partition(decimal_sign) for number in numbers]
    widest = max((len(decimals) for _, _, decimals in split), default=0)
    return [
        {
            "text": number,
            "pad": (decimal_sign if widest and not sign else "") + "0" * (widest - len(decimals)),
        }
        for number, (_, sign, decimals) in zip(numbers, split, strict=True)
    ]
