"""Intervals: where they begin and end, and that they tile the active time."""

from datetime import date, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.schedule import Activity, Interval, add_months, intervals
from services.values import Alignment, BillingInterval, IntervalUnit

MONTHLY = BillingInterval(count=1, unit=IntervalUnit.MONTH)
QUARTERLY = BillingInterval(count=3, unit=IntervalUnit.MONTH)
YEARLY = BillingInterval(count=1, unit=IntervalUnit.YEAR)


def activity(
    start: str, end: str | None = None, billed_from: str | None = None, alignment: str = "ANNIVERSARY"
) -> Activity:
    return Activity(
        date.fromisoformat(start),
        date.fromisoformat(end) if end else None,
        date.fromisoformat(billed_from) if billed_from else None,
        Alignment(alignment),
    )


def days_of(found: list[Interval]) -> list[tuple[str, str]]:
    return [(i.first.isoformat(), i.last.isoformat()) for i in found]


def first(count: int, active: Activity, length: BillingInterval) -> list[tuple[str, str]]:
    return days_of(list(islice(intervals(active, length, None), count)))


def test_a_contract_from_31_january_bills_28_february() -> None:
    assert first(3, activity("2026-01-31"), MONTHLY) == [
        ("2026-01-31", "2026-02-27"),
        ("2026-02-28", "2026-03-30"),
        ("2026-03-31", "2026-04-29"),
    ]


def test_a_contract_from_31_january_bills_29_february_in_a_leap_year() -> None:
    assert first(2, activity("2028-01-31"), MONTHLY)[1] == ("2028-02-29", "2028-03-30")


def test_a_yearly_contract_from_29_february_keeps_its_day_in_leap_years() -> None:
    begins = [i.first.isoformat() for i in islice(intervals(activity("2024-02-29"), YEARLY, None), 5)]
    assert begins == ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]


def test_calendar_alignment_bills_to_the_first_of_the_month() -> None:
    assert first(2, activity("2026-01-15", alignment="CALENDAR"), MONTHLY) == [
        ("2026-01-15", "2026-01-31"),
        ("2026-02-01", "2026-02-28"),
    ]


def test_calendar_quarters_begin_in_january_april_july_and_october() -> None:
    assert first(2, activity("2026-05-20", alignment="CALENDAR"), QUARTERLY) == [
        ("2026-05-20", "2026-06-30"),
        ("2026-07-01", "2026-09-30"),
    ]


def test_the_last_interval_ends_with_the_contract() -> None:
    found = list(intervals(activity("2026-01-15", end="2026-03-10"), MONTHLY, None))
    assert days_of(found)[-1] == ("2026-02-15", "2026-03-10")
    assert (found[-1].days, found[-1].whole_days) == (24, 28)


def test_nothing_before_the_billing_start_is_billed() -> None:
    found = next(intervals(activity("2025-11-15", billed_from="2026-01-20"), MONTHLY, None))
    assert (found.first, found.whole_first) == (date(2026, 1, 20), date(2026, 1, 15))


starts = st.dates(date(2019, 1, 1), date(2032, 12, 31))
lengths = st.one_of(
    st.builds(BillingInterval, count=st.integers(1, 40), unit=st.just(IntervalUnit.DAY)),
    st.builds(BillingInterval, count=st.integers(1, 18), unit=st.just(IntervalUnit.MONTH)),
    st.builds(BillingInterval, count=st.integers(1, 3), unit=st.just(IntervalUnit.YEAR)),
)
calendar_lengths = st.one_of(
    st.builds(BillingInterval, count=st.sampled_from([1, 2, 3, 4, 6, 12]), unit=st.just(IntervalUnit.MONTH)),
    st.just(YEARLY),
)
shapes = st.one_of(
    st.tuples(st.just(Alignment.ANNIVERSARY), lengths),
    st.tuples(st.just(Alignment.CALENDAR), calendar_lengths),
)


@given(starts, st.integers(0, 2000), st.integers(-40, 400), shapes)
def test_intervals_tile_the_active_time_exactly(
    start: date, active_days: int, billed_after_days: int, shape: tuple[Alignment, BillingInterval]
) -> None:
    alignment, length = shape
    end = start + timedelta(days=active_days)
    billed_from = start + timedelta(days=billed_after_days)
    active = Activity(start, end, billed_from, alignment)

    found = list(intervals(active, length, None))

    assert sum(i.days for i in found) == max(0, (end - max(start, billed_from)).days + 1)
    for earlier, later in pairwise(found):
        assert later.first == earlier.last + timedelta(days=1)
        assert earlier.whole_last + timedelta(days=1) == later.whole_first
    for interval in found:
        assert interval.whole_first <= interval.first <= interval.last <= interval.whole_last


@given(starts, st.integers(1, 2000), shapes, st.data())
def test_going_on_after_what_is_billed_gives_the_same_intervals(
    start: date, active_days: int, shape: tuple[Alignment, BillingInterval], data: st.DataObject
) -> None:
    alignment, length = shape
    active = Activity(start, start + timedelta(days=active_days), None, alignment)
    found = list(intervals(active, length, None))
    billed = data.draw(st.integers(1, len(found)))
    assert list(intervals(active, length, found[billed - 1].last)) == found[billed:]


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [("2026-01-31", 1, "2026-02-28"), ("2026-01-31", 2, "2026-03-31"), ("2026-12-15", 1, "2027-01-15"),
     ("2028-02-29", 12, "2029-02-28"), ("2026-03-31", -1, "2026-02-28")],
)  # fmt: skip
def test_months_are_added_keeping_the_day_where_there_is_one(day: str, months: int, expected: str) -> None:
    assert add_months(date.fromisoformat(day), months).isoformat() == expected
