"""Used units: which interval each counts to, and what of an interval is still to be billed.

Usage is billed in arrears by whole intervals, which only the contract's first and last day cut: what was used
during a pause is billed as well. What occurred before the contract's first day counts to its first interval, what
occurred after its last day to its last; what occurred before its billing start is billed elsewhere. An interval in
which nothing was used needs no bill.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal, localcontext
from zoneinfo import ZoneInfo

from services.billing.rating import PRECISE_DIGITS
from services.billing.schedule import grid
from services.billing.tiers import Key, Part, parts, still_to_bill
from services.money import ZERO
from services.terms import ONE_DAY, ContractTerms, Phase
from services.values import BilledUsage, Item, ItemKind, Period, Pricing


@dataclass(frozen=True, slots=True)
class Used:
    """What was used of an item at an instant; once billed, in which interval and by which of its bills."""

    occurred_at: datetime
    quantity: Decimal
    position: int
    """Of its message in the customer log."""
    interval_start: date | None = None
    """First day of the interval that it was billed in, None until it was."""
    late: int | None = None
    """Which of the interval's bills that was: see `BilledUsage.late`."""


@dataclass(frozen=True, slots=True)
class Usage:
    """By item ident, what was used of a contract and is not billed, and what was billed of the same intervals."""

    used: Mapping[str, Sequence[Used]] = field(default_factory=dict)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    """The calendar that says on which day something was used."""

    def and_also(self, used: Mapping[str, Sequence[Used]]) -> "Usage":
        """With more that was used."""
        idents = {*self.used, *used}
        return replace(self, used={i: [*self.used.get(i, ()), *used.get(i, ())] for i in idents})

    def day_of(self, used: Used) -> date:
        return used.occurred_at.astimezone(self.zone).date()

    def begin_of(self, day: date) -> datetime:
        """The first instant of a day."""
        return datetime.combine(day, time.min, self.zone).astimezone(UTC)


NOTHING_USED = Usage()


def is_measured(terms: ContractTerms) -> bool:
    """Whether the contract has or had a USAGE item."""
    return any(item.kind is ItemKind.USAGE for item in terms.items_ever())


@dataclass(frozen=True, slots=True)
class UsageBill:
    """What is to be billed of the usage of one item in one interval."""

    period: Period
    usage: BilledUsage
    lines: Sequence[tuple[Item, Part]]
    """Each with the item at the terms that its units were used at."""
    places: Sequence[Key]
    """Of each line the number of its phase, and of its tier in there."""


@dataclass(frozen=True, slots=True)
class Meter:
    """One usage item of a contract: all its phases, what was used of it, and the intervals that are billed."""

    terms: ContractTerms
    phases: Sequence[Phase]
    usage: Usage
    billed: Sequence[Period]

    def unbilled(self) -> dict[Period, list[Used]]:
        """What was used and is to be billed, by interval, in order."""
        found: defaultdict[Period, list[Used]] = defaultdict(list)
        for used in self._used():
            if used.interval_start is None and (day := self._charged_day(used)):
                found[self._interval_of(day)].append(used)
        return dict(sorted(found.items(), key=lambda entry: entry[0].first))

    def is_late(self, period: Period) -> bool:
        """Whether the interval, or one after it, is billed already."""
        return any(billed.last >= period.first for billed in self.billed)

    def bill(self, period: Period, to_bill: Sequence[Used]) -> UsageBill:
        """The price of all that was used in an interval, less that of what was billed of it before.

        Both at the terms that hold now: a change of prices is no reason to bill again what was billed.
        """
        before = [used for used in self._used() if used.interval_start == period.first]
        lines = still_to_bill(
            self._parts([*before, *to_bill]), self._parts(before), self.terms.signed.currency
        )
        return UsageBill(
            period=period,
            usage=self._reference(period, to_bill, before),
            lines=[(self.phases[number].item, part) for (number, _), part in lines],
            places=[place for place, _ in lines],
        )

    def _used(self) -> Sequence[Used]:
        return self.usage.used.get(self.phases[0].item.item_ident, ())

    # -- which interval -------------------------------------------------------------------------

    def _charged_day(self, used: Used) -> date | None:
        """The day of the contract that usage counts to; None for what is not billed here."""
        day = max(self.usage.day_of(used), self.terms.signed.starts_on)
        if self.terms.last_day:
            day = min(day, self.terms.last_day)
        return day if day >= self._first_day else None

    @property
    def _first_day(self) -> date:
        """The first day that is billed."""
        signed = self.terms.signed
        return max(signed.starts_on, signed.billing_starts_on or signed.starts_on)

    def _interval_of(self, day: date) -> Period:
        interval = grid(self.terms, self.phases[0].item).interval_at(day)
        last_day = self.terms.last_day
        return Period(
            first=max(interval.first, self._first_day),
            last=min(interval.last, last_day) if last_day else interval.last,
        )

    def _reference(self, period: Period, to_bill: Sequence[Used], before: Sequence[Used]) -> BilledUsage:
        """Exactly the usage of `to_bill`, in words that stay true whatever becomes of terms and calendar."""
        signed, last_day = self.terms.signed, self.terms.last_day
        is_first = period.first == signed.starts_on
        is_last = period.last == last_day
        bills = [used.late for used in before if used.late is not None]
        return BilledUsage(
            through=max(used.position for used in to_bill),
            occurred_from=None if is_first else self.usage.begin_of(period.first),
            occurred_before=None if is_last else self.usage.begin_of(period.last + ONE_DAY),
            late=max(bills) + 1 if bills else int(self.is_late(period)),
        )

    # -- at which price -------------------------------------------------------------------------

    def _parts(self, used: Sequence[Used]) -> dict[Key, Part]:
        return parts(list(self._by_phase(used))) if used else {}

    def _by_phase(self, used: Sequence[Used]) -> Iterator[tuple[Pricing, Decimal]]:
        """How much was used under the pricing of each phase."""
        quantities = [ZERO] * len(self.phases)
        with localcontext(prec=PRECISE_DIGITS):
            for one in used:
                quantities[self._phase_of(self.usage.day_of(one))] += one.quantity
        for phase, quantity in zip(self.phases, quantities, strict=True):
            assert phase.item.pricing is not None
            yield phase.item.pricing, quantity

    def _phase_of(self, day: date) -> int:
        """Number of the phase that holds a day: the last that has begun, else the first."""
        begun = [number for number, phase in enumerate(self.phases) if phase.span.first <= day]
        return begun[-1] if begun else 0
