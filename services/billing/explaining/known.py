"""What was known when a document was issued: the messages up to then, and what they come to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from msgspec import UNSET, structs

from services.billing.due import Terms
from services.billing.party import Party, PartyChange
from services.billing.usage import NOTHING_USED, Usage
from services.messages import (
    AddressAdded,
    AddressEdited,
    BillingEntityDefined,
    ContractAmended,
    ContractSigned,
    CustomerCreated,
    CustomerEdited,
    DocumentIssued,
    Envelope,
    Message,
    OrderRecorded,
)
from services.terms import ContractChange, ContractTerms
from services.values import AddressType

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Known:
    """Messages in the order of their logs: about the line's contract or order, the customer, and the seller.

    `usage` is what the line bills of its item, and what was billed of it before.
    """

    origin: Sequence[Envelope]
    customer: Sequence[Envelope]
    seller: Sequence[Envelope]
    usage: Usage = NOTHING_USED

    def terms(self) -> Terms:
        """The contract with all that had been done to it, or the order."""
        first = self.first.body
        if isinstance(first, OrderRecorded):
            return first
        assert isinstance(first, ContractSigned), "what is billed was signed or ordered"
        terms = ContractTerms(signed=first)
        for envelope in self.origin[1:]:
            if isinstance(envelope.body, ContractChange):
                terms = terms.after(envelope.body)
        return terms

    def party(self, document: DocumentIssued) -> Party:
        """The customer, with the VAT-ID that the document shows; all else that is personal stays sealed."""
        created = self.customer[0].body
        assert isinstance(created, CustomerCreated), "who is billed was created"
        party = Party.of(created)
        for envelope in self.customer[1:]:
            if isinstance(envelope.body, PartyChange):
                party = party.after(envelope.body)
        return structs.replace(party, vat_id=document.buyer.vat_id)

    def entity(self) -> BillingEntityDefined:
        """The seller's settings."""
        entity = self.seller[-1].body
        assert isinstance(entity, BillingEntityDefined), "who bills was defined"
        return entity

    # -- which event it was ---------------------------------------------------------------------

    @property
    def first(self) -> Envelope:
        """The signature or the order."""
        return self.origin[0]

    def last(self, kind: type[M], **values: object) -> Iterator[Envelope]:
        """The newest message of a kind with these values, if there is one."""
        for envelope in reversed(self.origin):
            body = envelope.body
            if isinstance(body, kind) and all(getattr(body, name) == v for name, v in values.items()):
                yield envelope
                return

    def amendments(self) -> list[tuple[Envelope, ContractAmended]]:
        """The amendments in the order in which they apply: by day, those of one day as recorded."""
        recorded = [(e, e.body) for e in self.origin if isinstance(e.body, ContractAmended)]
        return sorted(recorded, key=lambda amendment: amendment[1].effective_on)

    def who_and_where(self, place: AddressType) -> list[Envelope]:
        """What a tax rests on: the seller's settings, the customer's type and VAT-ID, and its addresses of a type."""
        return [self.seller[-1], *(e for e in self.customer if _is_about_tax(e.body, place))]


def _is_about_tax(body: Message | None, place: AddressType) -> bool:
    match body:
        case CustomerCreated():
            return True
        case CustomerEdited():
            return not (body.changes.customer_type is UNSET and body.changes.vat_id is UNSET)
        case AddressAdded() | AddressEdited():
            return body.address.address_type is place
        case _:
            return False
