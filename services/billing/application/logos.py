"""Use cases of logos: the picture that a billing entity has on its documents."""

from datetime import datetime
from typing import Any, cast

from services import messages
from services.application import Decision
from services.billing import billing_entities
from services.billing.application.billing_entities import BillingEntities
from services.billing.billing_entity import BillingEntity, BillingEntityNotFound
from services.billing.logo import Logo, LogoNotFound, Picture
from services.billing.transaction import Cursor
from services.event_store import RecordedEvent
from services.events import Aggregate, Asked
from services.messages import LogoUploaded


class Logos(BillingEntities):
    """Uploading and showing logos."""

    def put_logo(self, ident: str, picture: Picture, asked: Asked) -> dict[str, Any]:
        """Have a billing entity's documents show a picture from now on; answers ident, sha256, version, position.

        Raises BillingEntityNotFound.
        """

        def decide(cursor: Cursor) -> Decision:
            now = asked.context.occurred_at
            entity = self._showing(cursor, ident, picture.sha256, now)
            known = self._loaded(cursor, Logo, Logo.id_of(picture.sha256))
            new: list[Aggregate] = [] if known else [Logo.upload(picture, now)]
            answer = {"ident": ident, "sha256": picture.sha256, "version": entity.version}
            return Decision([*new, entity], answer)

        return self._carry_out(asked, decide)

    def remove_logo(self, ident: str, asked: Asked) -> dict[str, Any]:
        """Have a billing entity's documents show no picture from now on; raises BillingEntityNotFound."""

        def decide(cursor: Cursor) -> Decision:
            entity = self._showing(cursor, ident, None, asked.context.occurred_at)
            return Decision([entity], {"ident": ident, "version": entity.version})

        return self._carry_out(asked, decide)

    def logo(self, sha256: str) -> LogoUploaded | None:
        """The picture with this hash; None if none was uploaded."""
        logo_id = Logo.id_of(sha256)
        for stored in self.log_index.events_of([logo_id]).get(logo_id, ()):
            version = cast(RecordedEvent, stored).schema_version
            return cast(LogoUploaded, messages.from_stored(stored.topic, version, stored.state))
        return None

    def logo_of(self, ident: str) -> LogoUploaded:
        """The picture on a billing entity's documents; raises BillingEntityNotFound, LogoNotFound."""
        shown = self.billing_entity(ident).entity.seller.logo
        logo = self.logo(shown) if shown else None
        if logo is None:
            raise LogoNotFound(f"The billing entity {ident!r} has no logo.")
        return logo

    def _showing(self, cursor: Cursor, ident: str, sha256: str | None, now: datetime) -> BillingEntity:
        """The billing entity, once its documents show this picture."""
        billing_entities.change(cursor)
        entity = self._loaded(cursor, BillingEntity, BillingEntity.id_of(ident))
        if entity is None:
            raise BillingEntityNotFound(f"There is no billing entity {ident!r}.")
        first = billing_entities.read(cursor).entities[0]
        entity.show_logo(sha256, now, is_default=first.ident == ident)
        return entity
