"""Rules of a customer's addresses: who is named, which one is the default, and which one stays."""

from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

import msgspec

from services.errors import FieldError, InvalidFields, NotFound, Refused
from services.values import Address, AddressType, CustomerType


class AddressNotFound(NotFound):
    """The customer has no such address."""


class AddressTypeFixed(Refused):
    """The type of an address never changes; add a new address instead."""


class InvoiceAddress1Stays(Refused):
    """Invoice address 1 is never removed, as it holds the customer's name; edit it instead."""


def invoice_address_1(addresses: Iterable[Address]) -> Address:
    """The address that was made with the customer and holds the name."""
    return next(a for a in addresses if a.address_type is AddressType.INVOICE)


def with_defaults(addresses: Sequence[Address]) -> tuple[Address, ...]:
    """One default per type: the last one that asks for it, else the first."""
    chosen: dict[AddressType, int] = {}
    for index, address in enumerate(addresses):
        if address.default or address.address_type not in chosen:
            chosen[address.address_type] = index
    return tuple(
        msgspec.structs.replace(a, default=chosen[a.address_type] == i) for i, a in enumerate(addresses)
    )


def default_after(addresses: Sequence[Address], removed: Address) -> UUID | None:
    """The address that becomes the default of its type in place of the removed one: the first that is left."""
    if not removed.default:
        return None
    left = (a for a in addresses if a.address_type is removed.address_type and a != removed)
    return next((a.address_id for a in left), None)


def check_addresses(addresses: Sequence[Address], customer_type: CustomerType) -> None:
    """Refuse a new customer's addresses where none is for invoices, or where a name is missing."""
    if not any(a.address_type is AddressType.INVOICE for a in addresses):
        raise InvalidFields(FieldError("addresses", "needs at least one address of type INVOICE"))
    errors = [
        _missing_name(f"addresses[{index}].", customer_type)
        for index, _ in _without_name(addresses, customer_type)
    ]
    if errors:
        raise InvalidFields(*errors)


def check_address(address: Address, customer_type: CustomerType) -> None:
    """Refuse an address without the name that the customer's type asks for."""
    for _ in _without_name([address], customer_type):
        raise InvalidFields(_missing_name("", customer_type))


def check_type(addresses: Sequence[Address], customer_type: CustomerType) -> None:
    """Refuse a customer's new type where an address lacks the name that it asks for."""
    wanted = _name_words(customer_type)
    errors = [
        FieldError(
            "customerType",
            f"asks for {wanted} in every address; edit addresses[{index}] ({address.address_id}) first",
            customer_type.value,
        )
        for index, address in _without_name(addresses, customer_type)
    ]
    if errors:
        raise InvalidFields(*errors)


def _without_name(addresses: Sequence[Address], customer_type: CustomerType) -> Iterator[tuple[int, Address]]:
    """A B2C address needs a last name, every other one a company."""
    for index, address in enumerate(addresses):
        if not (address.last_name if customer_type is CustomerType.B2C else address.company):
            yield index, address


def _missing_name(prefix: str, customer_type: CustomerType) -> FieldError:
    field = "lastName" if customer_type is CustomerType.B2C else "company"
    return FieldError(prefix + field, f"needs {_name_words(customer_type)} for a {customer_type} customer")


def _name_words(customer_type: CustomerType) -> str:
    return "a last name" if customer_type is CustomerType.B2C else "a company"
