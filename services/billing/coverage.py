"""What of a contract is billed, day by day: the proof that nothing was forgotten and nothing billed twice."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from services.billing.due import Billable, Cutoff, Progress, billed_also, positions
from services.billing.schedule import grid, segments
from services.billing.usage import Meter, Usage, Used
from services.terms import ONE_DAY, ContractTerms, Phase
from services.values import BilledUsage, ItemKind, Period


@dataclass(frozen=True, slots=True)
class Bill:
    """Days of an item that a line of a document bills; of what is billed once, the day of its supply."""

    document_id: UUID
    document_number: str
    item: str
    days: Period
    issued_on: date
    usage: BilledUsage | None = None
    credited_by: tuple[str, ...] = ()
    """Numbers of the credit notes that take something of it back."""
    is_released: bool = False
    """One of them lets it be billed again."""


@dataclass(frozen=True, slots=True)
class ItemCoverage:
    """An item with all its bills, in the order of their days, and what is wrong with them: nothing, if both lists are empty.

    Gaps are days that are to be paid for and on no bill, though later ones are, or though they were due on the day up
    to which the contract was billed last. Overlaps are days that stand on two bills. Bills that were released do not count.
    """

    item: str
    billed_through: date | None
    bills: Sequence[Bill]
    gaps: Sequence[Period]
    overlaps: Sequence[Period]


def coverage(
    contract_id: UUID, terms: ContractTerms, bills: Sequence[Bill], unbilled: Usage
) -> list[ItemCoverage]:
    """Each item that the contract ever had, in its order; `unbilled` is what was used of it and stands on no bill."""
    contract = _Contract(contract_id, terms, bills, unbilled)
    idents = dict.fromkeys(
        [*(item.item_ident for item in terms.items_ever()), *(bill.item for bill in bills)]
    )
    return [contract.item(ident) for ident in idents]


class _Contract:
    def __init__(
        self, contract_id: UUID, terms: ContractTerms, bills: Sequence[Bill], unbilled: Usage
    ) -> None:
        self._contract_id = contract_id
        self._terms = terms
        self._bills = sorted(bills, key=lambda bill: (bill.days.first, bill.document_number))
        self._standing = [bill for bill in self._bills if not bill.is_released]
        self._unbilled = unbilled
        self._phases = terms.phases()
        self._cutoff = _reached(self._bills)
        self._gaps: Mapping[ItemKind, Callable[[str, Sequence[Phase]], Iterator[Period]]] = {
            ItemKind.ONE_TIME: self._one_time_gaps,
            ItemKind.RECURRING: self._recurring_gaps,
            ItemKind.USAGE: self._usage_gaps,
        }

    def item(self, ident: str) -> ItemCoverage:
        standing = [bill for bill in self._standing if bill.item == ident]
        phases = self._phases.get(ident)
        return ItemCoverage(
            item=ident,
            billed_through=max((bill.days.last for bill in standing), default=None),
            bills=[bill for bill in self._bills if bill.item == ident],
            gaps=list(self._gaps[phases[0].item.kind](ident, phases)) if phases else [],
            overlaps=list(_overlaps(standing)),
        )

    # -- gaps -----------------------------------------------------------------------------------

    def _recurring_gaps(self, ident: str, phases: Sequence[Phase]) -> Iterator[Period]:
        billed = self._billed(ident)
        through = billed[-1].last if billed else date.min
        for segment in segments(self._terms, phases, billed):
            is_due = self._cutoff is not None and self._cutoff.reaches(
                segment.item.billing_timing, segment.due_on
            )
            if not is_due and segment.last > through:
                return
            yield segment.period

    def _one_time_gaps(self, ident: str, _: Sequence[Phase]) -> Iterator[Period]:
        if self._cutoff:
            billable = Billable(self._contract_id, self._terms, self._progress())
            for position in positions(billable, self._cutoff):
                if position.item == ident:
                    yield Period(first=position.supplied_on, last=position.supplied_on)

    def _usage_gaps(self, ident: str, phases: Sequence[Phase]) -> Iterator[Period]:
        """The intervals of what was used and should be on a bill."""
        missing = [
            used for used in self._unbilled.used.get(ident, ()) if self._is_missing(ident, phases, used)
        ]
        usage = Usage({ident: missing}, self._unbilled.zone)
        yield from Meter(self._terms, phases, usage, ()).unbilled()

    def _is_missing(self, ident: str, phases: Sequence[Phase], used: Used) -> bool:
        """Whether something later is billed, or was due.

        In the seller's calendar it may have been used on the day before or after: the end of the interval counts that
        it can at the latest belong to.
        """
        bills = [bill.usage for bill in self._standing if bill.item == ident and bill.usage]
        if any(used.occurred_at < (usage.occurred_before or _NEVER) for usage in bills):
            return True
        interval = grid(self._terms, phases[0].item).interval_at(self._unbilled.day_of(used) + ONE_DAY)
        return self._cutoff is not None and interval.last <= self._cutoff.ended_by

    # -- what is billed -------------------------------------------------------------------------

    def _billed(self, ident: str) -> Sequence[Period]:
        return self._progress().get(ident, ())

    def _progress(self) -> Progress:
        """What the standing bills come to."""
        progress: dict[str, Sequence[Period]] = {}
        for bill in self._standing:
            progress[bill.item] = billed_also(progress.get(bill.item, ()), bill.days)
        return progress


_NEVER = datetime.max.replace(tzinfo=UTC)


def _reached(bills: Sequence[Bill]) -> Cutoff | None:
    """How far the contract was billed, by its newest document; a run up to an instant leaves what ends that day."""
    days = [bill.issued_on for bill in bills]
    return Cutoff(max(days), max(days) - ONE_DAY) if days else None


def _overlaps(bills: Sequence[Bill]) -> Iterator[Period]:
    """Days that are billed twice; usage of the same days may have several bills, one after the other."""
    measured: set[tuple[date, int]] = set()
    through: date | None = None
    for bill in bills:
        if bill.usage:
            key = (bill.days.first, bill.usage.late)
            if key in measured:
                yield bill.days
            measured.add(key)
            continue
        if through and bill.days.first <= through:
            yield Period(first=bill.days.first, last=min(through, bill.days.last))
        through = max(through or bill.days.last, bill.days.last)
