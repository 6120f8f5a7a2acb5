"""Exact checks of a draft before it is issued: the EN 16931 sums, to the minor unit, worked out a second way."""

from decimal import Decimal

from services.billing.document import Draft
from services.errors import KontorError
from services.money import ZERO, minor_unit, rounded


class WrongSum(KontorError):
    """A document's sums do not add up; it is not issued."""


def check_draft(draft: Draft) -> None:
    """Raise WrongSum naming the first rule of EN 16931 that the draft breaks."""
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
    for subtotal in draft.taxes:
        _equal("BR-CO-17", subtotal.tax, rounded(subtotal.taxable * subtotal.rate / 100, currency))
        _equal("BR-S-08", subtotal.taxable, _taxable(draft, subtotal.category, subtotal.rate))
    _equal("BR-CO-18", totals.net, sum((t.taxable for t in draft.taxes), ZERO))
    if totals.net % minor_unit(currency):
        raise WrongSum(f"{totals.net} has more decimals than {currency}")


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
