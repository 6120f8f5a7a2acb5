"""The sums of a document: of its lines, allowances and charges, by VAT and in all."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from services.money import ZERO, rounded
from services.values import DocumentAdjustment, DocumentLine, DocumentTotals, TaxSubtotal

Vat = tuple[str, Decimal]
"""Category and rate, of which a document has one subtotal each."""


def net_of(lines: Iterable[DocumentLine], vat: Vat) -> Decimal:
    """Net amount of the lines that bear this VAT."""
    return sum((line.net for line in lines if (line.tax_category, line.tax_rate) == vat), ZERO)


def amount_of(adjustments: Iterable[DocumentAdjustment], vat: Vat) -> Decimal:
    """Amount of the document-level allowances or charges that bear this VAT."""
    return sum((a.amount for a in adjustments if (a.tax_category, a.tax_rate) == vat), ZERO)


def totals_of(
    lines: Sequence[DocumentLine],
    allowances: Sequence[DocumentAdjustment],
    charges: Sequence[DocumentAdjustment],
    taxes: Sequence[TaxSubtotal],
    currency: str,
    prepaid: Decimal = ZERO,
) -> DocumentTotals:
    """All sums of a document, with the decimals of its currency; nothing is rounded so far (BT-114)."""
    zero = rounded(ZERO, currency)
    line_sum = sum((line.net for line in lines), zero)
    allowance_sum = sum((a.amount for a in allowances), zero)
    charge_sum = sum((c.amount for c in charges), zero)
    net = line_sum - allowance_sum + charge_sum
    tax = sum((t.tax for t in taxes), zero)
    return DocumentTotals(
        lines=line_sum,
        allowances=allowance_sum,
        charges=charge_sum,
        net=net,
        tax=tax,
        gross=net + tax,
        prepaid=zero + prepaid,
        rounding=zero,
    )
