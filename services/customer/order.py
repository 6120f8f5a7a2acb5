"""The order: what a customer bought once."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import ClassVar, Self
from uuid import UUID

from services.errors import Refused
from services.events import Aggregate, FirstEvent
from services.values import AllowanceOrCharge, BillingTime, OrderLine

# -- refusals -----------------------------------------------------------------------------------


class OrderIdentTaken(Refused):
    """An order ident belongs to one order only."""

    def __init__(self, order_ident: str) -> None:
        super().__init__(f"Order ident {order_ident!r} is taken; choose another one.")


# -- the order ----------------------------------------------------------------------------------


class Order(Aggregate):
    """Lines that are billed once, with the first run on or after `ordered_on`."""

    TOPIC: ClassVar[str] = "customer.Order"

    def __init__(self) -> None:
        self.customer_id: UUID
        self.order_ident: str

    # -- events ---------------------------------------------------------------------------------

    class Event(Aggregate.Event):
        order_id: UUID
        customer_id: UUID

    class Recorded(FirstEvent, Event):
        TOPIC: ClassVar[str] = "customer.OrderRecorded"

        order_ident: str
        ordered_on: date
        billing_time: BillingTime
        currency: str
        lines: tuple[OrderLine, ...]
        allowances: tuple[AllowanceOrCharge, ...] = ()
        charges: tuple[AllowanceOrCharge, ...] = ()
        payment_term_days: int | None = None
        purchase_order: str | None = None
        invoice_address_id: UUID | None = None
        shipping_address_id: UUID | None = None

        def apply(self, aggregate: "Order") -> None:
            aggregate.customer_id = self.customer_id
            aggregate.order_ident = self.order_ident

    # -- decisions ------------------------------------------------------------------------------

    @classmethod
    def record(
        cls,
        *,
        order_id: UUID,
        customer_id: UUID,
        order_ident: str,
        ordered_on: date,
        billing_time: BillingTime,
        currency: str,
        lines: Sequence[OrderLine],
        allowances: Sequence[AllowanceOrCharge],
        charges: Sequence[AllowanceOrCharge],
        payment_term_days: int | None,
        purchase_order: str | None,
        invoice_address_id: UUID | None,
        shipping_address_id: UUID | None,
        now: datetime,
    ) -> Self:
        return cls._create(
            cls.Recorded,
            id=order_id,
            timestamp=now,
            order_id=order_id,
            customer_id=customer_id,
            order_ident=order_ident,
            ordered_on=ordered_on,
            billing_time=billing_time,
            currency=currency,
            lines=tuple(lines),
            allowances=tuple(allowances),
            charges=tuple(charges),
            payment_term_days=payment_term_days,
            purchase_order=purchase_order,
            invoice_address_id=invoice_address_id,
            shipping_address_id=shipping_address_id,
        )
