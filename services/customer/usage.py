"""Usage: what was used of a contract's USAGE items, as metered and reported by upstream systems."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Self
from uuid import UUID

from services.errors import FieldError
from services.events import Aggregate, FirstEvent
from services.terms import ONE_DAY, ContractTerms
from services.values import UsageEntry

CLOCKS_DIFFER_BY = timedelta(days=1)
"""How far ahead of ours the clock of whoever meters usage may be."""


class UsageReport(Aggregate):
    """The usage of one contract that came in together; it never changes."""

    TOPIC: ClassVar[str] = "customer.UsageReport"

    # -- events ---------------------------------------------------------------------------------

    class Event(Aggregate.Event):
        usage_id: UUID
        contract_id: UUID
        customer_id: UUID

    class Recorded(FirstEvent, Event):
        TOPIC: ClassVar[str] = "customer.UsageRecorded"

        entries: tuple[UsageEntry, ...]

    # -- decisions ------------------------------------------------------------------------------

    @classmethod
    def record(
        cls,
        *,
        usage_id: UUID,
        contract_id: UUID,
        customer_id: UUID,
        entries: Sequence[UsageEntry],
        now: datetime,
    ) -> Self:
        """Record entries, each of which `wrong_with` found nothing wrong with."""
        return cls._create(
            cls.Recorded,
            id=usage_id,
            timestamp=now,
            usage_id=usage_id,
            contract_id=contract_id,
            customer_id=customer_id,
            entries=tuple(entries),
        )


def wrong_with(entry: UsageEntry, terms: ContractTerms, now: datetime) -> FieldError | None:
    """Why an entry cannot be recorded for a contract, by the field of the entry; None if it can.

    A day of grace before the contract's first and after its last day leaves the time zone to whoever bills.
    """
    ident = terms.signed.contract_ident
    if terms.cancelled:
        return FieldError("contractIdent", "the contract is cancelled", ident)
    if not terms.measures(entry.item_ident):
        return FieldError("optionIdent", f"is not a USAGE item of contract {ident!r}", entry.item_ident)
    if message := _wrong_time(entry.occurred_at, terms, now):
        return FieldError("occurredAt", message, entry.occurred_at.isoformat())
    return None


def _wrong_time(occurred_at: datetime, terms: ContractTerms, now: datetime) -> str | None:
    day = occurred_at.astimezone(UTC).date()
    if occurred_at > now + CLOCKS_DIFFER_BY:
        return "lies in the future"
    if day < terms.signed.starts_on - ONE_DAY:
        return f"is before the contract's first day {terms.signed.starts_on}"
    if terms.last_day and day > terms.last_day + ONE_DAY:
        return f"is after the contract's last day {terms.last_day}"
    return None
