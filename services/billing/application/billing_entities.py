"""Use cases of billing entities: who bills, and how."""

from dataclasses import dataclass
from typing import Any

from services.application import Decision
from services.billing import billing_entities, numbering
from services.billing.application.storing import Storing
from services.billing.billing_entity import BillingEntity, BillingEntityNotFound, Settings
from services.billing.transaction import Cursor
from services.events import Asked
from services.messages import BillingEntityDefined


@dataclass(frozen=True, slots=True)
class KnownEntity:
    """A billing entity, and whether it bills everybody for whom no other one is named."""

    entity: BillingEntityDefined
    is_default: bool


class BillingEntities(Storing):
    """Defining and showing who bills."""

    def define_billing_entity(self, ident: str, settings: Settings, asked: Asked) -> dict[str, Any]:
        """Define a billing entity, or replace its settings; answers ident, version, position.

        Raises PrefixTaken, NumbersAllotted.
        """

        def decide(cursor: Cursor) -> Decision:
            billing_entities.change(cursor)
            entity_id, now = BillingEntity.id_of(ident), asked.context.occurred_at
            ranges = numbering.of_entity(cursor, entity_id)
            entity = self._loaded(cursor, BillingEntity, entity_id)
            if entity is None:
                entity = BillingEntity.define(ident, settings, ranges, now)
            else:
                entity.redefine(settings, ranges, now)
            return Decision([entity], {"ident": ident, "version": entity.version})

        return self._carry_out(asked, decide)

    def billing_entities(self) -> list[KnownEntity]:
        """All billing entities, the default one first."""
        with self._transaction() as cursor:
            found = billing_entities.read(cursor).entities
        return [KnownEntity(entity, is_default=number == 0) for number, entity in enumerate(found)]

    def billing_entity(self, ident: str) -> KnownEntity:
        """The billing entity of this ident; raises BillingEntityNotFound."""
        for known in self.billing_entities():
            if known.entity.ident == ident:
                return known
        raise BillingEntityNotFound(f"There is no billing entity {ident!r}.")
