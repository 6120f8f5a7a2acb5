"""The plan: what is offered at which price, version by version; contracts stay on the version they were signed on."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from services.customer.items import check_items
from services.errors import NotFound, Refused
from services.events import Aggregate, FirstEvent
from services.values import Item, PlanReference

# -- refusals -----------------------------------------------------------------------------------


class PlanIdentTaken(Refused):
    """A plan ident belongs to one plan only."""

    def __init__(self, plan_ident: str) -> None:
        super().__init__(
            f"Plan ident {plan_ident!r} is taken; choose another one, or PUT a new version of the plan."
        )


class PlanCurrencyFixed(Refused):
    """The currency of a plan never changes; create another plan instead."""


class PlanNotFound(NotFound):
    """There is no such plan."""


# -- the plan -----------------------------------------------------------------------------------


class Plan(Aggregate):
    """Options with their prices; a version is never changed, a new one takes its place for new contracts."""

    TOPIC: ClassVar[str] = "customer.Plan"

    def __init__(self) -> None:
        self.plan_ident: str
        self.name: str
        self.currency: str
        self.versions: list[tuple[Item, ...]] = []
        """The options of version 1, 2, 3 …"""

    # -- events ---------------------------------------------------------------------------------

    class Event(Aggregate.Event):
        plan_id: UUID
        plan_ident: str
        plan_version: int
        name: str
        currency: str
        options: tuple[Item, ...]

        def apply(self, aggregate: "Plan") -> None:
            aggregate.plan_ident = self.plan_ident
            aggregate.name = self.name
            aggregate.currency = self.currency
            aggregate.versions.append(self.options)

    class Created(FirstEvent, Event):
        TOPIC: ClassVar[str] = "customer.PlanCreated"

    class Revised(Event):
        TOPIC: ClassVar[str] = "customer.PlanRevised"

    # -- decisions ------------------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        *,
        plan_id: UUID,
        plan_ident: str,
        name: str,
        currency: str,
        options: Sequence[Item],
        now: datetime,
    ) -> Self:
        check_items(options, "options", "optionIdent")
        return cls._create(
            cls.Created,
            id=plan_id,
            timestamp=now,
            plan_id=plan_id,
            plan_ident=plan_ident,
            plan_version=1,
            name=name,
            currency=currency,
            options=tuple(options),
        )

    def revise(self, *, name: str, currency: str, options: Sequence[Item], now: datetime) -> None:
        """Make a new version of the whole plan; nothing happens if nothing differs from the newest."""
        check_items(options, "options", "optionIdent")
        if currency != self.currency:
            raise PlanCurrencyFixed(f"Plan {self.plan_ident!r} is in {self.currency} and stays so.")
        if (name, tuple(options)) == (self.name, self.options):
            return
        self.trigger_event(
            Plan.Revised,
            timestamp=now,
            plan_id=self.id,
            plan_ident=self.plan_ident,
            plan_version=self.plan_version + 1,
            name=name,
            currency=currency,
            options=tuple(options),
        )

    # -- reading --------------------------------------------------------------------------------

    @property
    def plan_version(self) -> int:
        """Number of the newest version; the first is 1."""
        return len(self.versions)

    @property
    def options(self) -> tuple[Item, ...]:
        """The options of the newest version."""
        return self.versions[-1]

    def has_version(self, plan_version: int) -> bool:
        return 1 <= plan_version <= self.plan_version

    def options_of(self, plan_version: int) -> tuple[Item, ...]:
        """The options of a version that there is."""
        return self.versions[plan_version - 1]

    def reference(self, plan_version: int) -> PlanReference:
        return PlanReference(plan_id=self.id, plan_ident=self.plan_ident, plan_version=plan_version)
