"""The explanation of a line as a whole: everything that billed it, once more, and compared with what was issued."""

from collections.abc import Iterator

from msgspec import structs

from services.billing.due import Billable, Cutoff, Position, positions
from services.billing.explaining import taxes
from services.billing.explaining.amounts import Amounts, TellsAllowance, adjusted, net, times
from services.billing.explaining.contract_items import OneTime, Recurring, around
from services.billing.explaining.known import Known
from services.billing.explaining.steps import Percent, Price, Prices, Rule, Step, Unit, named
from services.billing.explaining.used_items import Measured
from services.billing.rating import line_amount
from services.billing.tax import NoTaxRate, Tax
from services.errors import NotFound
from services.messages import DocumentIssued, DocumentType, OrderRecorded
from services.money import rounded
from services.personal_data import is_erased
from services.terms import ContractTerms
from services.values import DocumentLine


class LineNotFound(NotFound):
    """The document has no such line."""


def explained(document: DocumentIssued, number: int, known: Known | None) -> list[Step]:
    """Why line `number` of a document is what it is; the last step's result is its net amount.

    Without what was `known` when it was issued (it was not recorded, or the line takes back another one), and where
    the rules of today would give something else, the document speaks for itself. Raises LineNotFound.
    """
    line = line_of(document, number)
    if line.credits:
        return [_credit(document, line), *_as_issued(document, line)]
    if known is None:
        return _as_issued(document, line)
    again = _Again(document, line, known)
    if difference := again.difference():
        return [difference, *_as_issued(document, line)]
    return list(again.steps())


def line_of(document: DocumentIssued, number: int) -> DocumentLine:
    """The line of this number; raises LineNotFound."""
    for line in document.lines:
        if line.line == number:
            return line
    raise LineNotFound(f"{document.number} has no line {number}; it has {len(document.lines)}.")


class _Again:
    """A line worked out again, by what was known."""

    def __init__(self, document: DocumentIssued, line: DocumentLine, known: Known) -> None:
        self._document = document
        self._known = known
        self._gives_back = document.type is DocumentType.CREDIT_NOTE
        self._line = _opposite(line) if self._gives_back else line
        self._terms = known.terms()
        self._nth = _nth(document, line)
        self._position = self._find_position()
        self._tax = self._find_tax()

    def _find_position(self) -> Position | None:
        line = self._line
        item = line.origin.item
        billed = () if line.usage or line.period is None else around(line.period)
        billable = Billable(line.origin.id, self._terms, {item: billed} if billed else {}, self._known.usage)
        due_by = self._document.issue_date
        found = [
            p
            for p in positions(billable, Cutoff(due_by, due_by))
            if p.item == item and p.period == line.period
        ]
        return found[self._nth] if self._nth < len(found) else None

    def _find_tax(self) -> Tax | None:
        """None where it can no longer be decided: for want of a rate, or of the VAT-ID."""
        if self._position is None or is_erased(self._document):
            return None
        terms = self._terms
        head = terms.signed if isinstance(terms, ContractTerms) else terms
        try:
            return taxes.tax_of(self._known, self._document, head, self._position)
        except NoTaxRate:
            return None

    def difference(self) -> Step | None:
        """What would be otherwise by the rules of today."""
        line, currency = self._line, self._document.currency
        if self._position is None:
            return Step(Rule.DIFFERENCE, "nothing", {})
        amounts = self._amounts(self._position)
        tax = self._tax or Tax(line.tax_category, line.tax_rate)
        same = (
            amounts.unit_price == line.unit_price
            and self._position.quantity == line.quantity
            and (amounts.allowances, amounts.charges) == (line.allowances, line.charges)
            and rounded(amounts.net, currency) == line.net
            and (tax.category, tax.rate) == (line.tax_category, line.tax_rate)
        )
        if same:
            return None
        values = {"net": Price(amounts.net), "category": tax.category, "rate": Percent(tax.rate)}
        return Step(Rule.DIFFERENCE, "otherwise", values)

    def _amounts(self, position: Position) -> Amounts:
        return Amounts(position, self._line.tax_rate, self._document.currency)

    def steps(self) -> Iterator[Step]:
        position = self._position
        assert position is not None
        reasons = self._reasons(position)
        yield from reasons.steps()
        yield taxes.why(self._tax, self._known, position) if self._tax else taxes.as_issued(self._line)
        yield from self._amounts(position).steps(reasons.quantity_events(), self._tells_allowance(reasons))
        if self._gives_back:
            yield Step(Rule.CREDIT, "money_back", {"net": Price(-self._line.net)}, -self._line.net)

    def _reasons(self, position: Position) -> "Recurring | OneTime | Measured | _Ordered":
        terms = self._terms
        if isinstance(terms, OrderRecorded):
            return _Ordered(self._known, terms, position)
        if position.usage:
            return Measured(self._known, terms, position, self._nth)
        if position.period:
            return Recurring(self._known, terms, position)
        return OneTime(self._known, terms, position)

    def _tells_allowance(self, reasons: "Recurring | OneTime | Measured | _Ordered") -> TellsAllowance:
        if isinstance(reasons, Recurring):
            return reasons.tells_discount()
        events = reasons.quantity_events()
        return lambda given, found, base: adjusted(Rule.ALLOWANCE, given, found, base, events)


