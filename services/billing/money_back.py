"""A run's document by which money goes back on balance: a credit note that says the same without a minus."""

from dataclasses import replace

from msgspec import structs

from services.billing.document import Draft
from services.messages import DocumentType
from services.values import DocumentLine, DocumentTotals, TaxSubtotal


def is_money_back(draft: Draft) -> bool:
    """Late usage can make a volume price fall, and a credit be more than what else is billed."""
    return draft.totals.gross < 0


def as_credit_note(draft: Draft) -> Draft:
    """The same with opposite signs: quantities, amounts and sums; allowances are charges and charges allowances.

    It is about no single invoice, nothing is collected by it, and its lines bill what they say: nothing is billed again because of it.
    """
    return replace(
        draft,
        type=DocumentType.CREDIT_NOTE,
        due_date=draft.issue_date,
        payment_term_days=0,
        lines=tuple(_line(line) for line in draft.lines),
        allowances=draft.charges,
        charges=draft.allowances,
        taxes=tuple(_subtotal(tax) for tax in draft.taxes),
        totals=_totals(draft.totals),
        payment_means=None,
    )


def _line(line: DocumentLine) -> DocumentLine:
    return structs.replace(
        line, quantity=-line.quantity, net=-line.net, allowances=line.charges, charges=line.allowances
    )


def _subtotal(tax: TaxSubtotal) -> TaxSubtotal:
    return structs.replace(tax, taxable=-tax.taxable, tax=-tax.tax)


def _totals(totals: DocumentTotals) -> DocumentTotals:
    return DocumentTotals(
        lines=-totals.lines,
        allowances=totals.charges,
        charges=totals.allowances,
        net=-totals.net,
        tax=-totals.tax,
        gross=-totals.gross,
        prepaid=-totals.prepaid,
        rounding=-totals.rounding,
    )
