"""Where what a document bills was delivered to, and what of it must not share a document because of that."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from msgspec import structs

from services.billing.party import Party
from services.billing.taxed import Part
from services.values import Address, AddressType

INTRA_COMMUNITY = "K"
NOBODYS = UUID(int=0)
"""In place of an address's id, which is not printed."""


def delivered_to(customer: Party, parts: Sequence[Part], buyer: Address) -> Address | None:
    """The one address that everything which names one went to (BG-13, BG-15); None if there are several or it is the buyer's.

    A contract or order names it; goods without one went to the customer's default one. Where something is free of VAT
    because of where it went, nothing else counts.
    """
    decisive = [part for part in parts if _is_intra_community(part)] or parts
    found = {address.address_id: address for part in decisive if (address := _address(customer, part))}
    if len(found) != 1:
        return None
    [address] = found.values()
    return None if _as_printed(address) == _as_printed(buyer) else address


def apart(customer: Party, parts: Sequence[Part]) -> Iterator[Sequence[Part]]:
    """The parts of a document, once for each address that goods went to free of VAT: it names one (BT-80, BR-IC-12).

    What is nothing of that stays with the first of them.
    """
    places = {id(part): _place(customer, part) for part in parts if _is_intra_community(part)}
    first = next(iter(places.values()), None)
    for place in dict.fromkeys(places.values()) or [None]:
        yield [part for part in parts if places.get(id(part), first) == place]


def _is_intra_community(part: Part) -> bool:
    """Whether the buyer pays VAT in the member state that it went to (art. 40 of Directive 2006/112/EC)."""
    return any(taxed.tax.category == INTRA_COMMUNITY for taxed in part.taxed)


def _place(customer: Party, part: Part) -> UUID:
    """Id of the address that something went to, or that it was billed to where that is not said."""
    address = _address(customer, part) or customer.invoice_address(part.head.invoice_address_id)
    return address.address_id


def _address(customer: Party, part: Part) -> Address | None:
    named = part.head.shipping_address_id
    if named is None and not any(taxed.position.is_goods for taxed in part.taxed):
        return None
    return customer.shipping_address(named)


def _as_printed(address: Address) -> Address:
    """What of an address can be seen."""
    return structs.replace(
        address,
        address_id=NOBODYS,
        address_type=AddressType.INVOICE,
        default=False,
        email=None,
    )
