"""Safety stops: days that would be billed twice, and amounts far beyond the usual ones."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec import structs

from services.billing.assembly import assemble
from services.billing.document import Draft
from services.billing.due import Billable, Cutoff, LastAmount
from services.billing.safety import BilledTwice, Unusual, check_once, check_usual, line_amount_of, recurring
from services.billing.sellers import Sellers
from services.terms import ContractTerms
from services.values import DocumentLine, LineAdjustment, Period
from tests.billing import contracts
from tests.billing.contracts import period, signed
from tests.billing.test_issuing import ENTITY, PARTY


def drafts(billable: Billable, upto: str = "2026-06-30") -> list[Draft]:
    day = contracts.day(upto)
    return assemble(PARTY, [billable], Sellers([ENTITY]), Cutoff(day, day))


def unbilled(terms: ContractTerms) -> Billable:
    return Billable(terms.signed.contract_id, terms, {})


def priced(price: str, last: str, days: int = 31) -> Billable:
    """A contract of which January was billed, at another amount than its price of now."""
    terms = signed("2026-01-01", contracts.recurring(unit_price=Decimal(price)))
    billed = {"base": (period("2026-01-01", "2026-01-31"),)}
    return replace(unbilled(terms), progress=billed, last_amounts={"base": LastAmount(Decimal(last), days)})


# -- once ---------------------------------------------------------------------------------------


@given(contracts.histories())
def test_nothing_that_is_due_is_billed_twice(terms: ContractTerms) -> None:
    check_once([unbilled(terms)], drafts(unbilled(terms)))


@given(contracts.histories(), st.data())
def test_a_line_more_on_days_that_are_billed_is_found(terms: ContractTerms, data: st.DataObject) -> None:
    billable = unbilled(terms)
    issued = drafts(billable)
    lines = list(chain.from_iterable(recurring(draft.lines) for draft in issued))
    assume(lines)
    line = data.draw(st.sampled_from(lines))
    assert line.period
    inside = st.dates(line.period.first, line.period.last)
    again = structs.replace(line, period=_around(data.draw(inside), data.draw(st.integers(0, 400))))
    with pytest.raises(BilledTwice):
        check_once([billable], [*issued, _with(issued[0], again)])
    billed = replace(billable, progress={line.origin.item: (again.days,)})
    with pytest.raises(BilledTwice):
        check_once([billed], issued)


def _around(day: date, days: int) -> Period:
    return Period(first=day - timedelta(days=days // 2), last=day + timedelta(days=days - days // 2))


def _with(draft: Draft, line: DocumentLine) -> Draft:
    return replace(draft, lines=(line,))


# -- usual --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("price", "last"), [("9.99", "9.99"), ("100.00", "9.99"), ("199.80", "9.99")])
def test_up_to_so_many_times_the_last_amount_is_usual(price: str, last: str) -> None:
    check_usual([priced(price, last)], drafts(priced(price, last), "2026-03-31"), multiple=23)


def test_more_than_that_is_not() -> None:
    billable = priced("250.00", "9.99")
    with pytest.raises(Unusual, match=r"C-1: 250\.00 for 'base' from 2026-02-01 to 2026-02-28"):
        check_usual([billable], drafts(billable, "2026-02-28"), multiple=20)


def test_days_are_compared_so_that_a_whole_month_after_a_few_days_is_usual() -> None:
    billable = priced("9.99", "0.32", days=1)
    check_usual([billable], drafts(billable, "2026-12-31"), multiple=2)


def test_neither_a_first_bill_nor_one_after_a_free_one_is_compared() -> None:
    first = unbilled(signed("2026-01-01"))
    check_usual([first], drafts(first), multiple=2)
    check_usual([priced("99.00", "0.00")], drafts(priced("99.00", "0.00")), multiple=2)


def test_what_a_discount_takes_off_is_not_compared() -> None:
    billable = priced("10.00", "9.99")
    [draft] = drafts(billable, "2026-02-28")
    rebate = LineAdjustment(reason="Rebate", amount=Decimal("9.90"))
    given_away = structs.replace(draft.lines[0], net=Decimal("0.10"), allowances=(rebate,))
    assert line_amount_of(given_away) == Decimal("10.00")
