"""The order: what a customer bought once."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar, Self
from uuid import UUID

from msgspec import structs

from services.errors import FieldError, InvalidFields, NotFound, Refused
from services.events import Aggregate, FirstEvent
from services.messages import OrderRecorded
from services.money import ZERO, decimals, rounded
from services.values import AllowanceOrCharge, BillingTime, OrderLine

# -- refusals -----------------------------------------------------------------------------------


class OrderIdentTaken(Refused):
    """An order ident belongs to one order only."""

    def __init__(self, order_ident: str) -> None:
        super().__init__(f"Order ident {order_ident!r} is taken; choose another one.")


class OrderNotFound(NotFound):
    """There is no such order."""


class OrderIsCancelled(Refused):
    """A cancelled order cannot be cancelled again."""


class OrderIsBilled(Refused):
    """An order can be cancelled only while it is not billed; cancel its document instead."""


# -- the order ----------------------------------------------------------------------------------


class Order(Aggregate):
    """Lines that are billed once, with the first run on or after `ordered_on`."""

    TOPIC: ClassVar[str] = "customer.Order"

    def __init__(self) -> None:
        self.customer_id: UUID
        self.order_ident: str
        self.cancelled = False

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
        billing_entity: str | None = None
        prepaid_amount: Decimal = ZERO

        def apply(self, aggregate: "Order") -> None:
            aggregate.customer_id = self.customer_id
            aggregate.order_ident = self.order_ident

    class Cancelled(Event):
        TOPIC: ClassVar[str] = "customer.OrderCancelled"

        reason: str | None = None

        def apply(self, aggregate: "Order") -> None:
            aggregate.cancelled = True

    # -- decisions ------------------------------------------------------------------------------

    @classmethod
    def record(cls, placed: OrderRecorded, now: datetime) -> Self:
        """A new order as it was placed."""
        for index, line in enumerate(placed.lines):
            _check_price(line, f"lines[{index}]")
        _check_prepaid(placed)
        return cls._create(cls.Recorded, id=placed.order_id, timestamp=now, **structs.asdict(placed))

    def cancel(self, reason: str | None, anything_billed: Callable[[UUID], bool], now: datetime) -> None:
        """Take the order back, unless `anything_billed` of it."""
        if self.cancelled:
            raise OrderIsCancelled(f"Order {self.order_ident!r} is cancelled already.")
        if anything_billed(self.id):
            raise OrderIsBilled(f"Order {self.order_ident!r} is billed; cancel its document instead.")
        self.trigger_event(
            Order.Cancelled, timestamp=now, order_id=self.id, customer_id=self.customer_id, reason=reason
        )


def _check_price(line: OrderLine, path: str) -> None:
    if line.unit_price is None and line.gross_unit_price is None:
        raise InvalidFields(FieldError(f"{path}.unitPrice", "give unitPrice (net) or grossUnitPrice"))
    if line.unit_price is not None and line.gross_unit_price is not None:
        message = "give either unitPrice (net) or grossUnitPrice"
        raise InvalidFields(FieldError(f"{path}.grossUnitPrice", message, str(line.gross_unit_price)))


def _check_prepaid(placed: OrderRecorded) -> None:
    """What was collected is money: not negative, and in whole minor units."""
    amount, currency = placed.prepaid_amount, placed.currency
    if amount < 0:
        raise InvalidFields(FieldError("prepaidAmount", "is negative; send what was collected", str(amount)))
    if amount != rounded(amount, currency):
        message = f"has more than the {decimals(currency)} decimals of {currency}"
        raise InvalidFields(FieldError("prepaidAmount", message, str(amount)))
