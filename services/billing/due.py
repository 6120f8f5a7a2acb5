"""What is due: the positions of contracts and orders that a run up to a day has to bill."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from services.billing.rating import discounted, line_amount, prorated, shown_price
from services.billing.schedule import Segment, active, grid, segments
from services.billing.usage import NOTHING_USED, Meter, Usage, UsageBill
from services.messages import OrderRecorded
from services.terms import ONE_DAY, ContractTerms, Phase
from services.values import (
    AllowanceOrCharge,
    BilledUsage,
    BillingTiming,
    Discount,
    ExplicitTax,
    ItemKind,
    OrderLine,
    Period,
    TaxCategory,
)

Terms = ContractTerms | OrderRecorded

Progress = Mapping[str, Sequence[Period]]
"""Per item: the days that are billed, in order, as few periods as there can be; for what is billed once, its day.

An order's items are its lines, by number.
"""


@dataclass(frozen=True, slots=True)
class Cutoff:
    """How far a run goes: what begins or is dated by `begins_by`, and what has ended by `ended_by`, is due."""

    begins_by: date
    ended_by: date
    instant: datetime | None = None
    """Set where it goes up to an instant, which in another time zone is on another day."""

    def in_zone(self, time_zone: ZoneInfo) -> "Cutoff":
        """The same by the calendar of a time zone: a plain day is that day everywhere."""
        return cutoff_of(self.instant, time_zone) if self.instant else self

    def reaches(self, timing: BillingTiming | None, day: date) -> bool:
        return day <= (self.ended_by if timing is BillingTiming.INTERVAL_END else self.begins_by)


def cutoff_of(processing: date | datetime, time_zone: ZoneInfo) -> Cutoff:
    """Until when intervals must have begun, and until when ended: a plain date means the end of that day,
    an instant falls within a day that has begun and not ended."""
    if not isinstance(processing, datetime):
        return Cutoff(processing, processing)
    today = processing.astimezone(time_zone).date()
    return Cutoff(today, today - ONE_DAY, processing)


@dataclass(frozen=True, slots=True)
class LastAmount:
    """What so many days of a recurring item cost, before allowances and charges."""

    amount: Decimal
    days: int


@dataclass(frozen=True, slots=True)
class Billable:
    """A contract or order with what of it is billed already, and what was used of it."""

    billable_id: UUID
    terms: Terms
    progress: Progress
    usage: Usage = NOTHING_USED
    last_amounts: Mapping[str, LastAmount] = field(default_factory=dict)
    """By item: what was billed last of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One thing to be billed, with its net unit price as printed, or its gross one where that was agreed."""

    name: str
    quantity: Decimal
    unit: str
    unit_price: Decimal | None
    tax_category: TaxCategory
    is_goods: bool
    item: str
    supplied_on: date
    gross_unit_price: Decimal | None = None
    period: Period | None = None
    explicit_tax: ExplicitTax | None = None
    allowances: tuple[AllowanceOrCharge, ...] = ()
    charges: tuple[AllowanceOrCharge, ...] = ()
    usage: BilledUsage | None = None


def positions(billable: Billable, cutoff: Cutoff) -> list[Position]:
    """Everything of a contract or order that is due and not billed, in the order of items and intervals."""
    terms = billable.terms
    if isinstance(terms, OrderRecorded):
        is_due = terms.ordered_on <= cutoff.begins_by
        return [_of_order(terms, *line) for line in _unbilled(terms, billable.progress) if is_due]
    return [p for item in _items(terms, billable.progress, billable.usage) for p in item.positions(cutoff)]


def next_due_on(terms: Terms, progress: Progress, usage: Usage = NOTHING_USED) -> date | None:
    """The earliest day on which something is to be billed that is not yet; None if nothing ever is.

    `usage` holds what was used and is not billed. An item of which nothing was used has nothing to bill.
    """
    if isinstance(terms, OrderRecorded):
        return terms.ordered_on if _unbilled(terms, progress) else None
    days = (item.next_due_on() for item in _items(terms, progress, usage))
    return min((day for day in days if day is not None), default=None)


def late_intervals(billable: Billable) -> list[tuple[str, date]]:
    """Item ident and first day of the intervals that are billed already and of which usage was recorded late."""
    if isinstance(billable.terms, OrderRecorded) or not billable.usage.used:
        return []
    items = _items(billable.terms, billable.progress, billable.usage)
    return [late for item in items if isinstance(item, _Used) for late in item.late_intervals()]


def billed_also(billed: Sequence[Period], period: Period) -> tuple[Period, ...]:
    """The days that are billed once `period` is as well: an item's entry in `Progress`."""
    found: list[Period] = []
    for one in sorted([*billed, period], key=lambda p: p.first):
        if found and one.first <= found[-1].last + ONE_DAY:
            found[-1] = Period(first=found[-1].first, last=max(found[-1].last, one.last))
        else:
            found.append(one)
    return tuple(found)


def billed_without(billed: Sequence[Period], period: Period) -> tuple[Period, ...]:
    """The days that are billed once the bill of `period` was taken back."""
    return tuple(part for one in billed for part in _outside(one, period))


def _outside(one: Period, period: Period) -> Iterator[Period]:
    if one.first < period.first:
        yield Period(first=one.first, last=min(one.last, period.first - ONE_DAY))
    if one.last > period.last:
        yield Period(first=max(one.first, period.last + ONE_DAY), last=one.last)


def _items(terms: ContractTerms, progress: Progress, usage: Usage) -> "list[_OneTime | _Recurring | _Used]":
    return [
        _KINDS[phases[0].item.kind](terms, phases, progress.get(ident, ()), usage)
        for ident, phases in terms.phases().items()
    ]


