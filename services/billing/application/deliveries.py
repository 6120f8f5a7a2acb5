"""Use cases of deliveries: send documents by e-mail, one attempt after the other, and send one again.

An attempt is written down before anything is sent, and what came of it afterwards. A crash in between leaves it in doubt:
it is recorded as that, and made again with the same Message-ID. So every document arrives at least once.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any, Protocol
from uuid import UUID

from services.application import Decision
from services.billing import deliveries, parties
from services.billing.application.files import DocumentFiles, Files
from services.billing.deliveries import Attempt, Due
from services.billing.delivering.addresses import InvalidAddress
from services.billing.delivering.letter import Attachment, NoSender, Sender, letter
from services.billing.delivery import Accepted, Delivery, NotAccepted
from services.billing.transaction import Cursor
from services.events import Asked, Context
from services.messages import DeliveryRequested, DocumentIssued, Envelope, SendFailure
from services.values import DocumentFile, EInvoiceFormat

log = logging.getLogger(__name__)

ANSWER_MAX = 500


class Postbox(Protocol):
    """Where e-mails are handed in."""

    def send(self, message: EmailMessage) -> Accepted | NotAccepted:
        """What became of the message; whatever goes wrong is an answer, too."""

    def close(self) -> None:
        """Nothing is to be sent for a while."""


@dataclass(frozen=True, slots=True)
class Mailing:
    """How documents are sent."""

    postbox: Postbox
    sender: Sender
    patience: timedelta
    """How long an attempt can take; whatever takes longer was cut off."""
    max_age: timedelta
    """What was issued, or asked for, longer ago is not sent if no attempt was made by then."""


class Deliveries(DocumentFiles):
    """Sending documents by e-mail; any number of mailers, in any processes, share the work."""

    def request_delivery(self, document_id: UUID, recipient: str | None, asked: Asked) -> dict[str, Any]:
        """Have a document sent, again or for the first time, by default to the recipient before, else to its buyer.

        Answers documentId, number, request, version, position. Raises DocumentNotFound, NothingSentOnceErased.
        """
        document = self.document(document_id)

        def decide(cursor: Cursor) -> Decision:
            now = asked.context.occurred_at
            deliveries.lock(cursor, document_id)
            delivery = self._delivery(cursor, document_id, now)
            delivery.ask(document, recipient, erased=_erased(cursor, document.customer_id), now=now)
            answer = {
                "documentId": str(document_id),
                "number": document.number,
                "request": delivery.request,
                "version": delivery.version,
            }
            return Decision([delivery], answer)

        return self._carry_out(asked, decide)

    def deliver_next(self, mailing: Mailing) -> Accepted | NotAccepted | None:
        """Make the attempt that is due longest, or record one that was cut off; None where there is nothing to do."""
        now = self._clock()
        with self._transaction() as cursor:
            cut_off = deliveries.cut_off(cursor, now, mailing.patience)
            due = None if cut_off else deliveries.begin(cursor, now, mailing.patience)
        try:
            if cut_off:
                return self._end_cut_off(cut_off)
            return self._attempt(due, mailing) if due else None
        except Exception:
            attempt = cut_off or (due and due.attempt)
            log.error("what became of document %s is in doubt", attempt and attempt.document_id)
            raise

    # -- an attempt -----------------------------------------------------------------------------

    def _attempt(self, due: Due, mailing: Mailing) -> Accepted | NotAccepted | None:
        document_id = due.attempt.document_id
        with self._transaction() as cursor:
            delivery = self._delivery(cursor, document_id, self._clock())
            if delivery.request != due.attempt.request:  # somebody asked for another one just now
                deliveries.end(cursor, due.attempt)
                return None
            erased = _erased(cursor, due.customer_id)
        of = self.files_of(document_id)
        recipient = delivery.to(of.document)
        if erased:
            result: Accepted | NotAccepted = NotAccepted(SendFailure.CUSTOMER_ERASED)
        elif self._is_too_old(due, delivery, mailing):
            result = NotAccepted(SendFailure.TOO_OLD)
        elif recipient is None:
            result = NotAccepted(SendFailure.NO_RECIPIENT)
        else:
            result = self._send(of, due.attempt, recipient, mailing)
        return self._end(of.document, due.attempt, recipient, result)

    def _is_too_old(self, due: Due, delivery: Delivery, mailing: Mailing) -> bool:
        return not delivery.is_tried and self._clock() - due.since > mailing.max_age

    def _send(self, of: Files, attempt: Attempt, recipient: str, mailing: Mailing) -> Accepted | NotAccepted:
        try:
            attachments = list(self._attachments(of))
        except Exception as error:
            # Its class says enough for the log: its text may quote the document.
            log.error(
                "the files of document %s cannot be made: %s", attempt.document_id, type(error).__name__
            )
            return NotAccepted(SendFailure.NOT_RENDERED, str(error)[:ANSWER_MAX])
        try:
            message = letter(
                of.document,
                attachments,
                sender=mailing.sender,
                recipient=recipient,
                request=attempt.request,
                now=self._clock(),
            )
        except NoSender as error:
            return NotAccepted(SendFailure.NO_SENDER, str(error))
        except InvalidAddress as error:
            return NotAccepted(SendFailure.INVALID_ADDRESS, str(error))
        return mailing.postbox.send(message)

    def _attachments(self, of: Files) -> Iterator[Attachment]:
        """The PDF, and the XRechnung for those who asked for it."""
        number = of.document.number
        yield Attachment(f"{number}.pdf", "application/pdf", self.content(of, DocumentFile.PDF))
        if of.document.e_invoice is EInvoiceFormat.XRECHNUNG:
            yield Attachment(f"{number}.xml", "application/xml", self.content(of, DocumentFile.XRECHNUNG))

    # -- recording ------------------------------------------------------------------------------

    def _end_cut_off(self, attempt: Attempt) -> NotAccepted:
        """Record an attempt that was cut off as being in doubt."""
        document = self.document(attempt.document_id)
        with self._transaction() as cursor:
            delivery = self._delivery(cursor, attempt.document_id, self._clock())
        recipient = delivery.to(document) if delivery.request == attempt.request else None
        in_doubt = NotAccepted(SendFailure.IN_DOUBT)
        self._end(document, attempt, recipient, in_doubt)
        return in_doubt

    def _end(
        self,
        document: DocumentIssued,
        attempt: Attempt,
        recipient: str | None,
        result: Accepted | NotAccepted,
    ) -> Accepted | NotAccepted:
        with self._transaction() as cursor:
            deliveries.end(cursor, attempt)
            deliveries.lock(cursor, attempt.document_id)
            now = self._clock()
            delivery = self._delivery(cursor, attempt.document_id, now)
            delivery.record(document, attempt.request, recipient, result, now)
            self._store(cursor, [delivery], self._on_behalf(attempt, now))
        if isinstance(result, NotAccepted):
            log.warning("document %s was not sent: %s", attempt.document_id, result.failure.value)
        return result

    def _on_behalf(self, attempt: Attempt, now: datetime) -> Context:
        """The context of an attempt: of whoever had the document issued, or asked for it to be sent."""
        about = self.log_index.about([attempt.document_id, Delivery.id_of(attempt.document_id)])
        cause = next(envelope for envelope in about if _asks_for(envelope, attempt.request))
        return Context(self._new_id(), cause.actor, now, cause.correlation_id, cause.command_id)

    def _delivery(self, cursor: Cursor, document_id: UUID, now: datetime) -> Delivery:
        found = self._loaded(cursor, Delivery, Delivery.id_of(document_id))
        return found or Delivery.of(document_id, now)


def _asks_for(envelope: Envelope, request: int) -> bool:
    match envelope.body:
        case DeliveryRequested() as requested:
            return requested.request == request
        case DocumentIssued():
            return request == 0
    return False


def _erased(cursor: Cursor, customer_id: UUID) -> bool:
    party = parties.read(cursor, [customer_id]).get(customer_id)
    return party is not None and party.erased
