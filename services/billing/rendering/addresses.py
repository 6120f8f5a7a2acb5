"""Postal addresses as the lines of a letter, in the order that the country of destination wants."""

from collections.abc import Iterator

from services.billing.rendering.language import Language
from services.values import Address, Buyer, Seller

_NUMBER_BEFORE_STREET = frozenset("AU CA FR GB IE IL IN LU MC MT MY NZ PH SG TH US ZA".split())
_STATE_AND_POSTAL_CODE_AFTER_CITY = frozenset("AU BR CA IN MX NZ US".split())
_POSTAL_CODE_ON_ITS_OWN_LINE = frozenset("GB IE MT ZA".split())


def recipient(buyer: Buyer, seller: Seller, language: Language) -> list[str]:
    """The address window: who, where, and the country in capitals when the letter leaves the seller's."""
    address = buyer.address
    person = " ".join(p for p in (address.academic_title, address.first_name, address.last_name) if p)
    lines = [
        buyer.name,
        address.name,
        address.department,
        person or buyer.contact_person,
        address.address_addition,
        *place(address),
        language.country(address.country).upper() if address.country != seller.country else None,
    ]
    return list(dict.fromkeys(line for line in lines if line))


def place(address: Address) -> Iterator[str]:
    """Street or post office box, then the city line."""
    if line := street(address):
        yield line
    yield from _city(address)


def street(address: Address) -> str | None:
    """The post office box if there is one, else the street with its number."""
    if address.post_office_box or not address.street:
        return address.post_office_box
    parts = [address.street, address.street_number]
    if address.country in _NUMBER_BEFORE_STREET:
        parts.reverse()
    return _joined(*parts)


def _city(address: Address) -> Iterator[str]:
    if address.country in _STATE_AND_POSTAL_CODE_AFTER_CITY:
        yield _joined(address.city, address.state, address.postal_code)
    elif address.country in _POSTAL_CODE_ON_ITS_OWN_LINE:
        yield from (line for line in (address.city, address.postal_code) if line)
    else:
        yield _joined(address.postal_code, address.city)


def _joined(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)
