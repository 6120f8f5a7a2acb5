"""What is due: the day that is kept for a contract, and runs of any rhythm that bill the same."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.billing.due import Billable, Cutoff, Position, next_due_on, positions
from services.messages import ContractSigned
from services.values import (
    Alignment,
    BillingInterval,
    BillingTiming,
    IntervalUnit,
    Item,
    ItemKind,
)

SOMEBODY = UUID(int=1)
days = st.dates(date(2024, 1, 1), date(2027, 12, 31))
lengths = st.builds(
    BillingInterval,
    count=st.sampled_from([1, 2, 3, 4, 6, 12]),
    unit=st.just(IntervalUnit.MONTH),
)
recurring = st.builds(
    Item,
    item_ident=st.sampled_from(["base", "seats", "care"]),
    name=st.just("Item"),
    kind=st.just(ItemKind.RECURRING),
    unit_price=st.decimals("0.01", "500", places=2),
    quantity=st.sampled_from([Decimal(1), Decimal(3), Decimal("2.5")]),
    unit=st.just("C62"),
    billing_interval=lengths,
    billing_timing=st.sampled_from(list(BillingTiming)),
)
once = st.builds(
    Item,
    item_ident=st.just("setup"),
    name=st.just("Setup"),
    kind=st.just(ItemKind.ONE_TIME),
    unit_price=st.decimals("0.01", "500", places=2),
    quantity=st.just(Decimal(1)),
    unit=st.just("C62"),
)


@st.composite
def contracts(draw: st.DrawFn) -> ContractSigned:
    starts_on = draw(days)
    items = draw(
        st.lists(st.one_of(recurring, once), min_size=1, max_size=4, unique_by=lambda i: i.item_ident)
    )
    return ContractSigned(
        contract_id=SOMEBODY,
        customer_id=SOMEBODY,
        contract_ident="C",
        currency="EUR",
        signed_on=starts_on,
        starts_on=starts_on,
        alignment=draw(st.sampled_from(list(Alignment))),
        items=tuple(items),
        ends_on=draw(st.none() | st.integers(0, 900).map(lambda n: starts_on + timedelta(days=n))),
        billing_starts_on=draw(st.none() | st.integers(-30, 90).map(lambda n: starts_on + timedelta(days=n))),
    )


def bill(contract: ContractSigned, progress: dict[str, date], day: date) -> list[Position]:
    """Everything due by the end of `day`; `progress` moves on as it does when a document is issued."""
    due = positions(Billable(SOMEBODY, contract, dict(progress)), Cutoff(day, day))
    for position in due:
        progress[position.item] = position.period.last if position.period else position.supplied_on
    return due


def essence(due: list[Position]) -> list[tuple[str, date, Decimal]]:
    return sorted((p.item, p.period.first if p.period else p.supplied_on, p.unit_price) for p in due)


@given(contracts(), days)
def test_something_is_due_exactly_from_the_day_that_is_kept(contract: ContractSigned, day: date) -> None:
    kept = next_due_on(contract, {})
    assert bool(bill(contract, {}, day)) == (kept is not None and kept <= day)


@given(contracts(), days)
def test_after_a_run_nothing_is_due_until_a_later_day(contract: ContractSigned, day: date) -> None:
    progress: dict[str, date] = {}
    bill(contract, progress, day)
    kept = next_due_on(contract, progress)
    assert kept is None or kept > day
    assert bill(contract, progress, day) == []


@given(contracts(), st.lists(days, max_size=6), days)
def test_runs_in_any_order_of_dates_bill_what_one_late_run_bills(
    contract: ContractSigned, run_days: list[date], last: date
) -> None:
    progress: dict[str, date] = {}
    several = [p for day in [*run_days, last] for p in bill(contract, progress, day)]
    until = max([*run_days, last])
    assert essence(several) == essence(bill(contract, {}, until))
