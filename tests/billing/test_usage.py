"""Usage that comes in at any time, between runs of any date: every unit is billed once, at what it costs."""

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from services.billing.due import Billable, Cutoff, Position, billed_also, next_due_on, positions
from services.billing.rating import line_amount
from services.billing.tiers import parts
from services.billing.usage import Usage, Used
from services.terms import ContractTerms
from services.values import Alignment, BilledUsage, Period
from tests.billing.contracts import (
    MONTHLY,
    QUARTERLY,
    SOMEBODY,
    kilometres,
    paused,
    resumed,
    signed,
    terminated,
    whole_interval,
)

ZONES = st.sampled_from(["Europe/Berlin", "UTC", "America/New_York", "Pacific/Auckland"])
START = date(2025, 1, 15)
instants = st.integers(-1, 400).flatmap(
    lambda n: st.times().map(lambda t: datetime.combine(START + timedelta(days=n), t, UTC))
)
quantities = st.decimals("0.5", "900", places=1)
run_days = st.integers(0, 500).map(lambda n: START + timedelta(days=n))
steps = st.lists(
    st.one_of(st.tuples(instants, quantities), st.tuples(instants, quantities), run_days),
    min_size=1,
    max_size=25,
)
contracts = st.builds(
    lambda length, alignment: signed(START, kilometres(billing_interval=length), alignment=alignment),
    st.sampled_from([MONTHLY, QUARTERLY]),
    st.sampled_from(list(Alignment)),
)


class Books:
    """A contract with one usage item, what was used of it, and what was billed."""

    def __init__(self, terms: ContractTerms, zone: str) -> None:
        self.terms = terms
        self.zone = ZoneInfo(zone)
        self.used: list[Used] = []
        self.progress: dict[str, tuple[Period, ...]] = {}
        self.billed: list[Position] = []

    def use(self, occurred_at: datetime, quantity: Decimal) -> None:
        self.used.append(Used(occurred_at, quantity, position=len(self.used) + 1))

    @property
    def usage(self) -> Usage:
        return Usage({"km": self.used}, self.zone)

    def run(self, up_to: date) -> None:
        due = positions(Billable(SOMEBODY, self.terms, self.progress, self.usage), Cutoff(up_to, up_to))
        for reference, period in {p.usage: p.period for p in due}.items():
            assert reference is not None
            assert period is not None
            self._mark(reference, period)
            self.progress["km"] = billed_also(self.progress.get("km", ()), period)
        self.billed += due

    def _mark(self, reference: BilledUsage, period: Period) -> None:
        """As the table of usage does, from what the document says alone."""
        self.used = [
            replace(u, interval_start=period.first, late=reference.late) if _is_meant(u, reference) else u
            for u in self.used
        ]


def _is_meant(used: Used, reference: BilledUsage) -> bool:
    return (
        used.interval_start is None
        and used.position <= reference.through
        and (reference.occurred_from is None or used.occurred_at >= reference.occurred_from)
        and (reference.occurred_before is None or used.occurred_at < reference.occurred_before)
    )


@settings(deadline=None)
@given(contracts, ZONES, steps)
def test_usage_costs_what_it_costs_whenever_it_comes_in(
    terms: ContractTerms, zone: str, steps: list[tuple[datetime, Decimal] | date]
) -> None:
    books = Books(terms, zone)
    for step in steps:
        if isinstance(step, date):
            books.run(step)
            kept = next_due_on(terms, books.progress, books.usage)
            assert kept is None or kept > step
        else:
            books.use(*step)
    books.run(START + timedelta(days=600))
    assert next_due_on(terms, books.progress, books.usage) is None
    assert _amounts(books.billed) == _amounts_by_hand(books)


def _amounts(billed: list[Position]) -> dict[date, tuple[Decimal, Decimal]]:
    """Units and amount by the first day of the interval."""
    found: defaultdict[date, tuple[Decimal, Decimal]] = defaultdict(lambda: (Decimal(0), Decimal(0)))
    for p in billed:
        assert p.period
        assert p.unit_price is not None
        units, amount = found[p.period.first]
        found[p.period.first] = units + p.quantity, amount + line_amount(p.quantity, p.unit_price, "EUR")
    return dict(found)


def _amounts_by_hand(books: Books) -> dict[date, tuple[Decimal, Decimal]]:
    item = books.terms.signed.items[0]
    assert item.billing_interval
    assert item.pricing
    units: Counter[date] = Counter()
    for used in books.used:
        day = max(START, used.occurred_at.astimezone(books.zone).date())
        begin, _ = whole_interval(books.terms, item.billing_interval, day)
        units[max(begin, START)] += used.quantity
    return {
        begin: (
            quantity,
            sum(
                line_amount(p.quantity, p.unit_price, "EUR")
                for p in parts([(item.pricing, quantity)]).values()
            ),
        )
        for begin, quantity in units.items()
    }


turns = st.one_of(st.builds(paused, run_days), st.builds(resumed, run_days), st.builds(terminated, run_days))


@settings(deadline=None)
@given(contracts, ZONES, st.lists(st.one_of(steps, turns), max_size=6))
def test_whatever_becomes_of_the_contract_every_used_unit_is_billed_once(
    terms: ContractTerms, zone: str, life: list[object]
) -> None:
    books = Books(terms, zone)
    for event in life:
        if not isinstance(event, list):
            books.terms = books.terms.after(event)
            continue
        for step in event:
            books.run(step) if isinstance(step, date) else books.use(*step)
    books.run(START + timedelta(days=600))
    assert sum(p.quantity for p in books.billed) == sum(used.quantity for used in books.used)
    assert all(used.interval_start is not None for used in books.used)
