"""Amending a contract: which changes of its items an amendment from a day on means, and which are refused."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from services.customer.items import (
    CALENDAR_NEEDS,
    Changes,
    changed,
    check_items,
    described,
    fits_calendar,
    fitted,
    length,
    shape,
)
from services.errors import FieldError, InvalidFields, Refused
from services.messages import ContractAmended
from services.terms import ContractTerms
from services.values import Alignment, Item, ItemChange, ItemKind, PlanReference

CHANGEABLE = [name for name in ItemChange.__struct_fields__ if name != "item_ident"]

# -- refusals -----------------------------------------------------------------------------------


class ItemReshaped(Refused):
    """Kind, billing interval and timing of an item never change under one ident."""

    def __init__(self, before: Item, after: Item) -> None:
        super().__init__(
            f"{after.item_ident!r} was {described(before)} and would be {described(after)}: "
            "what was billed of it rests on that. Give it a new ident."
        )


class ChargedOnce(Refused):
    """What is charged once cannot be changed or removed after the day it is charged on."""

    def __init__(self, item: Item, charged_on: date) -> None:
        super().__init__(
            f"{item.item_ident!r} is charged on {charged_on}; credit it on its document, or change it from that day."
        )


class NothingLeft(Refused):
    """A contract has an item on each of its days; terminate it, or cancel it, to remove the last."""


# -- what is asked for --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlanMove:
    """The move of a contract to another version of its plan."""

    plan: PlanReference
    before: Sequence[Item]
    """The options of the version that the contract is on."""
    after: Sequence[Item]


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """New terms as they were asked for; what is added, removed and changed comes on top of a move."""

    effective_on: date
    changes: Changes = field(default_factory=dict)
    added: Sequence[Item] = ()
    removed: Sequence[str] = ()
    """Item idents."""
    move: PlanMove | None = None


# -- what it means ------------------------------------------------------------------------------


def amended(terms: ContractTerms, asked: Amendment) -> ContractAmended | None:
    """The amendment as it is recorded, None if it would change nothing; raises InvalidFields and the refusals above."""
    day = asked.effective_on
    before = terms.items_on(day)
    moved = _moved(terms, asked.move, day) if asked.move else _Moved()
    known = _applied(before, moved.changes, moved.added, moved.removed)
    _check_named_once(asked)
    _check_removed(terms, asked, known)
    _check_added(terms, asked, known)
    changes = fitted(asked.changes, known, f"the contract on {day}")
    _check_not_charged(terms, day, [*asked.removed, *(change.item_ident for change in changes)])
    amendment = ContractAmended(
        contract_id=terms.signed.contract_id,
        customer_id=terms.signed.customer_id,
        effective_on=day,
        changes=(*(c for c in moved.changes if c.item_ident not in asked.removed), *changes),
        added=(*(i for i in moved.added if i.item_ident not in asked.removed), *asked.added),
        removed=tuple(dict.fromkeys((*moved.removed, *(r for r in asked.removed if r in _by_ident(before))))),
        plan=asked.move.plan if asked.move else None,
    )
    after = _applied(before, amendment.changes, amendment.added, amendment.removed)
    if not after:
        raise NothingLeft(f"Nothing would be left of contract {terms.signed.contract_ident!r} from {day} on.")
    return (
        None if (after, amendment.plan or terms.plan_on(day)) == (before, terms.plan_on(day)) else amendment
    )


def _applied(
    items: Iterable[Item], changes: Iterable[ItemChange], added: Sequence[Item], removed: Sequence[str]
) -> tuple[Item, ...]:
    return changed([*(item for item in items if item.item_ident not in removed), *added], changes)


# -- moving to another version of the plan ------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Moved:
    changes: Sequence[ItemChange] = ()
    added: Sequence[Item] = ()
    removed: Sequence[str] = ()


def _moved(terms: ContractTerms, move: PlanMove, day: date) -> _Moved:
    """What a move changes. Where the contract differs from its version, by overrides or amendments, it stays as it is:
    its own terms, its own items, the options it does not have. So does what it was charged once.
    """
    before, after = _by_ident(move.before), _by_ident(move.after)
    mine = {
        ident: item
        for ident, item in _by_ident(terms.items_on(day)).items()
        if ident in before and shape(item) == shape(before[ident]) and not _charged_before(terms, item, day)
    }
    there = _by_ident(terms.items_on(day))
    added = [item for ident, item in after.items() if ident not in before and ident not in there]
    _check_shapes(terms, added)
    _check_days_after(terms, day, [("planVersion", item) for item in added])
    _check_calendar(terms, [("planVersion", item) for item in added])
    overrides = {change.item_ident: change for change in terms.signed.overrides}
    return _Moved(
        changes=[
            change
            for ident, item in mine.items()
            if ident in after
            if (change := _moved_item(item, before[ident], after[ident], overrides.get(ident)))
        ],
        added=changed(added, (overrides[i.item_ident] for i in added if i.item_ident in overrides)),
        removed=[ident for ident in mine if ident not in after],
    )


def _moved_item(item: Item, before: Item, after: Item, override: ItemChange | None) -> ItemChange | None:
    """What the new version changes of an item: every field in which the contract followed the old one."""
    if shape(after) != shape(item):
        raise ItemReshaped(item, after)
    own = {name for name in CHANGEABLE if getattr(item, name) != getattr(before, name)}
    own |= {name for name in CHANGEABLE if override and getattr(override, name) is not None}
    new = {name: getattr(after, name) for name in CHANGEABLE if name not in own}
    change = ItemChange(item_ident=item.item_ident, **{n: v for n, v in new.items() if v != getattr(item, n)})
    return change if change != ItemChange(item_ident=item.item_ident) else None


# -- checking -----------------------------------------------------------------------------------


def _check_named_once(asked: Amendment) -> None:
    """Removing, adding and changing one item at once would leave open what is meant."""
    named: set[str] = set()
    for path, ident in [
        *((path, change.item_ident) for path, change in asked.changes.items()),
        *((path, item.item_ident) for path, item in _at(asked.added, "itemIdent")),
        *((f"remove[{index}]", ident) for index, ident in enumerate(asked.removed)),
    ]:
        if ident in named:
            raise InvalidFields(FieldError(path, "is named twice in this amendment", ident))
        named.add(ident)


def _check_removed(terms: ContractTerms, asked: Amendment, known: Sequence[Item]) -> None:
    there = _by_ident([*terms.items_on(asked.effective_on), *known])
    for index, ident in enumerate(asked.removed):
        if ident not in there:
            message = f"is not an item of the contract on {asked.effective_on}"
            raise InvalidFields(FieldError(f"remove[{index}]", message, ident))


def _check_added(terms: ContractTerms, asked: Amendment, known: Sequence[Item]) -> None:
    check_items(asked.added, "add", "itemIdent")
    there = _by_ident(known)
    for path, item in _at(asked.added, "itemIdent"):
        if item.item_ident in there:
            message = f"is an item of the contract on {asked.effective_on}; change it instead"
            raise InvalidFields(FieldError(path, message, item.item_ident))
    _check_shapes(terms, asked.added)
    _check_days_after(terms, asked.effective_on, _at(asked.added, "itemIdent"))
    _check_calendar(terms, _at(asked.added, "billingInterval"))


def _at(added: Sequence[Item], field_name: str) -> list[tuple[str, Item]]:
    """What is added, with the path of a field of it that would be to blame."""
    return [(f"add[{index}].{field_name}", item) for index, item in enumerate(added)]


def _check_shapes(terms: ContractTerms, added: Iterable[Item]) -> None:
    """An item that comes back is the one that was there."""
    ever = _by_ident(terms.items_ever())
    for item in added:
        if (before := ever.get(item.item_ident)) and shape(before) != shape(item):
            raise ItemReshaped(before, item)


def _check_days_after(terms: ContractTerms, day: date, added: Iterable[tuple[str, Item]]) -> None:
    """What is added must not meet one of its name that a later amendment adds."""
    for path, item in added:
        for phase in terms.phases().get(item.item_ident, []):
            if phase.span.first > day:
                message = f"is an item of the contract from {phase.span.first} on; remove that first"
                raise InvalidFields(FieldError(path, message, item.item_ident))


def _check_calendar(terms: ContractTerms, added: Iterable[tuple[str, Item]]) -> None:
    if terms.signed.alignment is not Alignment.CALENDAR:
        return
    for path, item in added:
        if item.billing_interval and not fits_calendar(item.billing_interval):
            raise InvalidFields(FieldError(path, CALENDAR_NEEDS, length(item.billing_interval)))


def _check_not_charged(terms: ContractTerms, day: date, idents: Iterable[str]) -> None:
    there = _by_ident(terms.items_on(day))
    for ident in idents:
        if ident in there and _charged_before(terms, there[ident], day):
            raise ChargedOnce(there[ident], _charged_on(terms, ident, day))


def _charged_before(terms: ContractTerms, item: Item, day: date) -> bool:
    return item.kind is ItemKind.ONE_TIME and _charged_on(terms, item.item_ident, day) < day


def _charged_on(terms: ContractTerms, ident: str, day: date) -> date:
    """First day of the item that is there on `day`."""
    return next(phase.span.first for phase in terms.phases()[ident] if phase.span.holds(day))


def _by_ident(items: Iterable[Item]) -> dict[str, Item]:
    return {item.item_ident: item for item in items}
