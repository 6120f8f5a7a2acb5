"""Why an item of a contract had its price and its days: which events set them, and what they say."""

from collections.abc import Iterator
from datetime import date

from services.billing.explaining.known import Known
from services.billing.explaining.steps import Length, Prices, Rule, Step, Unit, Word, named
from services.billing.schedule import Interval
from services.messages import (
    ContractAmended,
    ContractPaused,
    ContractResumed,
    ContractTerminated,
    Envelope,
)
from services.terms import ONE_DAY, ContractTerms
from services.values import BillingTiming, Item, ItemChange, Period

PRICE_FIELDS = ("unit_price", "pricing")


class ItemTerms:
    """An item of a contract at its terms of a day, and the events that they come from."""

    def __init__(self, known: Known, terms: ContractTerms, item: Item, on: date) -> None:
        self._known = known
        self._terms = terms
        self._on = on
        self.item = item

    # -- terms ----------------------------------------------------------------------------------

    def origin(self) -> Step:
        signed = self._terms.signed
        values = {"contract": signed.contract_ident, "item": self.item.item_ident, "day": signed.signed_on}
        return Step(Rule.ORIGIN, "contract", values, events=named([self._known.first]))

    def price(self) -> Step:
        """The price, and who set it: the signature, the plan, or an amendment."""
        item = self.item
        event = self._set_by(*PRICE_FIELDS)
        tiers = item.pricing.tiers if item.pricing else ()
        prices = tuple(tier.unit_price for tier in tiers) if item.unit_price is None else (item.unit_price,)
        values: dict[str, object] = {"price": Prices(prices), "unit": Unit(item.unit)}
        if isinstance(amended := event.body, ContractAmended):
            form = "added" if self._is_added_by(amended) else "amended"
            values["day"], plan = amended.effective_on, amended.plan
        else:
            form, plan = "signed", self._terms.signed.plan
            values["day"] = self._terms.signed.signed_on
            if plan and any(self._is_set(change, *PRICE_FIELDS) for change in self._terms.signed.overrides):
                form = "override"
        if plan:
            values |= {"plan": plan.plan_ident, "version": plan.plan_version}
            form = {"signed": "plan", "amended": "moved", "added": "moved"}.get(form, form)
        return Step(Rule.PRICE, form, values, item.unit_price, named([event]))

    def quantity_events(self) -> tuple[str, ...]:
        return named([self._set_by("quantity")])

    def _set_by(self, *fields: str) -> Envelope:
        """The event that set one of these fields last: it brought the item, or changed it."""
        ident = self.item.item_ident
        found = self._known.first
        is_there = any(item.item_ident == ident for item in self._terms.signed.items)
        for envelope, amended in self._known.amendments():
            if amended.effective_on > self._on:
                break
            is_there = is_there and ident not in amended.removed
            if self._is_added_by(amended):
                is_there, found = True, envelope
            if is_there and any(self._is_set(change, *fields) for change in amended.changes):
                found = envelope
        return found

    def _is_added_by(self, amended: ContractAmended) -> bool:
        return any(item.item_ident == self.item.item_ident for item in amended.added)

    def _is_set(self, change: ItemChange, *fields: str) -> bool:
        is_ours = change.item_ident == self.item.item_ident
        return is_ours and any(getattr(change, name) is not None for name in fields)

    # -- days -----------------------------------------------------------------------------------

    def interval(self, interval: Interval, due_on: date) -> Step:
        """The whole interval, and when it is due."""
        length, timing = self.item.billing_interval, self.item.billing_timing
        assert length is not None
        values = {
            "length": Length(length.count, length.unit),
            "alignment": Word(f"alignment.{self._terms.signed.alignment}"),
            "interval": Period(first=interval.first, last=interval.last),
            "due": due_on,
        }
        form = timing or BillingTiming.INTERVAL_END
        return Step(Rule.INTERVAL, form.value, values, events=named([self._known.first]))

    def active_days(self, days: Period, interval: Interval) -> Iterator[Step]:
        """Why not the whole interval is billed: what its first and its last billed day are due to."""
        if days.first > interval.first:
            form, events = self._beginning(days.first)
            yield Step(Rule.ACTIVE_DAYS, form, {"day": days.first}, events=named(events))
        if days.last < interval.last:
            form, events = self._end(days.last)
            yield Step(Rule.ACTIVE_DAYS, form, {"day": days.last}, events=named(events))

    def _beginning(self, day: date) -> tuple[str, list[Envelope]]:
        signed = self._terms.signed
        if day == signed.starts_on:
            return "starts", [self._known.first]
        if day == signed.billing_starts_on:
            return "billing_starts", [self._known.first]
        if any(pause.resumed_from == day for pause in self._terms.pauses):
            return "resumed", list(self._known.last(ContractResumed, resumed_from=day))
        if amendments := self._amendments_of(day):
            return "changed", amendments
        return "billed_before", []

    def _end(self, day: date) -> tuple[str, list[Envelope]]:
        terms, known, after = self._terms, self._known, day + ONE_DAY
        if terms.termination and terms.termination.terminates_on == day:
            return "terminated", list(known.last(ContractTerminated, terminates_on=day))
        if day == terms.signed.ends_on:
            return "ends", [known.first]
        if any(pause.first == after for pause in terms.pauses):
            return "paused", list(known.last(ContractPaused, paused_from=after))
        if amendments := self._amendments_of(after):
            return "until_change", amendments
        return "billed_after", []

    def _amendments_of(self, day: date) -> list[Envelope]:
        """The amendments of a day that concern the item."""
        return [
            e
            for e, amended in self._known.amendments()
            if amended.effective_on == day and self._is_in(amended)
        ]

    def _is_in(self, amended: ContractAmended) -> bool:
        ident = self.item.item_ident
        named_in = {change.item_ident for change in amended.changes} | set(amended.removed)
        return ident in named_in or self._is_added_by(amended)
