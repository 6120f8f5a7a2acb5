"""Contracts for tests of billing's arithmetic: any start, alignment, items, changes and end."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from services.messages import (
    ContractAmended,
    ContractPaused,
    ContractResumed,
    ContractSigned,
    ContractTerminated,
)
from services.terms import ContractChange, ContractTerms
from services.values import (
    Alignment,
    BillingInterval,
    BillingTiming,
    ContractStatus,
    IntervalUnit,
    Item,
    ItemChange,
    ItemKind,
    Period,
    PriceModel,
    Pricing,
    TerminationKind,
    Tier,
)

SOMEBODY = UUID(int=1)
MONTHLY = BillingInterval(count=1, unit=IntervalUnit.MONTH)
QUARTERLY = BillingInterval(count=3, unit=IntervalUnit.MONTH)
YEARLY = BillingInterval(count=1, unit=IntervalUnit.YEAR)
ONE_DAY = timedelta(days=1)


def day(text: str) -> date:
    return date.fromisoformat(text)


def period(first: str, last: str) -> Period:
    return Period(first=day(first), last=day(last))


def recurring(**changes: Any) -> Item:
    """9.99 a month, in advance."""
    given = {
        "item_ident": "base",
        "name": "Base fee",
        "kind": ItemKind.RECURRING,
        "unit": "MON",
        "unit_price": Decimal("9.99"),
        "billing_interval": MONTHLY,
        "billing_timing": BillingTiming.INTERVAL_START,
    }
    return Item(**given | changes)


def kilometres(**changes: Any) -> Item:
    """100 km included, 0.20 up to 1,000, 0.15 above; each month."""
    tiers = (
        Tier(up_to=Decimal(1000), unit_price=Decimal("0.20")),
        Tier(up_to=None, unit_price=Decimal("0.15")),
    )
    given = {
        "item_ident": "km",
        "name": "Kilometres",
        "kind": ItemKind.USAGE,
        "unit": "KMT",
        "pricing": Pricing(model=PriceModel.GRADUATED, tiers=tiers, included_quantity=Decimal(100)),
        "billing_interval": MONTHLY,
        "billing_timing": BillingTiming.INTERVAL_END,
    }
    return Item(**given | changes)


def signed(starts_on: date | str = "2026-01-15", *items: Item, **changes: Any) -> ContractTerms:
    start = day(starts_on) if isinstance(starts_on, str) else starts_on
    given = {
        "contract_id": SOMEBODY,
        "customer_id": SOMEBODY,
        "contract_ident": "C-1",
        "currency": "EUR",
        "signed_on": start,
        "starts_on": start,
        "alignment": Alignment.ANNIVERSARY,
        "items": items or (recurring(),),
    }
    return ContractTerms(signed=ContractSigned(**given | changes))


def amended(effective_on: date | str, **changes: Any) -> ContractAmended:
    on = day(effective_on) if isinstance(effective_on, str) else effective_on
    return ContractAmended(contract_id=SOMEBODY, customer_id=SOMEBODY, effective_on=on, **changes)


def repriced(effective_on: date | str, price: str, ident: str = "base") -> ContractAmended:
    change = ItemChange(item_ident=ident, unit_price=Decimal(price))
    return amended(effective_on, changes=(change,))


def paused(on: date | str) -> ContractPaused:
    first = day(on) if isinstance(on, str) else on
    return ContractPaused(contract_id=SOMEBODY, customer_id=SOMEBODY, paused_from=first)


def resumed(on: date | str) -> ContractResumed:
    first = day(on) if isinstance(on, str) else on
    return ContractResumed(contract_id=SOMEBODY, customer_id=SOMEBODY, resumed_from=first)


def terminated(last: date | str) -> ContractTerminated:
    last = day(last) if isinstance(last, str) else last
    return ContractTerminated(
        contract_id=SOMEBODY,
        customer_id=SOMEBODY,
        kind=TerminationKind.EXTRAORDINARY,
        noticed_on=last,
        terminates_on=last,
    )


# -- any contract -------------------------------------------------------------------------------

starts = st.dates(date(2023, 12, 1), date(2025, 3, 31))
LAST_RUN = date(2026, 6, 30)
HORIZON = date(2027, 12, 31)
"""No interval that begins by the last run ends later."""

lengths = st.one_of(
    st.builds(BillingInterval, count=st.integers(1, 40), unit=st.just(IntervalUnit.DAY)),
    st.builds(BillingInterval, count=st.integers(1, 18), unit=st.just(IntervalUnit.MONTH)),
    st.builds(BillingInterval, count=st.just(1), unit=st.just(IntervalUnit.YEAR)),
)
calendar_lengths = st.one_of(
    st.builds(BillingInterval, count=st.sampled_from([1, 2, 3, 4, 6, 12]), unit=st.just(IntervalUnit.MONTH)),
    st.just(YEARLY),
)
prices = st.decimals("0.01", "500", places=2)


def items(lengths: st.SearchStrategy[BillingInterval]) -> st.SearchStrategy[Item]:
    of_intervals = st.builds(
        recurring,
        item_ident=st.sampled_from(["base", "seats", "care"]),
        unit_price=prices,
        quantity=st.sampled_from([Decimal(1), Decimal(3), Decimal("2.5")]),
        billing_interval=lengths,
        billing_timing=st.sampled_from(list(BillingTiming)),
    )
    once = st.builds(
        Item,
        item_ident=st.just("setup"),
        name=st.just("Setup"),
        kind=st.just(ItemKind.ONE_TIME),
        unit_price=prices,
        unit=st.just("C62"),
    )
    return st.one_of(of_intervals, of_intervals, once)


@st.composite
def contracts(draw: st.DrawFn) -> ContractTerms:
    """A contract as signed."""
    starts_on = draw(starts)
    alignment = draw(st.sampled_from(list(Alignment)))
    offered = items(calendar_lengths if alignment is Alignment.CALENDAR else lengths)
    return signed(
        starts_on,
        *draw(st.lists(offered, min_size=1, max_size=3, unique_by=lambda item: item.item_ident)),
        alignment=alignment,
        ends_on=draw(st.none() | st.integers(0, 900).map(lambda n: starts_on + timedelta(days=n))),
        billing_starts_on=draw(
            st.none() | st.integers(-30, 300).map(lambda n: starts_on + timedelta(days=n))
        ),
    )


@st.composite
def changes(draw: st.DrawFn, terms: ContractTerms, most: int = 6) -> list[ContractChange]:
    """What may happen to a contract, dated anywhere in its life, in any order."""
    on = st.integers(0, 800).map(lambda n: terms.signed.starts_on + timedelta(days=n))
    idents = st.sampled_from([item.item_ident for item in terms.signed.items])
    offered = {item.item_ident: item for item in terms.signed.items}
    anything = st.one_of(
        st.builds(lambda on, ident, price: repriced(on, str(price), ident), on, idents, prices),
        st.builds(lambda on, ident: amended(on, removed=(ident,)), on, idents),
        st.builds(lambda on, ident: amended(on, added=(offered[ident],)), on, idents),
        st.builds(paused, on),
        st.builds(resumed, on),
        st.builds(terminated, on),
    )
    return draw(st.lists(anything, max_size=most))


@st.composite
def histories(draw: st.DrawFn) -> ContractTerms:
    """A contract with changes."""
    terms = draw(contracts())
    for change in draw(changes(terms)):
        terms = terms.after(change)
    return terms


# -- the same, day by day -----------------------------------------------------------------------


def days(first: date, last: date) -> Iterator[date]:
    return (date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1))


def item_on(terms: ContractTerms, ident: str, on: date) -> Item | None:
    """The item at its terms of a day on which it is to be paid for; None on any other."""
    signed = terms.signed
    if terms.status_on(on) is not ContractStatus.ACTIVE:
        return None
    if signed.billing_starts_on and on < signed.billing_starts_on:
        return None
    return next((item for item in terms.items_on(on) if item.item_ident == ident), None)


def whole_interval(terms: ContractTerms, length: BillingInterval, on: date) -> tuple[date, date]:
    """First and last day of the interval that holds a day, found by counting from the beginning."""
    anchor = terms.signed.starts_on
    if terms.signed.alignment is Alignment.CALENDAR:
        anchor = date(anchor.year, 1, 1)
    number = 0
    while length.after(anchor, number + 1) <= on:
        number += 1
    return length.after(anchor, number), length.after(anchor, number + 1) - ONE_DAY
