"""Who bills what: several billing entities, of which contract, order and customer name one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import structs

from services.billing.due import Cutoff
from services.errors import KontorError
from services.messages import BillingEntityDefined
from services.values import DocumentTexts, Seller

DEFAULT_TIME_ZONE = "Europe/Berlin"
"""Calendar before any billing entity is defined; until then nothing is billed."""
FALLBACK_LANGUAGE = "en"


class NoSeller(KontorError):
    """Without a billing entity nobody can be billed."""

    def __init__(self) -> None:
        super().__init__("No billing entity is defined; define the seller, then run again.")


class UnknownSeller(KontorError):
    """Only a billing entity that is defined can bill."""

    def __init__(self, ident: str) -> None:
        super().__init__(
            f"The billing entity {ident!r} is not defined; define it, or name another one"
            " for the customer, contract or order, then run again."
        )


class NamesSeller(Protocol):
    """What says by which billing entity it wants to be billed: a contract or order, and the customer."""

    @property
    def billing_entity(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Sellers:
    """All billing entities, the default one first."""

    entities: Sequence[BillingEntityDefined] = ()

    def of(self, head: NamesSeller, customer: NamesSeller) -> BillingEntityDefined:
        """The one that a contract or order names, else the customer's, else the default one.

        Raises NoSeller or UnknownSeller, which say what to do.
        """
        ident = head.billing_entity or customer.billing_entity
        if not self.entities:
            raise NoSeller
        if ident is None:
            return self.entities[0]
        named = self._named(ident)
        if named is None:
            raise UnknownSeller(ident)
        return named

    def with_id(self, billing_entity_id: UUID) -> BillingEntityDefined:
        """The billing entity that issued a document, at its settings of now: none is ever removed."""
        return next(entity for entity in self.entities if entity.billing_entity_id == billing_entity_id)

    def time_zone(self, ident: str | None = None) -> ZoneInfo:
        """The calendar of whoever bills what names `ident`; the default one's while that is not defined."""
        entity = (ident and self._named(ident)) or (self.entities[0] if self.entities else None)
        return ZoneInfo(entity.time_zone if entity else DEFAULT_TIME_ZONE)

    def last_day(self, cutoff: Cutoff) -> date:
        """The last day on which something can be due, whoever bills it."""
        zones = {entity.time_zone for entity in self.entities}
        return max((cutoff.in_zone(ZoneInfo(zone)).begins_by for zone in zones), default=cutoff.begins_by)

    def _named(self, ident: str) -> BillingEntityDefined | None:
        return next((entity for entity in self.entities if entity.ident == ident), None)


def shown(entity: BillingEntityDefined, language: str) -> Seller:
    """The seller as a document in a language shows it."""
    texts = _texts(entity, language)
    return structs.replace(entity.seller, introduction=texts.introduction, closing=texts.closing)


def _texts(entity: BillingEntityDefined, language: str) -> DocumentTexts:
    """Those of the longest prefix of the language tag (`de-AT` → `de`), else the English ones, as for all texts."""
    parts = language.split("-")
    tags = ["-".join(parts[:length]) for length in range(len(parts), 0, -1)]
    found = (entity.texts[tag] for tag in (*tags, FALLBACK_LANGUAGE) if tag in entity.texts)
    return next(found, DocumentTexts())
