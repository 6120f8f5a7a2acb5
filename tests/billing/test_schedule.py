"""Intervals and segments: where they begin and end, when they are due, and that they tile the active time."""

from collections.abc import Iterator
from datetime import date
from itertools import islice, takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.billing.due import Progress, billed_also
from services.billing.schedule import Segment, segments
from services.messages import ContractCancelled
from services.terms import ContractTerms
from services.values import Alignment, BillingTiming, ItemKind, Period, add_months
from tests.billing.contracts import (
    HORIZON,
    LAST_RUN,
    MONTHLY,
    QUARTERLY,
    YEARLY,
    amended,
    changes,
    contracts,
    day,
    days,
    histories,
    item_on,
    paused,
    period,
    recurring,
    repriced,
    resumed,
    signed,
    terminated,
    whole_interval,
)


def of(terms: ContractTerms, *billed: Period, ident: str = "base") -> Iterator[Segment]:
    """What is to be billed of an item."""
    phases = terms.phases().get(ident, [])
    return segments(terms, phases, billed)


def first(count: int, terms: ContractTerms, *billed: Period) -> list[tuple[str, str]]:
    return [(str(s.first), str(s.last)) for s in islice(of(terms, *billed), count)]


def calendar(start: str, **given: object) -> ContractTerms:
    return signed(start, alignment=Alignment.CALENDAR, **given)


# -- intervals ----------------------------------------------------------------------------------


def test_a_contract_from_31_january_bills_28_february() -> None:
    assert first(3, signed("2026-01-31")) == [
        ("2026-01-31", "2026-02-27"),
        ("2026-02-28", "2026-03-30"),
        ("2026-03-31", "2026-04-29"),
    ]


def test_a_contract_from_31_january_bills_29_february_in_a_leap_year() -> None:
    assert first(2, signed("2028-01-31"))[1] == ("2028-02-29", "2028-03-30")


def test_a_yearly_contract_from_29_february_keeps_its_day_in_leap_years() -> None:
    yearly = signed("2024-02-29", recurring(billing_interval=YEARLY))
    begins = [begin for begin, _ in first(5, yearly)]
    assert begins == ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]


def test_calendar_alignment_bills_to_the_first_of_the_month() -> None:
    assert first(2, calendar("2026-01-15")) == [("2026-01-15", "2026-01-31"), ("2026-02-01", "2026-02-28")]


def test_calendar_quarters_begin_in_january_april_july_and_october() -> None:
    quarterly = signed("2026-05-20", recurring(billing_interval=QUARTERLY), alignment=Alignment.CALENDAR)
    assert first(2, quarterly) == [("2026-05-20", "2026-06-30"), ("2026-07-01", "2026-09-30")]


def test_the_last_interval_ends_with_the_contract() -> None:
    found = list(of(signed("2026-01-15", ends_on=day("2026-03-10"))))
    assert (str(found[-1].first), str(found[-1].last)) == ("2026-02-15", "2026-03-10")
    assert (found[-1].days, found[-1].interval.days) == (24, 28)


def test_nothing_before_the_billing_start_is_billed() -> None:
    segment = next(of(signed("2025-11-15", billing_starts_on=day("2026-01-20"))))
    assert (segment.first, segment.interval.first) == (day("2026-01-20"), day("2026-01-15"))


def test_a_cancelled_contract_has_nothing_to_bill() -> None:
    terms = signed()
    cancelled = ContractCancelled(contract_id=terms.signed.contract_id, customer_id=terms.signed.customer_id)
    assert list(of(terms.after(cancelled))) == []


# -- changes within an interval -----------------------------------------------------------------


def test_new_terms_within_an_interval_cut_it_in_two() -> None:
    found = list(islice(of(calendar("2026-01-01").after(repriced("2026-01-11", "11.99"))), 3))
    assert [(str(s.first), str(s.last), str(s.item.unit_price)) for s in found] == [
        ("2026-01-01", "2026-01-10", "9.99"),
        ("2026-01-11", "2026-01-31", "11.99"),
        ("2026-02-01", "2026-02-28", "11.99"),
    ]


