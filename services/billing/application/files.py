"""Use cases of documents' files: give one out, and render those that are not recorded yet.

A document's event and its XML are what is legally stored. The PDF is made of them whenever it is asked for; the hash
of its first rendering is recorded, and no other PDF is ever given out for it.
"""

import logging
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.billing import document_files, feed_positions, rendering_queue
from services.billing.application.documents import Documents, message_of
from services.billing.application.logos import Logos
from services.billing.complete import missing_for_xrechnung
from services.billing.document import Document
from services.billing.document_files import FileErased, Xml
from services.billing.rendering import files
from services.billing.rendering_queue import Cause
from services.billing.transaction import Cursor
from services.errors import Inconsistent, KontorError, Refused
from services.events import Command, Context
from services.messages import DocumentIssued, DocumentRendered, Feed
from services.personal_data import Tampered, is_erased, looked_up, opened
from services.values import DocumentFile, RenderedFile

log = logging.getLogger(__name__)

MESSAGES_PER_TRANSACTION = 500
DOCUMENTS_PER_TRANSACTION = 16
"""About half a second of work, so that who holds them lets go soon."""
MOST_PARKED_DOCUMENTS = 100
XRECHNUNGEN = (DocumentFile.XRECHNUNG, DocumentFile.XRECHNUNG_UBL)


class FileDiffers(Inconsistent):
    """The file is not the one that was recorded for this document, so it is not given out."""


class NoXRechnung(Refused):
    """The document lacks what an XRechnung has to say, and an issued document never changes."""


@dataclass(frozen=True, slots=True)
class Files:
    """An issued document with what its files are known by, once they are recorded."""

    document: DocumentIssued
    recorded: Mapping[DocumentFile, RenderedFile]

    @property
    def usual_xml(self) -> DocumentFile:
        """The XML in the syntax that the customer asked for."""
        return files.usual_xml(self.document)

    def sha256(self, file: DocumentFile) -> str | None:
        """The hash of a file, in hexadecimal; None where none is recorded."""
        return self.recorded[file].sha256 if file in self.recorded else None


@dataclass(frozen=True, slots=True)
class _Made:
    """A document's files as they are to be recorded; none where its key was destroyed when its retention ended."""

    document: DocumentIssued
    contents: Mapping[DocumentFile, bytes]

    def described(self) -> list[RenderedFile]:
        return [files.described(file, content) for file, content in self.contents.items()]

    def xmls(self) -> list[Xml]:
        of = self.document
        return [
            Xml(of.document_id, of.customer_id, file, content)
            for file, content in self.contents.items()
            if file is not DocumentFile.PDF
        ]


def _attempted(
    document_ids: Iterable[UUID], make: Callable[[UUID], _Made]
) -> tuple[list[_Made], dict[UUID, str]]:
    """What could be made, and why the others could not."""
    made, reasons = [], {}
    for document_id in document_ids:
        try:
            made.append(make(document_id))
        except BaseException as error:
            if not _blames_the_document(error):
                raise
            reasons[document_id] = _said_without_values(error)
    return made, reasons


