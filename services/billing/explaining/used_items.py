"""Why what was used of a contract was billed as it was: which usage, of which interval, in which tier."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from services.billing.due import Position
from services.billing.explaining.known import Known
from services.billing.explaining.steps import Price, Quantity, Rule, Step
from services.billing.explaining.terms import ItemTerms
from services.billing.schedule import grid
from services.billing.usage import Meter, UsageBill, Used
from services.money import ZERO
from services.terms import ContractTerms
from services.values import BilledUsage, PriceModel, Pricing

USAGE_RECORDED = "customer.UsageRecorded"


@dataclass(frozen=True, slots=True)
class Bill:
    """One bill of an interval's usage, or that it was taken back, so that the usage is to be billed again."""

    interval_start: date
    usage: BilledUsage
    is_released: bool = False

    def means(self, used: Used) -> bool:
        """Whether something that is not billed is billed with this."""
        usage = self.usage
        return (
            used.position <= usage.through
            and (usage.occurred_from is None or usage.occurred_from <= used.occurred_at)
            and (usage.occurred_before is None or used.occurred_at < usage.occurred_before)
        )


def as_it_was(recorded: Sequence[Used], before: Sequence[Bill], bill: Bill) -> list[Used]:
    """What an item's `bill` saw of all that was recorded: what it bills itself, and what was billed `before`, in order."""
    billed_by: dict[int, Bill] = {}
    for one in before:
        for number, used in enumerate(recorded):
            if one.is_released and billed_by.get(number) == replace(one, is_released=False):
                del billed_by[number]
            elif not one.is_released and number not in billed_by and one.means(used):
                billed_by[number] = one
    found = []
    for number, used in enumerate(recorded):
        if earlier := billed_by.get(number):
            late = earlier.usage.late
            found.append(replace(used, interval_start=earlier.interval_start, late=late))
        elif bill.means(used):
            found.append(replace(used, interval_start=None, late=None))
    return found


class Measured:
    """A line for units that were used: the `number`-th of those that bill an interval's usage."""

    def __init__(self, known: Known, terms: ContractTerms, position: Position, number: int) -> None:
        assert position.period is not None
        self._position = position
        self._known = known
        self._terms = terms
        phases = terms.phases()[position.item]
        meter = Meter(terms, phases, known.usage, ())
        self._interval = grid(terms, phases[0].item).interval_at(position.period.first)
        self._to_bill: Sequence[Used] = meter.unbilled()[position.period]
        self._bill: UsageBill = meter.bill(position.period, self._to_bill)
        self._phase, self._tier = self._bill.places[number]
        item = phases[self._phase].item
        self._item = ItemTerms(known, terms, item, phases[self._phase].span.first)

    def steps(self) -> Iterator[Step]:
        period = self._bill.period
        yield self._item.origin()
        yield self._item.price()
        yield self._item.interval(self._interval, period.last)
        yield from self._item.active_days(period, self._interval)
        yield self._used()
        yield self._in_tier()

    def quantity_events(self) -> tuple[str, ...]:
        """The reports of the usage."""
        return tuple(f"{USAGE_RECORDED} {p}" for p in sorted({used.position for used in self._to_bill}))

    def _used(self) -> Step:
        before = sum((used.quantity for used in self._before()), ZERO)
        now = sum((used.quantity for used in self._to_bill), ZERO)
        values = {
            "quantity": Quantity(now, self._position.unit),
            "count": len(self._to_bill),
            "period": self._bill.period,
            "before": Quantity(before, self._position.unit),
            "whole": Quantity(now + before, self._position.unit),
        }
        form = "more" if before else "late" if self._bill.usage.late else "first"
        return Step(Rule.USAGE, form, values, events=self.quantity_events())

    def _before(self) -> list[Used]:
        """What was used in the interval and billed before."""
        used = self._known.usage.used.get(self._position.item, ())
        return [one for one in used if one.interval_start == self._bill.period.first]

    def _in_tier(self) -> Step:
        """Which of the units these are."""
        position, pricing = self._position, self._item.item.pricing
        assert pricing is not None
        assert position.unit_price is not None
        values: dict[str, object] = {
            "quantity": Quantity(abs(position.quantity), position.unit),
            "price": Price(position.unit_price),
            "included": Quantity(pricing.included_quantity, position.unit),
        }
        if position.quantity < 0:
            return Step(Rule.TIER, "taken_back", values)
        if self._tier == 0:
            return Step(Rule.TIER, "included", values)
        return self._priced(pricing, values)

    def _priced(self, pricing: Pricing, values: dict[str, object]) -> Step:
        above, up_to = self._bounds(pricing)
        values["above"] = Quantity(above, self._position.unit)
        if pricing.model is PriceModel.FLAT:
            return Step(Rule.TIER, "flat", values)
        form = pricing.model.value.lower()
        if up_to is None:
            return Step(Rule.TIER, f"{form}_open", values)
        return Step(Rule.TIER, form, values | {"up_to": Quantity(up_to, self._position.unit)})

    def _bounds(self, pricing: Pricing) -> tuple[Decimal, Decimal | None]:
        """The units between which the line's tier lies; included ones lie in the first tiers."""
        below = pricing.tiers[self._tier - 2].up_to if self._tier > 1 else None
        lower = below or ZERO
        if pricing.model is PriceModel.GRADUATED:
            lower = max(lower, pricing.included_quantity)
        return lower, pricing.tiers[self._tier - 1].up_to
