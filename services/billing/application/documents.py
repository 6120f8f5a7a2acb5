"""Use cases of documents: show one as it was issued."""

from collections.abc import Collection
from typing import cast
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from services import messages
from services.billing.application.storing import Storing
from services.billing.document import DocumentNotFound
from services.billing.transaction import Cursor
from services.event_store import RecordedEvent
from services.messages import DocumentIssued, Message
from services.personal_data import opened


class Documents(Storing):
    """Reading issued documents."""

    def document(self, document_id: UUID) -> DocumentIssued:
        """The document as issued; raises DocumentNotFound."""
        return self._named(self._issued([document_id]), document_id)

    def _issued(
        self, document_ids: Collection[UUID], within: Cursor | None = None
    ) -> dict[UUID, DocumentIssued]:
        """Documents as issued, by id; unknown ones are left out. `within` is the transaction to read in."""
        found = [message_of(events[0]) for events in self.log_index.events_of(document_ids, within).values()]
        documents = [message for message in found if isinstance(message, DocumentIssued)]
        plain = opened([(document.customer_id, document) for document in documents], self.keyring)
        return {document.document_id: document for document in plain}

    @staticmethod
    def _named(documents: dict[UUID, DocumentIssued], document_id: UUID) -> DocumentIssued:
        if document_id not in documents:
            raise DocumentNotFound(f"There is no document {document_id}.")
        return documents[document_id]


def message_of(stored: StoredEvent) -> Message | None:
    """The message that a stored event is, with what is personal in it sealed."""
    return messages.from_stored(stored.topic, cast(RecordedEvent, stored).schema_version, stored.state)
