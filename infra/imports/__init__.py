"""Imports: rows of a CSV or JSON Lines file as commands, the same as over the API; what is refused goes to a rejects file.

A command is known by the content of its row, so that what is in is never imported again: an import can be
stopped at any time, started again, and goes on where it was.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Literal

from infra.imports.carrying_out import RowImport, Taken
from infra.imports.rejects import Reject, Rejects
from infra.imports.rows import Malformed, Row, read_rows
from infra.imports.usage import UsageImport
from services.customer.application import CustomerApplication
from services.errors import FieldError

Kind = Literal["customers", "contracts", "orders", "usage"]
Read = Callable[[IO[bytes], Path], Iterable[Row | Malformed]]

THREADS = 32


@dataclass(slots=True)
class ImportResult:
    """How many rows were created, were there already, or were rejected (and the file that names them)."""

    created: int = 0
    unchanged: int = 0
    rejected: int = 0
    rejects_file: Path | None = None

    def add(self, taken: Taken) -> None:
        self.created += taken.created
        self.unchanged += taken.unchanged
        self.rejected += len(taken.rejects)


def import_file(
    kind: Kind,
    path: Path,
    application: CustomerApplication,
    *,
    read: Read = read_rows,
    actor: str = "import",
    progress: Callable[[int], None] = lambda _: None,
) -> ImportResult:
    """Import what `read` makes of `path`; `progress` is told the bytes read so far.

    Rejected rows are in `<path>.rejects.jsonl`.
    """
    with path.open("rb") as file, Rejects(path) as rejects:
        progress(0)
        result = import_rows(
            kind,
            read(file, path),
            application,
            actor=actor,
            reject=rejects.add,
            progress=lambda _: progress(file.tell()),
        )
    result.rejects_file = rejects.path
    return result


def import_rows(
    kind: Kind,
    rows: Iterable[Row | Malformed],
    application: CustomerApplication,
    *,
    actor: str,
    reject: Callable[[Reject], None],
    progress: Callable[[int], None] = lambda _: None,
) -> ImportResult:
    """Import rows as commands; `reject` gets the refused ones in their order, `progress` the number of rows done."""
    result = ImportResult()
    numbered = enumerate(rows, 1)
    with ThreadPoolExecutor(THREADS) as threads:
        importing = (
            UsageImport(application, actor)
            if kind == "usage"
            else RowImport(kind, application, actor, threads)
        )
        while batch := list(islice(numbered, importing.rows_at_once)):
            taken = importing.take([(n, row) for n, row in batch if not isinstance(row, Malformed)])
            taken.rejects += [_malformed(n, row) for n, row in batch if isinstance(row, Malformed)]
            for each in sorted(taken.rejects, key=lambda each: each.number):
                reject(each)
            result.add(taken)
            progress(batch[-1][0])
    return result


def _malformed(number: int, row: Malformed) -> Reject:
    return Reject(number, None, [FieldError("row", str(row))])