def test_an_item_that_is_added_is_billed_on_the_intervals_of_the_contract() -> None:
    terms = calendar("2026-01-15").after(amended("2026-02-10", added=(recurring(item_ident="seats"),)))
    assert str(next(of(terms, ident="seats")).first) == "2026-02-10"
    assert next(of(terms, ident="seats")).interval.days == 28


def test_the_days_of_a_pause_are_not_billed() -> None:
    terms = calendar("2026-04-01").after(paused("2026-04-11")).after(resumed("2026-04-21"))
    assert first(3, terms) == [
        ("2026-04-01", "2026-04-10"),
        ("2026-04-21", "2026-04-30"),
        ("2026-05-01", "2026-05-31"),
    ]


def test_an_open_pause_ends_what_is_billed() -> None:
    assert first(9, calendar("2026-04-01").after(paused("2026-05-11"))) == [
        ("2026-04-01", "2026-04-30"),
        ("2026-05-01", "2026-05-10"),
    ]


def test_a_pause_that_is_taken_back_later_is_made_up() -> None:
    """Also between days that are billed."""
    terms = calendar("2026-04-01").after(paused("2026-04-11")).after(resumed("2026-04-21"))
    terms = terms.after(resumed("2026-04-11"))
    billed = (period("2026-04-01", "2026-04-10"), period("2026-04-21", "2026-05-31"))
    assert first(2, terms, *billed) == [("2026-04-11", "2026-04-20"), ("2026-06-01", "2026-06-30")]


def test_an_item_that_is_added_with_effect_in_the_past_is_made_up_from_there() -> None:
    terms = calendar("2026-01-01").after(amended("2026-02-01", removed=("base",)))
    terms = terms.after(amended("2026-04-01", added=(recurring(),)))
    terms = terms.after(amended("2026-03-01", added=(recurring(),)))
    billed = (period("2026-01-01", "2026-01-31"), period("2026-04-01", "2026-06-30"))
    assert first(2, terms, *billed) == [("2026-03-01", "2026-03-31"), ("2026-07-01", "2026-07-31")]


# -- due ----------------------------------------------------------------------------------------


def dues(terms: ContractTerms, count: int = 2) -> list[str]:
    return [str(segment.due_on) for segment in islice(of(terms), count)]


def in_arrears(start: str, **given: object) -> ContractTerms:
    item = recurring(billing_timing=BillingTiming.INTERVAL_END)
    return signed(start, item, alignment=Alignment.CALENDAR, **given)


def test_in_advance_an_interval_is_due_on_its_first_active_day() -> None:
    assert dues(calendar("2026-01-15")) == ["2026-01-15", "2026-02-01"]


def test_in_advance_all_of_an_interval_is_due_with_its_first_active_day() -> None:
    terms = calendar("2026-04-01").after(paused("2026-04-11")).after(resumed("2026-04-21"))
    assert dues(terms) == ["2026-04-01", "2026-04-01"]


def test_in_arrears_an_interval_is_due_when_it_has_ended_whatever_of_it_is_active() -> None:
    assert dues(in_arrears("2026-04-01").after(paused("2026-04-11")), 1) == ["2026-04-30"]
    assert dues(in_arrears("2026-04-01").after(amended("2026-04-11", removed=("base",))), 1) == ["2026-04-30"]


def test_in_arrears_the_last_interval_is_due_with_the_contracts_last_day() -> None:
    assert dues(in_arrears("2026-04-01").after(terminated("2026-04-20")), 1) == ["2026-04-20"]


# -- any contract -------------------------------------------------------------------------------


def run(terms: ContractTerms, progress: dict[str, tuple[Period, ...]], up_to: date) -> list[Segment]:
    """Bill everything that is due by a day; `progress` moves on."""
    found = []
    for ident, phases in terms.phases().items():
        if phases[0].item.kind is ItemKind.RECURRING:
            due = takewhile(lambda s: s.due_on <= up_to, segments(terms, phases, progress.get(ident, ())))
            for segment in list(due):
                progress[ident] = billed_also(progress.get(ident, ()), segment.period)
                found.append(segment)
    return found


