"""What used units cost: included units, one price, graduated tiers and volume tiers, each part at its own price."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext

from services.billing.rating import PRECISE_DIGITS, line_amount
from services.money import ZERO
from services.values import PriceModel, Pricing

Key = tuple[int, int]
"""A part's place: number of the pricing, number of its tier (0: the included units)."""


@dataclass(frozen=True, slots=True)
class Part:
    """Units at one net price: a line of a document."""

    quantity: Decimal
    unit_price: Decimal


@dataclass(frozen=True, slots=True)
class _Band:
    """The units above `above` up to `up_to` (None: all) of an interval's quantity, at one price."""

    number: int
    above: Decimal
    up_to: Decimal | None
    unit_price: Decimal

    def share(self, begin: Decimal, end: Decimal) -> Decimal:
        """How many of the units from `begin` to `end` lie in here."""
        last = end if self.up_to is None else min(end, self.up_to)
        return max(ZERO, last - max(begin, self.above))


def parts(used: Sequence[tuple[Pricing, Decimal]]) -> dict[Key, Part]:
    """The parts of an interval's quantity, by place: what was used under each pricing that held in it, in order.

    Tiers count the whole quantity of the interval, included units lie in the first ones: 1,400 km of which 100
    are included, at 0.20 up to 1,000 and 0.15 above, are 100 × 0, 900 × 0.20 and 400 × 0.15. Where terms changed
    within the interval, each pricing applies to the units that were used while it held, on top of those before.
    """
    found: dict[Key, Part] = {}
    with localcontext(prec=PRECISE_DIGITS):
        whole = sum((quantity for _, quantity in used), ZERO)
        begin = ZERO
        for number, (pricing, quantity) in enumerate(used):
            end = begin + quantity
            for band in _bands(pricing, whole):
                if share := band.share(begin, end):
                    found[number, band.number] = Part(share, band.unit_price)
            begin = end
    return found


def _bands(pricing: Pricing, whole: Decimal) -> Iterator[_Band]:
    included = pricing.included_quantity
    yield _Band(0, ZERO, included, ZERO)
    lower = ZERO
    for number, tier in enumerate(pricing.tiers, 1):
        if pricing.model is PriceModel.GRADUATED:
            yield _Band(number, max(lower, included), tier.up_to, tier.unit_price)
            lower = tier.up_to or lower
        elif tier.up_to is None or whole <= tier.up_to:
            yield _Band(number, included, None, tier.unit_price)
            return


def still_to_bill(
    now: Mapping[Key, Part], billed: Mapping[Key, Part], currency: str
) -> list[tuple[Key, Part]]:
    """The parts that bring what was billed to what it is `now`, to the minor unit; none where nothing is to be done.

    More units of a part are a line of their own. Where rounding that line would not give the difference of the two
    amounts, the part is billed anew and what was billed of it taken back.
    """
    found: list[tuple[Key, Part]] = []
    for key in sorted({*now, *billed}):
        found += [(key, part) for part in _difference(now.get(key), billed.get(key), currency)]
    return found


def _difference(now: Part | None, billed: Part | None, currency: str) -> list[Part]:
    if now is None or billed is None:
        return [part for part in (now, _taken_back(billed)) if part]
    if now.quantity == billed.quantity:
        return []
    more = Part(now.quantity - billed.quantity, now.unit_price)
    if _amount(more, currency) == _amount(now, currency) - _amount(billed, currency):
        return [more]
    return [now, Part(-billed.quantity, billed.unit_price)]


def _taken_back(billed: Part | None) -> Part | None:
    return Part(-billed.quantity, billed.unit_price) if billed else None


def _amount(part: Part, currency: str) -> Decimal:
    return line_amount(part.quantity, part.unit_price, currency)
