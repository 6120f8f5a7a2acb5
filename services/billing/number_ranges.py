"""Number ranges: one per billing entity and type of document, with a counter per year of issue.

No number exists twice, as each prefix belongs to one range for good, and none is left out, as a counter that has begun
only goes on (§ 14 (4) sentence 1 no. 4 UStG).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from services.errors import Refused
from services.messages import BillingEntityDefined, DocumentType
from services.values import NumberRange

SUFFIXES = {DocumentType.INVOICE: "", DocumentType.CREDIT_NOTE: "-GS", DocumentType.CORRECTION: "-RK"}
"""What follows the invoices' prefix where a type has none of its own: RE-2026-000001, RE-GS-2026-000001."""


class PrefixTaken(Refused):
    """A number prefix belongs to one number range for good, so that no number exists twice."""


class NumbersAllotted(Refused):
    """A number range that has begun goes on where it stands: no number is given twice or left out."""


@dataclass(frozen=True, slots=True)
class Counter:
    """A range in one year: its first number, and the last that was allotted (the one before the first, if none was)."""

    first: int
    last: int

    def may_begin_at(self, number: int) -> bool:
        """Whether it can be said to begin there; what was said before, and what is true anyway, can always be said."""
        return self.last < self.first or number in (self.first, self.last + 1)


@dataclass(frozen=True, slots=True)
class Numbering:
    """The number ranges as they are, when the settings of a billing entity are to change."""

    owners: Mapping[str, tuple[UUID, DocumentType]] = field(default_factory=dict)
    """Which billing entity's range each prefix belongs to, also one that is not in use any more."""
    counters: Mapping[tuple[DocumentType, int], Counter] = field(default_factory=dict)
    """The billing entity's own, by type and year."""

    def check(self, billing_entity_id: UUID, ranges: Mapping[DocumentType, NumberRange]) -> None:
        """Raise PrefixTaken or NumbersAllotted where these ranges cannot be the billing entity's."""
        owners = dict(self.owners)
        for kind, number_range in ranges.items():
            prefix, own = number_range.prefix, (billing_entity_id, kind)
            if owners.setdefault(prefix, own) != own:
                raise PrefixTaken(
                    f"The prefix {prefix!r} belongs to another number range; choose another one."
                )
            self._check_begin(kind, number_range)

    def _check_begin(self, kind: DocumentType, number_range: NumberRange) -> None:
        if number_range.next is None or number_range.year is None:
            return
        counter = self.counters.get((kind, number_range.year))
        if counter and not counter.may_begin_at(number_range.next):
            raise NumbersAllotted(
                f"{number_range.prefix}: the number {counter.last} of {number_range.year} is allotted,"
                f" so {counter.last + 1} is next; leave next and year out."
            )


def completed(
    invoice_prefix: str, own: Mapping[DocumentType, NumberRange]
) -> dict[DocumentType, NumberRange]:
    """The ranges of all types: those given, and for the others one whose prefix follows from the invoices'."""
    return {
        kind: own.get(kind, NumberRange(prefix=invoice_prefix + suffix)) for kind, suffix in SUFFIXES.items()
    }


def ranges_of(entity: BillingEntityDefined) -> dict[DocumentType, NumberRange]:
    """The ranges of a billing entity, also of one that was defined before it had settings for them."""
    return completed(entity.number_prefix, entity.number_ranges)
