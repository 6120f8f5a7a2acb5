"""Credit notes: an invoice and what was credited of it so far → what goes back now, never more than is left.

Amounts of a credit note are positive and mean credit. What is left of an invoice never becomes negative: of no line,
VAT category or total. Credited in one step or in many, all credit notes together give back the invoice to the cent.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext

from msgspec import structs

from services.billing.as_credited import check_as_credited, check_cancelled
from services.billing.checks import check_draft
from services.billing.document import Draft
from services.billing.line_credit import ONE_UNIT, LineCredit
from services.billing.rating import HUNDRED, PRECISE_DIGITS, line_amount, shown_price
from services.billing.sums import Vat, amount_of, net_of, totals_of
from services.errors import FieldError, InvalidFields, Refused
from services.messages import DocumentIssued, DocumentType
from services.money import ZERO, rounded
from services.values import (
    CreditedLine,
    DocumentAdjustment,
    DocumentLine,
    DocumentReference,
    TaxSubtotal,
)

ONE = Decimal(1)


class NotAnInvoice(Refused):
    """Only invoices can be cancelled or credited."""


class AlreadyCredited(Refused):
    """Nothing of this document is left that could be credited."""


class CreditedBeyondBill(Refused):
    """No more can be credited than was billed and not credited before."""


class BilledTogether(Refused):
    """What was billed together is billed again only together."""


@dataclass(frozen=True, slots=True)
class Left:
    """A line of an invoice, and what of its units and net amount no credit note took back."""

    line: DocumentLine
    quantity: Decimal
    net: Decimal
    is_whole: bool

    @property
    def is_anything(self) -> bool:
        return bool(self.net) if self.line.net else self.is_whole


def lines_left(invoice: DocumentIssued, credited: Iterable[DocumentLine]) -> list[Left]:
    """What is left of each line, given the lines of the credit notes about the invoice."""
    before: defaultdict[int, list[tuple[Decimal, Decimal]]] = defaultdict(list)
    for credit in credited:
        if credit.credits:
            before[credit.credits.line].append((credit.credits.quantity, credit.net))
    return [
        Left(
            line,
            line.quantity - sum((quantity for quantity, _ in before[line.line]), ZERO),
            line.net - sum((net for _, net in before[line.line]), ZERO),
            is_whole=not before[line.line],
        )
        for line in invoice.lines
    ]


def cancellation(
    invoice: DocumentIssued, credited: Sequence[DocumentIssued], *, reason: str, issue_date: date
) -> Draft:
    """The credit note over all that is left of an invoice; all that it credits is to be billed again."""
    note = _CreditNote(invoice, credited)
    asked = [LineCredit(left.line.line, bill_again=True) for left in note.left.values() if left.is_anything]
    if not asked:
        raise AlreadyCredited(f"{invoice.number} is credited in full already.")
    draft = note.draft(asked, reason, issue_date)
    check_cancelled(draft, invoice, credited)
    return draft


def credit(
    invoice: DocumentIssued,
    credited: Sequence[DocumentIssued],
    asked: Sequence[LineCredit],
    *,
    reason: str,
    issue_date: date,
) -> Draft:
    """The credit note over single lines or amounts of an invoice; `credited` are the credit notes before.

    Allowances and charges on document level go back in proportion to the order lines that bear the same VAT.
    Raises InvalidFields, NotAnInvoice, CreditedBeyondBill or BilledTogether.
    """
    return _CreditNote(invoice, credited).draft(asked, reason, issue_date)


class _CreditNote:
    """Builds one credit note, section by section."""

    def __init__(self, invoice: DocumentIssued, credited: Sequence[DocumentIssued]) -> None:
        if invoice.type is not DocumentType.INVOICE:
            raise NotAnInvoice(f"{invoice.number} is not an invoice; credit the invoice that it is about.")
        self._invoice = invoice
        self._currency = invoice.currency
        self._notes = credited
        self._credited = [line for note in credited for line in note.lines]
        self._credited_taxes = [tax for note in credited for tax in note.taxes]
        self.left = {one.line.line: one for one in lines_left(invoice, self._credited)}

    def draft(self, asked: Sequence[LineCredit], reason: str, issue_date: date) -> Draft:
        invoice = self._invoice
        lines = tuple(self._lines(asked))
        allowances = tuple(self._adjustments(invoice.allowances, lines))
        charges = tuple(self._adjustments(invoice.charges, lines))
        taxes = tuple(self._taxes(lines, allowances, charges))
        totals = totals_of(lines, allowances, charges, taxes, self._currency)
        draft = Draft(
            billing_entity_id=invoice.billing_entity_id,
            customer_id=invoice.customer_id,
            debtor_ident=invoice.debtor_ident,
            issue_date=issue_date,
            due_date=issue_date,
            currency=invoice.currency,
            language=invoice.language,
            seller=structs.replace(invoice.seller, introduction=None, closing=None),
            buyer=invoice.buyer,
            lines=lines,
            taxes=taxes,
            totals=structs.replace(totals, rounding=self._rounding(totals.gross)),
            allowances=allowances,
            charges=charges,
            payment_term_days=0,
            purchase_order=invoice.purchase_order,
            supply_date=invoice.supply_date,
            type=DocumentType.CREDIT_NOTE,
            preceding_document=DocumentReference(
                document_id=invoice.document_id, number=invoice.number, issue_date=invoice.issue_date
            ),
            reason=reason,
            deliver_to=invoice.deliver_to,
            e_invoice=invoice.e_invoice,
            delivery=invoice.delivery,
        )
        self._check_billed_together(lines)
        self._check_within_bill(draft)
        check_as_credited(draft, invoice, self._notes, asked)
        check_draft(draft, self._credited_taxes)
        return draft

    # -- lines ----------------------------------------------------------------------------------

    def _lines(self, asked: Sequence[LineCredit]) -> Iterator[DocumentLine]:
        named: set[int] = set()
        for index, one in enumerate(asked):
            path = f"lines[{index}]"
            if one.line not in self.left:
                raise InvalidFields(FieldError(f"{path}.line", "is no line of this document", one.line))
            if one.line in named:
                raise InvalidFields(FieldError(f"{path}.line", "is named twice", one.line))
            named.add(one.line)
            yield structs.replace(self._line(self.left[one.line], one, path), line=index + 1)

    def _line(self, left: Left, asked: LineCredit, path: str) -> DocumentLine:
        if not left.is_anything:
            raise CreditedBeyondBill(f"Line {left.line.line} of {self._invoice.number} is credited already.")
        if asked.amount is not None:
            return self._of_amount(left, self._given(left, asked.amount, path), asked)
        quantity = left.quantity if asked.quantity is None else asked.quantity
        if left.is_whole and quantity == left.line.quantity:
            return _credited(left.line, left.line, quantity, asked)
        if asked.quantity is None and not quantity:
            return self._of_amount(left, left.net, asked)
        return self._of_units(left, quantity, asked)

    def _given(self, left: Left, amount: Decimal, path: str) -> Decimal:
        """The amount in the document's currency, if so much is left of the line."""
        exact = rounded(amount, self._currency)
        if exact != amount:
            message = f"has more decimals than {self._currency}"
            raise InvalidFields(FieldError(f"{path}.amount", message, str(amount)))
        if not ZERO < exact <= left.net:
            raise CreditedBeyondBill(f"Of line {left.line.line}, {left.net} is left to credit.")
        return exact

    def _of_amount(self, left: Left, net: Decimal, asked: LineCredit) -> DocumentLine:
        """A net amount as one unit at this price."""
        line = structs.replace(
            left.line, quantity=ONE, unit=ONE_UNIT, unit_price=net, net=net, allowances=(), charges=()
        )
        return _credited(line, left.line, ZERO, asked)

    def _of_units(self, left: Left, quantity: Decimal, asked: LineCredit) -> DocumentLine:
        """Their share of the line's net amount; the last ones take what is left of it.

        The price is the invoice's where that gives this amount, else the shortest one that does.
        """
        whole = left.line
        if not whole.quantity or not ZERO < quantity / whole.quantity <= left.quantity / whole.quantity:
            raise CreditedBeyondBill(
                f"Of line {whole.line}, a quantity of {left.quantity} is left to credit."
            )
        with localcontext(prec=PRECISE_DIGITS):
            share = rounded(whole.net * quantity / whole.quantity, self._currency)
            net = left.net if quantity == left.quantity else min(share, left.net, key=abs)
            price = whole.unit_price
            if line_amount(quantity, price, self._currency) != net:
                price = shown_price(net / quantity, quantity, self._currency)
        line = structs.replace(whole, quantity=quantity, unit_price=price, net=net, allowances=(), charges=())
        return _credited(line, whole, quantity, asked)

    # -- document level -------------------------------------------------------------------------

    def _adjustments(
        self, billed: Iterable[DocumentAdjustment], lines: Sequence[DocumentLine]
    ) -> Iterator[DocumentAdjustment]:
        """Of each allowance or charge its share of all that is credited now, less that of what was before."""
        before, now = self._credited, [*self._credited, *lines]
        for adjustment in billed:
            amount = self._share(adjustment, now) - self._share(adjustment, before)
            if amount:
                yield structs.replace(adjustment, amount=amount)

    def _share(self, adjustment: DocumentAdjustment, credited: Sequence[DocumentLine]) -> Decimal:
        """What of it falls to the credited order lines with its VAT; all of it once nothing is left of any order line.

        It is an order's: contracts have none on document level.
        """
        left = lines_left(self._invoice, credited)
        if not any(one.is_anything and one.line.origin.type == "ORDER" for one in left):
            return adjustment.amount
        vat = (adjustment.tax_category, adjustment.tax_rate)
        of_all, of_credited = (net_of(_of_orders(lines), vat) for lines in (self._invoice.lines, credited))
        if of_all <= 0:
            return ZERO
        with localcontext(prec=PRECISE_DIGITS):
            return rounded(adjustment.amount * of_credited / of_all, self._currency)

    def _taxes(
        self,
        lines: Sequence[DocumentLine],
        allowances: Sequence[DocumentAdjustment],
        charges: Sequence[DocumentAdjustment],
    ) -> Iterator[TaxSubtotal]:
        """VAT as on the invoice, rounded as that of everything credited so far (BR-CO-17)."""
        for billed in self._invoice.taxes:
            vat = (billed.category, billed.rate)
            if not _bears(vat, lines) and not _bears(vat, [*allowances, *charges]):
                continue
            taxable = net_of(lines, vat) - amount_of(allowances, vat) + amount_of(charges, vat)
            before = [t for t in self._credited_taxes if (t.category, t.rate) == vat]
            together = sum((t.taxable for t in before), taxable)
            tax = rounded(together * billed.rate / HUNDRED, self._currency)
            yield structs.replace(billed, taxable=taxable, tax=tax - sum((t.tax for t in before), ZERO))

    def _rounding(self, gross: Decimal) -> Decimal:
        """What makes the credit notes give back what was owed, no more at any time, and in the end not a cent less."""
        before = sum((note.totals.gross for note in self._notes), ZERO)
        given_back = sum((note.totals.due for note in self._notes), ZERO)
        return rounded(self._given_back(before + gross) - given_back - gross, self._currency)

    def _given_back(self, gross: Decimal) -> Decimal:
        """What so much of the invoice's gross total comes to; all of it comes to the amount that was owed."""
        totals = self._invoice.totals
        return totals.owed if gross == totals.gross else min(gross, totals.owed)

    # -- checks ---------------------------------------------------------------------------------

    def _check_billed_together(self, lines: Sequence[DocumentLine]) -> None:
        """Of what is billed again nothing may be left that was billed with it: all lines of an interval's usage, and of
        all orders where there are allowances or charges, which go back in proportion and would be billed again in full."""
        left = lines_left(self._invoice, [*self._credited, *lines])
        for line in lines:
            assert line.credits
            billed = self.left[line.credits.line].line
            rest = [one for one in left if one.is_anything and self._is_billed_with(one.line, billed)]
            if line.credits.bill_again and rest:
                numbers = ", ".join(str(one.line.line) for one in rest)
                raise BilledTogether(
                    f"Credit all of line {numbers} to bill it again, or cancel the document."
                )

    def _is_billed_with(self, one: DocumentLine, other: DocumentLine) -> bool:
        if one.origin.type == other.origin.type == "ORDER" and (
            self._invoice.allowances or self._invoice.charges
        ):
            return True
        if one.origin.id != other.origin.id:
            return False
        if one.usage:
            return one.origin.item == other.origin.item and one.usage == other.usage
        return one.line == other.line

    def _check_within_bill(self, draft: Draft) -> None:
        for billed in self._invoice.taxes:
            same = [t for t in draft.taxes if (t.category, t.rate) == (billed.category, billed.rate)]
            before = [
                t for t in self._credited_taxes if (t.category, t.rate) == (billed.category, billed.rate)
            ]
            credited = sum((t.taxable for t in [*before, *same]), ZERO)
            _within(f"VAT category {billed.category}, net", billed.taxable, credited)
        for name in ("net", "gross"):
            before_sum = sum((getattr(note.totals, name) for note in self._notes), ZERO)
            billed_sum, sum_now = getattr(self._invoice.totals, name), getattr(draft.totals, name)
            _within(f"the document, {name}", billed_sum, before_sum + sum_now)


def _credited(line: DocumentLine, billed: DocumentLine, quantity: Decimal, asked: LineCredit) -> DocumentLine:
    credited = CreditedLine(line=billed.line, quantity=quantity, bill_again=asked.bill_again)
    return structs.replace(line, credits=credited)


def _of_orders(lines: Iterable[DocumentLine]) -> list[DocumentLine]:
    return [line for line in lines if line.origin.type == "ORDER"]


def _bears(vat: Vat, parts: Sequence[DocumentLine | DocumentAdjustment]) -> bool:
    return any((part.tax_category, part.tax_rate) == vat for part in parts)


def _within(what: str, billed: Decimal, credited: Decimal) -> None:
    if not min(billed, ZERO) <= credited <= max(billed, ZERO):
        raise CreditedBeyondBill(
            f"Of {what}, {billed} was billed and {credited} would be credited; cancel the document to credit all."
        )
