"""Whatever is asked of a customer in whatever order: it is as a plain model says, and so is what its events replay to."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.customer.addresses import AddressNotFound, AddressTypeFixed, InvoiceAddress1Stays
from services.customer.customer import (
    BillingStopNotFound,
    Customer,
    CustomerErased,
    LeftToBill,
    PropertyNotFound,
)
from services.customer.payment_accounts import PaymentAccountNotFound
from services.errors import InvalidFields
from services.event_store import EventMapper
from services.events import Event
from services.personal_data import ERASED, Purpose
from tests import examples
from tests.customer.customers import address, create, edit, events, payment_account
from tests.keys import KeysInMemory

NOW = examples.NOW
TYPES = st.sampled_from(["INVOICE", "SHIPPING"])
NAMES = st.sampled_from([{"company": "A"}, {"company": "B"}, {"company": None, "lastName": "C"}]) | st.just(
    {"company": "D", "lastName": "D"}
)
KEYS = st.sampled_from(["a", "b", "c"])
VALUES = st.sampled_from(["x", "", 0, 1, 1.5, True, False, "2026-01-01"])
ACCOUNTS = st.sampled_from(
    [
        examples.direct_debit(),
        examples.credit_card(),
        examples.direct_debit(iban=None),
        {"paymentMethod": "PAY_PAL", "payerReference": "B-1"},
        {"paymentMethod": "BANK_TRANSFER"},
        {"paymentMethod": "BANK_TRANSFER", "brand": "Visa"},
    ]
)
NOBODY = UUID(int=0)

Row = dict[str, Any]


class CustomerMachine(RuleBasedStateMachine):
    """The customer beside a model of dicts and lists, in which every rule is written down a second time."""

    def __init__(self) -> None:
        super().__init__()
        self.keys = KeysInMemory()
        self.mapper = EventMapper(self.keys, Purpose.CUSTOMER)
        self.stored: list[Any] = []
        self.seen = 0

    @initialize(shipping=st.booleans(), name=st.sampled_from(["company", "lastName"]))
    def create(self, shipping: bool, name: str) -> None:
        names = {"company": None, "lastName": None} | {name: "First"}
        rows = [examples.invoice_address(**names)] + [examples.shipping_address() | names] * shipping
        customer_type = "B2B" if name == "company" else "B2C"
        self.customer = create(
            examples.beispiel_gmbh(customerType=customer_type, addresses=rows, properties={})
        )
        self.first = self.customer.invoice_address_1.address_id
        self.model: Row = {
            "type": customer_type,
            "language": "de",
            "email": "rechnung@example.com",
            "delivery": "NONE",
            "addresses": {
                a.address_id: {"type": row["addressType"], "default": True, **names}
                for a, row in zip(self.customer.addresses.values(), rows, strict=True)
            },
            "properties": {},
            "accounts": {},
            "stop": None,
            "erased": False,
        }

    # -- what is asked --------------------------------------------------------------------------

    @rule(address_type=TYPES, names=NAMES, default=st.booleans())
    def add_address(self, address_type: str, names: Row, default: bool) -> None:
        new = address(addressType=address_type, default=default, **names)
        refusal = self.unnamed(names)
        if self.asked(lambda: self.customer.add_address(new, NOW), refusal):
            alone = not any(a["type"] == address_type for a in self.model["addresses"].values())
            self.put_address(new.address_id, address_type, names, default or alone)

    @rule(data=st.data(), address_type=TYPES, names=NAMES, default=st.booleans())
    def edit_address(self, data: st.DataObject, address_type: str, names: Row, default: bool) -> None:
        address_id, before = self.pick(data, "addresses")
        new = address(address_id, addressType=address_type, default=default, **names)
        refusal = (
            AddressNotFound
            if before is None
            else AddressTypeFixed
            if before["type"] != address_type
            else self.unnamed(names)
        )
        if self.asked(lambda: self.customer.edit_address(new, NOW), refusal):
            assert before
            self.put_address(address_id, address_type, names, default or before["default"])

    @rule(data=st.data())
    def remove_address(self, data: st.DataObject) -> None:
        address_id, before = self.pick(data, "addresses")
        refusal = (
            AddressNotFound if before is None else InvoiceAddress1Stays if address_id == self.first else None
        )
        if self.asked(lambda: self.customer.remove_address(address_id, NOW), refusal):
            assert before
            del self.model["addresses"][address_id]
            left = [a for a in self.model["addresses"].values() if a["type"] == before["type"]]
            if before["default"] and left:
                left[0]["default"] = True

    @rule(key=KEYS, value=VALUES)
    def set_property(self, key: str, value: Any) -> None:
        if self.asked(lambda: self.customer.set_property(key, value, NOW)):
            self.model["properties"][key] = told_apart(value)

    @rule(key=KEYS)
    def remove_property(self, key: str) -> None:
        refusal = None if key in self.model["properties"] else PropertyNotFound
        if self.asked(lambda: self.customer.remove_property(key, NOW), refusal):
            del self.model["properties"][key]

    @rule(body=ACCOUNTS, default=st.booleans())
    def add_payment_account(self, body: Row, default: bool) -> None:
        new = payment_account(body | {"default": default})
        wrong = body.get("iban", "") is None or ("brand" in body and "gatewayToken" not in body)
        refusal = InvalidFields if wrong else None
        if self.asked(lambda: self.customer.add_payment_account(new, NOW), refusal):
            accounts = self.model["accounts"]
            default = default or not accounts
            if default:
                accounts |= dict.fromkeys(accounts, False)
            accounts[new.payment_account_id] = default

    @rule(data=st.data())
    def remove_payment_account(self, data: st.DataObject) -> None:
        account_id, was_default = self.pick(data, "accounts")
        refusal = PaymentAccountNotFound if was_default is None else None
        if self.asked(lambda: self.customer.remove_payment_account(account_id, NOW), refusal):
            accounts = self.model["accounts"]
            del accounts[account_id]
            if was_default and accounts:
                accounts[next(iter(accounts))] = True

    @rule(reason=st.sampled_from(["dispute", "insolvency"]))
    def stop_billing(self, reason: str) -> None:
        if self.asked(lambda: self.customer.stop_billing(reason, NOW)):
            self.model["stop"] = reason

    @rule()
    def lift_billing_stop(self) -> None:
        refusal = None if self.model["stop"] else BillingStopNotFound
        if self.asked(lambda: self.customer.lift_billing_stop(NOW), refusal):
            self.model["stop"] = None

    @rule(
        changes=st.fixed_dictionaries(
            {},
            optional={
                "customerType": st.sampled_from(["B2B", "B2C", "AFFILIATED"]),
                "language": st.sampled_from(["de", "en"]),
                "email": st.sampled_from([None, "a@example.com"]),
                "preferredDocumentDelivery": st.sampled_from(["EMAIL", "NONE"]),
            },
        )
    )
    def edit(self, changes: Row) -> None:
        names = {"customerType": "type", "preferredDocumentDelivery": "delivery"}
        after = self.model | {names.get(name, name): value for name, value in changes.items()}
        unnamed = any(self.unnamed(a, after["type"]) for a in after["addresses"].values())
        undelivered = after["delivery"] == "EMAIL" and not after["email"]
        if self.asked(
            lambda: edit(self.customer, **changes), InvalidFields if unnamed or undelivered else None
        ):
            self.model = after

    @precondition(lambda self: self.seen > 4)
    @rule(left=st.booleans())
    def erase(self, left: bool) -> None:
        if self.model["erased"]:
            self.customer.erase(["C-1"], NOW)  # nothing to do any more
            return
        idents = ["C-1"] if left else []
        if self.asked(lambda: self.customer.erase(idents, NOW), LeftToBill if left else None):
            self.model["erased"] = True

    # -- what must hold -------------------------------------------------------------------------

    @invariant()
    def it_is_as_the_model_says(self) -> None:
        assert shown(self.customer) == self.model

    @invariant()
    def its_events_replay_to_the_same_state(self) -> None:
        new = events(self.customer)[self.seen :]
        self.seen += len(new)
        self.stored += self.mapper.to_stored_events(new)
        assert state(self.replayed()) == state(self.customer)

    @invariant()
    def one_of_each_kind_is_the_default(self) -> None:
        addresses = self.customer.addresses.values()
        for kind in {a.address_type for a in addresses}:
            assert sum(a.default for a in addresses if a.address_type is kind) == 1
        accounts = self.customer.payment_accounts.values()
        assert sum(a.default for a in accounts) == bool(accounts)

    def teardown(self) -> None:
        """Without its key everything can still be replayed, and nothing personal is in it."""
        if not self.stored:
            return
        self.keys.destroy(self.customer.id)
        erased = self.replayed()
        assert erased.version == self.customer.version
        assert {a.name for a in erased.addresses.values()} == {ERASED}
        assert not erased.profile["email"] or erased.profile["email"] == ERASED
        assert set(erased.properties.values()) <= {ERASED}
        assert {a.iban for a in erased.payment_accounts.values()} <= {ERASED, None}

    # -- how it is asked ------------------------------------------------------------------------

    def asked(self, decide: Callable[[], None], refusal: type[Exception] | None = None) -> bool:
        """Ask, and tell whether it is to be done; what is refused records nothing."""
        if self.model["erased"]:
            refusal = CustomerErased
        before = len(events(self.customer))
        if refusal is None:
            decide()
            assert len(events(self.customer)) <= before + 1
            return True
        with pytest.raises(refusal):
            decide()
        assert len(events(self.customer)) == before
        return False

    def unnamed(self, names: Row, customer_type: str | None = None) -> type[Exception] | None:
        field = "lastName" if (customer_type or self.model["type"]) == "B2C" else "company"
        return None if names.get(field) else InvalidFields

    def pick(self, data: st.DataObject, what: str) -> tuple[UUID, Any]:
        """One that there is, or now and then one that there is not."""
        picked = data.draw(st.sampled_from([*self.model[what], NOBODY]))
        return picked, self.model[what].get(picked)

    def put_address(self, address_id: UUID, address_type: str, names: Row, default: bool) -> None:
        for other in self.model["addresses"].values():
            if default and other["type"] == address_type:
                other["default"] = False
        full = {"company": "Beispiel GmbH", "lastName": None} | names
        self.model["addresses"][address_id] = {"type": address_type, "default": default, **full}

    def replayed(self) -> Customer:
        customer: Any = None
        for event in self.mapper.to_domain_events(self.stored):
            assert isinstance(event, Event)
            customer = event.mutate(customer)
        assert isinstance(customer, Customer)
        return customer


def state(customer: Customer) -> Row:
    """All that a customer is, but for what waits to be stored."""
    return {name: value for name, value in vars(customer).items() if "pending" not in name}


def shown(customer: Customer) -> Row:
    """The customer in the words of the model."""
    return {
        "type": customer.profile["customer_type"],
        "language": customer.profile["language"],
        "email": customer.profile["email"],
        "delivery": customer.profile["preferred_document_delivery"],
        "addresses": {
            a.address_id: {
                "type": a.address_type,
                "default": a.default,
                "company": a.company,
                "lastName": a.last_name,
            }
            for a in customer.addresses.values()
        },
        "properties": {key: told_apart(value) for key, value in customer.properties.items()},
        "accounts": {a.payment_account_id: a.default for a in customer.payment_accounts.values()},
        "stop": customer.billing_stop.reason if customer.billing_stop else None,
        "erased": customer.erased,
    }


def told_apart(value: Any) -> tuple[bool, Any]:
    """A property's value such that true is not 1."""
    return isinstance(value, bool), value


TestCustomerMachine = CustomerMachine.TestCase
TestCustomerMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
