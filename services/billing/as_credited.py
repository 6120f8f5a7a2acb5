"""Exact checks of a credit note against its invoice: what all credit notes give back together is worked out from what
was billed and asked, in whole fractions, and not as crediting works out the next one."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

from msgspec import structs

from services.billing.document import Draft
from services.billing.line_credit import ONE_UNIT, LineCredit
from services.billing.rating import PRECISE_DIGITS, line_amount, shown_price
from services.errors import KontorError
from services.messages import DocumentIssued, DocumentType
from services.money import ZERO, minor_unit
from services.values import CreditedLine, DocumentAdjustment, DocumentLine, DocumentReference, TaxSubtotal

AS_INVOICED = (
    "billing_entity_id", "customer_id", "debtor_ident", "currency", "language", "buyer", "purchase_order",
    "supply_date", "deliver_to", "e_invoice", "delivery",
)  # fmt: skip
"""What a credit note says of itself just as its invoice does."""
AS_BILLED = ("name", "tax_category", "tax_rate", "origin", "period", "supplied_on", "usage")
"""What its lines say just as the lines do that they credit."""
SUMS = ("lines", "allowances", "charges", "net", "tax", "gross")

Note = DocumentIssued | Draft
"""A credit note about the invoice: one before, or the one that is checked."""


class NotAsCredited(KontorError):
    """A credit note takes back something else than what was asked of its invoice, or more than is left; it is not issued."""


def check_as_credited(
    draft: Draft, invoice: DocumentIssued, credited: Sequence[DocumentIssued], asked: Sequence[LineCredit]
) -> None:
    """Raise NotAsCredited naming the first thing that a credit note says otherwise than its invoice and what was asked.

    `credited` are the credit notes before it. Whether its own sums add up, `check_draft` works out.
    """
    _check_head(draft, invoice)
    _check_lines(draft, invoice, credited, asked)
    notes: list[Note] = [*credited, draft]
    for kind in ("allowances", "charges"):
        _check_adjustments(kind, invoice, notes)
    _check_taxes(draft, invoice, notes)
    _check_totals(draft, invoice, notes)
    if _is_settled(invoice.lines, notes):
        _check_settled(invoice, notes)


def check_cancelled(draft: Draft, invoice: DocumentIssued, credited: Sequence[DocumentIssued]) -> None:
    """Raise NotAsCredited if a cancellation leaves something of its invoice, or what it credits is not billed again."""
    _equal("all is credited", _is_settled(invoice.lines, [*credited, draft]), True)
    _equal("all is billed again", all(line.credits and line.credits.bill_again for line in draft.lines), True)


def _check_head(draft: Draft, invoice: DocumentIssued) -> None:
    """Parties are personal: what they are is not said."""
    seller = structs.replace(invoice.seller, introduction=None, closing=None)
    for name, billed in [("seller", seller), *((name, getattr(invoice, name)) for name in AS_INVOICED)]:
        if getattr(draft, name) != billed:
            raise NotAsCredited(f"{name}: not that of the invoice; the document was not issued")
    reference = DocumentReference(
        document_id=invoice.document_id, number=invoice.number, issue_date=invoice.issue_date
    )
    _equal("BG-3: preceding invoice", draft.preceding_document, reference)
    _equal("BT-3: type", draft.type, DocumentType.CREDIT_NOTE)
    _equal("BT-2: issued before the invoice", draft.issue_date < invoice.issue_date, False)
    _equal("BT-9: due date", draft.due_date, draft.issue_date)
    _equal("BT-20: days to pay", draft.payment_term_days, 0)
    _equal("payment means are given", draft.payment_means is not None, False)


# -- lines --------------------------------------------------------------------------------------


def _check_lines(
    draft: Draft, invoice: DocumentIssued, credited: Sequence[DocumentIssued], asked: Sequence[LineCredit]
) -> None:
    _equal("number of lines", len(draft.lines), len(asked))
    billed = {line.line: line for line in invoice.lines}
    _equal("lines credited twice", len({one.line for one in asked}), len(asked))
    before = _by_line(credited)
    for line, one in zip(draft.lines, asked, strict=True):
        _check_line(line, one, billed[one.line], before[one.line], draft.currency)


def _check_line(
    line: DocumentLine, asked: LineCredit, billed: DocumentLine, before: Sequence[DocumentLine], currency: str
) -> None:
    """What is credited now and was before is at most what was billed, and just that with the last units."""
    where = f"line {line.line}"
    for name in AS_BILLED:
        _equal(f"{where}: {name}", getattr(line, name), getattr(billed, name))
    units_left, net_left = billed.quantity - _units(before), billed.net - _net(before)
    units = asked.quantity
    if units is None:
        units = units_left if asked.amount is None else ZERO
    _equal(f"{where}: what is credited", line.credits, _credited(asked, units))
    if asked.amount is not None:
        net = asked.amount
    elif units == units_left:
        net = net_left
    else:
        net = min(share(billed.net, units, billed.quantity, currency), net_left, key=abs)
    _equal(f"{where}: net", line.net, net)
    _within(f"{where}: units", units + _units(before), billed.quantity)
    _within(f"{where}: net", net + _net(before), billed.net)
    is_whole = not before and asked.amount is None and units == billed.quantity
    shown = _as_shown(billed) if is_whole else _shown(units, net, billed, currency)
    _equal(f"{where}: quantity, unit, price, allowances and charges", _as_shown(line), shown)


def _credited(asked: LineCredit, units: Decimal) -> CreditedLine:
    return CreditedLine(line=asked.line, quantity=units, bill_again=asked.bill_again)


def _as_shown(line: DocumentLine) -> tuple[Any, ...]:
    return line.quantity, line.unit, line.unit_price, line.allowances, line.charges


def _shown(units: Decimal, net: Decimal, billed: DocumentLine, currency: str) -> tuple[Any, ...]:
    """A part of a line as it is printed: an amount as one unit, units at the invoice's price if that gives their net."""
    if not units:
        return Decimal(1), ONE_UNIT, net, (), ()
    price = billed.unit_price
    if line_amount(units, price, currency) != net:
        with localcontext(prec=PRECISE_DIGITS):
            price = shown_price(net / units, units, currency)
    return units, billed.unit, price, (), ()


