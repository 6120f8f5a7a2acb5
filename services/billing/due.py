"""What is due: the positions of contracts and orders that a run up to a day has to bill."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from services.billing.rating import prorated, shown_price
from services.billing.schedule import Activity, Interval, intervals
from services.messages import ContractSigned, OrderRecorded
from services.values import (
    AllowanceOrCharge,
    BillingTiming,
    ExplicitTax,
    Item,
    ItemKind,
    TaxCategory,
)

ORDER_ITEM = "order"
"""Name under which an order, billed as a whole, is marked as billed."""

Progress = Mapping[str, date]
"""Per item: the last day that is billed; the day of supply for what is billed once."""


@dataclass(frozen=True, slots=True)
class Cutoff:
    """How far a run goes: what begins or is dated by `begins_by`, and what has ended by `ended_by`, is due."""

    begins_by: date
    ended_by: date

    def reaches(self, timing: BillingTiming, day: date) -> bool:
        return day <= (self.begins_by if timing is BillingTiming.INTERVAL_START else self.ended_by)


@dataclass(frozen=True, slots=True)
class Billable:
    """A contract or order with what of it is billed already."""

    billable_id: UUID
    terms: ContractSigned | OrderRecorded
    progress: Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One thing to be billed, with its net unit price as printed."""

    name: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    tax_category: TaxCategory
    is_goods: bool
    item: str
    supplied_on: date
    period: Interval | None = None
    explicit_tax: ExplicitTax | None = None
    allowances: tuple[AllowanceOrCharge, ...] = ()
    charges: tuple[AllowanceOrCharge, ...] = ()


def positions(billable: Billable, cutoff: Cutoff) -> list[Position]:
    """Everything of a contract or order that is due and not billed, in the order of items and intervals."""
    terms = billable.terms
    if isinstance(terms, OrderRecorded):
        is_due = terms.ordered_on <= cutoff.begins_by and ORDER_ITEM not in billable.progress
        return list(_of_order(terms)) if is_due else []
    return [p for item in terms.items for p in _of_item(terms, item, billable.progress, cutoff)]


def next_due_on(terms: ContractSigned | OrderRecorded, progress: Progress) -> date | None:
    """The earliest day on which something is to be billed that is not yet; None if nothing ever is."""
    if isinstance(terms, OrderRecorded):
        return None if ORDER_ITEM in progress else terms.ordered_on
    days = [day for item in terms.items if (day := _item_due_on(terms, item, progress)) is not None]
    return min(days, default=None)


def _item_due_on(contract: ContractSigned, item: Item, progress: Progress) -> date | None:
    if item.kind is ItemKind.ONE_TIME:
        return None if _once_is_settled(contract, item, progress) else contract.starts_on
    assert item.billing_interval is not None
    assert item.billing_timing is not None
    following = intervals(activity(contract), item.billing_interval, progress.get(item.item_ident))
    interval = next(following, None)
    return interval.due_on(item.billing_timing) if interval else None


def activity(contract: ContractSigned) -> Activity:
    """When a contract is active and billed."""
    return Activity(contract.starts_on, contract.ends_on, contract.billing_starts_on, contract.alignment)


def _once_is_settled(contract: ContractSigned, item: Item, progress: Progress) -> bool:
    """Billed already, or before the day from which this contract is billed here."""
    before = contract.billing_starts_on is not None and contract.starts_on < contract.billing_starts_on
    return before or item.item_ident in progress


def _of_item(contract: ContractSigned, item: Item, progress: Progress, cutoff: Cutoff) -> Iterator[Position]:
    if item.kind is ItemKind.ONE_TIME:
        if contract.starts_on <= cutoff.begins_by and not _once_is_settled(contract, item, progress):
            yield _position(item, item.unit_price, contract.currency, contract.starts_on, None)
        return
    assert item.billing_interval is not None
    assert item.billing_timing is not None
    for interval in intervals(activity(contract), item.billing_interval, progress.get(item.item_ident)):
        if not cutoff.reaches(item.billing_timing, interval.due_on(item.billing_timing)):
            return
        price = prorated(item.unit_price, interval)
        yield _position(item, price, contract.currency, interval.last, interval)


def _position(
    item: Item, exact_price: Decimal, currency: str, supplied_on: date, period: Interval | None
) -> Position:
    is_prorated = period is not None and not period.is_whole
    return Position(
        name=item.name,
        quantity=item.quantity,
        unit=item.unit,
        unit_price=shown_price(exact_price, item.quantity, currency) if is_prorated else exact_price,
        tax_category=item.tax_category,
        is_goods=item.item_category.is_goods,
        item=item.item_ident,
        supplied_on=supplied_on,
        period=period,
    )


def _of_order(order: OrderRecorded) -> Iterator[Position]:
    for number, line in enumerate(order.lines, 1):
        yield Position(
            name=line.name,
            quantity=line.quantity,
            unit=line.unit,
            unit_price=line.unit_price,
            tax_category=line.tax_category,
            is_goods=line.item_category.is_goods,
            item=str(number),
            supplied_on=order.ordered_on,
            explicit_tax=line.tax,
            allowances=line.allowances,
            charges=line.charges,
        )