class _Ordered:
    """A line of an order."""

    def __init__(self, known: Known, order: OrderRecorded, position: Position) -> None:
        self._known = known
        self._order = order
        self._position = position

    def steps(self) -> Iterator[Step]:
        position, order = self._position, self._order
        price = position.gross_unit_price if position.unit_price is None else position.unit_price
        assert price is not None
        of_order = {"order": order.order_ident, "line": position.item, "day": order.ordered_on}
        yield Step(Rule.ORIGIN, "order", of_order, events=self.quantity_events())
        yield Step(
            Rule.PRICE,
            "ordered" if position.unit_price is not None else "ordered_gross",
            {"price": Prices((price,)), "unit": Unit(position.unit)},
            price,
            self.quantity_events(),
        )
        yield Step(Rule.SUPPLY, "order", {"day": order.ordered_on}, events=self.quantity_events())

    def quantity_events(self) -> tuple[str, ...]:
        return named([self._known.first])


# -- by the document alone ----------------------------------------------------------------------


def _as_issued(document: DocumentIssued, line: DocumentLine) -> list[Step]:
    """What the document itself says."""
    origin = line.origin
    amount = line_amount(line.quantity, line.unit_price, document.currency)
    return [
        Step(Rule.ORIGIN, "issued", {"number": document.number, "ident": origin.ident, "item": origin.item}),
        taxes.as_issued(line),
        times(line.quantity, line.unit_price, amount),
        *(adjusted(Rule.ALLOWANCE, one, one, amount) for one in line.allowances),
        *(adjusted(Rule.CHARGE, one, one, amount) for one in line.charges),
        net(amount, line.allowances, line.charges),
    ]


def _credit(document: DocumentIssued, line: DocumentLine) -> Step:
    """Which line is taken back; why that one was billed is explained there."""
    preceding = document.preceding_document
    assert line.credits is not None
    assert preceding is not None
    values = {
        "number": preceding.number,
        "day": preceding.issue_date,
        "line": line.credits.line,
        "reason": document.reason or "",
    }
    form = "billed_again" if line.credits.bill_again else "line"
    return Step(Rule.CREDIT, form if line.credits.line else "document", values)


def _nth(document: DocumentIssued, line: DocumentLine) -> int:
    """Place of a line among those that bill the same: one, or for usage one for each price."""
    same = [
        one.line
        for one in document.lines
        if (one.origin, one.period, one.usage) == (line.origin, line.period, line.usage)
    ]
    return same.index(line.line)


def _opposite(line: DocumentLine) -> DocumentLine:
    """A line by which money goes back, as it was billed: with a minus."""
    return structs.replace(
        line, quantity=-line.quantity, net=-line.net, allowances=line.charges, charges=line.allowances
    )