# -- document level -----------------------------------------------------------------------------


def _check_adjustments(kind: str, invoice: DocumentIssued, notes: Sequence[Note]) -> None:
    """So far each allowance or charge went back as far as the order lines with its VAT, and all of it with the last one."""
    billed: Sequence[DocumentAdjustment] = getattr(invoice, kind)
    ordered = [line for line in invoice.lines if line.origin.type == "ORDER"]
    is_settled = _is_settled(ordered, notes)
    due: defaultdict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
    for one in billed:
        due[_kind(one)] += one.amount if is_settled else _back(one, ordered, notes, invoice.currency)
    given: defaultdict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
    for note in notes:
        for one in getattr(note, kind):
            given[_kind(one)] += one.amount
    _equal(f"{kind} of the document", _but_nothing(given), _but_nothing(due))


def _back(
    adjustment: DocumentAdjustment, ordered: Iterable[DocumentLine], notes: Sequence[Note], currency: str
) -> Decimal:
    """What of it went back with a part of the order lines."""
    same = [line for line in ordered if _vat(line) == _vat(adjustment)]
    numbers, of_all = {line.line for line in same}, _net(same)
    if of_all <= 0:
        return ZERO
    back = [line for note in notes for line in note.lines if line.credits and line.credits.line in numbers]
    return share(adjustment.amount, _net(back), of_all, currency)


def _kind(adjustment: DocumentAdjustment) -> tuple[Any, ...]:
    return adjustment.reason, adjustment.percent, *_vat(adjustment)


def _but_nothing(amounts: Mapping[tuple[Any, ...], Decimal]) -> dict[tuple[Any, ...], Decimal]:
    return {kind: amount for kind, amount in amounts.items() if amount}


# -- sums ---------------------------------------------------------------------------------------


