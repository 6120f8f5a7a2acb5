"""Why a recurring or one-time item of a contract was billed as it was."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal, localcontext

from services.billing.due import Position
from services.billing.explaining.amounts import TellsAllowance, adjusted
from services.billing.explaining.known import Known
from services.billing.explaining.steps import Exact, Price, Rule, Step, named
from services.billing.explaining.terms import ItemTerms
from services.billing.rating import PRECISE_DIGITS, prorated
from services.billing.schedule import Segment, segments
from services.terms import ONE_DAY, ContractTerms
from services.values import AllowanceOrCharge, Discount, LineAdjustment, Period

LONG_AFTER = date(9000, 1, 1)
"""Later than any day that is billed."""


def around(days: Period) -> list[Period]:
    """All days but these: with them billed, these are what is left to bill."""
    return [
        Period(first=date.min, last=days.first - ONE_DAY),
        Period(first=days.last + ONE_DAY, last=LONG_AFTER),
    ]


class Recurring:
    """A line for days of an interval."""

    def __init__(self, known: Known, terms: ContractTerms, position: Position) -> None:
        assert position.period is not None
        self._known = known
        self._terms = terms
        self._position = position
        phases = terms.phases()[position.item]
        self._segment: Segment = next(segments(terms, phases, around(position.period)))
        self._item = ItemTerms(known, terms, self._segment.item, self._segment.first)

    def steps(self) -> Iterator[Step]:
        segment, price = self._segment, self._position.unit_price
        assert price is not None
        yield self._item.origin()
        yield self._item.price()
        yield self._item.interval(segment.interval, segment.due_on)
        yield from self._item.active_days(segment.period, segment.interval)
        if not segment.is_whole:
            assert segment.item.unit_price is not None
            values = self._share(segment.item.unit_price, price) | {"result": Price(price)}
            yield Step(Rule.PRORATION, "days", values, price)

    def quantity_events(self) -> tuple[str, ...]:
        return self._item.quantity_events()

    def tells_discount(self) -> TellsAllowance:
        """Discounts in the order in which they were agreed, each of which may take something off or not."""
        agreed = iter(self._terms.signed.discounts)

        def tell(given: AllowanceOrCharge, found: LineAdjustment, base: Decimal) -> Step:
            discount = next(d for d in agreed if d.name == given.reason)
            return self._discount(discount, given, found, base)

        return tell

    def _discount(
        self, discount: Discount, given: AllowanceOrCharge, found: LineAdjustment, base: Decimal
    ) -> Step:
        events = named([self._known.first])
        agreed = discount.amount
        if agreed is None or self._segment.is_whole or given.amount != prorated(agreed, self._segment):
            return adjusted(Rule.DISCOUNT, given, found, base, events)
        values = self._share(agreed, found.amount) | {"reason": found.reason, "result": Price(found.amount)}
        return Step(Rule.DISCOUNT, "days", values, found.amount, events)

    def _share(self, whole: Decimal, share: Decimal) -> dict[str, object]:
        """The share of an amount for the days."""
        segment = self._segment
        with localcontext(prec=PRECISE_DIGITS):
            exact = prorated(whole, segment)
        return {
            "whole": Price(whole),
            "days": segment.days,
            "of_days": segment.interval.days,
            "exact": Exact(exact, share),
        }


class OneTime:
    """A line for what is supplied once."""

    def __init__(self, known: Known, terms: ContractTerms, position: Position) -> None:
        self._position = position
        item = terms.phases()[position.item][0].item
        self._item = ItemTerms(known, terms, item, position.supplied_on)

    def steps(self) -> Iterator[Step]:
        yield self._item.origin()
        yield self._item.price()
        yield Step(
            Rule.SUPPLY, "item", {"day": self._position.supplied_on}, events=self._item.quantity_events()
        )

    def quantity_events(self) -> tuple[str, ...]:
        return self._item.quantity_events()
