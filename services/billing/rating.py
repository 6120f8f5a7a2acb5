"""From quantity, price and days to the net amount of a line, each rounding done once and in one place."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, localcontext

from services.billing.schedule import Interval
from services.money import decimals, rounded
from services.values import AllowanceOrCharge, LineAdjustment

PRICE_DECIMALS_MAX = 10
PRECISE_DIGITS = 50
HUNDRED = Decimal(100)


def prorated(amount: Decimal, interval: Interval) -> Decimal:
    """The exact share of `amount` for the active days of an interval: amount × days ÷ days of the whole interval."""
    if interval.is_whole:
        return amount
    with localcontext(prec=PRECISE_DIGITS):
        return amount * interval.days / interval.whole_days


def line_amount(quantity: Decimal, unit_price: Decimal, currency: str) -> Decimal:
    """Quantity × price, rounded half up to the minor unit of `currency`."""
    with localcontext(prec=PRECISE_DIGITS):
        return rounded(quantity * unit_price, currency)


def shown_price(exact: Decimal, quantity: Decimal, currency: str) -> Decimal:
    """The price to print: the shortest one that gives the line amount that the exact price gives.

    5.478387… for 1 prints as 5.48, for 10 as 5.478, so that quantity × printed price is the line amount.
    """
    amount = line_amount(quantity, exact, currency)
    for places in range(decimals(currency), PRICE_DECIMALS_MAX + 1):
        price = exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
        if line_amount(quantity, price, currency) == amount:
            return price
    return exact


def adjustments(
    given: Sequence[AllowanceOrCharge], base: Decimal, currency: str
) -> tuple[LineAdjustment, ...]:
    """Allowances or charges on `base` as amounts in `currency`; percentages are rounded half up each."""
    return tuple(
        LineAdjustment(reason=a.reason, amount=adjustment_amount(a, base, currency), percent=a.percent)
        for a in given
    )


def adjustment_amount(given: AllowanceOrCharge, base: Decimal, currency: str) -> Decimal:
    """One allowance or charge in `currency`: its own amount, or its percentage of `base`."""
    if given.amount is not None:
        return rounded(given.amount, currency)
    assert given.percent is not None
    return rounded(base * given.percent / HUNDRED, currency)
