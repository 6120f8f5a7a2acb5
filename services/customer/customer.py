"""The customer: who is billed, where, and how documents reach them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

import msgspec

from services.errors import FieldError, InvalidFields, NotFound, Refused
from services.events import Aggregate, FirstEvent
from services.messages import CustomerChanges
from services.values import (
    Address,
    AddressType,
    ContractorReference,
    CustomerType,
    DocumentDelivery,
    DocumentGrouping,
    EInvoicing,
    PropertyValue,
    with_address,
)

# -- refusals -----------------------------------------------------------------------------------


class DebtorIdentTaken(Refused):
    """A debtor ident belongs to one customer only."""

    def __init__(self, debtor_ident: str) -> None:
        super().__init__(f"Debtor ident {debtor_ident!r} is taken; choose another one.")


class AddressTypeFixed(Refused):
    """The type of an address never changes; add a new address instead."""


class CustomerNotFound(NotFound):
    """There is no such customer."""


class AddressNotFound(NotFound):
    """The customer has no such address."""


# -- the customer -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A customer's data besides idents and addresses, as first recorded."""

    customer_type: CustomerType
    language: str
    contractor_references: tuple[ContractorReference, ...] = ()
    contact_person: str | None = None
    email: str | None = None
    phone: str | None = None
    vat_id: str | None = None
    tax_number: str | None = None
    preferred_document_delivery: DocumentDelivery = DocumentDelivery.NONE
    e_invoicing: EInvoicing | None = None
    group_documents_by: DocumentGrouping = DocumentGrouping.CUSTOMER


class Customer(Aggregate):
    """One debtor. The first invoice address, *Invoice address 1*, holds the name."""

    TOPIC: ClassVar[str] = "customer.Customer"

    def __init__(self) -> None:
        self.debtor_ident: str
        self.account_number: str
        self.profile: dict[str, Any]
        self.addresses: dict[UUID, Address]

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
        contact_person: str | None = None
        email: str | None = None
        phone: str | None = None
        vat_id: str | None = None
        tax_number: str | None = None
        preferred_document_delivery: DocumentDelivery = DocumentDelivery.NONE
        e_invoicing: EInvoicing | None = None
        group_documents_by: DocumentGrouping = DocumentGrouping.CUSTOMER
        properties: dict[str, PropertyValue] = field(default_factory=dict)

        def apply(self, aggregate: "Customer") -> None:
            aggregate.debtor_ident = self.debtor_ident
            aggregate.account_number = self.account_number
            aggregate.profile = {name: getattr(self, name) for name in CustomerChanges.__struct_fields__}
            aggregate.addresses = {a.address_id: a for a in self.addresses}

    class Edited(Event):
        TOPIC: ClassVar[str] = "customer.CustomerEdited"

        changes: CustomerChanges

        def apply(self, aggregate: "Customer") -> None:
            aggregate.profile |= present(self.changes)

    class AddressAdded(Event):
        TOPIC: ClassVar[str] = "customer.AddressAdded"

        address: Address

        def apply(self, aggregate: "Customer") -> None:
            aggregate._put(self.address)

    class AddressEdited(Event):
        TOPIC: ClassVar[str] = "customer.AddressEdited"

        address: Address

        def apply(self, aggregate: "Customer") -> None:
            aggregate._put(self.address)

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
        if not any(a.address_type is AddressType.INVOICE for a in addresses):
            raise InvalidFields(FieldError("addresses", "needs at least one address of type INVOICE"))
        for index, address in enumerate(addresses):
            _check_name(address, profile.customer_type, f"addresses[{index}].")
        _check_delivery(profile.preferred_document_delivery, profile.email)
        return cls._create(
            cls.Created,
            id=customer_id,
            timestamp=now,
            customer_id=customer_id,
            debtor_ident=debtor_ident,
            account_number=account_number,
            addresses=_with_defaults(addresses),
            properties=dict(properties),
            **{name: getattr(profile, name) for name in CustomerChanges.__struct_fields__},
        )

    def edit(self, changes: CustomerChanges, now: datetime) -> None:
        """Change what differs; nothing happens if nothing does."""
        differing = {name: value for name, value in present(changes).items() if self.profile[name] != value}
        if not differing:
            return
        after = self.profile | differing
        _check_delivery(after["preferred_document_delivery"], after["email"])
        _check_name(self.invoice_address_1, after["customer_type"], "", blamed="customerType")
        self.trigger_event(
            Customer.Edited, timestamp=now, customer_id=self.id, changes=CustomerChanges(**differing)
        )

    def add_address(self, address: Address, now: datetime) -> None:
        _check_name(address, self.profile["customer_type"], "")
        first_of_type = not any(a.address_type is address.address_type for a in self.addresses.values())
        added = msgspec.structs.replace(address, default=address.default or first_of_type)
        self.trigger_event(Customer.AddressAdded, timestamp=now, customer_id=self.id, address=added)

    def edit_address(self, address: Address, now: datetime) -> None:
        before = self.addresses.get(address.address_id)
        if before is None:
            raise AddressNotFound(f"The customer has no address {address.address_id}.")
        if before.address_type is not address.address_type:
            raise AddressTypeFixed(f"This is an {before.address_type} address and stays one; add a new one.")
        _check_name(address, self.profile["customer_type"], "")
        # A default address stays the default until another one of its type becomes it.
        edited = msgspec.structs.replace(address, default=address.default or before.default)
        if edited != before:
            self.trigger_event(Customer.AddressEdited, timestamp=now, customer_id=self.id, address=edited)

    @property
    def invoice_address_1(self) -> Address:
        """The address that was made with the customer and holds the name."""
        return next(a for a in self.addresses.values() if a.address_type is AddressType.INVOICE)

    def has_address(self, address_id: UUID, address_type: AddressType) -> bool:
        address = self.addresses.get(address_id)
        return address is not None and address.address_type is address_type

    # -- appliers -------------------------------------------------------------------------------

    def _put(self, address: Address) -> None:
        self.addresses = {a.address_id: a for a in with_address(self.addresses.values(), address)}


def present(changes: CustomerChanges) -> dict[str, Any]:
    """The fields that an edit mentions."""
    return {k: v for k, v in msgspec.structs.asdict(changes).items() if v is not msgspec.UNSET}


def _with_defaults(addresses: Sequence[Address]) -> tuple[Address, ...]:
    """One default per type: the last one that asks for it, else the first."""
    chosen: dict[AddressType, int] = {}
    for index, address in enumerate(addresses):
        if address.default or address.address_type not in chosen:
            chosen[address.address_type] = index
    return tuple(
        msgspec.structs.replace(a, default=chosen[a.address_type] == i) for i, a in enumerate(addresses)
    )


def _check_name(
    address: Address, customer_type: CustomerType, prefix: str, blamed: str | None = None
) -> None:
    """A B2C address needs a last name, every other one a company."""
    field, value = (
        ("lastName", address.last_name) if customer_type is CustomerType.B2C else ("company", address.company)
    )
    if not value:
        message = (
            f"needs {'a last name' if field == 'lastName' else 'a company'} for a {customer_type} customer"
        )
        raise InvalidFields(FieldError(blamed or f"{prefix}{field}", message, None))


def _check_delivery(delivery: DocumentDelivery, email: str | None) -> None:
    if delivery is DocumentDelivery.EMAIL and not email:
        raise InvalidFields(FieldError("email", "is needed when documents are delivered by EMAIL"))
