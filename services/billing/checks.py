"""Exact checks of a draft before it is issued: the EN 16931 sums, to the minor unit, worked out a second way, and its
rules on VAT categories and dates."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal

from services.billing.document import Draft
from services.billing.rating import rounding_max
from services.errors import KontorError
from services.money import ZERO, minor_unit, rounded
from services.values import TaxSubtotal

CATEGORY_IN_RULES = {"K": "IC"}
"""The rules on intra-community supplies are called BR-IC, those on the other categories by their code."""


class WrongSum(KontorError):
    """A document's sums do not add up; it is not issued."""


class WrongDate(KontorError):
    """A document's dates do not fit each other; it is not issued."""


class WrongVat(KontorError):
    """A document's VAT breaks a rule; it is not issued."""


def check_draft(draft: Draft, credited: Iterable[TaxSubtotal] = ()) -> None:
    """Raise WrongSum, WrongVat or WrongDate naming the first rule of EN 16931 that the draft breaks.

    `credited` is the VAT of the credit notes that came before this one about the same invoice: their VAT is rounded
    as that of one, so that together they give back what was charged.
    """
    totals, currency = draft.totals, draft.currency
    for line in draft.lines:
        adjusted = sum((c.amount for c in line.charges), ZERO) - sum(
            (a.amount for a in line.allowances), ZERO
        )
        _equal("line net", line.net, rounded(line.quantity * line.unit_price, currency) + adjusted)
    _equal("BR-CO-10", totals.lines, sum((line.net for line in draft.lines), ZERO))
    _equal("BR-CO-11", totals.allowances, sum((a.amount for a in draft.allowances), ZERO))
    _equal("BR-CO-12", totals.charges, sum((c.amount for c in draft.charges), ZERO))
    _equal("BR-CO-13", totals.net, totals.lines - totals.allowances + totals.charges)
    _equal("BR-CO-14", totals.tax, sum((t.tax for t in draft.taxes), ZERO))
    _equal("BR-CO-15", totals.gross, totals.net + totals.tax)
    before = list(credited)
    for subtotal in draft.taxes:
        taxable, tax = _together(subtotal, before)
        _equal("BR-CO-17", tax, rounded(taxable * subtotal.rate / 100, currency))
        _equal("BR-S-08", subtotal.taxable, _taxable(draft, subtotal.category, subtotal.rate))
    _equal("BR-CO-18", totals.net, sum((t.taxable for t in draft.taxes), ZERO))
    for amount in (totals.net, totals.prepaid, totals.rounding):
        if amount % minor_unit(currency):
            raise WrongSum(f"{amount} has more decimals than {currency}")
    if draft.preceding_document is None and abs(totals.rounding) > rounding_max(draft.lines, currency):
        raise WrongSum(
            f"BT-114: {totals.rounding} is more than rounding can explain; the document was not issued"
        )
    _check_vat(draft.taxes)
    _check_breakdown(draft)
    for number, line in enumerate(draft.lines, 1):
        _equal("BT-126", Decimal(line.line), Decimal(number))
    if draft.due_date != draft.issue_date + timedelta(days=draft.payment_term_days):
        raise WrongDate(
            f"BT-9: {draft.due_date} is not {draft.payment_term_days} days after {draft.issue_date}"
        )


def _together(subtotal: TaxSubtotal, before: Sequence[TaxSubtotal]) -> tuple[Decimal, Decimal]:
    same = [t for t in before if (t.category, t.rate) == (subtotal.category, subtotal.rate)]
    return sum((t.taxable for t in same), subtotal.taxable), sum((t.tax for t in same), subtotal.tax)


def _check_vat(taxes: Sequence[TaxSubtotal]) -> None:
    """Nothing stands beside what is outside the scope of VAT; S alone has a rate, and all but S and Z a reason."""
    if len(taxes) > 1 and any(t.category == "O" for t in taxes):
        raise WrongVat(
            "BR-O-11: what is outside the scope of VAT needs a document of its own; please report this"
        )
    for tax in taxes:
        name = CATEGORY_IN_RULES.get(tax.category, tax.category)
        if (tax.category == "S") != (tax.rate > 0):
            raise WrongVat(f"BR-{name}-05: {tax.rate} is no rate of category {tax.category}")
        if (tax.category in ("S", "Z")) == bool(tax.exemption_code or tax.exemption_text):
            raise WrongVat(f"BR-{name}-10: category {tax.category} with a wrong or without a reason")


def _check_breakdown(draft: Draft) -> None:
    """One subtotal for every VAT that something on the document bears, also what costs nothing, and no other one."""
    stated = [(t.category, t.rate) for t in draft.taxes]
    borne = {(line.tax_category, line.tax_rate) for line in draft.lines}
    borne |= {(x.tax_category, x.tax_rate) for x in (*draft.allowances, *draft.charges)}
    if len(stated) != len(borne) or set(stated) != borne:
        raise WrongVat(f"BG-23: VAT is broken down as {sorted(stated)}, and borne as {sorted(borne)}")


def _taxable(draft: Draft, category: str, rate: Decimal) -> Decimal:
    key = (category, rate)
    return (
        sum((x.net for x in draft.lines if (x.tax_category, x.tax_rate) == key), ZERO)
        - sum((x.amount for x in draft.allowances if (x.tax_category, x.tax_rate) == key), ZERO)
        + sum((x.amount for x in draft.charges if (x.tax_category, x.tax_rate) == key), ZERO)
    )


def _equal(rule: str, stated: Decimal, worked_out: Decimal) -> None:
    if stated != worked_out:
        raise WrongSum(f"{rule}: {stated} is stated, {worked_out} is right; the document was not issued")
