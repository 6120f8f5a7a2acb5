"""What all use cases of the customer service share: finding what a command names, and carrying it out once."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError
from eventsourcing.persistence import ApplicationRecorder

from services.application import ClaimTaken, Decision, KontorApplication
from services.customer.application.billed import Billed
from services.customer.commands.billing_runs import RequestBillingRun
from services.customer.commands.kinds import CustomerRef
from services.customer.contract import Contract, ContractIdentTaken, ContractNotFound
from services.customer.customer import Customer, CustomerNotFound, DebtorIdentTaken
from services.customer.order import Order, OrderIdentTaken, OrderNotFound
from services.customer.plan import Plan, PlanIdentTaken, PlanNotFound
from services.errors import FieldError, InvalidFields, KontorError
from services.events import Aggregate, Asked
from services.ids import new_id
from services.values import AddressType

A = TypeVar("A", bound=Aggregate)

DEBTOR, PLAN, CONTRACT, USAGE, ORDER = "debtor", "plan", "contract", "usage", "order"
ERASED = "erased"
"""Kind of name that a customer takes, its own id, when its personal data is erased."""

_TAKEN: Mapping[str, Callable[[str], KontorError]] = {
    DEBTOR: DebtorIdentTaken,
    PLAN: PlanIdentTaken,
    CONTRACT: ContractIdentTaken,
    ORDER: OrderIdentTaken,
}
"""The kinds of names that refuse who comes second; what else is named is done already by then."""


class Deciding(KontorApplication):
    """The customer service's log, and what its use cases find in it; `new_id` makes ids."""

    name = "customer"

    def __init__(
        self, log: ApplicationRecorder, billed: Billed, *, new_id: Callable[[], UUID] = new_id
    ) -> None:
        self._billed = billed
        self._new_id = new_id
        super().__init__(log)

    # -- finding --------------------------------------------------------------------------------

    def customer(self, customer_id: UUID) -> Customer:
        """The customer as of its newest event; raises CustomerNotFound."""
        if customer := self._found(Customer, customer_id):
            return customer
        raise CustomerNotFound(f"There is no customer {customer_id}.")

    def contract(self, contract_id: UUID) -> Contract:
        """The contract as of its newest event; raises ContractNotFound."""
        if contract := self._found(Contract, contract_id):
            return contract
        raise ContractNotFound(f"There is no contract {contract_id}.")

    def order(self, order_id: UUID) -> Order:
        """The order as of its newest event; raises OrderNotFound."""
        if order := self._found(Order, order_id):
            return order
        raise OrderNotFound(f"There is no order {order_id}.")

    def plan(self, plan_ident: str) -> Plan:
        """The plan as of its newest event; raises PlanNotFound."""
        plan_id = self.owner_of(PLAN, plan_ident)
        if plan_id and (plan := self._found(Plan, plan_id)):
            return plan
        raise PlanNotFound(f"There is no plan with the ident {plan_ident!r}.")

    def _found(self, kind: type[A], aggregate_id: UUID) -> A | None:
        with suppress(AggregateNotFoundError):
            aggregate: object = self.repository.get(aggregate_id)
            return aggregate if isinstance(aggregate, kind) else None
        return None

    def owner_of(self, kind: str, ident: str) -> UUID | None:
        """Id of the customer, plan, contract or order that bears an ident; None if there is none."""
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

    def _carry_out(self, asked: Asked, decide: Callable[[], Decision]) -> dict[str, Any]:
        """Carry out a command; a name that somebody took at the same moment refuses it, or it is decided again."""
        while True:
            try:
                return self.carry_out(asked, decide)
            except ClaimTaken as taken:
                if refusal := _TAKEN.get(taken.claim.kind):
                    raise refusal(taken.claim.ident) from None


def check_addresses(customer: Customer, invoice_id: UUID | None, shipping_id: UUID | None) -> None:
    for field, address_id, kind in (
        ("invoiceAddressId", invoice_id, AddressType.INVOICE),
        ("shippingAddressId", shipping_id, AddressType.SHIPPING),
    ):
        if address_id is not None and not customer.has_address(address_id, kind):
            raise InvalidFields(
                FieldError(field, f"is not an {kind} address of the customer", str(address_id))
            )
