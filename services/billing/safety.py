"""Safety stops: what is not issued without somebody's look, although every sum of it is right."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

from services.billing.document import Draft
from services.billing.due import Billable, LastAmount
from services.errors import KontorError
from services.money import ZERO
from services.values import DocumentLine, Period


class BilledTwice(KontorError):
    """The same days of an item are never billed twice."""


class Unusual(KontorError):
    """An amount far beyond what was billed last is looked at by somebody before it is issued."""


def recurring(lines: Iterable[DocumentLine]) -> Iterator[DocumentLine]:
    """The lines that bill days of a contract's item at a price that is agreed."""
    return (line for line in lines if line.period and not line.usage and not line.credits)


def line_amount_of(line: DocumentLine) -> Decimal:
    """What a line costs before its allowances and charges, which come and go; on a credit note the same."""
    adjusted = sum((c.amount for c in line.charges), ZERO) - sum((a.amount for a in line.allowances), ZERO)
    return abs(line.net - adjusted)


def check_once(billables: Iterable[Billable], drafts: Iterable[Draft]) -> None:
    """Raise BilledTwice where two lines bill the same days of an item, or one bills days that are billed already."""
    progress = {billable.billable_id: billable.progress for billable in billables}
    for (billable_id, item), lines in _by_item(drafts).items():
        billed = progress[billable_id].get(item, ())
        periods = sorted([*billed, *(line.days for line in lines)], key=lambda period: period.first)
        for one, next_one in pairwise(periods):
            if next_one.first <= one.last:
                raise BilledTwice(_billed_twice(lines[0], next_one))


def _billed_twice(line: DocumentLine, days: Period) -> str:
    return (
        f"{line.origin.ident}: the days from {days.first} of {line.origin.item!r} would be billed a second time;"
        " please report this."
    )


def check_usual(billables: Iterable[Billable], drafts: Iterable[Draft], multiple: int) -> None:
    """Raise Unusual where a day of an item costs more than `multiple` times what it cost when it was billed last.

    It compares days, so that intervals that are made up are no more than they are; an item's first bill is not
    compared (decision 0012).
    """
    last = {billable.billable_id: billable.last_amounts for billable in billables}
    for (billable_id, item), lines in _by_item(drafts).items():
        if (before := last[billable_id].get(item)) and before.amount > 0:
            for line in lines:
                if line_amount_of(line) * before.days > multiple * before.amount * line.days.length_days:
                    raise Unusual(_unusual(line, multiple, before))


def _unusual(line: DocumentLine, multiple: int, last: LastAmount) -> str:
    return (
        f"{line.origin.ident}: {line.net} for {line.origin.item!r} from {line.days.first} to {line.days.last} is more"
        f" than {multiple} times what was billed last, {last.amount} for {last.days} days. Correct the contract, or, if it is right,"
        " run or retry with acceptUnusual."
    )


def _by_item(drafts: Iterable[Draft]) -> dict[tuple[UUID, str], Sequence[DocumentLine]]:
    found: defaultdict[tuple[UUID, str], list[DocumentLine]] = defaultdict(list)
    for draft in drafts:
        for line in recurring(draft.lines):
            found[line.origin.id, line.origin.item].append(line)
    return dict(found)
