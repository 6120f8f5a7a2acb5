"""The billing entity: the seller whose name is on the documents."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import NAMESPACE_URL, UUID, uuid5

from msgspec import structs

from services.billing.number_ranges import Numbering, completed
from services.errors import NotFound
from services.events import Aggregate, FirstEvent
from services.messages import DocumentType
from services.values import DocumentTexts, NumberRange, Seller


class BillingEntityNotFound(NotFound):
    """There is no such billing entity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A billing entity as a whole, but for its name; ranges that are not given follow from the prefix of the invoices'."""

    seller: Seller
    time_zone: str
    currency: str
    payment_term_days: int
    number_prefix: str
    small_business: bool
    oss: bool = False
    default: bool = False
    number_ranges: Mapping[DocumentType, NumberRange] = field(default_factory=dict)
    texts: Mapping[str, DocumentTexts] = field(default_factory=dict)


_SETTINGS = tuple(Settings.__dataclass_fields__)


class BillingEntity(Aggregate):
    """A seller with its settings; every definition replaces the one before, documents keep what they showed."""

    TOPIC: ClassVar[str] = "billing.BillingEntity"

    def __init__(self) -> None:
        self.ident: str
        self.settings: Settings

    class Event(Aggregate.Event):
        billing_entity_id: UUID
        ident: str
        seller: Seller
        time_zone: str
        currency: str
        payment_term_days: int
        number_prefix: str
        small_business: bool

        def apply(self, aggregate: "BillingEntity") -> None:
            aggregate.ident = self.ident
            aggregate.settings = Settings(**{name: getattr(self, name) for name in _SETTINGS})

    class Defined(FirstEvent, Event):
        TOPIC: ClassVar[str] = "billing.BillingEntityDefined"

        oss: bool = False
        default: bool = False
        number_ranges: dict[DocumentType, NumberRange] = field(default_factory=dict)
        texts: dict[str, DocumentTexts] = field(default_factory=dict)

    class Redefined(Event):
        TOPIC: ClassVar[str] = "billing.BillingEntityRedefined"

        oss: bool = False
        default: bool = False
        number_ranges: dict[DocumentType, NumberRange] = field(default_factory=dict)
        texts: dict[str, DocumentTexts] = field(default_factory=dict)

    @staticmethod
    def id_of(ident: str) -> UUID:
        """Id of the billing entity with this ident."""
        return uuid5(NAMESPACE_URL, f"kontor:billing-entity:{ident}")

    @classmethod
    def define(cls, ident: str, settings: Settings, numbering: Numbering, now: datetime) -> Self:
        """A new billing entity; raises PrefixTaken where its numbers could be those of another one."""
        entity_id = cls.id_of(ident)
        checked = _checked(entity_id, settings, numbering)
        return cls._create(
            cls.Defined, id=entity_id, timestamp=now, billing_entity_id=entity_id, ident=ident, **checked
        )

    def redefine(self, settings: Settings, numbering: Numbering, now: datetime) -> None:
        """Replace the settings but for the logo; documents that are issued keep what they showed.

        Raises PrefixTaken, and NumbersAllotted where a range that has begun would not go on where it stands.
        """
        seller = structs.replace(settings.seller, logo=self.settings.seller.logo)
        self._become(_checked(self.id, replace(settings, seller=seller), numbering), now)

    def show_logo(self, sha256: str | None, now: datetime, *, is_default: bool) -> None:
        """Have documents show the picture with this hash, or none; nothing happens where they do already.

        `is_default` says whether it bills whoever names no other one: that may have gone to another one meanwhile.
        """
        settings = self.settings
        if settings.seller.logo != sha256:
            seller = structs.replace(settings.seller, logo=sha256)
            self._become(
                _fields(replace(settings, seller=seller, default=settings.default and is_default)), now
            )

    def _become(self, settings: Mapping[str, Any], now: datetime) -> None:
        self.trigger_event(
            BillingEntity.Redefined, timestamp=now, billing_entity_id=self.id, ident=self.ident, **settings
        )


def _checked(entity_id: UUID, settings: Settings, numbering: Numbering) -> dict[str, Any]:
    """The settings as an event carries them."""
    ranges = completed(settings.number_prefix, settings.number_ranges)
    numbering.check(entity_id, ranges)
    return _fields(replace(settings, number_ranges=ranges, texts=dict(settings.texts)))


def _fields(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in _SETTINGS}
