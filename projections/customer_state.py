"""What is known of a customer, as JSON, and how each message changes it: for whoever shows it or tells its changes.

Personal data are in it as they come, mostly as tokens (`services.personal_data`): who reads them opens them.
"""

from typing import Any

from msgspec import convert

from services.as_json import full, present
from services.messages import (
    AddressAdded,
    AddressEdited,
    AddressRemoved,
    BillingStopLifted,
    BillingStopped,
    CustomerCreated,
    CustomerEdited,
    PaymentAccountAdded,
    PaymentAccountRemoved,
    PersonalDataErased,
    PropertyRemoved,
    PropertySet,
)
from services.values import (
    Address,
    PaymentAccount,
    with_address,
    with_payment_account,
    without_address,
    without_payment_account,
)

Json = dict[str, Any]

CustomerChange = (
    CustomerEdited
    | AddressAdded
    | AddressEdited
    | AddressRemoved
    | PropertySet
    | PropertyRemoved
    | PaymentAccountAdded
    | PaymentAccountRemoved
    | BillingStopped
    | BillingStopLifted
    | PersonalDataErased
)
"""Everything that changes a customer after it was created."""


def new(message: CustomerCreated) -> Json:
    """The fields of the message, `paymentAccounts` and `billingStop`; `erased` is there once it is so."""
    state: Json = full(message)
    return state | {"paymentAccounts": [], "billingStop": None}


def after(state: Json, message: CustomerChange) -> Json:
    """The customer once this has happened as well; `state` itself stays as it is."""
    match message:
        case CustomerEdited():
            changed = present(message.changes)
        case AddressAdded() | AddressEdited():
            changed = {"addresses": full(with_address(_addresses(state), message.address))}
        case AddressRemoved():
            left = without_address(_addresses(state), message.address_id, message.default_address_id)
            changed = {"addresses": full(left)}
        case PropertySet():
            changed = {"properties": state["properties"] | {message.key: message.value}}
        case PropertyRemoved():
            others = {key: value for key, value in state["properties"].items() if key != message.key}
            changed = {"properties": others}
        case PaymentAccountAdded():
            accounts = with_payment_account(_payment_accounts(state), message.payment_account)
            changed = {"paymentAccounts": full(accounts)}
        case PaymentAccountRemoved():
            accounts = without_payment_account(
                _payment_accounts(state), message.payment_account_id, message.default_payment_account_id
            )
            changed = {"paymentAccounts": full(accounts)}
        case BillingStopped():
            changed = {"billingStop": {"reason": message.reason, "since": full(message.since)}}
        case BillingStopLifted():
            changed = {"billingStop": None}
        case PersonalDataErased():
            changed = {"erased": True}
    return state | changed


def _addresses(state: Json) -> tuple[Address, ...]:
    return convert(state["addresses"], tuple[Address, ...])


def _payment_accounts(state: Json) -> tuple[PaymentAccount, ...]:
    return convert(state["paymentAccounts"], tuple[PaymentAccount, ...])
