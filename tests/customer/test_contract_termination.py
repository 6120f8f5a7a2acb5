"""The three ways to end a contract: by notice, for a reason, or as it was agreed."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.customer.contract import EndsAlready, NoticeTooShort, OutsideContract
from services.customer.notice import ordinary_end
from services.errors import InvalidFields
from services.terms import ONE_DAY
from services.values import Duration, IntervalUnit, Renewal
from tests.customer.contracts import blamed, signed, status, terminate, terminate_for_a_reason

YEAR = {"count": 12, "unit": "MONTH"}
QUARTER = {"count": 3, "unit": "MONTH"}
MONTH = {"count": 1, "unit": "MONTH"}
TWO_WEEKS = {"count": 14, "unit": "DAY"}

OPEN: dict[str, Any] = {}
TERMS: dict[str, Any] = {"minimumTerm": YEAR, "noticePeriod": MONTH}

TABLE = [
    # terms, starts, notice, earliest last day
    (OPEN, "2026-01-15", "2026-05-02", "2026-05-02"),
    (OPEN, "2026-01-15", "2026-01-01", "2026-01-15"),
    ({"noticePeriod": MONTH}, "2026-01-15", "2026-05-02", "2026-06-02"),
    ({"noticePeriod": MONTH}, "2026-01-15", "2026-01-31", "2026-02-28"),
    ({"noticePeriod": MONTH}, "2028-01-15", "2028-01-31", "2028-02-29"),
    ({"noticePeriod": MONTH}, "2026-01-15", "2025-06-01", "2026-01-15"),
    ({"noticePeriod": TWO_WEEKS}, "2026-01-15", "2026-12-24", "2027-01-07"),
    (TERMS, "2026-01-15", "2026-05-02", "2027-01-14"),
    (TERMS, "2026-01-15", "2026-12-14", "2027-01-14"),
    (TERMS, "2026-01-15", "2026-12-15", "2028-01-14"),
    (TERMS, "2026-01-15", "2027-01-14", "2028-01-14"),
    (TERMS, "2026-01-15", "2027-12-14", "2028-01-14"),
    (TERMS, "2026-01-15", "2030-06-30", "2031-01-14"),
    (TERMS, "2026-01-01", "2026-11-30", "2026-12-31"),
    (TERMS, "2026-01-01", "2026-12-01", "2027-12-31"),
    (TERMS, "2024-02-29", "2024-06-01", "2025-02-27"),
    (TERMS, "2024-02-29", "2027-06-01", "2028-02-28"),
    ({"minimumTerm": MONTH}, "2026-01-31", "2026-02-01", "2026-02-27"),
    ({"minimumTerm": MONTH}, "2026-01-31", "2026-02-28", "2026-03-30"),
    ({"minimumTerm": MONTH}, "2026-01-31", "2026-03-31", "2026-04-29"),
    ({"minimumTerm": QUARTER, "noticePeriod": TWO_WEEKS}, "2026-01-15", "2026-04-01", "2026-07-14"),
    ({"minimumTerm": TWO_WEEKS}, "2026-01-15", "2026-01-20", "2026-01-28"),
    ({"minimumTerm": TWO_WEEKS}, "2026-01-15", "2026-01-29", "2026-02-11"),
    ({"minimumTerm": {"count": 2, "unit": "YEAR"}}, "2026-01-15", "2026-05-02", "2028-01-14"),
    ({"noticePeriod": MONTH, "endDate": "2027-12-31"}, "2026-01-15", "2026-05-02", "2026-06-02"),
    ({**TERMS, "endDate": "2027-12-31"}, "2026-01-15", "2026-05-02", "2027-01-14"),
    ({**TERMS, "endDate": "2027-12-31"}, "2026-01-15", "2027-05-02", "2027-06-02"),
]


@pytest.mark.parametrize(("terms", "starts", "notice", "earliest"), TABLE)
def test_ordinary_notice_ends_a_contract_on_the_earliest_day_that_notice_and_term_allow(
    terms: dict[str, Any], starts: str, notice: str, earliest: str
) -> None:
    contract = signed(date=starts, startDate=starts, **terms)
    terminate(contract, notice)
    assert contract.terms.last_day == date.fromisoformat(earliest)


@pytest.mark.parametrize(
    ("terms", "last", "allowed"),
    [
        ({"noticePeriod": MONTH}, "2026-06-02", None),
        ({"noticePeriod": MONTH}, "2026-06-01", "2026-06-02"),
        ({"noticePeriod": MONTH}, "2026-12-24", None),
        (TERMS, "2027-01-14", None),
        (TERMS, "2028-01-14", None),
        (TERMS, "2026-12-31", "2027-01-14"),
        (TERMS, "2027-01-15", "2028-01-14"),
    ],
)
def test_a_date_that_notice_or_term_do_not_allow_is_refused_with_the_one_they_do(
    terms: dict[str, Any], last: str, allowed: str | None
) -> None:
    contract = signed(**terms)
    if allowed is None:
        terminate(contract, "2026-05-02", last)
        assert contract.terms.last_day == date.fromisoformat(last)
    else:
        with pytest.raises(NoticeTooShort, match=f"but on {allowed}"):
            terminate(contract, "2026-05-02", last)


def test_a_terminated_contract_is_active_through_its_last_day() -> None:
    contract = signed()
    terminate(contract, "2026-05-02", "2026-06-30")
    assert (status(contract, "2026-06-30"), status(contract, "2026-07-01")) == ("ACTIVE", "TERMINATED")


def test_an_extraordinary_termination_is_possible_at_any_date_for_a_reason() -> None:
    contract = signed(**TERMS)
    terminate_for_a_reason(contract, "2026-05-02", "2026-01-15")
    assert contract.terms.last_day == date(2026, 1, 15)


def test_an_extraordinary_termination_ends_with_the_notice_if_no_date_is_sent() -> None:
    contract = signed(**TERMS)
    terminate_for_a_reason(contract, "2026-05-02")
    assert contract.terms.last_day == date(2026, 5, 2)


@pytest.mark.parametrize("reason", [None, ""])
def test_an_extraordinary_termination_needs_a_reason(reason: str | None) -> None:
    with pytest.raises(InvalidFields) as error:
        terminate_for_a_reason(signed(), "2026-05-02", reason=reason)
    assert blamed(error) == "reason"


def test_a_contract_has_a_day_at_least() -> None:
    with pytest.raises(OutsideContract):
        terminate_for_a_reason(signed(), "2026-01-01")
    with pytest.raises(NoticeTooShort, match="but on 2026-01-15"):
        terminate(signed(), "2026-01-01", "2026-01-14")


@pytest.mark.parametrize("last", ["2026-06-30", "2026-07-01"])
def test_a_termination_never_prolongs_a_contract(last: str) -> None:
    contract = signed()
    terminate(contract, "2026-05-02", "2026-06-30")
    with pytest.raises(EndsAlready):
        terminate(contract, "2026-05-02", last)
    with pytest.raises(EndsAlready):
        terminate_for_a_reason(signed(endDate="2026-06-30"), "2026-05-02", last)


def test_a_contract_that_ends_with_its_term_needs_no_notice() -> None:
    with pytest.raises(EndsAlready):
        terminate(signed(minimumTerm=YEAR, renewal="NONE"), "2026-05-02")


def test_a_second_termination_may_be_earlier() -> None:
    contract = signed()
    terminate(contract, "2026-05-02", "2026-12-31")
    terminate_for_a_reason(contract, "2026-06-15")
    assert status(contract, "2026-06-16") == "TERMINATED"


def test_a_termination_before_the_agreed_end_makes_it_terminated_not_expired() -> None:
    contract = signed(endDate="2026-12-31")
    assert status(contract, "2027-01-01") == "EXPIRED"
    terminate(contract, "2026-05-02")
    assert status(contract, "2027-01-01") == "TERMINATED"


# -- by property --------------------------------------------------------------------------------

days = st.dates(date(2019, 1, 1), date(2033, 12, 31))
durations = st.builds(Duration, count=st.integers(1, 24), unit=st.sampled_from(IntervalUnit))


@given(days, days, days, st.none() | durations, st.none() | durations, st.sampled_from(Renewal))
def test_the_day_that_is_offered_is_allowed_and_none_before_it_is(
    start: date, notice: date, wanted: date, term: Duration | None, period: Duration | None, renewal: Renewal
) -> None:
    body = {
        "date": str(start),
        "startDate": str(start),
        "minimumTerm": term and {"count": term.count, "unit": term.unit},
        "noticePeriod": period and {"count": period.count, "unit": period.unit},
        "renewal": renewal,
    }
    agreed = signed(**body, alignment="ANNIVERSARY").terms.signed
    offered = ordinary_end(agreed, notice, wanted)
    assert offered >= max(start, notice, wanted)
    assert ordinary_end(agreed, notice, offered) == offered
    if offered > wanted:
        assert ordinary_end(agreed, notice, offered - ONE_DAY) == offered
