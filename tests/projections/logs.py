"""Two logs in memory: what the services would have published, for the projections to follow."""

import threading
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

from services.messages import (
    AddressAdded,
    AddressEdited,
    BilledAmount,
    BillingRunCompleted,
    BillingRunRequested,
    BillingRunStarted,
    ContractSigned,
    CustomerBilled,
    CustomerChanges,
    CustomerCreated,
    CustomerEdited,
    DocumentIssued,
    DocumentType,
    Envelope,
    Message,
    OrderRecorded,
    Outcome,
    RunStatus,
)
from services.values import (
    Address,
    AddressType,
    Alignment,
    BillingInterval,
    BillingTime,
    BillingTiming,
    Buyer,
    CustomerType,
    DocumentLine,
    DocumentTotals,
    IntervalUnit,
    Item,
    ItemKind,
    LineOrigin,
    OrderLine,
    Period,
    TaxSubtotal,
)
from tests.examples import SELLER

BEGINNING = datetime(2026, 1, 1, 8, tzinfo=UTC)


class MemoryFeed:
    """A feed whose log is a list; safe to share between threads."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._log: list[Envelope] = []
        self._grown = threading.Condition()

    def read(self, after: int, limit: int) -> Sequence[Envelope]:
        return self._log[after : after + limit]

    def wait(self, after: int, timeout_seconds: float) -> None:
        with self._grown:
            self._grown.wait_for(lambda: len(self._log) > after, timeout_seconds)

    def head(self) -> int:
        return len(self._log)

    def append(self, subject: UUID, body: Message, *, version: int = 1, actor: str = "tester") -> Envelope:
        with self._grown:
            position = len(self._log) + 1
            command_id = UUID(int=(2 << 64) + position)
            envelope = Envelope(
                source=self.source,
                position=position,
                topic=body.TOPIC,
                subject=subject,
                version=version,
                occurred_at=BEGINNING + timedelta(minutes=position),
                actor=actor,
                command_id=command_id,
                correlation_id=command_id,
                causation_id=None,
                body=body,
            )
            self._log.append(envelope)
            self._grown.notify_all()
        return envelope


class Logs:
    """The logs of the customer and the billing service, and sentences that write into them."""

    def __init__(self) -> None:
        self.customer = MemoryFeed("customer")
        self.billing = MemoryFeed("billing")
        self._ids = (UUID(int=(1 << 64) + n) for n in count(1))
        self._names: dict[UUID, str] = {}

    @property
    def feeds(self) -> dict[str, MemoryFeed]:
        return {"customer": self.customer, "billing": self.billing}

    def new_id(self) -> UUID:
        return next(self._ids)

    def address(self, **fields: Any) -> Address:
        given = {"address_type": AddressType.INVOICE, "company": "Beispiel GmbH", "city": "Hamburg"}
        return Address(**{"address_id": self.new_id(), "country": "DE"} | given | fields)

    def customer_created(self, debtor_ident: str = "D-4711", **fields: Any) -> UUID:
        """A German business customer with one invoice address; `address` gives fields of that."""
        customer_id = fields.pop("customer_id", None) or self.new_id()
        address = self.address(**fields.pop("address", {}))
        self._names[customer_id] = debtor_ident
        message = CustomerCreated(
            **{
                "customer_id": customer_id,
                "debtor_ident": debtor_ident,
                "account_number": str(100_000 + self.customer.head() + 1),
                "customer_type": CustomerType.B2B,
                "language": "de",
                "addresses": (address,),
            }
            | fields
        )
        self.customer.append(customer_id, message)
        return customer_id

    def customer_edited(self, customer_id: UUID, *, version: int = 2, **changes: Any) -> None:
        message = CustomerEdited(customer_id=customer_id, changes=CustomerChanges(**changes))
        self.customer.append(customer_id, message, version=version)

    def address_added(self, customer_id: UUID, *, version: int = 2, **fields: Any) -> Address:
        address = self.address(**fields)
        self.customer.append(
            customer_id, AddressAdded(customer_id=customer_id, address=address), version=version
        )
        return address

    def address_edited(self, customer_id: UUID, address: Address, *, version: int = 3) -> None:
        self.customer.append(
            customer_id, AddressEdited(customer_id=customer_id, address=address), version=version
        )

    def contract_signed(self, customer_id: UUID, contract_ident: str = "C-1", **fields: Any) -> UUID:
        """9.99 a month from 15 January 2026, and a setup fee once."""
        contract_id = self.new_id()
        message = ContractSigned(
            **{
                "contract_id": contract_id,
                "customer_id": customer_id,
                "contract_ident": contract_ident,
                "currency": "EUR",
                "signed_on": date(2026, 1, 10),
                "starts_on": date(2026, 1, 15),
                "alignment": Alignment.CALENDAR,
                "items": (monthly("base"), setup()),
            }
            | fields
        )
        self.customer.append(contract_id, message)
        return contract_id

    def order_recorded(self, customer_id: UUID, order_ident: str = "O-1", **fields: Any) -> UUID:
        order_id = self.new_id()
        message = OrderRecorded(
            **{
                "order_id": order_id,
                "customer_id": customer_id,
                "order_ident": order_ident,
                "ordered_on": date(2026, 1, 20),
                "billing_time": BillingTime.ON_DEMAND,
                "currency": "EUR",
                "lines": (OrderLine(name="Tracker", quantity=Decimal(3), unit_price=Decimal("59.90")),),
            }
            | fields
        )
        self.customer.append(order_id, message)
        return order_id

    def run_requested(self, customer_id: UUID | None = None) -> UUID:
        billing_run_id = self.new_id()
        message = BillingRunRequested(
            billing_run_id=billing_run_id,
            customer_id=customer_id,
            debtor_ident=customer_id and self._names[customer_id],
            processing_date=date(2026, 2, 28),
        )
        self.customer.append(billing_run_id, message)
        return billing_run_id

    def run_started(self, billing_run_id: UUID, customers: int, customer_id: UUID | None = None) -> None:
        message = BillingRunStarted(
            billing_run_id=billing_run_id,
            processing_date=date(2026, 2, 28),
            ended_by=date(2026, 2, 28),
            customers_total=customers,
            customer_id=customer_id,
            debtor_ident=customer_id and self._names[customer_id],
        )
        self.billing.append(billing_run_id, message)

    def document_issued(
        self,
        customer_id: UUID,
        billing_run_id: UUID,
        *origins: tuple[str, UUID, Period | None],
        gross: str = "11.89",
        **fields: Any,
    ) -> UUID:
        """A document with a line for each origin: its type, contract or order, and the billed interval."""
        document_id = self.new_id()
        amount = Decimal(gross)
        net = (amount / Decimal("1.19")).quantize(Decimal("0.01"))
        lines = tuple(
            _line(n, net, kind, origin_id, period) for n, (kind, origin_id, period) in enumerate(origins, 1)
        )
        debtor_ident = self._names.get(customer_id, "D-?")
        message = DocumentIssued(
            **{
                "document_id": document_id,
                "number": f"RE-2026-{self.billing.head():06}",
                "type": DocumentType.INVOICE,
                "billing_run_id": billing_run_id,
                "billing_entity_id": UUID(int=1),
                "customer_id": customer_id,
                "debtor_ident": debtor_ident,
                "issue_date": date(2026, 2, 28),
                "due_date": date(2026, 3, 14),
                "currency": "EUR",
                "language": "de",
                "seller": SELLER,
                "buyer": Buyer(
                    name="Beispiel GmbH",
                    account_number="100001",
                    address=Address(
                        address_id=UUID(int=2),
                        address_type=AddressType.INVOICE,
                        country="DE",
                        company="Beispiel GmbH",
                    ),
                ),
                "lines": lines,
                "taxes": (TaxSubtotal(category="S", rate=Decimal(19), taxable=net, tax=amount - net),),
                "totals": DocumentTotals(
                    lines=net,
                    allowances=Decimal("0.00"),
                    charges=Decimal("0.00"),
                    net=net,
                    tax=amount - net,
                    gross=amount,
                ),
            }
            | fields
        )
        self.billing.append(document_id, message)
        return document_id

    def customer_billed(
        self,
        billing_run_id: UUID,
        customer_id: UUID,
        *documents: UUID,
        amounts: Sequence[BilledAmount] = (),
        outcome: Outcome = Outcome.DOCUMENTS_CREATED,
        reason: str | None = None,
    ) -> None:
        message = CustomerBilled(
            billing_run_id=billing_run_id,
            customer_id=customer_id,
            debtor_ident=self._names.get(customer_id, "D-?"),
            outcome=outcome,
            documents=documents,
            amounts=tuple(amounts),
            reason=reason,
        )
        self.billing.append(billing_run_id, message)

    def run_completed(self, billing_run_id: UUID, status: RunStatus = RunStatus.COMPLETED) -> None:
        self.billing.append(billing_run_id, BillingRunCompleted(billing_run_id=billing_run_id, status=status))


def monthly(item_ident: str, price: str = "9.99") -> Item:
    """An item that is billed each month in advance."""
    return Item(
        item_ident=item_ident,
        name="Base fee",
        kind=ItemKind.RECURRING,
        unit_price=Decimal(price),
        quantity=Decimal(1),
        unit="MON",
        billing_interval=BillingInterval(count=1, unit=IntervalUnit.MONTH),
        billing_timing=BillingTiming.INTERVAL_START,
    )


def setup() -> Item:
    return Item(
        item_ident="setup",
        name="Setup",
        kind=ItemKind.ONE_TIME,
        unit_price=Decimal("49.00"),
        quantity=Decimal(1),
        unit="C62",
    )


def january() -> Period:
    return Period(first=date(2026, 1, 15), last=date(2026, 1, 31))


def february() -> Period:
    return Period(first=date(2026, 2, 1), last=date(2026, 2, 28))


def _line(number: int, net: Decimal, kind: str, origin_id: UUID, period: Period | None) -> DocumentLine:
    item = "base" if kind == "CONTRACT" else "1"
    return DocumentLine(
        line=number,
        name="Base fee",
        quantity=Decimal(1),
        unit="MON",
        unit_price=net,
        net=net,
        tax_category="S",
        tax_rate=Decimal(19),
        origin=LineOrigin(type=kind, ident="C-1", id=origin_id, item=item),
        period=period,
    )
