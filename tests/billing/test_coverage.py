"""Coverage: after any runs nothing is missing and nothing there twice, and where something is, it shows."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.billing.coverage import Bill, ItemCoverage, coverage
from services.billing.usage import NOTHING_USED, Usage, Used
from services.messages import DocumentIssued, Message
from services.terms import ContractTerms
from services.values import BilledUsage, Period
from tests.billing.contracts import (
    LAST_RUN,
    SOMEBODY,
    changes,
    contracts,
    day,
    kilometres,
    paused,
    period,
    recurring,
    resumed,
    signed,
)
from tests.billing.stories import Story


def bills_of(documents: Iterable[DocumentIssued]) -> list[Bill]:
    return [
        Bill(
            document.document_id,
            document.number,
            line.origin.item,
            line.days,
            document.issue_date,
            line.usage,
        )
        for document in documents
        for line in document.lines
    ]


def covered(story: Story, bills: list[Bill], unbilled: Usage = NOTHING_USED) -> list[ItemCoverage]:
    terms = story.known.terms()
    assert isinstance(terms, ContractTerms)
    return coverage(SOMEBODY, terms, bills, unbilled)


def gaps(items: Iterable[ItemCoverage]) -> list[Period]:
    return [gap for item in items for gap in item.gaps]


def overlaps(items: Iterable[ItemCoverage]) -> list[Period]:
    return [overlap for item in items for overlap in item.overlaps]


def calendar(**given: object) -> Message:
    return signed("2026-01-01", recurring(), **given).signed


# -- always -------------------------------------------------------------------------------------


@st.composite
def stories(draw: st.DrawFn) -> list[Message]:
    terms = draw(contracts())
    return [terms.signed, *draw(changes(terms))]


@settings(max_examples=150, deadline=None)
@given(stories(), st.lists(st.dates(date(2023, 12, 1), LAST_RUN), max_size=4), st.data())
def test_after_any_sequence_of_runs_there_is_no_gap_and_no_overlap(
    messages: list[Message], runs: list[date], data: st.DataObject
) -> None:
    story, left = Story.of(messages[0]), messages[1:]
    bills: list[Bill] = []
    for up_to in [*runs, LAST_RUN]:
        for _ in range(data.draw(st.integers(0, len(left)))):
            story.tell(left.pop(0))
        bills += bills_of(story.bill(up_to))
    items = covered(story, bills)
    assert (gaps(items), overlaps(items)) == ([], [])


@settings(max_examples=100, deadline=None)
@given(stories(), st.data())
def test_an_interval_that_is_missing_is_a_gap_and_one_that_is_there_twice_an_overlap(
    messages: list[Message], data: st.DataObject
) -> None:
    story = Story.of(*messages)
    bills = bills_of(story.bill(LAST_RUN))
    assume(len(bills) > 1)
    chosen = data.draw(st.sampled_from(bills))
    # An instant's run leaves what ends on its day: only what a run of the day before bills is sure to be missed.
    assume(_what(chosen) in map(_what, bills_of(Story.of(*messages).bill(LAST_RUN - timedelta(days=1)))))
    assert gaps(covered(story, [bill for bill in bills if bill is not chosen])) == [chosen.days]
    assert overlaps(covered(story, [*bills, replace(chosen, document_number="RE-2")])) == [chosen.days]


def _what(bill: Bill) -> tuple[str, Period]:
    return bill.item, bill.days


# -- examples -----------------------------------------------------------------------------------


def test_every_interval_names_its_document() -> None:
    story = Story.of(calendar())
    documents = [*story.bill("2026-01-31"), *story.bill("2026-02-28")]
    [item] = covered(story, bills_of(documents))
    assert [(bill.days, bill.document_id) for bill in item.bills] == [
        (period("2026-01-01", "2026-01-31"), documents[0].document_id),
        (period("2026-02-01", "2026-02-28"), documents[1].document_id),
    ]
    assert item.billed_through == day("2026-02-28")


def test_intervals_that_are_not_due_yet_are_no_gap() -> None:
    story = Story.of(calendar())
    [item] = covered(story, bills_of(story.bill("2026-01-31")))
    assert item.gaps == []


def test_nothing_is_missing_of_a_contract_that_was_never_billed() -> None:
    [item] = covered(Story.of(calendar()), [])
    assert (item.billed_through, item.gaps, item.overlaps) == (None, [], [])


def test_days_that_a_later_command_made_active_are_a_gap_until_they_are_billed() -> None:
    story = Story.of(calendar(), paused("2026-02-11"), resumed("2026-02-21"))
    bills = bills_of(story.bill("2026-02-28"))
    assert gaps(covered(story, bills)) == []
    story.tell(resumed("2026-02-11"))
    assert gaps(covered(story, bills)) == [period("2026-02-11", "2026-02-20")]
    bills += bills_of(story.bill("2026-02-28"))
    assert gaps(covered(story, bills)) == []


def test_a_bill_that_was_released_leaves_a_gap_and_the_next_one_no_overlap() -> None:
    story = Story.of(calendar())
    first, *others = bills_of([*story.bill("2026-01-31"), *story.bill("2026-02-28")])
    released = replace(first, is_released=True, credited_by=("GS-1",))
    assert gaps(covered(story, [released, *others])) == [first.days]
    assert overlaps(covered(story, [released, first, *others])) == []
    assert gaps(covered(story, [released, first, *others])) == []


# -- usage --------------------------------------------------------------------------------------


def drive(on: str) -> Usage:
    at = datetime.fromisoformat(f"{on}T12:00:00+00:00")
    return Usage({"km": [Used(at, Decimal(10), 5)]})


def january(late: int = 0) -> Bill:
    usage = BilledUsage(through=4, occurred_before=datetime(2026, 2, 1, tzinfo=UTC), late=late)
    return Bill(SOMEBODY, "RE-1", "km", period("2026-01-01", "2026-01-31"), day("2026-01-31"), usage)


def of_usage(bills: list[Bill], unbilled: Usage = NOTHING_USED) -> ItemCoverage:
    [item] = covered(Story.of(signed("2026-01-01", kilometres()).signed), bills, unbilled)
    return item


def test_usage_is_covered_as_far_as_it_is_billed() -> None:
    item = of_usage([january()], drive("2026-02-10"))
    assert (item.billed_through, item.gaps, item.overlaps) == (day("2026-01-31"), [], [])


def test_usage_of_a_billed_interval_that_came_late_is_a_gap() -> None:
    assert of_usage([january()], drive("2026-01-10")).gaps == [period("2026-01-01", "2026-01-31")]


def test_a_late_bill_of_the_same_interval_is_no_overlap() -> None:
    assert of_usage([january(), january(late=1)]).overlaps == []
    assert of_usage([january(), replace(january(), document_number="RE-2")]).overlaps == [
        period("2026-01-01", "2026-01-31")
    ]
