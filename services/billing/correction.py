"""The correction proposal: what a backdated change of a contract makes of its bills, for a person to decide on."""

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar, Self
from uuid import UUID

import msgspec

from services.errors import NotFound, Refused
from services.events import Aggregate, FirstEvent
from services.messages import CorrectionProposed
from services.values import DocumentLine, ProposedCredit


class CorrectionNotFound(NotFound):
    """There is no such correction proposal."""


class CorrectionClosed(Refused):
    """Only an open correction proposal can be accepted or declined."""


class CorrectionOutdated(Refused):
    """Something changed since this correction was proposed: look at the proposal that takes its place."""


class CorrectionImpossible(Refused):
    """What would be billed in the place of what is credited cannot be billed."""


class CorrectionProposal(Aggregate):
    """Open until it is accepted, declined or superseded."""

    TOPIC: ClassVar[str] = "billing.CorrectionProposal"

    def __init__(self) -> None:
        self.proposed: CorrectionProposed
        self.is_open: bool

    class Event(Aggregate.Event):
        proposal_id: UUID
        customer_id: UUID
        contract_id: UUID

    class Proposed(FirstEvent, Event):
        TOPIC: ClassVar[str] = "billing.CorrectionProposed"

        debtor_ident: str
        contract_ident: str
        since: date
        causes: tuple[int, ...]
        currency: str
        credits: tuple[ProposedCredit, ...]
        bills: tuple[DocumentLine, ...]
        net: Decimal
        gross: Decimal

        def apply(self, aggregate: "CorrectionProposal") -> None:
            fields = CorrectionProposed.__struct_fields__
            aggregate.proposed = CorrectionProposed(**{name: getattr(self, name) for name in fields})
            aggregate.is_open = True

    class Accepted(Event):
        TOPIC: ClassVar[str] = "billing.CorrectionAccepted"

        documents: tuple[UUID, ...]

        def apply(self, aggregate: "CorrectionProposal") -> None:
            aggregate.is_open = False

    class Declined(Event):
        TOPIC: ClassVar[str] = "billing.CorrectionDeclined"

        reason: str

        def apply(self, aggregate: "CorrectionProposal") -> None:
            aggregate.is_open = False

    class Superseded(Event):
        TOPIC: ClassVar[str] = "billing.CorrectionSuperseded"

        def apply(self, aggregate: "CorrectionProposal") -> None:
            aggregate.is_open = False

    @classmethod
    def propose(cls, proposed: CorrectionProposed, now: datetime) -> Self:
        return cls._create(
            cls.Proposed, id=proposed.proposal_id, timestamp=now, **msgspec.structs.asdict(proposed)
        )

    def accept(self, documents: tuple[UUID, ...], now: datetime) -> None:
        """Close the proposal with the documents that were issued for it."""
        self._check_open()
        self.trigger_event(self.Accepted, timestamp=now, documents=documents, **self._ids())

    def decline(self, reason: str, now: datetime) -> None:
        """Close the proposal; what is billed stays."""
        self._check_open()
        self.trigger_event(self.Declined, timestamp=now, reason=reason, **self._ids())

    def supersede(self, now: datetime) -> None:
        """Close the proposal because it is no longer right."""
        self.trigger_event(self.Superseded, timestamp=now, **self._ids())

    def check_still(self, credited: tuple[ProposedCredit, ...], bills: tuple[DocumentLine, ...]) -> None:
        """Refuse to issue anything else than what was proposed."""
        self._check_open()
        if (credited, bills) != (self.proposed.credits, self.proposed.bills):
            raise CorrectionOutdated("What is to be corrected has changed; look at the newest proposal.")

    def _check_open(self) -> None:
        if not self.is_open:
            raise CorrectionClosed("This proposal was accepted, declined or superseded already.")

    def _ids(self) -> dict[str, UUID]:
        return {
            "proposal_id": self.id,
            "customer_id": self.proposed.customer_id,
            "contract_id": self.proposed.contract_id,
        }
