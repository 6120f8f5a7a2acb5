"""Single bills, worked out day by day and unit by unit: which days belong together, and what they cost."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, localcontext
from uuid import UUID

from services.messages import DocumentIssued
from services.money import ZERO, rounded
from services.terms import ContractTerms
from services.values import BillingTiming, Item, OrderLine, Period, TaxCategory
from tests.billing.contracts import ONE_DAY, days, item_on, whole_interval

RATES = {TaxCategory.STANDARD: Decimal(19), TaxCategory.REDUCED: Decimal(7)}
FREIGHT = "freight"
"""Stands for the charges of an order, which are on no line."""

Key = tuple[UUID, str, date]
"""Contract or order, item and first day."""


@dataclass(eq=False)
class Used:
    """What was used of a contract on a day, and by what it is billed."""

    contract_id: UUID
    item: str
    day: date
    quantity: Decimal
    bill: "Bill | None" = None


@dataclass
class Left:
    """What no credit note took back of a line."""

    billed: Decimal
    net: Decimal
    quantity: Decimal

    @property
    def is_anything(self) -> bool:
        return bool(self.net if self.billed else self.quantity)


@dataclass(eq=False)
class Bill:
    """What is billed at once: days of one interval at one price, the usage of an interval, or what is supplied once."""

    owner: UUID
    item: str
    days: Period
    net: Decimal
    rate: Decimal
    recurs: bool = False
    used: Sequence[Used] = ()
    invoice: DocumentIssued | None = None
    """On which it is, once that is issued."""
    left: dict[int, Left] = field(default_factory=dict)
    """By number of the invoice's line; of freight, which has none, under 0."""

    @property
    def key(self) -> Key:
        return self.owner, self.item, self.days.first

    @property
    def is_anything_left(self) -> bool:
        return any(left.is_anything for left in self.left.values())


# -- days and prices ----------------------------------------------------------------------------


def priced(terms: ContractTerms, ident: str, among: Iterable[date]) -> Iterator[Bill]:
    """The days among these, given in order, on which an item is to be paid for, billed as few times as there can be.

    Days that follow each other in one interval, at the same terms, cost their share of it.
    """
    run: list[date] = []
    at: tuple[Item, tuple[date, date]] | None = None
    for day in among:
        item = item_on(terms, ident, day)
        now = (item, _interval(terms, item, day, at)) if item else None
        if run and (now != at or run[-1] + ONE_DAY != day):
            yield _bill(terms, run, at)
            run = []
        at = now
        if now:
            run.append(day)
    if run:
        yield _bill(terms, run, at)


def _interval(
    terms: ContractTerms, item: Item, day: date, at: tuple[Item, tuple[date, date]] | None
) -> tuple[date, date]:
    """The whole interval of a day; mostly it is that of the day before."""
    if at and at[1][0] <= day <= at[1][1]:
        return at[1]
    assert item.billing_interval
    return whole_interval(terms, item.billing_interval, day)


def _bill(terms: ContractTerms, run: Sequence[date], at: tuple[Item, tuple[date, date]] | None) -> Bill:
    assert at
    item, (first, last) = at
    assert item.unit_price is not None
    net = share(item.unit_price * item.quantity, Decimal(len(run)), Decimal((last - first).days + 1))
    period = Period(first=run[0], last=run[-1])
    return Bill(terms.signed.contract_id, item.item_ident, period, net, RATES[item.tax_category], recurs=True)


def is_due(terms: ContractTerms, item: Item, begin: date, end: date, up_to: date) -> bool:
    """Whether an interval is to be paid for by a day: in advance from its first active day, in arrears from its end."""
    if item.billing_timing is BillingTiming.INTERVAL_END:
        return min(end, terms.last_day or end) <= up_to
    return any(item_on(terms, item.item_ident, day) for day in days(begin, min(end, up_to)))


def interval_of(terms: ContractTerms, item: Item, day: date) -> Period:
    """The interval to which usage counts: what lies outside the contract counts to its first or last one."""
    assert item.billing_interval
    start, end = terms.signed.starts_on, terms.last_day
    day = max(day, start)
    first, last = whole_interval(terms, item.billing_interval, min(day, end) if end else day)
    return Period(first=max(first, start), last=min(last, end) if end else last)


def price_of_kilometres(used: Collection[Used]) -> Decimal:
    """100 are free, up to 1,000 they are 0.20, and 0.15 above that."""
    driven = sum((one.quantity for one in used), ZERO)
    dear, cheap = min(driven, Decimal(1000)) - 100, driven - 1000
    return max(dear, ZERO) * Decimal("0.20") + max(cheap, ZERO) * Decimal("0.15")


def price_of_line(line: OrderLine) -> Decimal:
    assert line.unit_price is not None
    price = rounded(line.quantity * line.unit_price, "EUR")
    return price - sum((rounded(price * (a.percent or 0) / 100, "EUR") for a in line.allowances), ZERO)


def share(amount: Decimal, part: Decimal, of_all: Decimal) -> Decimal:
    with localcontext(prec=60):
        return rounded(amount * part / of_all, "EUR")


def days_of(period: Period) -> Iterator[date]:
    return days(period.first, period.last)


def on_day(on: date) -> Period:
    return Period(first=on, last=on)