def _blames_the_document(error: BaseException) -> bool:
    """Whether it went wrong while rendering: also where Rust gave up, which Python is told as no ordinary exception."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def _said_without_values(error: BaseException) -> str:
    """What went wrong and where, without what the error quotes of the document; our own errors quote nothing."""
    if isinstance(error, KontorError):
        return str(error)
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {where.name}, line {where.lineno}"


class DocumentFiles(Documents, Logos):
    """Giving out the files of documents, and recording what they are."""

    # -- giving out -----------------------------------------------------------------------------

    def files_of(self, document_id: UUID) -> Files:
        """The document and what is recorded of its files; raises DocumentNotFound."""
        stored = self.log_index.events_of([document_id]).get(document_id, [])
        messages = [message_of(event) for event in stored]
        issued = {m.document_id: m for m in messages if isinstance(m, DocumentIssued)}
        document = self._named(issued, document_id)
        [plain] = opened([(document.customer_id, document)], self.keyring)
        rendered = [m for m in messages if isinstance(m, DocumentRendered)]
        return Files(plain, {file.file: file for message in rendered for file in message.files})

    def content(self, of: Files, file: DocumentFile) -> bytes:
        """The bytes of a file, as they are stored, else made now.

        Raises FileDiffers where these are not the bytes that were recorded, NotExpressible where there can be no XML,
        NoXRechnung and FileErased.
        """
        document = of.document
        if is_erased(document):
            raise FileErased(f"The files of the document {document.number} were erased with its key.")
        try:
            content = self._stored(document, file) or self._made(of, file)
        except Tampered:
            raise self._differs(document, file, "its stored bytes were altered") from None
        found, recorded = files.described(file, content).sha256, of.sha256(file)
        if recorded not in (None, found):
            raise self._differs(document, file, f"SHA-256 is {found}, recorded is {recorded}")
        return content

    def _stored(self, document: DocumentIssued, file: DocumentFile) -> bytes | None:
        if file is DocumentFile.PDF:
            return None
        with self._transaction() as cursor:
            return document_files.find(cursor, document.document_id, document.customer_id, file, self.keyring)

    def _made(self, of: Files, file: DocumentFile) -> bytes:
        document, logo = of.document, self._logo(of.document.seller.logo)
        if file in XRECHNUNGEN and (missing := missing_for_xrechnung(document, document.seller.name)):
            raise NoXRechnung(f"{document.number} is no XRechnung, as it lacks {'; '.join(missing)}.")
        is_pdf = file is DocumentFile.PDF
        return files.made(
            document, file, logo, self._stored(document, DocumentFile.ZUGFERD) if is_pdf else None
        )

    def _logo(self, sha256: str | None) -> bytes | None:
        """The picture that a document's seller names, if it names one."""
        logo = self.logo(sha256) if sha256 else None
        return logo.data if logo else None

    @staticmethod
    def _differs(document: DocumentIssued, file: DocumentFile, how: str) -> FileDiffers:
        log.error("%s of document %s is not given out: %s", file.value, document.document_id, how)
        return FileDiffers(
            f"The {file.value} of {document.number} has other bytes than were recorded when it was rendered first;"
            " do not use it before somebody has found out why."
        )

    # -- rendering in the background ------------------------------------------------------------

    def find_documents_to_render(self, feed: Feed) -> int:
        """Look through the next messages of billing's own log; return how many. One process at a time does it."""
        with self._transaction() as cursor:
            position = feed_positions.lock(cursor, feed.source, partition=0, partitions=1)
            if position is None:
                return 0
            envelopes = feed.read(position, MESSAGES_PER_TRANSACTION)
            if envelopes:
                rendering_queue.add(cursor, envelopes)
                feed_positions.advance(cursor, feed.source, 0, envelopes[-1].position)
            return len(envelopes)

    def render_some(self, limit: int = DOCUMENTS_PER_TRANSACTION) -> int:
        """Make the files of the next documents and record them; return how many were looked at.

        A crash anywhere leaves them all to be rendered.
        """
        with self._transaction() as cursor:
            causes = rendering_queue.take(cursor, limit)
            reasons = self._render(cursor, causes) if causes else self._given_up(cursor)
        for document_id, reason in reasons.items():
            log.error("document %s is parked: %s", document_id, reason)
        return len(causes)

    def _render(self, cursor: Cursor, causes: Mapping[UUID, Cause]) -> Mapping[UUID, str]:
        """Render documents that are held; why some of them cannot be."""
        with self._transaction() as other:
            rendering_queue.count_attempt(other, causes.keys())
        made, reasons = _attempted(causes, self._maker(causes))
        self._record_files(cursor, made, causes)
        rendering_queue.park(cursor, reasons)
        rendering_queue.remove(cursor, causes.keys() - reasons.keys())
        return reasons

    @staticmethod
    def _given_up(cursor: Cursor) -> Mapping[UUID, str]:
        return dict.fromkeys(rendering_queue.give_up(cursor), rendering_queue.NEVER_ENDED)

    def _maker(self, document_ids: Iterable[UUID]) -> Callable[[UUID], _Made]:
        """Makes the files of these documents, one after the other; keys and logos are looked up at once."""
        found = (message_of(events[0]) for events in self.log_index.events_of(list(document_ids)).values())
        issued = {m.document_id: m for m in found if isinstance(m, DocumentIssued)}
        vault = looked_up([(document.customer_id, document) for document in issued.values()], self.keyring)
        logos = {sha256: self._logo(sha256) for sha256 in {d.seller.logo for d in issued.values()}}

        def make(document_id: UUID) -> _Made:
            sealed = issued[document_id]
            [document] = opened([(sealed.customer_id, sealed)], vault)
            if is_erased(document):
                return _Made(document, {})
            return _Made(document, files.recorded(document, logos[document.seller.logo]))

        return make

    def _record_files(self, cursor: Cursor, made: Sequence[_Made], causes: Mapping[UUID, Cause]) -> None:
        """Store the XML and append what the files are; last of all, as appending makes all others wait."""
        xmls = [xml for each in made for xml in each.xmls()]
        document_files.add(cursor, xmls, self.keyring.of({xml.customer_id for xml in xmls}, self.purpose))
        now = self._clock()
        documents = self.load([each.document.document_id for each in made], within=cursor)
        by_cause: defaultdict[Cause, list[Document]] = defaultdict(list)
        for each in made:
            document = documents[each.document.document_id]
            assert isinstance(document, Document)
            if each.contents:
                document.record_files(each.described(), now)
                by_cause[causes[document.id]].append(document)
        for cause, changed in by_cause.items():
            context = Context(self._new_id(), cause.actor, now, cause.correlation_id, cause.causation_id)
            self.save(*changed, command=Command(context), within=cursor)

    # -- looking after it -----------------------------------------------------------------------

    def retry_parked_documents(self, *, also_unended: bool) -> int:
        """Have parked documents rendered again; return how many. `also_unended`: those too whose rendering never ended."""
        with self._transaction() as cursor:
            return rendering_queue.unpark(cursor, also_unended=also_unended)

    def rendering_status(self) -> dict[str, Any]:
        """How many documents wait to be rendered, and the first that are parked, with the reason."""
        with self._snapshot() as cursor:
            parked = rendering_queue.parked(cursor, MOST_PARKED_DOCUMENTS)
            waiting = rendering_queue.waiting(cursor)
        return {
            "waiting": waiting,
            "parkedDocuments": [
                {"documentId": str(document_id), "error": why} for document_id, why in parked
            ],
        }
