"""The use case of explanations: why a line of an issued document is what it is, by what was known then."""

from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from services.billing import billables, usage_records
from services.billing.application.storing import Storing
from services.billing.document import DocumentNotFound
from services.billing.explaining import Known, Step, explained
from services.billing.explaining.lines import line_of
from services.billing.explaining.used_items import Bill, as_it_was
from services.billing.usage import NOTHING_USED, Usage
from services.messages import BillingEntityDefined, DocumentIssued, Envelope
from services.personal_data import opened
from services.values import BilledUsage, DocumentLine


@dataclass(frozen=True, slots=True)
class Explanation:
    """The steps that lead to a line's net amount, and the document that it stands on."""

    document: DocumentIssued
    steps: list[Step]


class Explanations(Storing):
    """Explaining issued documents."""

    def explanation(self, document_id: UUID, number: int) -> Explanation:
        """Why line `number` of a document is what it is; raises DocumentNotFound, LineNotFound."""
        issued, document = self._as_issued(document_id)
        return Explanation(
            document, explained(document, number, self._known(issued, document, line_of(document, number)))
        )

    def _as_issued(self, document_id: UUID) -> tuple[Envelope, DocumentIssued]:
        for envelope in self.log_index.about([document_id]):
            if isinstance(envelope.body, DocumentIssued):
                return envelope, opened([(envelope.body.customer_id, envelope.body)], self.keyring)[0]
        raise DocumentNotFound(f"There is no document {document_id}.")

    def _known(self, issued: Envelope, document: DocumentIssued, line: DocumentLine) -> Known | None:
        """What was known when the document was issued; None where that was not recorded or explains nothing."""
        if document.seen_position is None or line.credits:
            return None
        origin_id, customer_id = line.origin.id, document.customer_id
        told = self._customers.about([origin_id, customer_id], document.seen_position)
        entities = self.log_index.about([document.billing_entity_id], issued.position)
        return Known(
            origin=[e for e in told if e.subject == origin_id],
            customer=[e for e in told if e.subject == customer_id],
            seller=entities,
            usage=self._usage(issued, line, line.usage, entities[-1]) if line.usage else NOTHING_USED,
        )

    def _usage(self, issued: Envelope, line: DocumentLine, usage: BilledUsage, entity: Envelope) -> Usage:
        """What was used in the line's interval: what the line bills, and what was billed before."""
        assert isinstance(entity.body, BillingEntityDefined)
        bill = Bill(line.days.first, usage)
        before = self._bills_before(issued, line)
        of_interval = [usage, *(one.usage for one in before if one.interval_start == bill.interval_start)]
        since = [one.occurred_from for one in of_interval]
        until = [one.occurred_before for one in of_interval]
        with self._transaction() as cursor:
            recorded = usage_records.recorded(
                cursor,
                line.origin.id,
                line.origin.item,
                None if None in since else min(one for one in since if one),
                None if None in until else max(one for one in until if one),
            )
        used = as_it_was(recorded, before, bill)
        return Usage({line.origin.item: used}, ZoneInfo(entity.body.time_zone))

    def _bills_before(self, issued: Envelope, line: DocumentLine) -> list[Bill]:
        """The bills of the item's usage, and what was taken back of them, in order, before a document was issued."""
        with self._transaction() as cursor:
            documents = billables.documents_of(cursor, line.origin.id, line.origin.item)
        earlier = self.log_index.about(documents, issued.position - 1)
        return [
            Bill(one.days.first, one.usage, is_released=one.credits is not None)
            for envelope in earlier
            if isinstance(envelope.body, DocumentIssued)
            for one in envelope.body.lines
            if one.usage
            and (one.origin.id, one.origin.item) == (line.origin.id, line.origin.item)
            and (one.credits is None or one.credits.bill_again)
        ]
