"""The billing entity: the seller whose name is on the documents."""

from datetime import datetime
from typing import ClassVar, Self
from uuid import NAMESPACE_URL, UUID, uuid5

from services.errors import NotFound
from services.events import Aggregate, FirstEvent
from services.values import Seller


class NoBillingEntity(NotFound):
    """No billing entity is defined: define the seller first."""


class BillingEntity(Aggregate):
    """A seller with its settings; every definition replaces the one before, documents keep what they showed."""

    TOPIC: ClassVar[str] = "billing.BillingEntity"

    def __init__(self) -> None:
        self.seller: Seller

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
            aggregate.seller = self.seller

    class Defined(FirstEvent, Event):
        TOPIC: ClassVar[str] = "billing.BillingEntityDefined"

        oss: bool = False

    class Redefined(Event):
        TOPIC: ClassVar[str] = "billing.BillingEntityRedefined"

        oss: bool = False

    @staticmethod
    def id_of(ident: str) -> UUID:
        """Id of the billing entity with this ident."""
        return uuid5(NAMESPACE_URL, f"kontor:billing-entity:{ident}")

    @classmethod
    def define(
        cls,
        *,
        ident: str,
        seller: Seller,
        time_zone: str,
        currency: str,
        payment_term_days: int,
        number_prefix: str,
        small_business: bool,
        now: datetime,
        oss: bool = False,
    ) -> Self:
        return cls._create(
            cls.Defined,
            id=cls.id_of(ident),
            timestamp=now,
            billing_entity_id=cls.id_of(ident),
            ident=ident,
            seller=seller,
            time_zone=time_zone,
            currency=currency,
            payment_term_days=payment_term_days,
            number_prefix=number_prefix,
            small_business=small_business,
            oss=oss,
        )

    def redefine(
        self,
        *,
        ident: str,
        seller: Seller,
        time_zone: str,
        currency: str,
        payment_term_days: int,
        number_prefix: str,
        small_business: bool,
        now: datetime,
        oss: bool = False,
    ) -> None:
        """Replace the settings; documents that are issued keep what they showed."""
        self.trigger_event(
            BillingEntity.Redefined,
            timestamp=now,
            billing_entity_id=self.id,
            ident=ident,
            seller=seller,
            time_zone=time_zone,
            currency=currency,
            payment_term_days=payment_term_days,
            number_prefix=number_prefix,
            small_business=small_business,
            oss=oss,
        )
