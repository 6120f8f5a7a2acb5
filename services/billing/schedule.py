"""The intervals of an item, and the segments of them that are to be billed.

All days are local calendar days and inclusive. The segments of an item tile the days on which it is active:
no gap, no overlap.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from services.terms import ONE_DAY, ContractTerms, Phase, Span
from services.values import Alignment, BillingInterval, BillingTiming, IntervalUnit, Item, Period, add_months


@dataclass(frozen=True, slots=True)
class Interval:
    """A whole interval, whatever of it is active; interval 0 holds the contract's first day."""

    index: int
    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


@dataclass(frozen=True, slots=True)
class Segment:
    """Days of one interval on which an item is active at constant terms: one line of a document."""

    item: Item
    first: date
    last: date
    interval: Interval
    due_on: date

    @property
    def days(self) -> int:
        """Active days."""
        return (self.last - self.first).days + 1

    @property
    def is_whole(self) -> bool:
        return self.days == self.interval.days

    @property
    def period(self) -> Period:
        return Period(first=self.first, last=self.last)


class Grid:
    """Where the intervals of a contract's items begin: on its start's day of month, or with the calendar's months."""

    def __init__(self, starts_on: date, alignment: Alignment, length: BillingInterval) -> None:
        self._count = length.count
        self._months = length.months
        self._anchor = starts_on
        if alignment is Alignment.CALENDAR and length.unit is not IntervalUnit.DAY:
            first_month = (starts_on.month - 1) // self._months * self._months + 1
            self._anchor = date(starts_on.year, first_month, 1)

    def interval(self, index: int) -> Interval:
        return Interval(index, self._begin(index), self._begin(index + 1) - ONE_DAY)

    def interval_at(self, day: date) -> Interval:
        """The interval that holds `day`."""
        return self.interval(self._index_at(day))

    def _begin(self, index: int) -> date:
        if not self._months:
            return self._anchor + timedelta(days=index * self._count)
        return add_months(self._anchor, index * self._months)

    def _index_at(self, day: date) -> int:
        if not self._months:
            return (day - self._anchor).days // self._count
        months = (day.year - self._anchor.year) * 12 + day.month - self._anchor.month
        index = months // self._months
        return index if self._begin(index) <= day else index - 1


def grid(terms: ContractTerms, item: Item) -> Grid:
    """The intervals of a recurring or usage item. They never change: all phases of an item have the same."""
    assert item.billing_interval is not None
    return Grid(terms.signed.starts_on, terms.signed.alignment, item.billing_interval)


def active(terms: ContractTerms, phases: Sequence[Phase]) -> list[Phase]:
    """The phases of an item without the days of pauses, in order."""
    spans = terms.active_spans()
    return [Phase(p.item, both) for p in phases for span in spans if (both := _overlap(p.span, span))]


def segments(terms: ContractTerms, phases: Sequence[Phase], billed: Sequence[Period]) -> Iterator[Segment]:
    """What of a recurring item is not billed, in order of days and of days due; endless where the contract is open.

    `phases` are all of the item's; `billed` are the days that were, in order. Days before the contract's
    `billing_starts_on` are never billed.
    """
    charged = _from(active(terms, phases), terms.signed.billing_starts_on)
    for phase in charged:
        for span in _without(phase.span, billed):
            yield from _cut(terms, Phase(phase.item, span), charged)


def _cut(terms: ContractTerms, phase: Phase, charged: Sequence[Phase]) -> Iterator[Segment]:
    """A phase, interval by interval."""
    intervals = grid(terms, phase.item)
    first, last = phase.span.first, phase.span.last
    interval = intervals.interval_at(first)
    while last is None or first <= last:
        until = interval.last if last is None else min(interval.last, last)
        yield Segment(phase.item, first, until, interval, _due_on(terms, phase.item, interval, charged))
        interval = intervals.interval(interval.index + 1)
        first = interval.first


def _due_on(terms: ContractTerms, item: Item, interval: Interval, charged: Sequence[Phase]) -> date:
    """In advance the interval's first active day, in arrears its last day or, if that is earlier, the contract's."""
    if item.billing_timing is BillingTiming.INTERVAL_START:
        return next(
            max(interval.first, p.span.first)
            for p in charged
            if p.span.last is None or p.span.last >= interval.first
        )
    return min(interval.last, terms.last_day) if terms.last_day else interval.last


def _from(phases: Sequence[Phase], day: date | None) -> Sequence[Phase]:
    """What of the phases is not before `day`."""
    if day is None:
        return phases
    later = Span(day, None)
    return [Phase(p.item, both) for p in phases if (both := _overlap(p.span, later))]


def _overlap(one: Span, other: Span) -> Span | None:
    first = max(one.first, other.first)
    ends = [span.last for span in (one, other) if span.last]
    last = min(ends) if ends else None
    return Span(first, last) if last is None or first <= last else None


def _without(span: Span, billed: Sequence[Period]) -> Iterator[Span]:
    """The parts of a span that are not billed."""
    first = span.first
    for period in billed:
        if span.last and period.first > span.last:
            break
        if period.first > first:
            yield Span(first, period.first - ONE_DAY)
        first = max(first, period.last + ONE_DAY)
    if span.last is None or first <= span.last:
        yield Span(first, span.last)
