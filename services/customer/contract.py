"""The contract: what a customer agreed to pay, once or at intervals."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import ClassVar, Self
from uuid import UUID

from services.errors import FieldError, InvalidFields, Refused
from services.events import Aggregate, FirstEvent
from services.values import Alignment, IntervalUnit, Item, ItemKind

MONTHS_PER_YEAR = 12

# -- refusals -----------------------------------------------------------------------------------


class ContractIdentTaken(Refused):
    """A contract ident belongs to one contract only."""

    def __init__(self, contract_ident: str) -> None:
        super().__init__(f"Contract ident {contract_ident!r} is taken; choose another one.")


# -- the contract -------------------------------------------------------------------------------


class Contract(Aggregate):
    """Items that are billed from `starts_on` to `ends_on`, both of them active days."""

    TOPIC: ClassVar[str] = "customer.Contract"

    def __init__(self) -> None:
        self.customer_id: UUID
        self.contract_ident: str

    # -- events ---------------------------------------------------------------------------------

    class Event(Aggregate.Event):
        contract_id: UUID
        customer_id: UUID

    class Signed(FirstEvent, Event):
        TOPIC: ClassVar[str] = "customer.ContractSigned"

        contract_ident: str
        currency: str
        signed_on: date
        starts_on: date
        alignment: Alignment
        items: tuple[Item, ...]
        ends_on: date | None = None
        billing_starts_on: date | None = None
        payment_term_days: int | None = None
        purchase_order: str | None = None
        invoice_address_id: UUID | None = None
        shipping_address_id: UUID | None = None

        def apply(self, aggregate: "Contract") -> None:
            aggregate.customer_id = self.customer_id
            aggregate.contract_ident = self.contract_ident

    # -- decisions ------------------------------------------------------------------------------

    @classmethod
    def sign(
        cls,
        *,
        contract_id: UUID,
        customer_id: UUID,
        contract_ident: str,
        currency: str,
        signed_on: date,
        starts_on: date,
        ends_on: date | None,
        billing_starts_on: date | None,
        alignment: Alignment,
        items: Sequence[Item],
        payment_term_days: int | None,
        purchase_order: str | None,
        invoice_address_id: UUID | None,
        shipping_address_id: UUID | None,
        now: datetime,
    ) -> Self:
        if ends_on and ends_on < starts_on:
            raise InvalidFields(FieldError("endDate", "is before startDate", ends_on.isoformat()))
        _check_items(items, alignment)
        return cls._create(
            cls.Signed,
            id=contract_id,
            timestamp=now,
            contract_id=contract_id,
            customer_id=customer_id,
            contract_ident=contract_ident,
            currency=currency,
            signed_on=signed_on,
            starts_on=starts_on,
            ends_on=ends_on,
            billing_starts_on=billing_starts_on,
            alignment=alignment,
            items=tuple(items),
            payment_term_days=payment_term_days,
            purchase_order=purchase_order,
            invoice_address_id=invoice_address_id,
            shipping_address_id=shipping_address_id,
        )


def _check_items(items: Sequence[Item], alignment: Alignment) -> None:
    seen: set[str] = set()
    for index, item in enumerate(items):
        path = f"items[{index}]"
        if item.item_ident in seen:
            raise InvalidFields(FieldError(f"{path}.itemIdent", "is used twice", item.item_ident))
        seen.add(item.item_ident)
        _check_interval(item, alignment, path)


def _check_interval(item: Item, alignment: Alignment, path: str) -> None:
    if item.kind is ItemKind.ONE_TIME:
        if item.billing_interval or item.billing_timing:
            raise InvalidFields(FieldError(f"{path}.billingInterval", "does not apply to a ONE_TIME item"))
        return
    if item.billing_interval is None or item.billing_timing is None:
        raise InvalidFields(
            FieldError(f"{path}.billingInterval", "a RECURRING item needs billingInterval and billingTiming")
        )
    if alignment is Alignment.CALENDAR:
        _check_calendar(item, path)


def _check_calendar(item: Item, path: str) -> None:
    """Calendar intervals begin on the first of a month and tile the year: 1, 2, 3, 4, 6 or 12 months, or years."""
    interval = item.billing_interval
    assert interval is not None
    tiles = {
        IntervalUnit.DAY: False,
        IntervalUnit.MONTH: MONTHS_PER_YEAR % interval.count == 0,
        IntervalUnit.YEAR: interval.count == 1,
    }
    if not tiles[interval.unit]:
        raise InvalidFields(
            FieldError(
                f"{path}.billingInterval",
                "calendar alignment needs 1, 2, 3, 4, 6 or 12 months or 1 year; use ANNIVERSARY otherwise",
                f"{interval.count} {interval.unit}",
            )
        )