def due_days(terms: ContractTerms, progress: Progress, up_to: date) -> set[tuple[str, date]]:
    """What a run has to bill, found day by day."""
    found = set()
    for item in terms.items_ever():
        if item.kind is not ItemKind.RECURRING:
            continue
        assert item.billing_interval is not None
        first_days: dict[date, date] = {}
        begin, end = whole_interval(terms, item.billing_interval, terms.signed.starts_on)
        for on in days(terms.signed.starts_on, HORIZON):
            if on > end:
                begin, end = whole_interval(terms, item.billing_interval, on)
            if item_on(terms, item.item_ident, on) is None:
                continue
            due_on = first_days.setdefault(begin, on)
            if item.billing_timing is BillingTiming.INTERVAL_END:
                due_on = min(end, terms.last_day) if terms.last_day else end
            billed = progress.get(item.item_ident, ())
            if due_on <= up_to and not any(p.first <= on <= p.last for p in billed):
                found.add((item.item_ident, on))
    return found


def check(terms: ContractTerms, found: list[Segment], expected: set[tuple[str, date]]) -> None:
    """Each day once, at its terms, within its interval."""
    billed = [(s.item.item_ident, on) for s in found for on in days(s.first, s.last)]
    assert len(billed) == len(set(billed))
    assert set(billed) == expected
    for segment in found:
        assert segment.item.billing_interval is not None
        whole = (segment.interval.first, segment.interval.last)
        for on in {segment.first, segment.last}:
            assert whole_interval(terms, segment.item.billing_interval, on) == whole
        for on in days(segment.first, segment.last):
            assert item_on(terms, segment.item.item_ident, on) == segment.item


up_to = st.dates(date(2023, 12, 1), LAST_RUN)


@settings(deadline=None)
@given(histories(), st.lists(up_to, min_size=1, max_size=5))
def test_whatever_the_runs_each_active_day_is_billed_once_at_its_terms(
    terms: ContractTerms, runs: list[date]
) -> None:
    progress: dict[str, tuple[Period, ...]] = {}
    found = [segment for day in runs for segment in run(terms, progress, day)]
    check(terms, found, due_days(terms, {}, max(runs)))


@settings(deadline=None)
@given(st.data())
def test_what_changes_between_runs_makes_up_what_was_missed_and_bills_no_day_again(
    data: st.DataObject,
) -> None:
    terms = data.draw(contracts())
    progress: dict[str, tuple[Period, ...]] = {}
    for change in data.draw(changes(terms)):
        day = data.draw(up_to)
        expected = due_days(terms, progress, day)
        check(terms, run(terms, progress, day), expected)
        terms = terms.after(change)
    expected = due_days(terms, progress, LAST_RUN)
    check(terms, run(terms, progress, LAST_RUN), expected)


@given(histories())
def test_segments_come_in_the_order_in_which_they_are_due(terms: ContractTerms) -> None:
    for phases in terms.phases().values():
        if phases[0].item.kind is ItemKind.RECURRING:
            dues = [segment.due_on for segment in islice(segments(terms, phases, ()), 50)]
            assert dues == sorted(dues)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [("2026-01-31", 1, "2026-02-28"), ("2026-01-31", 2, "2026-03-31"), ("2026-12-15", 1, "2027-01-15"),
     ("2028-02-29", 12, "2029-02-28"), ("2026-03-31", -1, "2026-02-28")],
)  # fmt: skip
def test_months_are_added_keeping_the_day_where_there_is_one(day: str, months: int, expected: str) -> None:
    assert add_months(date.fromisoformat(day), months).isoformat() == expected


def test_far_progress_costs_no_walk_from_the_start() -> None:
    terms = signed("1900-01-01", recurring(billing_interval=MONTHLY))
    billed = Period(first=day("1900-01-01"), last=day("2199-11-30"))
    assert next(of(terms, billed)).interval.index == 300 * 12 - 1
