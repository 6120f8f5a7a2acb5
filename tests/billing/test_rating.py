"""Prices, days and roundings."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.rating import adjustment_amount, line_amount, net_price, prorated, shown_price
from services.billing.schedule import Interval, Segment
from services.money import rounded
from services.values import AllowanceOrCharge
from tests.billing.contracts import recurring


def segment(first: date, last: date, whole_first: date, whole_last: date) -> Segment:
    return Segment(recurring(), first, last, Interval(0, whole_first, whole_last), first)


JANUARY_FROM_15 = segment(date(2026, 1, 15), date(2026, 1, 31), date(2026, 1, 1), date(2026, 1, 31))


def test_9_99_for_17_of_31_days_is_5_48() -> None:
    exact = prorated(Decimal("9.99"), JANUARY_FROM_15)
    assert line_amount(Decimal(1), exact, "EUR") == Decimal("5.48")
    assert shown_price(exact, Decimal(1), "EUR") == Decimal("5.48")


def test_the_printed_price_times_quantity_is_the_line_amount_also_for_many() -> None:
    exact = prorated(Decimal("9.99"), JANUARY_FROM_15)
    assert line_amount(Decimal(10), exact, "EUR") == Decimal("54.78")
    assert shown_price(exact, Decimal(10), "EUR") == Decimal("5.478")


def test_a_share_that_never_ends_times_a_quantity_is_half_a_cent_where_it_is_one() -> None:
    """31.30 × 1.5 for 1 of 30 days is 1.565, although a thirtieth of 31.30 is 1.04333…"""
    exact = prorated(Decimal("31.30"), segment(*[date(2026, 4, 1)] * 3, date(2026, 4, 30)))
    assert line_amount(Decimal("1.5"), exact, "EUR") == Decimal("1.57")
    price = shown_price(exact, Decimal("1.5"), "EUR")
    assert rounded(price * Decimal("1.5"), "EUR") == Decimal("1.57")


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [("2.345", "EUR", "2.35"), ("2.344", "EUR", "2.34"), ("-2.345", "EUR", "-2.35"), ("1.5", "JPY", "2"),
     ("0.4999", "JPY", "0"), ("1.0005", "KWD", "1.001")],
)  # fmt: skip
def test_amounts_are_rounded_half_up_to_the_minor_unit(amount: str, currency: str, expected: str) -> None:
    assert rounded(Decimal(amount), currency) == Decimal(expected)


def test_a_percentage_is_rounded_once() -> None:
    rebate = AllowanceOrCharge(reason="Rebate", percent=Decimal(10))
    assert adjustment_amount(rebate, Decimal("179.70"), "EUR") == Decimal("17.97")


prices = st.decimals("0.0001", "99999", places=4)
quantities = st.decimals("0.001", "9999", places=3)


@given(prices, quantities, st.integers(1, 366), st.integers(1, 366), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_the_printed_price_always_gives_the_exact_line_amount(
    price: Decimal, quantity: Decimal, days: int, of_days: int, currency: str
) -> None:
    days, of_days = sorted((days, of_days))
    first = date(2028, 1, 1)
    whole = segment(
        first,
        date.fromordinal(first.toordinal() + days - 1),
        first,
        date.fromordinal(first.toordinal() + of_days - 1),
    )
    exact = prorated(price, whole)
    printed = shown_price(exact, quantity, currency)
    assert line_amount(quantity, printed, currency) == line_amount(quantity, exact, currency)


@pytest.mark.parametrize(
    ("gross", "quantity", "rate", "price", "net"),
    [("9.99", "1", "19", "8.39", "8.39"), ("9.99", "3", "19", "8.393", "25.18"), ("119.00", "2", "19", "100.00", "200.00"),
     ("10.70", "1", "7", "10.00", "10.00"), ("5.00", "4", "0", "5.00", "20.00"), ("0.01", "7", "19", "0.009", "0.06")],
)  # fmt: skip
def test_the_net_of_a_gross_priced_line_is_its_gross_amount_without_the_tax(
    gross: str, quantity: str, rate: str, price: str, net: str
) -> None:
    found = net_price(Decimal(gross), Decimal(quantity), Decimal(rate), "EUR")
    assert (str(found), str(line_amount(Decimal(quantity), found, "EUR"))) == (price, net)


@given(st.decimals("0.01", "9999", places=2), st.integers(1, 500), st.sampled_from([0, 5, 7, 16, 19]))
def test_a_gross_priced_line_with_its_tax_is_within_a_cent_of_its_gross_amount(
    gross: Decimal, quantity: int, rate: int
) -> None:
    count = Decimal(quantity)
    net = line_amount(count, net_price(gross, count, Decimal(rate), "EUR"), "EUR")
    tax = rounded(net * rate / 100, "EUR")
    assert abs(net + tax - line_amount(count, gross, "EUR")) <= Decimal("0.01")
