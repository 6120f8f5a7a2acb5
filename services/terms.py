"""A contract as a whole: what it says on which day, folded from its messages.

One fold for all: the contract itself, billing's read model and the views, so that none of them can read a contract
in its own way. All days are calendar days, both ends of a span inclusive.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from msgspec import structs

from services.messages import (
    ContractAmended,
    ContractCancelled,
    ContractPaused,
    ContractResumed,
    ContractSigned,
    ContractTerminated,
)
from services.values import ContractStatus, Item, ItemKind, PlanReference, TerminationKind, Value

ONE_DAY = timedelta(days=1)

ContractChange = ContractAmended | ContractPaused | ContractResumed | ContractTerminated | ContractCancelled


class Turn(Value, frozen=True):
    """A day from which the contract is paused, or active again, until its next turn."""

    day: date
    paused: bool


class Pause(Value, frozen=True):
    """Inactive from `first` to the day before `resumed_from`; without an end as long as that is None."""

    first: date
    resumed_from: date | None = None


class Termination(Value, frozen=True):
    """The end that was given to a contract; `terminates_on` is its last active day."""

    kind: TerminationKind
    noticed_on: date
    terminates_on: date
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """The days from `first` to `last`; without an end where `last` is None."""

    first: date
    last: date | None

    def holds(self, day: date) -> bool:
        return self.first <= day and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True)
class Phase:
    """An item at constant terms over a span of days, pauses not taken out."""

    item: Item
    span: Span


class ContractTerms(Value, frozen=True):
    """A contract with everything that was done to it since it was signed."""

    signed: ContractSigned
    amendments: tuple[ContractAmended, ...] = ()
    """In the order recorded."""
    turns: tuple[Turn, ...] = ()
    """In the order of their days, one a day: what was said last of a day holds."""
    termination: Termination | None = None
    cancelled: bool = False

    def after(self, change: ContractChange) -> "ContractTerms":
        """The contract once this has happened as well."""
        match change:
            case ContractAmended():
                return structs.replace(self, amendments=(*self.amendments, change))
            case ContractPaused():
                return self._turned(Turn(day=change.paused_from, paused=True))
            case ContractResumed():
                return self._turned(Turn(day=change.resumed_from, paused=False))
            case ContractTerminated():
                return structs.replace(self, termination=_termination(change))
            case ContractCancelled():
                return structs.replace(self, cancelled=True)

    @property
    def last_day(self) -> date | None:
        """The last active day, None while no end is known."""
        ends = (self.signed.ends_on, self.termination.terminates_on if self.termination else None)
        return min((day for day in ends if day), default=None)

    @property
    def plan(self) -> PlanReference | None:
        """The plan version that the contract is on in the end; None for a contract of its own items."""
        return self.plan_on(date.max)

    def plan_on(self, day: date) -> PlanReference | None:
        """The plan version that the contract is on on a day."""
        moved = [a.plan for a in self._in_order_of_days() if a.plan and a.effective_on <= day]
        return moved[-1] if moved else self.signed.plan

    @property
    def pauses(self) -> tuple[Pause, ...]:
        """The pauses in the order of their days; between two of them the contract is active."""
        found: list[Pause] = []
        for turn in self.turns:
            is_open = bool(found) and found[-1].resumed_from is None
            if turn.paused and not is_open:
                found.append(Pause(first=turn.day))
            elif is_open and not turn.paused:
                found[-1] = Pause(first=found[-1].first, resumed_from=turn.day)
        return tuple(found)

    def is_paused_on(self, day: date) -> bool:
        """Whether a pause holds on a day, wherever the contract begins and ends."""
        turned = [turn.paused for turn in self.turns if turn.day <= day]
        return bool(turned) and turned[-1]

    def status_on(self, day: date) -> ContractStatus:
        """What the contract is on a day."""
        if self.cancelled:
            return ContractStatus.CANCELLED
        if day < self.signed.starts_on:
            return ContractStatus.PENDING
        if self.last_day and day > self.last_day:
            terminated = self.termination and self.termination.terminates_on == self.last_day
            return ContractStatus.TERMINATED if terminated else ContractStatus.EXPIRED
        return ContractStatus.PAUSED if self.is_paused_on(day) else ContractStatus.ACTIVE

    def active_spans(self) -> list[Span]:
        """The spans of days on which the contract is active, in order, none touching the next."""
        if self.cancelled:
            return []
        spans: list[Span] = []
        first: date | None = self.signed.starts_on
        for pause in self.pauses:
            assert first is not None
            spans.append(Span(first, pause.first - ONE_DAY))
            first = pause.resumed_from
            if first is None:
                break
        if first is not None:
            spans.append(Span(first, None))
        clipped = (clip(span, self.last_day) for span in spans)
        return [span for span in clipped if span.last is None or span.first <= span.last]

    def items_on(self, day: date) -> tuple[Item, ...]:
        """The items at their terms of a day (the terms of the last day hold on)."""
        items = {item.item_ident: item for item in self.signed.items}
        for amendment in self._in_order_of_days():
            if amendment.effective_on > day:
                break
            items = _amended(items, amendment)
        return tuple(items.values())

    def items_ever(self) -> list[Item]:
        """Every item that the contract was signed with or got later, as it came in, whether it is still there or not."""
        return [*self.signed.items, *(item for amendment in self.amendments for item in amendment.added)]

    @property
    def is_measured(self) -> bool:
        """Whether the contract has, had or will have a USAGE item."""
        return any(item.kind is ItemKind.USAGE for item in self.items_ever())

    def measures(self, item_ident: str) -> bool:
        """Whether this is, was or will be a USAGE item of the contract."""
        return any(i.item_ident == item_ident and i.kind is ItemKind.USAGE for i in self.items_ever())

    def phases(self) -> dict[str, list[Phase]]:
        """By item ident, the spans of constant terms from the contract's first to its last day.

        An item that is removed and added again has a gap between two of its phases.
        """
        found: dict[str, list[Phase]] = {}
        for span in self._spans_between_amendments():
            for item in self.items_on(span.first):
                before = found.setdefault(item.item_ident, [])
                if before and before[-1].item == item and before[-1].span.last == span.first - ONE_DAY:
                    before[-1] = Phase(item, Span(before[-1].span.first, span.last))
                else:
                    before.append(Phase(item, span))
        return found

    def _spans_between_amendments(self) -> Iterator[Span]:
        first, last = self.signed.starts_on, self.last_day
        if self.cancelled or (last and last < first):
            return
        for day in sorted({a.effective_on for a in self.amendments}):
            if first < day and (last is None or day <= last):
                yield Span(first, day - ONE_DAY)
                first = day
        yield Span(first, last)

    def _turned(self, turn: Turn) -> "ContractTerms":
        turns = {t.day: t for t in self.turns} | {turn.day: turn}
        return structs.replace(self, turns=tuple(turns[day] for day in sorted(turns)))

    def _in_order_of_days(self) -> list[ContractAmended]:
        return sorted(self.amendments, key=lambda amendment: amendment.effective_on)


def clip(span: Span, last: date | None) -> Span:
    """The part of a span up to a last day (None: all of it); empty, ending before it begins, if it lies beyond."""
    if last is None:
        return span
    return Span(span.first, min(span.last, last) if span.last else last)


def _termination(change: ContractTerminated) -> Termination:
    return Termination(
        kind=change.kind,
        noticed_on=change.noticed_on,
        terminates_on=change.terminates_on,
        reason=change.reason,
    )


def _amended(items: dict[str, Item], amendment: ContractAmended) -> dict[str, Item]:
    after = {ident: item for ident, item in items.items() if ident not in amendment.removed}
    after |= {item.item_ident: item for item in amendment.added}
    for change in amendment.changes:
        if change.item_ident in after:
            after[change.item_ident] = change.applied_to(after[change.item_ident])
    return after
