"""Use cases of corrections: cancel an invoice, or credit lines or amounts of it."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from services.application import Decision
from services.billing import billables, billing_entities, credit_notes, parties
from services.billing.application.documents import Documents
from services.billing.crediting import cancellation, credit
from services.billing.document import Document, Draft
from services.billing.line_credit import LineCredit
from services.billing.numbering import numbers_for
from services.billing.transaction import Cursor
from services.errors import Refused
from services.events import Asked
from services.messages import DocumentIssued

Drafted = Callable[[DocumentIssued, Sequence[DocumentIssued], date], Draft]
"""An invoice, the credit notes about it and today's date → the next credit note."""


class LateUsageBilled(Refused):
    """Usage that was reported late is billed on top of this: cancel the document that bills it first."""


class Corrections(Documents):
    """Issuing credit notes; the invoice itself never changes."""

    def cancel_document(self, document_id: UUID, reason: str, asked: Asked) -> dict[str, Any]:
        """Credit all that is left of an invoice, and let what it billed be billed again.

        Answers documentId and number of the credit note, version, position.
        """

        def drafted(invoice: DocumentIssued, credited: Sequence[DocumentIssued], today: date) -> Draft:
            return cancellation(invoice, credited, reason=reason, issue_date=today)

        return self._credit(document_id, drafted, asked)

    def credit_document(
        self, document_id: UUID, lines: Sequence[LineCredit], reason: str, asked: Asked
    ) -> dict[str, Any]:
        """Credit single lines, or a quantity or an amount of them; answers as `cancel_document` does."""

        def drafted(invoice: DocumentIssued, credited: Sequence[DocumentIssued], today: date) -> Draft:
            return credit(invoice, credited, lines, reason=reason, issue_date=today)

        return self._credit(document_id, drafted, asked)

    def _credit(self, document_id: UUID, drafted: Drafted, asked: Asked) -> dict[str, Any]:
        def decide(cursor: Cursor) -> Decision:
            invoice = self._locked_invoice(cursor, document_id)
            sellers = billing_entities.read(cursor)
            entity = sellers.with_id(invoice.billing_entity_id)
            today = asked.context.occurred_at.astimezone(ZoneInfo(entity.time_zone)).date()
            credited = self._issued(credit_notes.about(cursor, document_id), cursor)
            draft = drafted(invoice, list(credited.values()), max(today, invoice.issue_date))
            self._refuse_out_of_order(cursor, invoice, draft)
            [number] = numbers_for(cursor, sellers, [draft])
            note = Document.issue(
                draft,
                document_id=self._new_id(),
                number=number,
                billing_run_id=None,
                now=asked.context.occurred_at,
            )
            return Decision([note], {"documentId": str(note.id), "number": number, "version": note.version})

        return self._carry_out(asked, decide)

    def _locked_invoice(self, cursor: Cursor, document_id: UUID) -> DocumentIssued:
        """The document; until the transaction ends nobody bills its customer or credits anything to it."""
        billing_entities.keep(cursor)
        document = self._named(self._issued([document_id], cursor), document_id)
        parties.lock(cursor, [document.customer_id])
        return document

    def _refuse_out_of_order(self, cursor: Cursor, invoice: DocumentIssued, draft: Draft) -> None:
        """A late bill is the price of everything less that of what was billed before, which so has to stand."""
        if later := billables.later_bills(cursor, invoice.document_id, draft.lines):
            numbers = ", ".join(sorted(document.number for document in self._issued(later, cursor).values()))
            raise LateUsageBilled(
                f"Cancel {numbers} first: usage that came late for {invoice.number} is on it."
            )
