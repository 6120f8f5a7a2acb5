"""The customer: who is billed, where, and how documents reach them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

import msgspec

from services.customer import addresses as address_rules
from services.customer import payment_accounts as payment_account_rules
from services.customer.addresses import AddressNotFound, AddressTypeFixed, InvoiceAddress1Stays
from services.customer.payment_accounts import PaymentAccountNotFound
from services.customer.profile import Profile, check_delivery, check_references, present
from services.errors import NotFound, Refused
from services.events import Aggregate, FirstEvent
from services.messages import CustomerChanges
from services.values import (
    Address,
    AddressType,
    BillingStop,
    ContractorReference,
    CustomerType,
    DocumentDelivery,
    DocumentGrouping,
    EInvoicing,
    PaymentAccount,
    Personal,
    PropertyValue,
    with_address,
    with_payment_account,
    without_address,
    without_payment_account,
)

ADDRESSES_MAX, PAYMENT_ACCOUNTS_MAX, PROPERTIES_MAX = 1000, 100, 200
NAMED_MAX = 20
"""Idents that a refusal names."""

# -- refusals -----------------------------------------------------------------------------------


class DebtorIdentTaken(Refused):
    """A debtor ident belongs to one customer only."""

    def __init__(self, debtor_ident: str) -> None:
        super().__init__(f"Debtor ident {debtor_ident!r} is taken; choose another one.")


class CustomerErased(Refused):
    """Nothing changes any more for a customer whose personal data was erased."""


class LeftToBill(Refused):
    """Personal data is erased only when nothing of the customer is left to bill."""

    def __init__(self, idents: Sequence[str]) -> None:
        named = ", ".join(idents[:NAMED_MAX]) + (", …" if len(idents) > NAMED_MAX else "")
        super().__init__(f"End or cancel and bill these contracts and orders first: {named}.")


class TooMany(Refused):
    """A customer has as many of these as it may have."""


class CustomerNotFound(NotFound):
    """There is no such customer."""


class PropertyNotFound(NotFound):
    """The customer has no such property."""


class BillingStopNotFound(NotFound):
    """The customer has no billing stop."""


# -- the customer -------------------------------------------------------------------------------


class Customer(Aggregate):
    """One debtor. The first invoice address, *Invoice address 1*, holds the name."""

    TOPIC: ClassVar[str] = "customer.Customer"

    def __init__(self) -> None:
        self.debtor_ident: str
        self.account_number: str
        self.profile: dict[str, Any]
        self.addresses: dict[UUID, Address]
        self.properties: dict[str, PropertyValue]
        self.payment_accounts: dict[UUID, PaymentAccount]
        self.billing_stop: BillingStop | None
        self.erased: bool

    # -- events ---------------------------------------------------------------------------------

    class Event(Aggregate.Event):
        customer_id: UUID

        def apply(self, aggregate: "Customer") -> None: ...

    class Created(FirstEvent, Event):
        TOPIC: ClassVar[str] = "customer.CustomerCreated"

        debtor_ident: str
        account_number: str
        customer_type: CustomerType
        language: str
        addresses: tuple[Address, ...]
        contractor_references: tuple[ContractorReference, ...] = ()
        contact_person: Personal | None = None
        email: Personal | None = None
        phone: Personal | None = None
        vat_id: Personal | None = None
        tax_number: Personal | None = None
        preferred_document_delivery: DocumentDelivery = DocumentDelivery.NONE
        e_invoicing: EInvoicing | None = None
        group_documents_by: DocumentGrouping = DocumentGrouping.CUSTOMER
        billing_entity: str | None = None
        properties: dict[str, PropertyValue] = field(default_factory=dict)

        def apply(self, aggregate: "Customer") -> None:
            aggregate.debtor_ident = self.debtor_ident
            aggregate.account_number = self.account_number
            aggregate.profile = {name: getattr(self, name) for name in CustomerChanges.__struct_fields__}
            aggregate.properties = dict(self.properties)
            aggregate.payment_accounts = {}
            aggregate.billing_stop = None
            aggregate.erased = False
            aggregate._set_addresses(self.addresses)

    class Edited(Event):
        TOPIC: ClassVar[str] = "customer.CustomerEdited"

        changes: CustomerChanges

        def apply(self, aggregate: "Customer") -> None:
            aggregate.profile |= present(self.changes)

    class AddressAdded(Event):
        TOPIC: ClassVar[str] = "customer.AddressAdded"

        address: Address

        def apply(self, aggregate: "Customer") -> None:
            aggregate._set_addresses(with_address(aggregate.addresses.values(), self.address))

    class AddressEdited(Event):
        TOPIC: ClassVar[str] = "customer.AddressEdited"

        address: Address

        def apply(self, aggregate: "Customer") -> None:
            aggregate._set_addresses(with_address(aggregate.addresses.values(), self.address))

    class AddressRemoved(Event):
        TOPIC: ClassVar[str] = "customer.AddressRemoved"

        address_id: UUID
        default_address_id: UUID | None = None

        def apply(self, aggregate: "Customer") -> None:
            before = aggregate.addresses.values()
            aggregate._set_addresses(without_address(before, self.address_id, self.default_address_id))

    class PropertySet(Event):
        TOPIC: ClassVar[str] = "customer.PropertySet"

        key: str
        value: PropertyValue

        def apply(self, aggregate: "Customer") -> None:
            aggregate.properties = aggregate.properties | {self.key: self.value}

    class PropertyRemoved(Event):
        TOPIC: ClassVar[str] = "customer.PropertyRemoved"

        key: str

        def apply(self, aggregate: "Customer") -> None:
            aggregate.properties = {k: v for k, v in aggregate.properties.items() if k != self.key}

    class PaymentAccountAdded(Event):
        TOPIC: ClassVar[str] = "customer.PaymentAccountAdded"

        payment_account: PaymentAccount

        def apply(self, aggregate: "Customer") -> None:
            before = aggregate.payment_accounts.values()
            aggregate._set_payment_accounts(with_payment_account(before, self.payment_account))

    class PaymentAccountRemoved(Event):
        TOPIC: ClassVar[str] = "customer.PaymentAccountRemoved"

        payment_account_id: UUID
        default_payment_account_id: UUID | None = None

        def apply(self, aggregate: "Customer") -> None:
            before, default = aggregate.payment_accounts.values(), self.default_payment_account_id
            aggregate._set_payment_accounts(without_payment_account(before, self.payment_account_id, default))

    class BillingStopped(Event):
        TOPIC: ClassVar[str] = "customer.BillingStopped"

        reason: Personal
        since: datetime

        def apply(self, aggregate: "Customer") -> None:
            aggregate.billing_stop = BillingStop(reason=self.reason, since=self.since)

    class BillingStopLifted(Event):
        TOPIC: ClassVar[str] = "customer.BillingStopLifted"

        def apply(self, aggregate: "Customer") -> None:
            aggregate.billing_stop = None

    class PersonalDataErased(Event):
        TOPIC: ClassVar[str] = "customer.PersonalDataErased"

        def apply(self, aggregate: "Customer") -> None:
            aggregate.erased = True

    # -- decisions ------------------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        *,
        customer_id: UUID,
        debtor_ident: str,
        account_number: str,
        profile: Profile,
        addresses: Sequence[Address],
        properties: Mapping[str, PropertyValue],
        now: datetime,
    ) -> Self:
        address_rules.check_addresses(addresses, profile.customer_type)
        check_delivery(profile.preferred_document_delivery, profile.email)
        check_references(profile.contractor_references)
        return cls._create(
            cls.Created,
            id=customer_id,
            timestamp=now,
            customer_id=customer_id,
            debtor_ident=debtor_ident,
            account_number=account_number,
            addresses=address_rules.with_defaults(addresses),
            properties=dict(properties),
            **{name: getattr(profile, name) for name in CustomerChanges.__struct_fields__},
        )

    def edit(self, changes: CustomerChanges, now: datetime) -> None:
        """Change what differs; nothing happens if nothing does."""
        self.check_not_erased()
        differing = {name: value for name, value in present(changes).items() if self.profile[name] != value}
        if not differing:
            return
        after = self.profile | differing
        address_rules.check_type([*self.addresses.values()], after["customer_type"])
        check_delivery(after["preferred_document_delivery"], after["email"])
        check_references(after["contractor_references"])
        self._record(Customer.Edited, now, changes=CustomerChanges(**differing))

    def add_address(self, address: Address, now: datetime) -> None:
        self.check_not_erased()
        _check_room(self.addresses, ADDRESSES_MAX, "addresses")
        address_rules.check_address(address, self.profile["customer_type"])
        first_of_type = not any(a.address_type is address.address_type for a in self.addresses.values())
        added = msgspec.structs.replace(address, default=address.default or first_of_type)
        self._record(Customer.AddressAdded, now, address=added)

    def edit_address(self, address: Address, now: datetime) -> None:
        """Replace an address; nothing happens if it is the same."""
        self.check_not_erased()
        before = self._address(address.address_id)
        if before.address_type is not address.address_type:
            raise AddressTypeFixed(f"This is an {before.address_type} address and stays one; add a new one.")
        address_rules.check_address(address, self.profile["customer_type"])
        # A default address stays the default until another one of its type becomes it.
        edited = msgspec.structs.replace(address, default=address.default or before.default)
        if edited != before:
            self._record(Customer.AddressEdited, now, address=edited)

    def remove_address(self, address_id: UUID, now: datetime) -> None:
        self.check_not_erased()
        removed = self._address(address_id)
        if removed == self.invoice_address_1:
            raise InvoiceAddress1Stays("This is Invoice address 1; edit it, or add another invoice address.")
        default = address_rules.default_after([*self.addresses.values()], removed)
        self._record(Customer.AddressRemoved, now, address_id=address_id, default_address_id=default)

    def set_property(self, key: str, value: PropertyValue, now: datetime) -> None:
        """Set a characteristic; nothing happens if it has this value."""
        self.check_not_erased()
        if key not in self.properties:
            _check_room(self.properties, PROPERTIES_MAX, "properties")
        elif _same(self.properties[key], value):
            return
        self._record(Customer.PropertySet, now, key=key, value=value)

    def remove_property(self, key: str, now: datetime) -> None:
        self.check_not_erased()
        if key not in self.properties:
            raise PropertyNotFound(f"The customer has no property {key!r}.")
        self._record(Customer.PropertyRemoved, now, key=key)

    def add_payment_account(self, account: PaymentAccount, now: datetime) -> None:
        self.check_not_erased()
        _check_room(self.payment_accounts, PAYMENT_ACCOUNTS_MAX, "payment accounts")
        payment_account_rules.check_payment_account(account)
        added = msgspec.structs.replace(account, default=account.default or not self.payment_accounts)
        self._record(Customer.PaymentAccountAdded, now, payment_account=added)

    def remove_payment_account(self, payment_account_id: UUID, now: datetime) -> None:
        self.check_not_erased()
        removed = self.payment_accounts.get(payment_account_id)
        if removed is None:
            raise PaymentAccountNotFound(f"The customer has no payment account {payment_account_id}.")
        self._record(
            Customer.PaymentAccountRemoved,
            now,
            payment_account_id=payment_account_id,
            default_payment_account_id=payment_account_rules.default_after(
                self.payment_accounts.values(), removed
            ),
        )

    def stop_billing(self, reason: str, now: datetime) -> None:
        """Let runs for all customers skip this one; another reason leaves since when as it is."""
        self.check_not_erased()
        stop = self.billing_stop
        if stop is None or stop.reason != reason:
            since = stop.since if stop else now
            self._record(Customer.BillingStopped, now, reason=reason, since=since)

    def lift_billing_stop(self, now: datetime) -> None:
        self.check_not_erased()
        if self.billing_stop is None:
            raise BillingStopNotFound("The customer has no billing stop.")
        self._record(Customer.BillingStopLifted, now)

    def erase(self, left_to_bill: Sequence[str], now: datetime) -> None:
        """Erase the personal data, once; `left_to_bill` names what billing still needs it for."""
        if self.erased:
            return
        if left_to_bill:
            raise LeftToBill(left_to_bill)
        self._record(Customer.PersonalDataErased, now)

    def check_not_erased(self) -> None:
        """Refuse a command about a customer whose personal data was erased."""
        if self.erased:
            raise CustomerErased(f"The personal data of customer {self.id} was erased.")

    # -- looking --------------------------------------------------------------------------------

    @property
    def invoice_address_1(self) -> Address:
        """The address that was made with the customer and holds the name."""
        return address_rules.invoice_address_1(self.addresses.values())

    def has_address(self, address_id: UUID, address_type: AddressType) -> bool:
        address = self.addresses.get(address_id)
        return address is not None and address.address_type is address_type

    def _address(self, address_id: UUID) -> Address:
        address = self.addresses.get(address_id)
        if address is None:
            raise AddressNotFound(f"The customer has no address {address_id}.")
        return address

    # -- recording and applying -----------------------------------------------------------------

    def _record(self, event: type[Event], now: datetime, **state: Any) -> None:
        self.trigger_event(event, timestamp=now, customer_id=self.id, **state)

    def _set_addresses(self, addresses: Iterable[Address]) -> None:
        self.addresses = {a.address_id: a for a in addresses}

    def _set_payment_accounts(self, accounts: Iterable[PaymentAccount]) -> None:
        self.payment_accounts = {a.payment_account_id: a for a in accounts}


def _check_room(held: Mapping[Any, Any], most: int, what: str) -> None:
    if len(held) >= most:
        raise TooMany(f"A customer has at most {most} {what}.")


def _same(before: PropertyValue, after: PropertyValue) -> bool:
    """Whether two values are the same in JSON, where true is not 1."""
    return before == after and isinstance(before, bool) == isinstance(after, bool)
