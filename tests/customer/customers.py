"""Customers as the tests of their rules make them: from the bodies that upstream systems send, without a database."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from services.customer.application.customers import changes_of, profile_of
from services.customer.commands.customers import AddressBody, CreateCustomer, EditCustomer
from services.customer.commands.payment_accounts import AddPaymentAccount
from services.customer.customer import Customer
from services.errors import InvalidFields
from services.events import Event
from services.values import Address, PaymentAccount
from tests import examples


def create(body: examples.Row) -> Customer:
    command = CreateCustomer.model_validate(body)
    return Customer.create(
        customer_id=uuid4(),
        debtor_ident=command.debtor_ident or "100001",
        account_number="100001",
        profile=profile_of(command),
        addresses=[a.to_address(uuid4()) for a in command.addresses],
        properties=command.properties,
        now=examples.NOW,
    )


def address(address_id: UUID | None = None, **changes: Any) -> Address:
    return AddressBody.model_validate(examples.invoice_address(**changes)).to_address(address_id or uuid4())


def payment_account(body: examples.Row) -> PaymentAccount:
    return AddPaymentAccount.model_validate(body).to_payment_account(uuid4())


def edit(customer: Customer, **changes: Any) -> None:
    customer.edit(changes_of(EditCustomer.model_validate(changes)), examples.NOW)


def events(customer: Customer) -> list[Event]:
    """What was recorded so far."""
    return [event for event in customer.pending_events if isinstance(event, Event)]


def refused_fields(error: pytest.ExceptionInfo[InvalidFields]) -> list[str]:
    return [e.field for e in error.value.errors]
