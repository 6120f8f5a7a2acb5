"""Tiers: what used units cost, and that late units cost what they would have cost in time."""

from decimal import Decimal
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.rating import line_amount
from services.billing.tiers import Part, parts, still_to_bill
from services.values import PriceModel, Pricing, Tier


def pricing(model: str, *tiers: tuple[str | None, str], included: str = "0") -> Pricing:
    return Pricing(
        model=PriceModel(model),
        tiers=tuple(
            Tier(up_to=Decimal(up_to) if up_to else None, unit_price=Decimal(price)) for up_to, price in tiers
        ),
        included_quantity=Decimal(included),
    )


TIERS = (("1000", "0.20"), (None, "0.15"))
FLAT = pricing("FLAT", (None, "0.20"), included="100")
GRADUATED = pricing("GRADUATED", *TIERS, included="100")
VOLUME = pricing("VOLUME", *TIERS, included="100")


def amount(found: list[Part], currency: str = "EUR") -> Decimal:
    return sum((line_amount(p.quantity, p.unit_price, currency) for p in found), Decimal(0))


def cost(given: Pricing, quantity: str) -> str:
    return str(amount(list(parts([(given, Decimal(quantity))]).values())))


@pytest.mark.parametrize(
    ("given", "quantity", "expected"),
    [
        (GRADUATED, "1400", "240.00"),  # 900 × 0.20 + 400 × 0.15
        (GRADUATED, "100", "0.00"),
        (GRADUATED, "100.5", "0.10"),
        (GRADUATED, "1000", "180.00"),
        (GRADUATED, "1001", "180.15"),
        (VOLUME, "1400", "195.00"),  # 1,300 × 0.15
        (VOLUME, "1000", "180.00"),
        (VOLUME, "1001", "135.15"),  # 901 × 0.15
        (VOLUME, "40", "0.00"),
        (FLAT, "1400", "260.00"),  # 1,300 × 0.20
        (pricing("GRADUATED", ("10", "1"), ("20", "2"), (None, "3")), "25", "45.00"),  # 10 + 20 + 15
        (pricing("GRADUATED", ("10", "1"), (None, "3"), included="15"), "25", "30.00"),  # 10 × 3
    ],
)
def test_what_used_units_cost(given: Pricing, quantity: str, expected: str) -> None:
    assert cost(given, quantity) == expected


def test_every_used_unit_is_in_exactly_one_part() -> None:
    found = parts([(GRADUATED, Decimal(1400))])
    assert list(found.values()) == [
        Part(Decimal(100), Decimal(0)),
        Part(Decimal(900), Decimal("0.20")),
        Part(Decimal(400), Decimal("0.15")),
    ]


def test_late_units_that_reach_a_cheaper_volume_tier_take_the_dearer_one_back() -> None:
    before, now = parts([(VOLUME, Decimal(900))]), parts([(VOLUME, Decimal(1100))])
    found = [part for _, part in still_to_bill(now, before, "EUR")]
    assert found == [Part(Decimal(-800), Decimal("0.20")), Part(Decimal(1000), Decimal("0.15"))]


def test_late_units_are_a_line_of_their_own_where_that_is_exact_and_else_the_part_is_billed_anew() -> None:
    cheap = pricing("FLAT", (None, "0.005"))
    exact = still_to_bill(parts([(cheap, Decimal(4))]), parts([(cheap, Decimal(2))]), "EUR")
    assert [part for _, part in exact] == [Part(Decimal(2), Decimal("0.005"))]
    anew = still_to_bill(parts([(cheap, Decimal(2))]), parts([(cheap, Decimal(1))]), "EUR")
    assert [part for _, part in anew] == [
        Part(Decimal(2), Decimal("0.005")),
        Part(Decimal(-1), Decimal("0.005")),
    ]


quantities = st.decimals("0.001", "3000", places=3)
prices = st.decimals("0", "2", places=4)


@st.composite
def pricings(draw: st.DrawFn) -> Pricing:
    model = draw(st.sampled_from(list(PriceModel)))
    ends = sorted(draw(st.sets(st.integers(1, 2000), max_size=0 if model is PriceModel.FLAT else 3)))
    tiers = [(str(end), str(draw(prices))) for end in ends]
    return pricing(model, *tiers, (None, str(draw(prices))), included=str(draw(st.integers(0, 500))))


@given(st.lists(st.tuples(pricings(), quantities), min_size=1, max_size=3))
def test_the_parts_are_as_many_units_as_were_used(used: list[tuple[Pricing, Decimal]]) -> None:
    assert sum(part.quantity for part in parts(used).values()) == sum(quantity for _, quantity in used)
    assert all(part.quantity > 0 for part in parts(used).values())


@given(pricings(), st.lists(quantities, min_size=1, max_size=5), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_usage_in_any_number_of_bills_costs_what_it_costs_in_one(
    given: Pricing, arriving: list[Decimal], currency: str
) -> None:
    bills: list[Part] = []
    before: Decimal = Decimal(0)
    for so_far in accumulate(arriving):
        now, billed = parts([(given, so_far)]), parts([(given, before)])
        bill = [part for _, part in still_to_bill(now, billed, currency)]
        assert bill, "every unit is on a document"
        bills += bill
        before = so_far
    whole = list(parts([(given, before)]).values())
    assert amount(bills, currency) == amount(whole, currency)
    assert sum(part.quantity for part in bills) == before
