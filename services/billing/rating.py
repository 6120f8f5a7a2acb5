"""From quantity, price and days to the net amount of a line, each rounding done once and in one place."""

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal, localcontext

from services.billing.schedule import Segment
from services.money import ZERO, decimals, minor_unit, rounded
from services.values import AllowanceOrCharge, Discount, DocumentLine, LineAdjustment

PRICE_DECIMALS_MAX = 10
PRECISE_DIGITS = 60
SURE_DIGITS = 50
"""What is left of them where a share that never ends, such as a thirtieth, was multiplied."""
HUNDRED = Decimal(100)


def prorated(amount: Decimal, segment: Segment) -> Decimal:
    """The exact share of `amount` for the active days of an interval: amount × days ÷ days of the whole interval."""
    if segment.is_whole:
        return amount
    with localcontext(prec=PRECISE_DIGITS):
        return amount * segment.days / segment.interval.days


def line_amount(quantity: Decimal, unit_price: Decimal, currency: str) -> Decimal:
    """Quantity × price, rounded half up to the minor unit of `currency`.

    A thirtieth of 31.30 is cut off somewhere; 1.5 of it are 1.565 all the same, and not a little less.
    """
    with localcontext(prec=PRECISE_DIGITS):
        amount = quantity * unit_price
    with localcontext(prec=SURE_DIGITS):
        return rounded(+amount, currency)


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


def net_price(gross_unit_price: Decimal, quantity: Decimal, rate: Decimal, currency: str) -> Decimal:
    """The net unit price to print for a gross one: the shortest that gives the line's net amount.

    The net of a line is its gross amount ÷ (1 + rate), rounded half up: 9.99 with 19 % is 8.39. VAT is then worked
    out as on every other document, once per rate on the sum of the nets (BR-CO-17), and 19 % of 8.39 is 1.59: the
    total is 9.98. No net in whole cents gives 9.99; the cent is added to the amount due (`gross.py`).
    """
    gross = line_amount(quantity, gross_unit_price, currency)
    with localcontext(prec=PRECISE_DIGITS):
        net = rounded(gross * HUNDRED / (HUNDRED + rate), currency)
        return shown_price(net / quantity, quantity, currency)


def rounding_max(lines: Iterable[DocumentLine], currency: str) -> Decimal:
    """The most by which a document with gross prices can miss their sum: a minor unit for each line, and one for each
    of its allowances and charges."""
    roundings = sum(1 + len(line.allowances) + len(line.charges) for line in lines)
    return roundings * minor_unit(currency)


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


def discounted(
    discounts: Iterable[Discount], segment: Segment, base: Decimal, currency: str
) -> tuple[AllowanceOrCharge, ...]:
    """What discounts take from a line of `base`, one after the other, together never more than there is.

    Each percentage is of the whole line; an amount is for a whole interval and prorated as the price is. A discount
    that takes what is left is a plain amount.
    """
    found: list[AllowanceOrCharge] = []
    left = max(base, ZERO)
    for discount in discounts:
        amount = discount.amount if discount.amount is None else prorated(discount.amount, segment)
        allowance = AllowanceOrCharge(reason=discount.name, amount=amount, percent=discount.percent)
        taken = adjustment_amount(allowance, base, currency)
        if taken > left:
            allowance, taken = AllowanceOrCharge(reason=discount.name, amount=left), left
        if taken >= minor_unit(currency):
            found.append(allowance)
            left -= taken
    return tuple(found)
