"""Whatever is asked of a contract in whatever order: on each day it is as a calendar says in which every day has its own row."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.customer.amendment import ChargedOnce, NothingLeft
from services.customer.contract import (
    AlreadyPaused,
    Contract,
    ContractIsBilled,
    ContractIsCancelled,
    EndsAlready,
    NotPaused,
    OutsideContract,
)
from services.errors import InvalidFields
from services.event_store import EventMapper
from services.events import Event
from services.personal_data import Purpose
from tests import examples
from tests.customer.contracts import amend, pause, resume, signed, terminate_for_a_reason
from tests.keys import KeysInMemory

NOW = examples.NOW
START = date(2026, 1, 15)
LAST_SEEN = 60
"""The calendar has the days 0 (the first of the contract) to this; what comes after is like the last of them."""
DAYS = st.integers(-2, 40)
IDENTS = st.sampled_from(["setup", "base", "gps", "roof"])
NUMBERS = st.integers(1, 4)

Item = tuple[int, int]
"""Price and quantity."""


def on(day: int) -> str:
    return (START + timedelta(days=day)).isoformat()


def body_of(ident: str, price: int) -> examples.Row:
    kind = examples.setup_fee if ident == "setup" else examples.base_fee
    return kind(itemIdent=ident, unitPrice=str(price))


class Column:
    """What holds on each day of one thing; what is said of a day holds until a day of which something was said."""

    def __init__(self, value: Any) -> None:
        self.days = [value] * (LAST_SEEN + 1)
        self.said = set[int]()

    def say(self, first: int, value: Any) -> None:
        for day in range(first, LAST_SEEN + 1):
            if day > first and day in self.said:
                break
            self.days[day] = value
        self.said.add(first)


class ContractMachine(RuleBasedStateMachine):
    """The contract beside its calendar, in which every rule is written down a second time."""

    def __init__(self) -> None:
        super().__init__()
        self.mapper = EventMapper(KeysInMemory(), Purpose.CUSTOMER)
        self.stored: list[Any] = []

    @initialize(end=st.none() | st.integers(0, 40), own=st.booleans())
    def sign(self, end: int | None, own: bool) -> None:
        items = [body_of("base", 1), *([body_of("setup", 2)] if own else [])]
        self.contract = signed(items=items, endDate=on(end) if end is not None else None)
        self.end, self.terminated, self.cancelled = end, False, False
        self.paused = Column(False)
        self.there = {ident: Column(False) for ident in ("setup", "base", "gps", "roof")}
        self.price = {ident: Column(0) for ident in self.there}
        self.quantity = {ident: Column(1) for ident in self.there}
        for index, ident in enumerate(["base", *(["setup"] if own else [])]):
            self.there[ident].days = [True] * (LAST_SEEN + 1)
            self.price[ident].days = [index + 1] * (LAST_SEEN + 1)

    # -- what is asked --------------------------------------------------------------------------

    @rule(day=DAYS)
    def pause(self, day: int) -> None:
        refusal = self.outside(day) or (AlreadyPaused if self.paused.days[day] else None)
        if self.asked(lambda: pause(self.contract, on(day)), refusal):
            self.paused.say(day, True)

    @rule(day=DAYS)
    def resume(self, day: int) -> None:
        refusal = self.outside(day) or (None if self.paused.days[day] else NotPaused)
        if self.asked(lambda: resume(self.contract, on(day)), refusal):
            self.paused.say(day, False)

    @rule(day=DAYS, ident=IDENTS, price=st.none() | NUMBERS, quantity=NUMBERS)
    def change(self, day: int, ident: str, price: int | None, quantity: int) -> None:
        refusal = self.outside(day) or self.not_there(day, ident) or self.charged(day, ident)
        body = {"itemIdent": ident, "unitPrice": price, "quantity": quantity}
        if not self.asked(lambda: amend(self.contract, on(day), changes=[body]), refusal):
            return
        if (price in (None, self.price[ident].days[day])) and quantity == self.quantity[ident].days[day]:
            return  # nothing differs, nothing is said
        self.quantity[ident].say(day, quantity)
        if price is not None:
            self.price[ident].say(day, price)

    @rule(day=DAYS, ident=IDENTS, price=NUMBERS)
    def add(self, day: int, ident: str, price: int) -> None:
        refusal = self.outside(day) or (InvalidFields if self.from_then_on(day, ident) else None)
        if self.asked(lambda: amend(self.contract, on(day), add=[body_of(ident, price)]), refusal):
            self.there[ident].say(day, True)
            self.price[ident].say(day, price)
            self.quantity[ident].say(day, 1)

    @rule(day=DAYS, ident=IDENTS)
    def remove(self, day: int, ident: str) -> None:
        refusal = self.outside(day) or self.not_there(day, ident) or self.charged(day, ident)
        if refusal is None and sum(column.days[day] for column in self.there.values()) == 1:
            refusal = NothingLeft
        if self.asked(lambda: amend(self.contract, on(day), remove=[ident]), refusal):
            self.there[ident].say(day, False)

    @rule(day=DAYS)
    def terminate(self, day: int) -> None:
        refusal: type[Exception] | None = ContractIsCancelled if self.cancelled else None
        if day < 0:
            refusal = refusal or OutsideContract
        if self.end is not None and day >= self.end:
            refusal = refusal or EndsAlready
        if self.asked(lambda: terminate_for_a_reason(self.contract, on(day)), refusal):
            self.end, self.terminated = day, True

    @precondition(lambda self: len(self.contract.pending_events) > 6)
    @rule(billed=st.booleans())
    def cancel(self, billed: bool) -> None:
        refusal = ContractIsCancelled if self.cancelled else ContractIsBilled if billed else None
        if self.asked(lambda: self.contract.cancel(None, lambda _: billed, NOW), refusal):
            self.cancelled = True

    # -- what the calendar says -----------------------------------------------------------------

    def outside(self, day: int) -> type[Exception] | None:
        if self.cancelled:
            return ContractIsCancelled
        return OutsideContract if day < 0 or (self.end is not None and day > self.end) else None

    def not_there(self, day: int, ident: str) -> type[Exception] | None:
        return None if self.there[ident].days[day] else InvalidFields

    def charged(self, day: int, ident: str) -> type[Exception] | None:
        """What is charged once is not changed after the first of the days it is there on."""
        return ChargedOnce if ident == "setup" and day > 0 and self.there[ident].days[day - 1] else None

    def from_then_on(self, day: int, ident: str) -> bool:
        last = LAST_SEEN if self.end is None else self.end
        return any(self.there[ident].days[day : last + 1])

    def status(self, day: int) -> str:
        if self.cancelled:
            return "CANCELLED"
        if day < 0:
            return "PENDING"
        if self.end is not None and day > self.end:
            return "TERMINATED" if self.terminated else "EXPIRED"
        return "PAUSED" if self.paused.days[day] else "ACTIVE"

    def items(self, day: int) -> dict[str, Item]:
        return {
            ident: (self.price[ident].days[day], self.quantity[ident].days[day])
            for ident, column in self.there.items()
            if column.days[day]
        }

    # -- asking and comparing -------------------------------------------------------------------

    def asked(self, ask: Callable[[], None], refusal: type[Exception] | None) -> bool:
        """Whether it was done, which it must be unless it is refused for the reason that the calendar has."""
        if refusal is None:
            ask()
            return True
        before = self.contract.terms
        with pytest.raises(refusal):
            ask()
        assert self.contract.terms == before
        return False

    @invariant()
    def is_as_the_calendar_says(self) -> None:
        terms, active = self.contract.terms, set[int]()
        for day in range(-2, LAST_SEEN + 1):
            assert terms.status_on(START + timedelta(days=day)) == self.status(day), on(day)
            if self.status(day) == "ACTIVE":
                active.add(day)
        assert {d for s in terms.active_spans() for d in days_of(s.first, s.last)} == active
        for day in range(LAST_SEEN + 1):
            found = terms.items_on(START + timedelta(days=day))
            assert {i.item_ident: (i.unit_price, i.quantity) for i in found} == self.items(day), on(day)

    @invariant()
    def has_phases_that_tile_the_days_of_each_item(self) -> None:
        days = 0 if self.cancelled else LAST_SEEN + 1 if self.end is None else self.end + 1
        expected = {(i, day): terms for day in range(days) for i, terms in self.items(day).items()}
        found: dict[tuple[str, int], tuple[Decimal | None, Decimal]] = {}
        for ident, phases in self.contract.terms.phases().items():
            for phase in phases:
                for day in days_of(phase.span.first, phase.span.last):
                    assert (ident, day) not in found, "two phases hold one day"
                    found[ident, day] = (phase.item.unit_price, phase.item.quantity)
        assert found == expected

    @invariant()
    def replays_to_what_it_is(self) -> None:
        fresh = list(self.contract.pending_events)[len(self.stored) :]
        self.stored += self.mapper.to_stored_events(fresh)
        replayed: Contract | None = None
        for event in self.mapper.to_domain_events(self.stored):
            assert isinstance(event, Event)
            replayed = event.mutate(replayed)
        assert replayed is not None
        assert (replayed.id, replayed.version) == (self.contract.id, self.contract.version)
        assert replayed.terms == self.contract.terms


def days_of(first: date, last: date | None) -> range:
    """The days of the calendar from `first` to `last`."""
    beyond = LAST_SEEN if last is None else min((last - START).days, LAST_SEEN)
    return range((first - START).days, beyond + 1)


TestContractMachine = ContractMachine.TestCase
TestContractMachine.settings = settings(max_examples=300, stateful_step_count=30, deadline=None)
