"""What an item of a contract, and an option of a plan, must be; and terms that differ from those offered."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise

from msgspec import structs

from services.errors import FieldError, InvalidFields
from services.values import (
    BillingInterval,
    BillingTiming,
    IntervalUnit,
    Item,
    ItemChange,
    ItemKind,
    PriceModel,
    Pricing,
    Tier,
)

MONTHS_PER_YEAR = 12

Changes = Mapping[str, ItemChange]
"""Changes of items as they were asked for, by the JSON path of the ident that names the item."""

CALENDAR_NEEDS = "calendar alignment needs 1, 2, 3, 4, 6 or 12 months or 1 year; use ANNIVERSARY otherwise"


def flat(unit_price: Decimal, included_quantity: Decimal = Decimal(0)) -> Pricing:
    """One price for every unit that is not included."""
    tiers = (Tier(up_to=None, unit_price=unit_price),)
    return Pricing(model=PriceModel.FLAT, tiers=tiers, included_quantity=included_quantity)


# -- what an item must be -----------------------------------------------------------------------


def check_items(items: Sequence[Item], path: str, ident_field: str) -> None:
    """Raise InvalidFields for the first item, at `path[index]`, that is not one or whose ident is used twice."""
    seen: set[str] = set()
    for index, item in enumerate(items):
        if item.item_ident in seen:
            raise _invalid(f"{path}[{index}].{ident_field}", "is used twice", item.item_ident)
        seen.add(item.item_ident)
        _check_item(item, f"{path}[{index}]")


def _check_item(item: Item, path: str) -> None:
    if item.kind is ItemKind.USAGE:
        _check_usage(item, path)
        return
    if item.pricing:
        raise _invalid(f"{path}.pricing", f"does not apply to a {item.kind} item; give its unitPrice")
    if item.unit_price is None:
        raise _invalid(f"{path}.unitPrice", f"is needed for a {item.kind} item")
    if item.kind is ItemKind.ONE_TIME and (item.billing_interval or item.billing_timing):
        raise _invalid(f"{path}.billingInterval", "does not apply to a ONE_TIME item")
    if item.kind is ItemKind.RECURRING and not (item.billing_interval and item.billing_timing):
        raise _invalid(f"{path}.billingInterval", "a RECURRING item needs billingInterval and billingTiming")


def _check_usage(item: Item, path: str) -> None:
    """Usage is known when an interval is over: it is billed in arrears, and measured instead of agreed."""
    if item.billing_interval is None:
        raise _invalid(f"{path}.billingInterval", "is needed for a USAGE item")
    if item.billing_timing is not BillingTiming.INTERVAL_END:
        raise _invalid(f"{path}.billingTiming", "a USAGE item is billed at INTERVAL_END", item.billing_timing)
    if item.quantity != 1:
        raise _invalid(f"{path}.quantity", "does not apply to a USAGE item: it is measured", item.quantity)
    if item.pricing is None:
        raise _invalid(f"{path}.pricing", "a USAGE item needs pricing or a unitPrice")
    if item.unit_price is not None:
        raise _invalid(f"{path}.unitPrice", "give either unitPrice or pricing")
    check_pricing(item.pricing, f"{path}.pricing")


def check_pricing(pricing: Pricing, path: str) -> None:
    """Tiers go up, begin above 0, and the last one, and only that, has no end; FLAT has one."""
    *before, last = pricing.tiers
    if pricing.model is PriceModel.FLAT and before:
        raise _invalid(f"{path}.tiers", "a FLAT price has one tier; use GRADUATED or VOLUME")
    if last.up_to is not None:
        raise _invalid(f"{path}.tiers[{len(before)}].upTo", "the last tier has no end: send null", last.up_to)
    ends = [Decimal(0), *(tier.up_to for tier in before if tier.up_to is not None)]
    if len(ends) <= len(before):
        raise _invalid(f"{path}.tiers", "only the last tier may have no end")
    for index, (lower, upper) in enumerate(pairwise(ends)):
        if upper <= lower:
            raise _invalid(f"{path}.tiers[{index}].upTo", f"must be greater than {lower:f}", upper)


def fits_calendar(interval: BillingInterval) -> bool:
    """Calendar intervals begin on the first of a month and tile the year."""
    tiles = {
        IntervalUnit.DAY: False,
        IntervalUnit.MONTH: MONTHS_PER_YEAR % interval.count == 0,
        IntervalUnit.YEAR: interval.count == 1,
    }
    return tiles[interval.unit]


def shape(item: Item) -> tuple[ItemKind, BillingInterval | None, BillingTiming | None]:
    """What never changes of an item under one ident, as its billed intervals rest on it."""
    return item.kind, item.billing_interval, item.billing_timing


def length(interval: BillingInterval) -> str:
    """`3 MONTH`."""
    return f"{interval.count} {interval.unit}"


def described(item: Item) -> str:
    """An item's shape in words: `RECURRING every 1 MONTH at INTERVAL_START`."""
    if item.billing_interval is None:
        return item.kind
    return f"{item.kind} every {length(item.billing_interval)} at {item.billing_timing}"


# -- terms that differ --------------------------------------------------------------------------


def fitted(changes: Changes, items: Iterable[Item], where: str) -> list[ItemChange]:
    """The changes as they apply to `items`, each of which is one's own; `where` says what the items are."""
    known = {item.item_ident: item for item in items}
    for path, change in changes.items():
        if change.item_ident not in known:
            raise _invalid(path, f"is not an item of {where}", change.item_ident)
    return [_fitted(change, known[change.item_ident], path) for path, change in changes.items()]


def _fitted(change: ItemChange, item: Item, path: str) -> ItemChange:
    """A change that suits the item's kind: the price of used units is a pricing, whose included units stay."""
    at = path.rpartition(".")[0]
    if item.kind is not ItemKind.USAGE:
        if change.pricing:
            raise _invalid(f"{at}.pricing", f"does not apply to a {item.kind} item; change its unitPrice")
        return change
    if change.quantity is not None:
        raise _invalid(f"{at}.quantity", "does not apply to a USAGE item: it is measured", change.quantity)
    if change.pricing:
        if change.unit_price is not None:
            raise _invalid(f"{at}.unitPrice", "give either unitPrice or pricing")
        check_pricing(change.pricing, f"{at}.pricing")
        return change
    if change.unit_price is None:
        return change
    assert item.pricing is not None
    pricing = flat(change.unit_price, item.pricing.included_quantity)
    return structs.replace(change, unit_price=None, pricing=pricing)


def changed(items: Iterable[Item], changes: Iterable[ItemChange]) -> tuple[Item, ...]:
    """The items at the terms of the changes."""
    after = {item.item_ident: item for item in items}
    for change in changes:
        after[change.item_ident] = change.applied_to(after[change.item_ident])
    return tuple(after.values())


def _invalid(path: str, message: str, value: object = None) -> InvalidFields:
    return InvalidFields(FieldError(path, message, str(value) if value is not None else None))
