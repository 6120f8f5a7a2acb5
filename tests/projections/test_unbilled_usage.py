"""Usage that is not billed: the same whichever of the two logs is heard first."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from projections import unbilled_usage
from projections.projection import Row
from services.money import ZERO
from services.values import BilledUsage, UsageEntry

CONTRACT = UUID(int=1)
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 6

Used = tuple[int, int]
"""Quarter of an hour since the beginning, and position in the log."""

used = st.tuples(st.integers(0, DAYS * 96 - 1), st.integers(1, 30))
bills = st.builds(
    lambda first, days, through, from_ever, for_ever: BilledUsage(
        through=through,
        occurred_from=None if from_ever else BEGINNING + timedelta(days=first),
        occurred_before=None if for_ever else BEGINNING + timedelta(days=first + days),
    ),
    st.integers(0, DAYS),
    st.integers(1, DAYS),
    st.integers(1, 30),
    st.booleans(),
    st.booleans(),
)


def instant(one: Used) -> datetime:
    return BEGINNING + timedelta(minutes=15 * one[0] + 7)


def is_billed(one: Used, bill: BilledUsage) -> bool:
    at = instant(one)
    in_time = (not bill.occurred_from or bill.occurred_from <= at) and (
        not bill.occurred_before or at < bill.occurred_before
    )
    return in_time and one[1] <= bill.through


def row_of(happened: list[Used | BilledUsage]) -> Row:
    row = unbilled_usage.nothing(CONTRACT)
    for one in happened:
        if isinstance(one, BilledUsage):
            unbilled_usage.add_bill(row, "km", one)
        else:
            entry = UsageEntry(event_id="u", item_ident="km", quantity=ZERO, occurred_at=instant(one))
            unbilled_usage.add_usage(row, entry, one[1])
    return row


@given(st.lists(used, max_size=12), st.lists(bills, max_size=4), st.data())
def test_in_any_order_what_no_bill_names_is_to_be_billed(
    entries: list[Used], billed: list[BilledUsage], data: st.DataObject
) -> None:
    order = data.draw(st.permutations([*entries, *billed]))
    row = row_of(order)
    assert row == row_of([*entries, *billed])
    left = {instant(one).date() for one in entries if not any(is_billed(one, bill) for bill in billed)}
    found = unbilled_usage.to_bill(row["unbilled"]).used.get("km", [])
    assert {one.occurred_at.date() for one in found} == left