@dataclass(frozen=True, slots=True)
class _OfContract:
    """One item of a contract: all its phases, the days that are billed, and what was used."""

    terms: ContractTerms
    phases: Sequence[Phase]
    billed: Sequence[Period]
    usage: Usage


class _OneTime(_OfContract):
    """An item that is supplied on its first day, pause or not, and billed once at the terms of that day."""

    def next_due_on(self) -> date | None:
        """Its day; None if it is billed, or lies before the day from which the contract is billed here."""
        billed_from = self.terms.signed.billing_starts_on
        day = self.phases[0].span.first
        return None if self.billed or (billed_from and day < billed_from) else day

    def positions(self, cutoff: Cutoff) -> Iterator[Position]:
        day, item = self.next_due_on(), self.phases[0].item
        if day and day <= cutoff.begins_by:
            yield Position(
                name=item.name,
                quantity=item.quantity,
                unit=item.unit,
                unit_price=item.unit_price,
                tax_category=item.tax_category,
                is_goods=item.item_category.is_goods,
                item=item.item_ident,
                supplied_on=day,
            )


class _Recurring(_OfContract):
    """An item that is billed by intervals, as far as it is active."""

    def next_due_on(self) -> date | None:
        segment = next(segments(self.terms, self.phases, self.billed), None)
        return segment.due_on if segment else None

    def positions(self, cutoff: Cutoff) -> Iterator[Position]:
        for segment in segments(self.terms, self.phases, self.billed):
            if not cutoff.reaches(segment.item.billing_timing, segment.due_on):
                return
            yield self._position(segment)

    def _position(self, segment: Segment) -> Position:
        item, currency = segment.item, self.terms.signed.currency
        assert item.unit_price is not None
        price = prorated(item.unit_price, segment)
        if not segment.is_whole:
            price = shown_price(price, item.quantity, currency)
        discounts = [d for d in self.terms.signed.discounts if self._is_discounted(d, segment)]
        base = line_amount(item.quantity, price, currency) if discounts else price
        return Position(
            name=item.name,
            quantity=item.quantity,
            unit=item.unit,
            unit_price=price,
            tax_category=item.tax_category,
            is_goods=item.item_category.is_goods,
            item=item.item_ident,
            supplied_on=segment.last,
            period=segment.period,
            allowances=discounted(discounts, segment, base, currency) if discounts else (),
        )

    def _is_discounted(self, discount: Discount, segment: Segment) -> bool:
        """Whether a discount is on this item, and on this one of its intervals."""
        if not self._is_meant(discount):
            return False
        begins_on = max(segment.interval.first, self.terms.signed.starts_on)
        if discount.until and begins_on > discount.until:
            return False
        return discount.intervals is None or segment.interval.index - self._first_index() < discount.intervals

    def _is_meant(self, discount: Discount) -> bool:
        """An amount without an item is off the one recurring item that the contract was signed with."""
        ident = self.phases[0].item.item_ident
        if discount.item_ident or discount.amount is None:
            return discount.item_ident in (None, ident)
        signed = self.terms.signed.items
        return ident == next((i.item_ident for i in signed if i.kind is ItemKind.RECURRING), None)

    def _first_index(self) -> int:
        """The first interval in which the item is active, whoever bills it."""
        first = active(self.terms, self.phases)[0]
        return grid(self.terms, first.item).interval_at(first.span.first).index


class _Used(_OfContract):
    """An item that is measured: billed by intervals that have ended, as far as something was used."""

    def next_due_on(self) -> date | None:
        return next((period.last for period in self._meter().unbilled()), None)

    def positions(self, cutoff: Cutoff) -> Iterator[Position]:
        meter = self._meter()
        for period, used in meter.unbilled().items():
            if cutoff.reaches(BillingTiming.INTERVAL_END, period.last):
                yield from self._of(meter.bill(period, used))

    def late_intervals(self) -> list[tuple[str, date]]:
        ident, meter = self.phases[0].item.item_ident, self._meter()
        return [(ident, period.first) for period in meter.unbilled() if meter.is_late(period)]

    def _of(self, bill: UsageBill) -> Iterator[Position]:
        """All lines of an interval are of one nature, the latest, so that they share a document."""
        is_goods = self.phases[-1].item.item_category.is_goods
        for item, part in bill.lines:
            yield Position(
                name=item.name,
                quantity=part.quantity,
                unit=item.unit,
                unit_price=part.unit_price,
                tax_category=item.tax_category,
                is_goods=is_goods,
                item=item.item_ident,
                supplied_on=bill.period.last,
                period=bill.period,
                usage=bill.usage,
            )

    def _meter(self) -> Meter:
        return Meter(self.terms, self.phases, self.usage, self.billed)


_KINDS: Mapping[ItemKind, type[_OneTime] | type[_Recurring] | type[_Used]] = {
    ItemKind.ONE_TIME: _OneTime,
    ItemKind.RECURRING: _Recurring,
    ItemKind.USAGE: _Used,
}


def _unbilled(order: OrderRecorded, progress: Progress) -> list[tuple[str, OrderLine]]:
    """The lines that are not billed, by their number from 1."""
    numbered = ((str(number), line) for number, line in enumerate(order.lines, 1))
    return [(number, line) for number, line in numbered if number not in progress]


def _of_order(order: OrderRecorded, number: str, line: OrderLine) -> Position:
    return Position(
        name=line.name,
        quantity=line.quantity,
        unit=line.unit,
        unit_price=line.unit_price,
        gross_unit_price=line.gross_unit_price,
        tax_category=line.tax_category,
        is_goods=line.item_category.is_goods,
        item=number,
        supplied_on=order.ordered_on,
        explicit_tax=line.tax,
        allowances=line.allowances,
        charges=line.charges,
    )
