"""Corrections of what was billed: what the billed days of a contract cost at the terms that hold now, against its bills.

Only billed days are looked at: days that become active are simply not billed yet, and the next run makes them up.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from services.billing.assembly import assemble
from services.billing.crediting import Left, credit, lines_left
from services.billing.document import Draft
from services.billing.due import Billable, Cutoff, Position, Progress, billed_without, positions
from services.billing.line_credit import LineCredit
from services.billing.party import Party
from services.billing.rating import adjustments, line_amount
from services.billing.sellers import Sellers
from services.messages import DocumentIssued, DocumentType
from services.money import ZERO
from services.terms import ContractTerms
from services.values import DocumentLine, LineAdjustment, Period

ALWAYS = Period(first=date(1900, 1, 1), last=date(8999, 12, 31))
END_OF_BILLS = date(6999, 12, 31)
"""No interval that begins by then, however long, has days that are not in `ALWAYS`."""
NO_CUTOFF = Cutoff(END_OF_BILLS, END_OF_BILLS)


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice on which a contract is billed, with the credit notes about it."""

    issued: DocumentIssued
    credited: Sequence[DocumentIssued]


@dataclass(frozen=True, slots=True)
class Correction:
    """The credit notes over lines that would be billed otherwise now, and what is billed in their place."""

    credits: Sequence[Draft]
    bills: Sequence[Draft]

    @property
    def net(self) -> Decimal:
        """What the customer owes more; negative: less."""
        return _sum(d.totals.net for d in self.bills) - _sum(d.totals.net for d in self.credits)

    @property
    def gross(self) -> Decimal:
        """The same with VAT."""
        return _sum(d.totals.gross for d in self.bills) - _sum(d.totals.gross for d in self.credits)


def correction(
    customer: Party,
    terms: ContractTerms,
    invoices: Iterable[Invoice],
    sellers: Sellers,
    *,
    since: date,
    reason: str,
    today: date,
) -> Correction:
    """What corrects the bills of a contract from a day on; empty where they are right.

    Raises KontorError where what is to be billed in their place cannot be billed.
    """
    changed = {
        invoice.issued.document_id: (invoice, lines)
        for invoice in invoices
        if (lines := _changed(terms, invoice, since))
    }
    credits_ = [
        credit(
            invoice.issued,
            invoice.credited,
            [LineCredit(left.line.line, bill_again=True) for left in lines],
            reason=reason,
            issue_date=max(today, invoice.issued.issue_date),
        )
        for invoice, lines in changed.values()
    ]
    freed = [left.line for _, lines in changed.values() for left in lines]
    billable = Billable(terms.signed.contract_id, terms, _all_but(terms, freed))
    bills = assemble(customer, [billable], sellers, NO_CUTOFF) if freed else []
    return Correction(credits_, [_dated(draft, today) for draft in bills])


def _changed(terms: ContractTerms, invoice: Invoice, since: date) -> list[Left]:
    """The lines of an invoice of which something is left and that would be otherwise now.

    Usage is not among them: what of it was billed stays (decision 0009).
    """
    if invoice.issued.type is not DocumentType.INVOICE:
        return []
    credited = [line for note in invoice.credited for line in note.lines]
    return [
        left
        for left in lines_left(invoice.issued, credited)
        if left.line.origin.id == terms.signed.contract_id
        and left.is_anything
        and not left.line.usage
        and left.line.days.last >= since
        and not _is_right(terms, left.line)
    ]


def _is_right(terms: ContractTerms, line: DocumentLine) -> bool:
    """Whether the days of a line would be billed by just this line, at this price, today."""
    billable = Billable(terms.signed.contract_id, terms, _all_but(terms, [line]))
    match positions(billable, NO_CUTOFF):
        case [position]:
            return _is_same(position, line, terms.signed.currency)
        case _:
            return False


def _is_same(position: Position, line: DocumentLine, currency: str) -> bool:
    assert position.unit_price is not None
    base = line_amount(position.quantity, position.unit_price, currency)
    days = position.period or Period(first=position.supplied_on, last=position.supplied_on)
    return (
        days == line.days
        and (position.quantity, position.unit_price) == (line.quantity, line.unit_price)
        and _amounts(adjustments(position.allowances, base, currency)) == _amounts(line.allowances)
    )


def _amounts(given: Sequence[LineAdjustment]) -> list[Decimal]:
    return [adjustment.amount for adjustment in given]


def _all_but(terms: ContractTerms, lines: Iterable[DocumentLine]) -> Progress:
    """Progress at which nothing of a contract is to be billed but the days of these lines."""
    progress: dict[str, tuple[Period, ...]] = dict.fromkeys(terms.phases(), (ALWAYS,))
    for line in lines:
        item = line.origin.item
        progress[item] = billed_without(progress.get(item, ()), line.days) if line.period else ()
    return progress


def _dated(draft: Draft, issue_date: date) -> Draft:
    due_date = issue_date + timedelta(days=draft.payment_term_days)
    return replace(draft, issue_date=issue_date, due_date=due_date)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, ZERO)
