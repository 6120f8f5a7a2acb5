"""Totals and VAT breakdown (EN 16931 BG-22 and BG-23), with the reasons why VAT is not charged."""

from collections.abc import Iterator, Mapping

from services.billing.rendering.language import Language
from services.billing.rendering.lines import Vat, View, reason
from services.messages import DocumentIssued, DocumentType


def exemptions(document: DocumentIssued) -> dict[Vat, str]:
    """The legal texts of the document by VAT category and rate, in the order in which its lines need them."""
    texts = {(tax.category, tax.rate): tax.exemption_text for tax in document.taxes}
    used = [*((line.tax_category, line.tax_rate) for line in document.lines), *texts]
    return {vat: text for vat in used if (text := texts.get(vat))}


def marks(exemptions: Mapping[Vat, str]) -> dict[Vat, str]:
    """What ties lines and VAT to their text below: 1, 2 … ; equal texts share one."""
    numbers = {text: str(number) for number, text in enumerate(dict.fromkeys(exemptions.values()), 1)}
    return {vat: numbers[text] for vat, text in exemptions.items()}


def notes(exemptions: Mapping[Vat, str]) -> list[View]:
    """Each text once, with its mark."""
    by_mark = {mark: exemptions[vat] for vat, mark in marks(exemptions).items()}
    return [{"mark": mark, "text": text} for mark, text in by_mark.items()]


def rows(document: DocumentIssued, words: Language, marks: Mapping[Vat, str]) -> list[View]:
    """From the sum of the lines to the net amount, then VAT by category and rate."""
    return [
        *_adjustments(document, words),
        {
            **row(words.say("totals.net"), words.money(document.totals.net, document.currency)),
            "strong": True,
        },
        *_vat(document, words, marks),
    ]


def settled(document: DocumentIssued, words: Language) -> list[View]:
    """From the gross amount to the amount due (BT-113 to BT-115); nothing where they are the same."""
    sums, currency = document.totals, document.currency
    if sums.due == sums.gross and not sums.prepaid:
        return []
    is_credit = document.type is DocumentType.CREDIT_NOTE
    changes = {"totals.prepaid": -sums.prepaid, "totals.rounding": sums.rounding}
    return [
        *(row(words.say(key), words.money(amount, currency)) for key, amount in changes.items() if amount),
        row(words.say("totals.credited" if is_credit else "totals.due"), words.money(sums.due, currency)),
    ]


def row(label: str, value: str) -> View:
    return {"label": label, "value": value}


def _adjustments(document: DocumentIssued, words: Language) -> Iterator[View]:
    """The sum of the lines and what changes it; nothing where it is the net amount already."""
    currency = document.currency
    if document.allowances or document.charges:
        yield row(words.say("totals.lines"), words.money(document.totals.lines, currency))
    for allowance in document.allowances:
        label = words.say("totals.allowance", reason=reason(allowance, words))
        rate = f"({words.percent(allowance.tax_rate)})"
        yield {**row(label, words.money(-allowance.amount, currency)), "base": rate}
    for charge in document.charges:
        label = words.say("totals.charge", reason=reason(charge, words))
        rate = f"({words.percent(charge.tax_rate)})"
        yield {**row(label, words.money(charge.amount, currency)), "base": rate}


def _vat(document: DocumentIssued, words: Language, marks: Mapping[Vat, str]) -> Iterator[View]:
    for tax in document.taxes:
        label = words.say(f"tax.{tax.category}", rate=words.percent(tax.rate))
        yield {
            **row(label, words.money(tax.tax, document.currency)),
            "base": words.say("totals.base", taxable=words.money(tax.taxable, document.currency)),
            "mark": marks.get((tax.category, tax.rate), ""),
        }
