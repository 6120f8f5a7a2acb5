"""Two logs in memory: what the services would have published, for the projections to follow."""

import threading
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID, uuid5

from msgspec import structs

from services.messages import (
    AddressAdded,
    AddressEdited,
    AddressRemoved,
    BilledAmount,
    BillingRunCompleted,
    BillingRunRequested,
    BillingRunStarted,
    BillingStopLifted,
    BillingStopped,
    ContractAmended,
    ContractCancelled,
    ContractPaused,
    ContractResumed,
    ContractSigned,
    ContractTerminated,
    CorrectionAccepted,
    CorrectionDeclined,
    CorrectionProposed,
    CorrectionSuperseded,
    CustomerBilled,
    CustomerChanges,
    CustomerCreated,
    CustomerEdited,
    DeliveryRequested,
    DocumentIssued,
    DocumentNotSent,
    DocumentRendered,
    DocumentSent,
    DocumentType,
    Envelope,
    Message,
    OrderCancelled,
    OrderRecorded,
    Outcome,
    PaymentAccountAdded,
    PaymentAccountRemoved,
    PaymentRecorded,
    PersonalDataErased,
    PlanCreated,
    PlanRevised,
    PropertyRemoved,
    PropertySet,
    RefundRecorded,
    RunStatus,
    UsageRecorded,
)
from services.personal_data import KEY_BYTES, Key, Purpose, sealed
from services.values import (
    Address,
    AddressType,
    Alignment,
    BilledUsage,
    BillingInterval,
    BillingTime,
    BillingTiming,
    Buyer,
    CreditedLine,
    CustomerType,
    DocumentFile,
    DocumentLine,
    DocumentReference,
    DocumentTotals,
    IntervalUnit,
    Item,
    ItemChange,
    ItemKind,
    LineOrigin,
    OrderLine,
    PaymentAccount,
    PaymentMethod,
    Period,
    PriceModel,
    Pricing,
    PropertyValue,
    ProposedCredit,
    RenderedFile,
    TaxSubtotal,
    TerminationKind,
    Tier,
    UsageEntry,
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


class MemoryVault:
    """A vault whose keys are in a dictionary."""

    def __init__(self) -> None:
        self._keys: dict[tuple[UUID, Purpose], Key] = {}
        self._destroyed: set[UUID] = set()
        self.look_ups = 0

    def key_of(self, subject: UUID, purpose: Purpose) -> Key:
        number = len(self._keys) + 1
        made = Key(UUID(int=(3 << 64) + number), number.to_bytes(KEY_BYTES))
        return self._keys.setdefault((subject, purpose), made)

    def destroy(self, subject: UUID) -> None:
        self._destroyed.add(self.key_of(subject, Purpose.CUSTOMER).key_id)

    def keys(self, key_ids: Collection[UUID]) -> Mapping[UUID, Key | None]:
        self.look_ups += 1
        known = {key.key_id: key for key in self._keys.values() if key.key_id in key_ids}
        return {key_id: None if key_id in self._destroyed else key for key_id, key in known.items()}


class Logs:
    """The logs of the customer and the billing service, sealed as they are stored, and sentences that write into them."""

    def __init__(self) -> None:
        self.customer = MemoryFeed("customer")
        self.billing = MemoryFeed("billing")
        self.vault = MemoryVault()
        self._ids = (UUID(int=(1 << 64) + n) for n in count(1))
        self._names: dict[UUID, str] = {}

    @property
    def feeds(self) -> dict[str, MemoryFeed]:
        return {"customer": self.customer, "billing": self.billing}

    def new_id(self) -> UUID:
        return next(self._ids)

    def _of_customer(self, customer_id: UUID, body: Message, *, version: int) -> None:
        """Append what a customer says of itself, sealed under its key."""
        key = self.vault.key_of(customer_id, Purpose.CUSTOMER)
        self.customer.append(customer_id, sealed(body, customer_id, key), version=version)

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
        self._of_customer(customer_id, message, version=1)
        return customer_id

    def customer_edited(self, customer_id: UUID, *, version: int = 2, **changes: Any) -> None:
        message = CustomerEdited(customer_id=customer_id, changes=CustomerChanges(**changes))
        self._of_customer(customer_id, message, version=version)

    def address_added(self, customer_id: UUID, *, version: int = 2, **fields: Any) -> Address:
        address = self.address(**fields)
        self._of_customer(
            customer_id, AddressAdded(customer_id=customer_id, address=address), version=version
        )
        return address

    def address_edited(self, customer_id: UUID, address: Address, *, version: int = 3) -> None:
        self._of_customer(
            customer_id, AddressEdited(customer_id=customer_id, address=address), version=version
        )

    def address_removed(
        self, customer_id: UUID, address_id: UUID, default_address_id: UUID | None = None
    ) -> None:
        message = AddressRemoved(
            customer_id=customer_id, address_id=address_id, default_address_id=default_address_id
        )
        self._of_customer(customer_id, message, version=4)

    def property_set(self, customer_id: UUID, key: str, value: PropertyValue) -> None:
        self._of_customer(customer_id, PropertySet(customer_id=customer_id, key=key, value=value), version=2)

    def property_removed(self, customer_id: UUID, key: str) -> None:
        self._of_customer(customer_id, PropertyRemoved(customer_id=customer_id, key=key), version=3)

    def payment_account_added(self, customer_id: UUID, **fields: Any) -> UUID:
        """A direct debit account."""
        payment_account_id = self.new_id()
        account = PaymentAccount(
            **{
                "payment_account_id": payment_account_id,
                "payment_method": PaymentMethod.DIRECT_DEBIT,
                "iban": "DE89370400440532013000",
                "account_holder_name": "Erika Muster",
            }
            | fields
        )
        message = PaymentAccountAdded(customer_id=customer_id, payment_account=account)
        self._of_customer(customer_id, message, version=2)
        return payment_account_id

    def payment_account_removed(
        self, customer_id: UUID, payment_account_id: UUID, heir: UUID | None = None
    ) -> None:
        message = PaymentAccountRemoved(
            customer_id=customer_id, payment_account_id=payment_account_id, default_payment_account_id=heir
        )
        self._of_customer(customer_id, message, version=3)

    def billing_stopped(self, customer_id: UUID, reason: str = "dispute") -> None:
        message = BillingStopped(customer_id=customer_id, reason=reason, since=BEGINNING)
        self._of_customer(customer_id, message, version=2)

    def billing_stop_lifted(self, customer_id: UUID) -> None:
        self._of_customer(customer_id, BillingStopLifted(customer_id=customer_id), version=3)

    def erased(self, customer_id: UUID, *, version: int = 9) -> None:
        """The key is gone and the log says so, as by one transaction."""
        self.vault.destroy(customer_id)
        self.customer.append(customer_id, PersonalDataErased(customer_id=customer_id), version=version)

    def plan_created(self, plan_ident: str = "fleet-basic", **fields: Any) -> UUID:
        plan_id = self.new_id()
        self.customer.append(plan_id, _plan(PlanCreated, plan_id, plan_ident, 1, fields))
        return plan_id

    def plan_revised(
        self, plan_id: UUID, plan_ident: str = "fleet-basic", *, plan_version: int = 2, **fields: Any
    ) -> None:
        message = _plan(PlanRevised, plan_id, plan_ident, plan_version, fields)
        self.customer.append(plan_id, message, version=plan_version)

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

    def contract_amended(
        self, contract_id: UUID, customer_id: UUID, effective_on: date, *changes: ItemChange, **fields: Any
    ) -> None:
        message = ContractAmended(
            contract_id=contract_id,
            customer_id=customer_id,
            effective_on=effective_on,
            changes=changes,
            **fields,
        )
        self.customer.append(contract_id, message, version=2)

    def contract_paused(self, contract_id: UUID, customer_id: UUID, paused_from: date) -> None:
        message = ContractPaused(contract_id=contract_id, customer_id=customer_id, paused_from=paused_from)
        self.customer.append(contract_id, message, version=2)

    def contract_resumed(self, contract_id: UUID, customer_id: UUID, resumed_from: date) -> None:
        message = ContractResumed(contract_id=contract_id, customer_id=customer_id, resumed_from=resumed_from)
        self.customer.append(contract_id, message, version=3)

    def contract_terminated(
        self,
        contract_id: UUID,
        customer_id: UUID,
        terminates_on: date,
        kind: TerminationKind = TerminationKind.ORDINARY,
        reason: str | None = None,
    ) -> None:
        message = ContractTerminated(
            contract_id=contract_id,
            customer_id=customer_id,
            kind=kind,
            noticed_on=date(2026, 2, 1),
            terminates_on=terminates_on,
            reason=reason,
        )
        self.customer.append(contract_id, message, version=4)

    def contract_cancelled(self, contract_id: UUID, customer_id: UUID, reason: str | None = None) -> None:
        message = ContractCancelled(contract_id=contract_id, customer_id=customer_id, reason=reason)
        self.customer.append(contract_id, message, version=2)

    def usage_recorded(
        self, contract_id: UUID, customer_id: UUID, *used: tuple[str, str], item_ident: str = "km"
    ) -> None:
        """`used` are instants and quantities."""
        usage_id = self.new_id()
        entries = tuple(
            UsageEntry(
                event_id=f"{usage_id}-{n}",
                item_ident=item_ident,
                quantity=Decimal(quantity),
                occurred_at=datetime.fromisoformat(at),
            )
            for n, (at, quantity) in enumerate(used)
        )
        message = UsageRecorded(
            usage_id=usage_id, contract_id=contract_id, customer_id=customer_id, entries=entries
        )
        self.customer.append(usage_id, message)

    def order_cancelled(self, order_id: UUID, customer_id: UUID, reason: str | None = None) -> None:
        message = OrderCancelled(order_id=order_id, customer_id=customer_id, reason=reason)
        self.customer.append(order_id, message, version=2)

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

    def document_rendered(self, customer_id: UUID, document_id: UUID, *files: DocumentFile) -> None:
        """Its files are recorded; the hash of each is the name of it."""
        described = tuple(RenderedFile(file=file, sha256=file.lower(), size_bytes=1) for file in files)
        message = DocumentRendered(
            document_id=document_id,
            customer_id=customer_id,
            number="RE-1",
            template_version=2,
            files=described,
        )
        self.billing.append(document_id, message, version=2)

    def document_issued(
        self,
        customer_id: UUID,
        billing_run_id: UUID | None,
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
        key = self.vault.key_of(customer_id, Purpose.DOCUMENTS)
        self.billing.append(document_id, sealed(message, customer_id, key))
        return document_id

    def usage_billed(
        self, customer_id: UUID, billing_run_id: UUID, contract_id: UUID, *periods: Period
    ) -> UUID:
        """A document that bills the kilometres of some intervals, as far as they are recorded by now."""
        lines = tuple(
            structs.replace(
                _line(n, Decimal("0.20"), "CONTRACT", contract_id, period),
                origin=LineOrigin(type="CONTRACT", ident="C-1", id=contract_id, item="km"),
                usage=BilledUsage(
                    through=self.customer.head(),
                    occurred_from=datetime.combine(period.first, time(), UTC),
                    occurred_before=datetime.combine(period.last, time(), UTC) + timedelta(days=1),
                ),
            )
            for n, period in enumerate(periods, 1)
        )
        return self.document_issued(customer_id, billing_run_id, lines=lines)

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

    def credit_note_issued(
        self, customer_id: UUID, invoice_id: UUID | None, gross: str, **fields: Any
    ) -> UUID:
        """A credit note about an invoice, or (None) about none."""
        reference = DocumentReference(
            document_id=invoice_id or UUID(int=0), number="RE-2026-000000", issue_date=date(2026, 2, 28)
        )
        given = {
            "type": DocumentType.CREDIT_NOTE,
            "number": f"GS-2026-{self.billing.head():06}",
            "preceding_document": reference if invoice_id else None,
        }
        return self.document_issued(customer_id, None, gross=gross, **(given | fields))

    def taken_back(self, document_id: UUID, *, bill_again: bool = True) -> UUID:
        """A credit note over all lines of a document."""
        [issued] = [
            e.body
            for e in self.billing.read(0, self.billing.head())
            if isinstance(e.body, DocumentIssued) and e.body.document_id == document_id
        ]
        lines = tuple(
            structs.replace(line, credits=CreditedLine(line=line.line, bill_again=bill_again))
            for line in issued.lines
        )
        return self.credit_note_issued(
            issued.customer_id, document_id, str(issued.totals.gross), lines=lines, currency=issued.currency
        )

    def payment_recorded(
        self, customer_id: UUID, document_id: UUID, amount: str, *, back: bool = False, **fields: Any
    ) -> UUID:
        """A payment for a document, or money paid back."""
        payment_id = self.new_id()
        given = {
            "payment_id": payment_id,
            "document_id": document_id,
            "number": "RE-2026-000000",
            "customer_id": customer_id,
            "amount": Decimal(amount),
            "currency": "EUR",
            "paid_on": date(2026, 3, 1),
        }
        message = (RefundRecorded if back else PaymentRecorded)(**(given | fields))
        key = self.vault.key_of(customer_id, Purpose.DOCUMENTS)
        self.billing.append(uuid5(document_id, "receivable"), sealed(message, customer_id, key))
        return payment_id

    def delivery_told(
        self,
        kind: type[DeliveryRequested] | type[DocumentSent] | type[DocumentNotSent],
        customer_id: UUID,
        document_id: UUID,
        **fields: Any,
    ) -> None:
        """What is recorded of the e-mails with a document."""
        given = {
            "document_id": document_id,
            "customer_id": customer_id,
            "number": "RE-2026-000000",
            "request": 0,
            "recipient": "rechnung@example.com",
        }
        key = self.vault.key_of(customer_id, Purpose.DOCUMENTS)
        message = sealed(kind(**(given | fields)), customer_id, key)
        self.billing.append(uuid5(document_id, "delivery"), message)

    def correction_proposed(
        self,
        customer_id: UUID,
        credited: Sequence[DocumentLine] = (),
        bills: Sequence[DocumentLine] = (),
        document: DocumentReference | None = None,
    ) -> UUID:
        """A proposal to credit lines of a document and to bill others instead."""
        proposal_id = self.new_id()
        given_back = (ProposedCredit(document=document, lines=tuple(credited)),) if document else ()
        message = CorrectionProposed(
            proposal_id=proposal_id,
            customer_id=customer_id,
            debtor_ident="D-4711",
            contract_id=UUID(int=8),
            contract_ident="C-1",
            since=date(2026, 2, 1),
            causes=(3,),
            currency="EUR",
            credits=given_back,
            bills=tuple(bills),
            net=Decimal("1.00"),
            gross=Decimal("1.19"),
        )
        self.billing.append(proposal_id, message)
        return proposal_id

    def correction_decided(
        self,
        what: type[CorrectionAccepted | CorrectionDeclined | CorrectionSuperseded],
        proposal_id: UUID,
        customer_id: UUID,
        **fields: Any,
    ) -> None:
        """What became of a proposal."""
        contract_id = UUID(int=8)
        message = what(proposal_id=proposal_id, customer_id=customer_id, contract_id=contract_id, **fields)
        self.billing.append(proposal_id, message, version=2)

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


def kilometres() -> Item:
    """An item that is billed each month by what was used of it, the first 100 free."""
    return Item(
        item_ident="km",
        name="Kilometres",
        kind=ItemKind.USAGE,
        unit="KMT",
        pricing=Pricing(
            model=PriceModel.GRADUATED,
            tiers=(
                Tier(up_to=Decimal(1000), unit_price=Decimal("0.20")),
                Tier(up_to=None, unit_price=Decimal("0.15")),
            ),
            included_quantity=Decimal(100),
        ),
        billing_interval=BillingInterval(count=1, unit=IntervalUnit.MONTH),
        billing_timing=BillingTiming.INTERVAL_END,
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


def _plan(
    kind: type[PlanCreated], plan_id: UUID, plan_ident: str, plan_version: int, fields: dict[str, Any]
) -> PlanCreated:
    return kind(
        **{
            "plan_id": plan_id,
            "plan_ident": plan_ident,
            "plan_version": plan_version,
            "name": "Fleet Basic",
            "currency": "EUR",
            "options": (monthly("base"), setup(), kilometres()),
        }
        | fields
    )


def _line(number: int, net: Decimal, kind: str, origin_id: UUID, period: Period | None) -> DocumentLine:
    """Without a period it is what is billed once: an order, or the setup fee of a contract."""
    contract_item = "base" if period else "setup"
    return DocumentLine(
        line=number,
        name="Base fee",
        quantity=Decimal(1),
        unit="MON",
        unit_price=net,
        net=net,
        tax_category="S",
        tax_rate=Decimal(19),
        origin=LineOrigin(
            type=kind, ident="C-1", id=origin_id, item=contract_item if kind == "CONTRACT" else "1"
        ),
        period=period,
        supplied_on=None if period else date(2026, 1, 15),
    )
