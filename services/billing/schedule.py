"""The intervals of a recurring item: where they begin and end, and when each is to be billed.

All days are local calendar days and inclusive. Intervals tile the active time: no gap, no overlap.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from services.values import Alignment, BillingInterval, BillingTiming, IntervalUnit

ONE_DAY = timedelta(days=1)
MONTHS = {IntervalUnit.MONTH: 1, IntervalUnit.YEAR: 12}


@dataclass(frozen=True, slots=True)
class Interval:
    """The active days `first` to `last` of the whole interval `whole_first` to `whole_last`."""

    first: date
    last: date
    whole_first: date
    whole_last: date

    @property
    def days(self) -> int:
        """Active days."""
        return (self.last - self.first).days + 1

    @property
    def whole_days(self) -> int:
        """Days of the whole interval."""
        return (self.whole_last - self.whole_first).days + 1

    @property
    def is_whole(self) -> bool:
        return self.days == self.whole_days

    def due_on(self, timing: BillingTiming) -> date:
        """The day on which the interval is to be billed: its first in advance, its last in arrears."""
        return self.first if timing is BillingTiming.INTERVAL_START else self.last


@dataclass(frozen=True, slots=True)
class Activity:
    """When a contract is active: from `starts_on` to `ends_on` (None: open), billed from `billed_from` at the earliest."""

    starts_on: date
    ends_on: date | None
    billed_from: date | None
    alignment: Alignment

    @property
    def first_billed_day(self) -> date:
        return max(self.starts_on, self.billed_from) if self.billed_from else self.starts_on


def intervals(activity: Activity, length: BillingInterval, billed_through: date | None) -> Iterator[Interval]:
    """The intervals after `billed_through` (None: from the beginning), in order; endless without an end date."""
    first = billed_through + ONE_DAY if billed_through else activity.first_billed_day
    grid = _Grid(activity, length)
    index = grid.index_at(first)
    while activity.ends_on is None or first <= activity.ends_on:
        whole_first, whole_last = grid.begin(index), grid.begin(index + 1) - ONE_DAY
        last = min(whole_last, activity.ends_on) if activity.ends_on else whole_last
        yield Interval(first, last, whole_first, whole_last)
        first = whole_last + ONE_DAY
        index += 1


class _Grid:
    """Where intervals begin: interval `index` begins on `begin(index)`; interval 0 holds the contract's start."""

    def __init__(self, activity: Activity, length: BillingInterval) -> None:
        self._count = length.count
        self._in_days = length.unit is IntervalUnit.DAY
        self._anchor = activity.starts_on
        if activity.alignment is Alignment.CALENDAR:
            months = length.count * MONTHS[length.unit]
            self._anchor = date(
                activity.starts_on.year, (activity.starts_on.month - 1) // months * months + 1, 1
            )
        self._months = 0 if self._in_days else length.count * MONTHS[length.unit]

    def begin(self, index: int) -> date:
        if self._in_days:
            return self._anchor + timedelta(days=index * self._count)
        return add_months(self._anchor, index * self._months)

    def index_at(self, day: date) -> int:
        """Index of the interval that holds `day`."""
        if self._in_days:
            return (day - self._anchor).days // self._count
        months = (day.year - self._anchor.year) * 12 + day.month - self._anchor.month
        index = months // self._months
        return index if self.begin(index) <= day else index - 1


def add_months(day: date, months: int) -> date:
    """The same day of the month `months` later, the last of the month where there is none: 31 Jan + 1 = 28 or 29 Feb."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
