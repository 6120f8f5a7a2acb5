"""Documents as files in a directory: PDF and XML under their numbers, and a manifest with the hash of each.

An export can be stopped at any time, started again, and goes on where it was: a file that is there with the right bytes
stays, and none is ever there by half.
"""

import csv
import hashlib
import io
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from infra.runtime import Database, Runtime
from infra.settings import Settings
from services.billing.application import BillingApplication
from services.billing.application.files import Files
from services.errors import KontorError, NotFound, Unavailable
from services.values import DocumentFile

MANIFEST = "manifest.csv"
DOCUMENTS_AT_ONCE = 32
"""What a process takes at a time; an export of no more needs no further process."""
CHUNKS_AHEAD = 4
"""Per process, so that none waits for work and not all of it is kept in memory."""
PAGE = 500
CATCH_UP_SECONDS = 10.0


class ExportFailed(Exception):
    """The directory or a file in it cannot be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which documents are exported, all that match; `xml` adds one to each PDF, in the customer's format or in `form`."""

    billing_run_id: UUID | None = None
    debtor_ident: str | None = None
    number: str | None = None
    issued_from: date | None = None
    issued_until: date | None = None
    xml: bool = False
    form: DocumentFile | None = None


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file as the manifest names it."""

    name: str
    sha256: str
    size_bytes: int
    number: str
    document_id: str
    issue_date: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """A document of which a file is missing, and why."""

    number: str
    reason: str


@dataclass(slots=True)
class ExportResult:
    """How many documents matched, how many files were written or there already, and what is missing."""

    directory: Path
    documents: int = 0
    written: int = 0
    unchanged: int = 0
    failed: list[Refusal] = field(default_factory=list)


def export(
    runtime: Runtime, wanted: Wanted, directory: Path, report: Callable[[str, int, int], None]
) -> ExportResult:
    """Write all documents that match. Raises NotFound, Unavailable, ExportFailed."""
    if not runtime.views.take_in(CATCH_UP_SECONDS):
        raise Unavailable("The views are behind; is `kontor serve` or `kontor project` running?")
    total, document_ids = _matching(runtime, wanted)
    result, files = ExportResult(directory, total), list[ExportedFile]()
    with _on_disk(directory):
        directory.mkdir(parents=True, exist_ok=True)
    done = 0
    for chunk_size, chunk_files, refused in _exported(runtime, total, document_ids, wanted, directory):
        done += chunk_size
        files += chunk_files
        result.failed += refused
        report("documents", done, total)
    _write_manifest(directory / MANIFEST, files)
    result.written = sum(file.is_new for file in files)
    result.unchanged = len(files) - result.written
    return result


# -- which documents ----------------------------------------------------------------------------


def _matching(runtime: Runtime, wanted: Wanted) -> tuple[int, Iterator[UUID]]:
    """How many documents match, and their ids."""
    views = runtime.views
    filters: dict[str, Any] = {
        "billing_run_id": wanted.billing_run_id,
        "number": wanted.number,
        "issued_from": wanted.issued_from,
        "issued_until": wanted.issued_until,
    }
    if wanted.billing_run_id and not views.billing_run(wanted.billing_run_id):
        raise NotFound(f"There is no billing run {wanted.billing_run_id}.")
    if wanted.debtor_ident:
        filters["customer_id"] = views.find_customer(wanted.debtor_ident)
        if not filters["customer_id"]:
            raise NotFound(f"There is no customer {wanted.debtor_ident!r}.")
    page = views.documents(**filters, limit=PAGE)
    if wanted.number and not page["total"]:
        raise NotFound(f"There is no document {wanted.number!r}.")

    def ids() -> Iterator[UUID]:
        nonlocal page
        yield from (UUID(item["documentId"]) for item in page["items"])
        while page["cursor"]:
            page = views.documents(**filters, limit=PAGE, cursor=page["cursor"])
            yield from (UUID(item["documentId"]) for item in page["items"])

    return page["total"], ids()


# -- on all processors --------------------------------------------------------------------------

Chunk = tuple[int, list[ExportedFile], list[Refusal]]
"""How many documents, their files, and what is missing."""


def _exported(
    runtime: Runtime, total: int, document_ids: Iterator[UUID], wanted: Wanted, directory: Path
) -> Iterator[Chunk]:
    """The documents, a chunk at a time, by as many processes as there are processors and chunks."""
    chunks = iter(lambda: list(islice(document_ids, DOCUMENTS_AT_ONCE)), [])
    processes = min(os.cpu_count() or 1, -(-total // DOCUMENTS_AT_ONCE))
    if processes <= 1:
        yield from (_export_chunk(runtime.billing, chunk, wanted, directory) for chunk in chunks)
        return
    pool = ProcessPoolExecutor(
        processes,
        get_context("spawn"),
        initializer=_begin_process,
        initargs=(runtime.settings, runtime.database),
    )
    with pool:
        pending: set[Future[Chunk]] = set()
        try:
            for chunk in chunks:
                pending.add(pool.submit(_export_in_process, chunk, wanted, directory))
                if len(pending) >= CHUNKS_AHEAD * processes:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    yield from (each.result() for each in done)
            yield from (each.result() for each in pending)
        finally:
            pool.shutdown(cancel_futures=True)


_application: BillingApplication


def _begin_process(settings: Settings, database: Database) -> None:
    """What a process of an export begins with; the one that started it keeps the database running and ends it."""
    global _application
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _application = Runtime(settings, database, ExitStack()).billing


def _export_in_process(document_ids: Sequence[UUID], wanted: Wanted, directory: Path) -> Chunk:
    return _export_chunk(_application, document_ids, wanted, directory)


# -- one document -------------------------------------------------------------------------------


def _export_chunk(
    application: BillingApplication, document_ids: Sequence[UUID], wanted: Wanted, directory: Path
) -> Chunk:
    files, refused = list[ExportedFile](), list[Refusal]()
    for document_id in document_ids:
        name = str(document_id)
        try:
            of = application.files_of(document_id)
            name = of.document.number
            files += [_export_file(application, of, file, directory) for file in _files_wanted(of, wanted)]
        except KontorError as error:
            refused.append(Refusal(name, str(error)))
        except (ExportFailed, psycopg.Error):  # not the document's fault
            raise
        except Exception as error:
            refused.append(Refusal(name, f"It cannot be made ({type(error).__name__}); please report this."))
    return len(document_ids), files, refused


def _files_wanted(of: Files, wanted: Wanted) -> Iterable[DocumentFile]:
    yield DocumentFile.PDF
    if wanted.xml or wanted.form:
        yield wanted.form or of.usual_xml


def _export_file(
    application: BillingApplication, of: Files, file: DocumentFile, directory: Path
) -> ExportedFile:
    """Write a file, unless it is there with the right bytes."""
    path = directory / f"{of.document.number}.{'pdf' if file is DocumentFile.PDF else 'xml'}"
    there, sha256 = _sha256(path), of.sha256(file)
    is_new = there is None or there != sha256
    if is_new:
        content = application.content(of, file)
        sha256 = hashlib.sha256(content).hexdigest()
        if is_new := there != sha256:
            _write(path, content)
    assert sha256 is not None
    issued = of.document
    return ExportedFile(
        path.name,
        sha256,
        path.stat().st_size,
        issued.number,
        str(issued.document_id),
        issued.issue_date.isoformat(),
        is_new,
    )


def _sha256(path: Path) -> str | None:
    with _on_disk(path):
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


def _write(path: Path, content: bytes) -> None:
    """Put a file in its place whole; two that do so at once write the same bytes."""
    part = path.with_name(f".{path.name}.part")
    with _on_disk(path):
        part.write_bytes(content)
        part.replace(path)


@contextmanager
def _on_disk(path: Path) -> Iterator[None]:
    """Errors of the directory, which no other document would be spared, and not of what is put into it."""
    try:
        yield
    except OSError as error:
        raise ExportFailed(f"{error.filename or path} cannot be written: {error.strerror}") from error


# -- the manifest -------------------------------------------------------------------------------

_COLUMNS = ("file", "sha256", "sizeBytes", "number", "documentId", "issueDate")


def _write_manifest(path: Path, files: Iterable[ExportedFile]) -> None:
    """Name every file that was ever exported into the directory, by name."""
    rows = _manifest(path) | {
        file.name: [
            file.name,
            file.sha256,
            str(file.size_bytes),
            file.number,
            file.document_id,
            file.issue_date,
        ]
        for file in files
    }
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_COLUMNS, *(rows[name] for name in sorted(rows))])
    _write(path, text.getvalue().encode())


def _manifest(path: Path) -> dict[str, list[str]]:
    """The rows of the manifest that is there, by file."""
    if not path.exists():
        return {}
    with _on_disk(path), path.open(newline="", encoding="utf-8") as file:
        return {row[0]: row for row in list(csv.reader(file))[1:]}
