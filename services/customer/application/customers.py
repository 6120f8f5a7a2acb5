"""Use cases of customers' general data, properties and billing stop."""

from typing import Any
from uuid import UUID

from services.application import Decision
from services.customer.application.changing import ChangingCustomers
from services.customer.application.deciding import DEBTOR
from services.customer.commands.billing_stops import StopBilling
from services.customer.commands.customers import (
    CreateCustomer,
    EditCustomer,
    e_invoicing,
    references,
)
from services.customer.commands.properties import SetProperty
from services.customer.customer import Customer, DebtorIdentTaken
from services.customer.profile import Profile
from services.events import Asked, Claim
from services.messages import CustomerChanges

ACCOUNT_NUMBERS = "account_number"


class Customers(ChangingCustomers):
    """Creating customers, and changing what they are."""

    def create_customer(self, body: CreateCustomer, asked: Asked) -> dict[str, Any]:
        """Create a customer; answers customerId, debtorIdent, accountNumber, version, position."""
        while True:
            try:
                return self._create_customer(body, asked)
            except DebtorIdentTaken:
                # Somebody took, at this moment, the account number that was to be the ident: the next one then.
                if body.debtor_ident is not None:
                    raise

    def edit_customer(
        self, customer_id: UUID, body: EditCustomer, asked: Asked, expected: int | None = None
    ) -> dict[str, Any]:
        """Change what the body mentions; answers customerId, version, position."""
        changes, now = changes_of(body), asked.context.occurred_at
        return self._change_customer(customer_id, asked, expected, lambda c: c.edit(changes, now))

    def set_property(
        self, customer_id: UUID, key: str, body: SetProperty, asked: Asked, expected: int | None = None
    ) -> dict[str, Any]:
        """Set a characteristic; answers customerId, version, position."""
        value, now = body.value, asked.context.occurred_at
        return self._change_customer(customer_id, asked, expected, lambda c: c.set_property(key, value, now))

    def remove_property(
        self, customer_id: UUID, key: str, asked: Asked, expected: int | None = None
    ) -> dict[str, Any]:
        """Remove a characteristic; answers customerId, version, position."""
        now = asked.context.occurred_at
        return self._change_customer(customer_id, asked, expected, lambda c: c.remove_property(key, now))

    def stop_billing(
        self, customer_id: UUID, body: StopBilling, asked: Asked, expected: int | None = None
    ) -> dict[str, Any]:
        """Let runs for all customers skip this one; answers customerId, version, position."""
        reason, now = body.reason, asked.context.occurred_at
        return self._change_customer(customer_id, asked, expected, lambda c: c.stop_billing(reason, now))

    def lift_billing_stop(
        self, customer_id: UUID, asked: Asked, expected: int | None = None
    ) -> dict[str, Any]:
        """Bill the customer again; answers customerId, version, position."""
        now = asked.context.occurred_at
        return self._change_customer(customer_id, asked, expected, lambda c: c.lift_billing_stop(now))

    def _create_customer(self, body: CreateCustomer, asked: Asked) -> dict[str, Any]:
        def decide() -> Decision:
            self._check_free(body.debtor_ident)
            customer_id = self._new_id()
            account_number = self._next_account_number(body.debtor_ident is None)
            debtor_ident = body.debtor_ident or account_number
            customer = Customer.create(
                customer_id=customer_id,
                debtor_ident=debtor_ident,
                account_number=account_number,
                profile=profile_of(body),
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

    def _check_free(self, debtor_ident: str | None) -> None:
        """Refuse a taken name before an account number is used up; the log, which stores the name, has the last word."""
        if debtor_ident is not None and self.owner_of(DEBTOR, debtor_ident) is not None:
            raise DebtorIdentTaken(debtor_ident)

    def _next_account_number(self, becomes_ident: bool) -> str:
        """A new account number; one that is to be the debtor ident too is none that somebody has as ident."""
        while True:
            number = str(self.log_index.next_number(ACCOUNT_NUMBERS))
            if not becomes_ident or self.owner_of(DEBTOR, number) is None:
                return number


def profile_of(body: CreateCustomer) -> Profile:
    given = body.model_dump(include=set(CustomerChanges.__struct_fields__))
    return Profile(
        **given
        | {
            "contractor_references": references(body.contractor_references),
            "e_invoicing": e_invoicing(body.e_invoicing),
        }
    )


def changes_of(body: EditCustomer) -> CustomerChanges:
    given = {name: getattr(body, name) for name in body.model_fields_set}
    if "contractor_references" in given:
        given["contractor_references"] = references(body.contractor_references)
    if "e_invoicing" in given:
        given["e_invoicing"] = e_invoicing(body.e_invoicing)
    return CustomerChanges(**given)