def _check_taxes(draft: Draft, invoice: DocumentIssued, notes: Sequence[Note]) -> None:
    stated = [_as_taxed(tax) for tax in draft.taxes]
    _equal("BG-23: VAT", stated, [vat for vat in map(_as_taxed, invoice.taxes) if vat in stated])
    for billed in invoice.taxes:
        taxable, tax = _of_vat(billed, notes)
        _within(f"BT-116: category {billed.category}, {billed.rate} %", taxable, billed.taxable)
        _within(f"BT-117: category {billed.category}, {billed.rate} %", tax, billed.tax)


def _check_totals(draft: Draft, invoice: DocumentIssued, notes: Sequence[Note]) -> None:
    """What was prepaid goes back as well; a cent that rounding took or added goes back with the last of the invoice."""
    net, gross = (sum((getattr(note.totals, name) for note in notes), ZERO) for name in ("net", "gross"))
    _within("BT-109: net", net, invoice.totals.net)
    _within("BT-112: gross", gross, invoice.totals.gross)
    _equal("BT-113: prepaid amount", draft.totals.prepaid, ZERO)
    owed = invoice.totals.due + invoice.totals.prepaid
    given_back = sum((note.totals.due for note in notes), ZERO)
    _equal("BT-115: due", given_back, owed if gross == invoice.totals.gross else min(gross, owed))


def _check_settled(invoice: DocumentIssued, notes: Sequence[Note]) -> None:
    """Nothing is left of any sum once nothing is left of any line."""
    for name in SUMS:
        given_back = sum((getattr(note.totals, name) for note in notes), ZERO)
        _equal(f"{name} in all", given_back, getattr(invoice.totals, name))
    for billed in invoice.taxes:
        _equal(f"VAT category {billed.category} in all", _of_vat(billed, notes), (billed.taxable, billed.tax))


def _is_settled(billed: Iterable[DocumentLine], notes: Sequence[Note]) -> bool:
    """Whether nothing is left of these lines of the invoice; of one that cost nothing, once it is named."""
    back = _by_line(notes)
    return all(back[line.line] and _net(back[line.line]) == line.net for line in billed)


def _of_vat(vat: TaxSubtotal, notes: Iterable[Note]) -> tuple[Decimal, Decimal]:
    same = [
        tax for note in notes for tax in note.taxes if (tax.category, tax.rate) == (vat.category, vat.rate)
    ]
    return sum((tax.taxable for tax in same), ZERO), sum((tax.tax for tax in same), ZERO)


def _as_taxed(tax: TaxSubtotal) -> tuple[Any, ...]:
    return tax.category, tax.rate, tax.exemption_code, tax.exemption_text


# -- arithmetic ---------------------------------------------------------------------------------


def share(amount: Decimal, part: Decimal, whole: Decimal, currency: str) -> Decimal:
    """`amount` × `part` ÷ `whole`, exactly, then rounded half up (away from zero) to the minor unit of `currency`."""
    unit = minor_unit(currency)
    exact = Fraction(amount) * Fraction(part) / Fraction(whole) / Fraction(unit)
    units = int(abs(exact) + Fraction(1, 2))
    return (units if exact > 0 else -units) * unit


def _by_line(notes: Iterable[Note]) -> defaultdict[int, list[DocumentLine]]:
    """The lines of credit notes by the line of the invoice that they credit."""
    found: defaultdict[int, list[DocumentLine]] = defaultdict(list)
    for note in notes:
        for line in note.lines:
            if line.credits:
                found[line.credits.line].append(line)
    return found


def _units(lines: Iterable[DocumentLine]) -> Decimal:
    return sum((line.credits.quantity for line in lines if line.credits), ZERO)


def _net(lines: Iterable[DocumentLine]) -> Decimal:
    return sum((line.net for line in lines), ZERO)


def _vat(part: DocumentLine | DocumentAdjustment) -> tuple[str, Decimal]:
    return part.tax_category, part.tax_rate


def _within(what: str, credited: Decimal, billed: Decimal) -> None:
    if not min(billed, ZERO) <= credited <= max(billed, ZERO):
        raise NotAsCredited(
            f"{what}: {credited} would be credited in all, {billed} was billed; the document was not issued"
        )


def _equal(what: str, stated: object, right: object) -> None:
    if stated != right:
        raise NotAsCredited(f"{what}: {stated} is stated, {right} is right; the document was not issued")
