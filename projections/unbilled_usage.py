"""Which usage of a contract no document bills yet, whichever of the two logs is heard first.

A row holds, per item, the quarters of an hour in which something was used and not billed, each with the position of
the last message about it, and what was billed: from which instant, before which one, recorded up to which position. What a credit note took back stays there, with
one quarter of it that is unbilled again in place of all of them, which the row no longer knows.
Days begin on a quarter of an hour in every time zone, so that a quarter is never billed in parts.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from projections.projection import Row
from services.billing.usage import Usage, Used
from services.money import ZERO
from services.values import BilledUsage, UsageEntry

Json = dict[str, Any]

_QUARTER_MINUTES = 15
# In UTC and always as long, so that texts compare as the instants do.
_FORM = "%Y-%m-%dT%H:%MZ"


def nothing(contract_id: UUID) -> Row:
    return {"contract_id": contract_id, "unbilled": {}, "billed": {}}


def add_usage(row: Row, entry: UsageEntry, position: int) -> None:
    """`position` is that of the message in the customer log."""
    quarter = _quarter_of(entry.occurred_at)
    if any(_bills(billed, quarter, position) for billed in row["billed"].get(entry.item_ident, ())):
        return
    quarters = row["unbilled"].setdefault(entry.item_ident, {})
    quarters[quarter] = max(position, quarters.get(quarter, 0))


def add_bill(row: Row, item_ident: str, usage: BilledUsage) -> None:
    """Several lines, one per price, may say that they bill the same."""
    billed = _billed(usage)
    known = [one for one in row["billed"].get(item_ident, ()) if not _bills_again(billed, one)]
    if billed not in known:
        known.append(billed)
    row["billed"][item_ident] = _in_order(known)
    unbilled = row["unbilled"].pop(item_ident, {})
    left = {
        quarter: position for quarter, position in unbilled.items() if not _bills(billed, quarter, position)
    }
    if left:
        row["unbilled"][item_ident] = left


def take_back(row: Row, item_ident: str, usage: BilledUsage, first_day: date) -> None:
    """A credit note lets the usage of a bill be billed again; `first_day` is that of its interval."""
    billed = _billed(usage)
    known = row["billed"].get(item_ident, [])
    if billed not in known:
        return
    begin = usage.occurred_from or datetime.combine(first_day, time(), UTC)
    quarter = min(_quarter_of(begin), billed["before"] or _quarter_of(begin))
    row["billed"][item_ident] = _in_order(
        [*(one for one in known if one != billed), billed | {"again": quarter}]
    )
    quarters = row["unbilled"].setdefault(item_ident, {})
    quarters[quarter] = max(usage.through, quarters.get(quarter, 0))


def to_bill(unbilled: Mapping[str, Mapping[str, int]]) -> Usage:
    """The days (of UTC) on which something was used that is to be billed, as billing looks at them."""
    return Usage(used={item: _days(quarters) for item, quarters in unbilled.items()})


def by_quarters(unbilled: Mapping[str, Mapping[str, int]]) -> Usage:
    """The quarters of an hour (of UTC) in which something was used that is to be billed."""
    return Usage(
        used={item: [_used(*one) for one in quarters.items()] for item, quarters in unbilled.items()}
    )


def _days(quarters: Mapping[str, int]) -> list[Used]:
    days: dict[date, Used] = {}
    for quarter, position in quarters.items():
        used = _used(quarter, position)
        days.setdefault(used.occurred_at.date(), used)
    return list(days.values())


def _used(quarter: str, position: int) -> Used:
    at = datetime.strptime(quarter, _FORM).replace(tzinfo=UTC)
    return Used(occurred_at=at, quantity=ZERO, position=position)


def _quarter_of(instant: datetime) -> str:
    begin = instant.minute // _QUARTER_MINUTES * _QUARTER_MINUTES
    return instant.astimezone(UTC).replace(minute=begin).strftime(_FORM)


def _billed(usage: BilledUsage) -> Json:
    return {
        "from": usage.occurred_from and _quarter_of(usage.occurred_from),
        "before": usage.occurred_before and _quarter_of(usage.occurred_before),
        "through": usage.through,
    }


def _in_order(billed: list[Json]) -> list[Json]:
    return sorted(billed, key=lambda one: (one["from"] or "", one["before"] or "", one["through"], len(one)))


def _bills_again(billed: Json, before: Json) -> bool:
    """Whether a new bill is of what another one billed that was taken back."""
    return "again" in before and _bills(billed, before["again"], before["through"])


def _bills(billed: Json, quarter: str, position: int) -> bool:
    since, before, through = billed["from"], billed["before"], billed["through"]
    in_time = (since is None or since <= quarter) and (before is None or quarter < before)
    return bool(in_time and position <= through)
