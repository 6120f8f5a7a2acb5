"""What is due: the day that is kept for a contract, runs of any rhythm that bill the same, discounts and usage."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.billing.due import (
    Billable,
    Cutoff,
    Position,
    billed_also,
    late_intervals,
    next_due_on,
    positions,
)
from services.billing.rating import adjustments, line_amount
from services.billing.usage import NOTHING_USED, Usage, Used
from services.terms import ContractTerms
from services.values import Alignment, BillingTiming, Discount, Item, ItemChange, ItemKind, Period
from tests.billing.contracts import (
    LAST_RUN,
    SOMEBODY,
    amended,
    day,
    histories,
    kilometres,
    paused,
    period,
    recurring,
    repriced,
    signed,
    terminated,
)

Progress = dict[str, tuple[Period, ...]]
run_days = st.dates(date(2023, 12, 1), LAST_RUN)


def bill(
    terms: ContractTerms, progress: Progress, on: date | str, usage: Usage = NOTHING_USED
) -> list[Position]:
    """Everything due by the end of a day; `progress` moves on as it does when a document is issued."""
    on = day(on) if isinstance(on, str) else on
    due = positions(Billable(SOMEBODY, terms, dict(progress), usage), Cutoff(on, on))
    for p in due:
        billed = p.period or Period(first=p.supplied_on, last=p.supplied_on)
        progress[p.item] = billed_also(progress.get(p.item, ()), billed)
    return due


def essence(due: list[Position]) -> list[tuple[str, date, Decimal | None]]:
    return sorted((p.item, p.period.first if p.period else p.supplied_on, p.unit_price) for p in due)


@settings(deadline=None)
@given(histories(), run_days)
def test_something_is_due_exactly_from_the_day_that_is_kept(terms: ContractTerms, on: date) -> None:
    kept = next_due_on(terms, {})
    assert bool(bill(terms, {}, on)) == (kept is not None and kept <= on)


@settings(deadline=None)
@given(histories(), run_days)
def test_after_a_run_nothing_is_due_until_a_later_day(terms: ContractTerms, on: date) -> None:
    progress: Progress = {}
    bill(terms, progress, on)
    kept = next_due_on(terms, progress)
    assert kept is None or kept > on
    assert bill(terms, progress, on) == []


@settings(deadline=None)
@given(histories(), st.lists(run_days, max_size=6), run_days)
def test_runs_in_any_order_of_dates_bill_what_one_late_run_bills(
    terms: ContractTerms, runs: list[date], last: date
) -> None:
    progress: Progress = {}
    several = [p for on in [*runs, last] for p in bill(terms, progress, on)]
    assert essence(several) == essence(bill(terms, {}, max([*runs, last])))


# -- one-time items -----------------------------------------------------------------------------


def setup(**changes: object) -> Item:
    given = {"item_ident": "setup", "name": "Setup", "kind": ItemKind.ONE_TIME, "unit_price": Decimal(49)}
    return Item(**given | {"unit": "C62"} | changes)


def test_a_one_time_item_is_due_with_the_contracts_start_even_if_that_lies_in_a_pause() -> None:
    terms = signed("2026-01-15", setup()).after(paused("2026-01-10"))
    assert next_due_on(terms, {}) == day("2026-01-15")


def test_a_one_time_item_that_is_added_is_due_from_the_day_it_is_added() -> None:
    terms = signed("2026-01-15").after(amended("2026-03-10", added=(setup(),)))
    progress: Progress = {}
    assert "setup" not in {p.item for p in bill(terms, progress, "2026-03-09")}
    assert [p.item for p in bill(terms, progress, "2026-03-10")] == ["setup"]
    assert [p.item for p in bill(terms, progress, "2026-12-31") if p.item == "setup"] == []


def test_a_one_time_item_before_the_billing_start_is_billed_elsewhere() -> None:
    terms = signed("2026-01-15", setup(), billing_starts_on=day("2026-01-16"))
    assert next_due_on(terms, {}) is None


# -- discounts ----------------------------------------------------------------------------------


def discounts(terms: ContractTerms, *given: Discount, up_to: str) -> list[tuple[str, list[str]]]:
    """Per position: its amount, and what each discount takes from it."""
    discounted = replace(terms, signed=replace(terms.signed, discounts=given))
    found = []
    for p in bill(discounted, {}, up_to):
        assert p.unit_price is not None
        amount = line_amount(p.quantity, p.unit_price, "EUR")
        found.append((str(amount), [str(a.amount) for a in adjustments(p.allowances, amount, "EUR")]))
    return found


def percent(value: str, **given: object) -> Discount:
    return Discount(name="Welcome", percent=Decimal(value), **given)


def amount(value: str, **given: object) -> Discount:
    return Discount(name="Welcome", amount=Decimal(value), **given)


CALENDAR = signed("2026-01-15", alignment=Alignment.CALENDAR)


def test_a_percentage_is_of_the_lines_amount() -> None:
    assert discounts(CALENDAR, percent("10"), up_to="2026-02-01") == [("5.48", ["0.55"]), ("9.99", ["1.00"])]


def test_an_amount_is_prorated_as_the_price_is() -> None:
    assert discounts(CALENDAR, amount("5"), up_to="2026-02-01") == [("5.48", ["2.74"]), ("9.99", ["5.00"])]


def test_a_discount_for_two_intervals_ends_after_the_second() -> None:
    given = discounts(CALENDAR, percent("10", intervals=2), up_to="2026-03-01")
    assert [taken for _, taken in given] == [["0.55"], ["1.00"], []]


def test_a_discount_for_some_intervals_counts_those_that_were_billed_elsewhere() -> None:
    terms = signed("2026-01-01", alignment=Alignment.CALENDAR, billing_starts_on=day("2026-02-01"))
    given = discounts(terms, percent("10", intervals=2), up_to="2026-03-01")
    assert [taken for _, taken in given] == [["1.00"], []]


def test_a_discount_for_some_intervals_counts_from_the_items_own_first() -> None:
    seats = recurring(item_ident="seats", unit_price=Decimal(5))
    terms = signed("2026-01-01", alignment=Alignment.CALENDAR).after(amended("2026-03-01", added=(seats,)))
    given = discounts(terms, percent("10", intervals=1), up_to="2026-04-01")
    assert given == [
        ("9.99", ["1.00"]),
        ("9.99", []),
        ("9.99", []),
        ("9.99", []),
        ("5.00", ["0.50"]),
        ("5.00", []),
    ]


def test_a_discount_until_a_day_is_for_intervals_that_begin_by_then() -> None:
    given = discounts(CALENDAR, percent("10", until=day("2026-02-01")), up_to="2026-03-01")
    assert [taken for _, taken in given] == [["0.55"], ["1.00"], []]


def test_a_discount_of_one_item_leaves_the_others_alone() -> None:
    terms = signed("2026-01-01", recurring(), recurring(item_ident="seats"))
    given = discounts(terms, percent("10", item_ident="seats"), up_to="2026-01-01")
    assert given == [("9.99", []), ("9.99", ["1.00"])]


def test_an_amount_without_an_item_is_off_the_recurring_item_that_the_contract_was_signed_with() -> None:
    terms = signed("2026-01-01").after(amended("2026-01-01", added=(recurring(item_ident="seats"),)))
    assert discounts(terms, amount("5"), up_to="2026-01-01") == [("9.99", ["5.00"]), ("9.99", [])]


def test_discounts_never_take_more_than_there_is() -> None:
    given = discounts(CALENDAR, amount("8"), percent("50"), amount("1"), up_to="2026-02-01")
    assert given == [("5.48", ["4.39", "1.09"]), ("9.99", ["8.00", "1.99"])]


# -- usage --------------------------------------------------------------------------------------

BERLIN = ZoneInfo("Europe/Berlin")
MONTHLY_USAGE = signed("2026-01-01", kilometres(), alignment=Alignment.CALENDAR)


def used(*entries: tuple[str, str]) -> Usage:
    """Entries given as instant in UTC and quantity, one message each."""
    found = [
        Used(datetime.fromisoformat(at).replace(tzinfo=UTC), Decimal(quantity), position)
        for position, (at, quantity) in enumerate(entries, 1)
    ]
    return Usage({"km": found}, BERLIN)


def lines(found: Sequence[Position]) -> list[tuple[str, str, str]]:
    """First day, quantity and price of each."""
    return [(str(p.period and p.period.first), f"{p.quantity:f}", f"{p.unit_price:f}") for p in found]


def test_usage_is_due_when_its_interval_has_ended_and_not_before_anything_was_used() -> None:
    assert next_due_on(MONTHLY_USAGE, {}) is None
    usage = used(("2026-02-03T08:00", "1400"))
    assert next_due_on(MONTHLY_USAGE, {}, usage) == day("2026-02-28")
    assert bill(MONTHLY_USAGE, {}, "2026-02-27", usage) == []
    assert lines(bill(MONTHLY_USAGE, {}, "2026-02-28", usage)) == [
        ("2026-02-01", "100", "0"),
        ("2026-02-01", "900", "0.20"),
        ("2026-02-01", "400", "0.15"),
    ]


def test_usage_counts_to_the_day_of_the_sellers_calendar() -> None:
    usage = used(("2026-01-31T22:59", "101"), ("2026-01-31T23:00", "102"))
    assert lines(bill(MONTHLY_USAGE, {}, "2026-02-28", usage)) == [
        ("2026-01-01", "100", "0"), ("2026-01-01", "1", "0.20"),
        ("2026-02-01", "100", "0"), ("2026-02-01", "2", "0.20"),
    ]  # fmt: skip


@pytest.mark.parametrize(("last_day_of_march", "first"), [("2026-03-31T21:59", "2026-03-01"), ("2026-03-31T22:00", "2026-04-01")])  # fmt: skip
def test_usage_on_a_clock_that_changed_for_summer_counts_to_its_day(
    last_day_of_march: str, first: str
) -> None:
    [position] = bill(MONTHLY_USAGE, {}, "2026-12-31", used((last_day_of_march, "50")))
    assert str(position.period and position.period.first) == first


def test_usage_before_the_first_and_after_the_last_day_counts_to_the_first_and_last_interval() -> None:
    terms = MONTHLY_USAGE.after(terminated("2026-03-10"))
    usage = used(("2025-12-31T10:00", "101"), ("2026-03-11T10:00", "102"))
    found = bill(terms, {}, "2026-03-10", usage)
    assert [(str(p.period and p.period.first), str(p.period and p.period.last)) for p in found] == [
        ("2026-01-01", "2026-01-31")] * 2 + [("2026-03-01", "2026-03-10")] * 2  # fmt: skip
    assert [(p.usage and p.usage.occurred_from, p.usage and p.usage.occurred_before) for p in found[::2]] == [
        (None, datetime(2026, 1, 31, 23, tzinfo=UTC)),
        (datetime(2026, 2, 28, 23, tzinfo=UTC), None),
    ]


def test_usage_before_the_billing_start_is_billed_elsewhere() -> None:
    terms = signed(
        "2026-01-01", kilometres(), billing_starts_on=day("2026-02-10"), alignment=Alignment.CALENDAR
    )
    usage = used(("2026-02-09T08:00", "500"), ("2026-02-10T08:00", "101"))
    assert lines(bill(terms, {}, "2026-02-28", usage)) == [
        ("2026-02-10", "100", "0"), ("2026-02-10", "1", "0.20")]  # fmt: skip
    assert next_due_on(terms, {}, used(("2026-02-09T08:00", "500"))) is None


def test_what_was_used_in_a_pause_is_billed() -> None:
    terms = MONTHLY_USAGE.after(paused("2026-01-05"))
    assert next_due_on(terms, {}, used(("2026-02-03T08:00", "7"))) == day("2026-02-28")


def test_units_are_priced_at_the_terms_of_their_day_and_tiers_count_them_all() -> None:
    terms = MONTHLY_USAGE.after(amended("2026-02-15", changes=(repricing("0.30", "0.25"),)))
    usage = used(("2026-02-03T08:00", "600"), ("2026-02-20T08:00", "600"))
    assert lines(bill(terms, {}, "2026-02-28", usage)) == [
        ("2026-02-01", "100", "0"),
        ("2026-02-01", "500", "0.20"),
        ("2026-02-01", "400", "0.30"),
        ("2026-02-01", "200", "0.25"),
    ]


def repricing(*prices: str) -> ItemChange:
    """Other prices for the same tiers."""
    pricing = kilometres().pricing
    assert pricing
    tiers = [replace(tier, unit_price=Decimal(p)) for tier, p in zip(pricing.tiers, prices, strict=True)]
    return ItemChange(item_ident="km", pricing=replace(pricing, tiers=tuple(tiers)))


def after_billing(usage: Usage, *late: tuple[str, str]) -> Usage:
    """All of it billed in February, and what came late."""
    billed = [
        Used(u.occurred_at, u.quantity, u.position, interval_start=day("2026-02-01"), late=0)
        for u in usage.used["km"]
    ]
    new = [
        Used(datetime.fromisoformat(at).replace(tzinfo=UTC), Decimal(quantity), len(billed) + number)
        for number, (at, quantity) in enumerate(late, 1)
    ]
    return Usage({"km": [*billed, *new]}, BERLIN)


FEBRUARY: Progress = {"km": (period("2026-02-01", "2026-02-28"),)}


def test_late_usage_is_billed_at_what_the_whole_interval_costs_more() -> None:
    usage = after_billing(used(("2026-02-03T08:00", "900")), ("2026-02-20T08:00", "500"))
    assert next_due_on(MONTHLY_USAGE, FEBRUARY, usage) == day("2026-02-28")
    found = bill(MONTHLY_USAGE, dict(FEBRUARY), "2026-03-01", usage)
    assert lines(found) == [("2026-02-01", "100", "0.20"), ("2026-02-01", "400", "0.15")]
    assert {p.usage and (p.usage.late, p.usage.through) for p in found} == {(1, 2)}
    assert late_intervals(Billable(SOMEBODY, MONTHLY_USAGE, FEBRUARY, usage)) == [("km", day("2026-02-01"))]


def test_late_usage_of_an_interval_in_which_nothing_was_used_is_late_too() -> None:
    [position] = bill(MONTHLY_USAGE, dict(FEBRUARY), "2026-03-01", used(("2026-01-10T08:00", "10")))
    assert position.usage
    assert (position.usage.late, str(position.period and position.period.first)) == (1, "2026-01-01")


def test_late_usage_costs_nothing_of_what_was_billed_again_when_prices_changed_since() -> None:
    usage = after_billing(used(("2026-02-03T08:00", "200")), ("2026-02-20T08:00", "10"))
    terms = MONTHLY_USAGE.after(amended("2026-02-01", changes=(repricing("0.50", "0.40"),)))
    assert lines(bill(terms, dict(FEBRUARY), "2026-03-01", usage)) == [("2026-02-01", "10", "0.50")]


def test_in_arrears_a_day_is_due_only_when_it_has_ended() -> None:
    terms = signed(
        "2026-01-01", recurring(billing_timing=BillingTiming.INTERVAL_END), alignment=Alignment.CALENDAR
    )
    within = Cutoff(begins_by=day("2026-01-31"), ended_by=day("2026-01-30"))
    assert positions(Billable(SOMEBODY, terms, {}), within) == []


def test_a_price_that_changed_after_an_interval_was_billed_changes_nothing_of_it() -> None:
    progress: Progress = {}
    terms = signed("2026-01-01", alignment=Alignment.CALENDAR)
    bill(terms, progress, "2026-03-01")
    [april] = bill(terms.after(repriced("2026-02-01", "11.99")), progress, "2026-04-01")
    assert april.unit_price == Decimal("11.99")
