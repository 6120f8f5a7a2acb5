"""From prices to the net of a line: gross prices, quantity × price, what is taken off or added, and the sum."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, localcontext

from services.billing.due import Position
from services.billing.explaining.steps import Exact, Percent, Price, Rule, Step, Sum
from services.billing.rating import HUNDRED, PRECISE_DIGITS, adjustments, line_amount, net_price
from services.money import ZERO, rounded
from services.values import AllowanceOrCharge, LineAdjustment

TellsAllowance = Callable[[AllowanceOrCharge, LineAdjustment, Decimal], Step]
"""Says where an allowance comes from: as it was given, as it is billed, and the amount that it is taken off."""


class Amounts:
    """A position worked out once more, at its rate of tax, in a currency."""

    def __init__(self, position: Position, rate: Decimal, currency: str) -> None:
        self._position = position
        self._rate = rate
        self._currency = currency
        self.unit_price = self._unit_price()
        self.amount = line_amount(position.quantity, self.unit_price, currency)
        self.allowances = adjustments(position.allowances, self.amount, currency)
        self.charges = adjustments(position.charges, self.amount, currency)

    @property
    def net(self) -> Decimal:
        return net_of(self.amount, self.allowances, self.charges)

    def steps(self, events: tuple[str, ...], tells_allowance: TellsAllowance) -> Iterator[Step]:
        """How the net comes about; `events` are those that quantity and charges rest on."""
        position = self._position
        if position.gross_unit_price is not None:
            yield self._gross(position.gross_unit_price)
        yield times(position.quantity, self.unit_price, self.amount, events)
        for given, found in zip(position.allowances, self.allowances, strict=True):
            yield tells_allowance(given, found, self.amount)
        for given, found in zip(position.charges, self.charges, strict=True):
            yield adjusted(Rule.CHARGE, given, found, self.amount, events)
        yield net(self.amount, self.allowances, self.charges)

    def _unit_price(self) -> Decimal:
        position = self._position
        if position.unit_price is not None:
            return position.unit_price
        assert position.gross_unit_price is not None
        return net_price(position.gross_unit_price, position.quantity, self._rate, self._currency)

    def _gross(self, price: Decimal) -> Step:
        quantity = self._position.quantity
        gross = line_amount(quantity, price, self._currency)
        with localcontext(prec=PRECISE_DIGITS):
            exact = gross * HUNDRED / (HUNDRED + self._rate)
        amount = rounded(exact, self._currency)
        values = {
            "quantity": quantity,
            "price": Price(price),
            "gross": Price(gross),
            "rate": Percent(self._rate),
            "exact": Exact(exact, amount),
            "net": Price(amount),
            "unit_price": Price(self.unit_price),
        }
        return Step(Rule.GROSS_PRICE, "one" if quantity == 1 else "several", values, amount)


def net_of(
    amount: Decimal, allowances: Sequence[LineAdjustment], charges: Sequence[LineAdjustment]
) -> Decimal:
    """The amount less allowances plus charges."""
    return sum(_parts(amount, allowances, charges), ZERO)


def adjusted(
    rule: Rule,
    given: AllowanceOrCharge | LineAdjustment,
    found: LineAdjustment,
    base: Decimal,
    events: tuple[str, ...] = (),
) -> Step:
    """An allowance, charge or discount of `base`."""
    values: dict[str, object] = {"reason": found.reason, "amount": Price(found.amount)}
    if given.percent is None:
        return Step(rule, "amount", values, found.amount, events)
    exact = base * given.percent / HUNDRED
    values |= {
        "percent": Percent(given.percent),
        "base": Price(base),
        "exact": Exact(exact, found.amount),
    }
    return Step(rule, "percent" if exact == found.amount else "rounded", values, found.amount, events)


def times(quantity: Decimal, unit_price: Decimal, amount: Decimal, events: tuple[str, ...] = ()) -> Step:
    """Quantity × price, rounded once."""
    with localcontext(prec=PRECISE_DIGITS):
        exact = quantity * unit_price
    values = {
        "quantity": quantity,
        "price": Price(unit_price),
        "exact": Exact(exact, amount),
        "amount": Price(amount),
    }
    return Step(Rule.AMOUNT, "exact" if exact == amount else "rounded", values, amount, events)


def net(amount: Decimal, allowances: Sequence[LineAdjustment], charges: Sequence[LineAdjustment]) -> Step:
    """What the line comes to."""
    parts = _parts(amount, allowances, charges)
    result = sum(parts, ZERO)
    values = {"sum": Sum(parts), "net": Price(result)}
    return Step(Rule.NET, "sum" if len(parts) > 1 else "same", values, result)


def _parts(
    amount: Decimal, allowances: Sequence[LineAdjustment], charges: Sequence[LineAdjustment]
) -> tuple[Decimal, ...]:
    return (amount, *(-a.amount for a in allowances), *(c.amount for c in charges))
