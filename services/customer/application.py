"""The use cases of the customer service: load, decide, save; every one is carried out once per command."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError
from eventsourcing.persistence import ApplicationRecorder

from services.application import ClaimTaken, Decision, KontorApplication, check_version
from services.customer.billing_request import BillingRunRequest
from services.customer.commands import (
    AddressBody,
    CreateCustomer,
    CustomerRef,
    EditCustomer,
    RecordOrder,
    RequestBillingRun,
    SignContract,
    e_invoicing,
    references,
)
from services.customer.contract import Contract, ContractIdentTaken
from services.customer.customer import Customer, CustomerNotFound, DebtorIdentTaken, Profile
from services.customer.order import Order, OrderIdentTaken
from services.errors import FieldError, InvalidFields, KontorError
from services.events import Aggregate, Asked, Claim
from services.ids import new_id
from services.messages import CustomerChanges
from services.values import AddressType, BillingTime

DEBTOR, CONTRACT, ORDER = "debtor", "contract", "order"
ACCOUNT_NUMBERS = "account_number"

_TAKEN: Mapping[str, Callable[[str], KontorError]] = {
    DEBTOR: DebtorIdentTaken,
    CONTRACT: ContractIdentTaken,
    ORDER: OrderIdentTaken,
}


class CustomerApplication(KontorApplication):
    """Customers, contracts, orders and billing run requests; `new_id` makes their ids."""

    name = "customer"

    def __init__(self, log: ApplicationRecorder, *, new_id: Callable[[], UUID] = new_id) -> None:
        self._new_id = new_id
        super().__init__(log)

    # -- customers ------------------------------------------------------------------------------

    def create_customer(self, body: CreateCustomer, asked: Asked) -> dict[str, Any]:
        """Create a customer; answers customerId, debtorIdent, accountNumber, version, position."""

        def decide() -> Decision:
            self._check_free(body.debtor_ident)
            customer_id = self._new_id()
            account_number = str(self.log_index.next_number(ACCOUNT_NUMBERS))
            debtor_ident = body.debtor_ident or account_number
            customer = Customer.create(
                customer_id=customer_id,
                debtor_ident=debtor_ident,
                account_number=account_number,
                profile=_profile(body),
                addresses=[a.to_address(self._new_id()) for a in body.addresses],
                properties=body.properties,
                now=asked.context.occurred_at,
            )
            answer = {
                "customerId": str(customer_id),
                "debtorIdent": debtor_ident,
                "accountNumber": account_number,
                "version": customer.version,
            }
            return Decision([customer], answer, (Claim(DEBTOR, debtor_ident, customer_id),))

        return self._carry_out(asked, decide)

    def edit_customer(
        self, customer_id: UUID, body: EditCustomer, asked: Asked, expected: int | None = None
    ) -> dict[str, Any]:
        """Change what the body mentions; answers customerId, version, position."""
        changes = _changes(body)
        return self._change_customer(
            customer_id, asked, expected, lambda customer: customer.edit(changes, asked.context.occurred_at)
        )

    def add_address(
        self, customer_id: UUID, body: AddressBody, asked: Asked, expected: int | None = None
    ) -> dict[str, Any]:
        """Add an address; answers addressId, customerId, version, position."""
        address = body.to_address(self._new_id())
        return self._change_customer(
            customer_id,
            asked,
            expected,
            lambda customer: customer.add_address(address, asked.context.occurred_at),
            addressId=str(address.address_id),
        )

    def edit_address(
        self,
        customer_id: UUID,
        address_id: UUID,
        body: AddressBody,
        asked: Asked,
        expected: int | None = None,
    ) -> dict[str, Any]:
        """Replace an address; answers addressId, customerId, version, position."""
        address = body.to_address(address_id)
        return self._change_customer(
            customer_id,
            asked,
            expected,
            lambda customer: customer.edit_address(address, asked.context.occurred_at),
            addressId=str(address_id),
        )

    # -- contracts and orders -------------------------------------------------------------------

    def sign_contract(self, body: SignContract, asked: Asked) -> dict[str, Any]:
        """Sign a contract; answers contractId, contractIdent, customerId, version, position."""

        def decide() -> Decision:
            customer = self._named_customer(body)
            _check_addresses(customer, body.invoice_address_id, body.shipping_address_id)
            contract = Contract.sign(
                contract_id=self._new_id(),
                customer_id=customer.id,
                contract_ident=body.contract_ident,
                currency=body.currency,
                signed_on=body.date or body.start_date,
                starts_on=body.start_date,
                ends_on=body.end_date,
                billing_starts_on=body.billing_start_date,
                alignment=body.alignment,
                items=[item.to_item() for item in body.items],
                payment_term_days=body.payment_term_days,
                purchase_order=body.purchase_order,
                invoice_address_id=body.invoice_address_id,
                shipping_address_id=body.shipping_address_id,
                now=asked.context.occurred_at,
            )
            answer = {
                "contractId": str(contract.id),
                "contractIdent": body.contract_ident,
                "customerId": str(customer.id),
                "version": contract.version,
            }
            return Decision([contract], answer, (Claim(CONTRACT, body.contract_ident, contract.id),))

        return self._carry_out(asked, decide)

    def record_order(self, body: RecordOrder, asked: Asked) -> dict[str, Any]:
        """Record an order, and with IMMEDIATELY also request a run for it.

        Answers orderId, orderIdent, customerId, version, position and, if there is one, billingRunId.
        """

        def decide() -> Decision:
            customer = self._named_customer(body)
            _check_addresses(customer, body.invoice_address_id, body.shipping_address_id)
            order = Order.record(
                order_id=self._new_id(),
                customer_id=customer.id,
                order_ident=body.order_ident,
                ordered_on=body.order_date,
                billing_time=body.billing_time,
                currency=body.currency,
                lines=[line.to_line() for line in body.lines],
                allowances=[a.to_value() for a in body.allowances],
                charges=[c.to_value() for c in body.charges],
                payment_term_days=body.payment_term_days,
                purchase_order=body.purchase_order,
                invoice_address_id=body.invoice_address_id,
                shipping_address_id=body.shipping_address_id,
                now=asked.context.occurred_at,
            )
            answer = {
                "orderId": str(order.id),
                "orderIdent": body.order_ident,
                "customerId": str(customer.id),
                "version": order.version,
            }
            aggregates: list[Aggregate] = [order]
            if body.billing_time is BillingTime.IMMEDIATELY:
                run = self._request(customer, None, asked)
                answer["billingRunId"] = str(run.id)
                aggregates.append(run)
            return Decision(aggregates, answer, (Claim(ORDER, body.order_ident, order.id),))

        return self._carry_out(asked, decide)

    # -- billing runs ---------------------------------------------------------------------------

    def request_billing_run(self, body: RequestBillingRun, asked: Asked) -> dict[str, Any]:
        """Request a billing run for one customer or for all; answers billingRunId, position."""

        def decide() -> Decision:
            for_all = body.customer_id is None and body.debtor_ident is None
            customer = None if for_all else self._named_customer(body)
            run = self._request(customer, body, asked)
            return Decision([run], {"billingRunId": str(run.id)})

        return self._carry_out(asked, decide)

    def _request(
        self, customer: Customer | None, body: RequestBillingRun | None, asked: Asked
    ) -> BillingRunRequest:
        return BillingRunRequest.request(
            billing_run_id=self._new_id(),
            customer_id=customer.id if customer else None,
            debtor_ident=customer.debtor_ident if customer else None,
            processing_date=body.processing_date if body else None,
            now=asked.context.occurred_at,
        )

    # -- finding --------------------------------------------------------------------------------

    def customer(self, customer_id: UUID) -> Customer:
        """The customer as of its newest event; raises CustomerNotFound."""
        found: object = None
        with suppress(AggregateNotFoundError):
            found = self.repository.get(customer_id)
        if not isinstance(found, Customer):
            raise CustomerNotFound(f"There is no customer {customer_id}.")
        return found

    def owner_of(self, kind: str, ident: str) -> UUID | None:
        """Id of the customer, contract or order that bears an ident; None if there is none."""
        return self.log_index.owner_of(kind, ident)

    def _named_customer(self, named: CustomerRef | RequestBillingRun) -> Customer:
        by_ident = self.owner_of(DEBTOR, named.debtor_ident) if named.debtor_ident is not None else None
        customer_id = named.customer_id or by_ident
        if customer_id is None:
            raise CustomerNotFound(f"There is no customer with the debtor ident {named.debtor_ident!r}.")
        if named.customer_id and named.debtor_ident is not None and by_ident != named.customer_id:
            raise InvalidFields(
                FieldError("debtorIdent", "names another customer than customerId", named.debtor_ident)
            )
        return self.customer(customer_id)

    # -- deciding -------------------------------------------------------------------------------

    def _change_customer(
        self,
        customer_id: UUID,
        asked: Asked,
        expected: int | None,
        change: Callable[[Customer], None],
        **answer: str,
    ) -> dict[str, Any]:
        def decide() -> Decision:
            customer = self.customer(customer_id)
            check_version(expected, customer.version)
            change(customer)
            return Decision(
                [customer], {**answer, "customerId": str(customer_id), "version": customer.version}
            )

        return self._carry_out(asked, decide)

    def _carry_out(self, asked: Asked, decide: Callable[[], Decision]) -> dict[str, Any]:
        try:
            return self.carry_out(asked, decide)
        except ClaimTaken as taken:
            raise _TAKEN[taken.claim.kind](taken.claim.ident) from None

    def _check_free(self, debtor_ident: str | None) -> None:
        """Refuse a taken name before an account number is used up; the log, which stores the name, has the last word."""
        if debtor_ident is not None and self.owner_of(DEBTOR, debtor_ident) is not None:
            raise DebtorIdentTaken(debtor_ident)


def _profile(body: CreateCustomer) -> Profile:
    given = body.model_dump(include=set(CustomerChanges.__struct_fields__))
    return Profile(
        **given
        | {
            "contractor_references": references(body.contractor_references),
            "e_invoicing": e_invoicing(body.e_invoicing),
        }
    )


def _changes(body: EditCustomer) -> CustomerChanges:
    given = {name: getattr(body, name) for name in body.model_fields_set}
    if "contractor_references" in given:
        given["contractor_references"] = references(body.contractor_references)
    if "e_invoicing" in given:
        given["e_invoicing"] = e_invoicing(body.e_invoicing)
    return CustomerChanges(**given)


def _check_addresses(customer: Customer, invoice_id: UUID | None, shipping_id: UUID | None) -> None:
    for field, address_id, kind in (
        ("invoiceAddressId", invoice_id, AddressType.INVOICE),
        ("shippingAddressId", shipping_id, AddressType.SHIPPING),
    ):
        if address_id is not None and not customer.has_address(address_id, kind):
            raise InvalidFields(
                FieldError(field, f"is not an {kind} address of the customer", str(address_id))
            )
