"""Imports: rows of a CSV or JSON Lines file as commands, the same as over the API; what is refused goes to a rejects file.

A row's command id is made of its kind and content, so that a row that is in is never imported again.
"""

import csv
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal
from uuid import NAMESPACE_URL, uuid5

from pydantic import ValidationError

from infra.problems import field_errors
from services.customer.application import CustomerApplication
from services.customer.commands import CreateCustomer, RecordOrder, SignContract
from services.errors import FieldError, InvalidFields, KontorError, Unavailable
from services.events import Asked, Context
from services.fields import Body

Kind = Literal["customers", "contracts", "orders"]
Row = dict[str, Any]

ROWS_AT_ONCE = 512
THREADS = 32
"""Rows in flight together, so that they share commits."""

COMMANDS: dict[Kind, type[Body]] = {
    "customers": CreateCustomer,
    "contracts": SignContract,
    "orders": RecordOrder,
}
IDENTS: dict[Kind, str] = {
    "customers": "debtorIdent",
    "contracts": "contractIdent",
    "orders": "orderIdent",
}


class Malformed(ValueError):
    """A line that is not a row; the message says why."""


@dataclass(slots=True)
class ImportResult:
    """How many rows were created, were there already, or were rejected (and the file that names them)."""

    created: int = 0
    unchanged: int = 0
    rejected: int = 0
    rejects_file: Path | None = None


def import_file(
    kind: Kind,
    path: Path,
    application: CustomerApplication,
    *,
    actor: str = "import",
    progress: Callable[[int], None] = lambda _: None,
) -> ImportResult:
    """Import `path`; `progress` is told the bytes read so far. Rejected rows are in `<path>.rejects.jsonl`.

    Can be stopped at any time and started again: rows that are in are found by their content.
    """
    with path.open("rb") as file, _Rejects(path) as rejects:
        result = import_rows(
            kind,
            _rows(file, path),
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
    reject: Callable[[int, Row | None, Sequence[FieldError]], None],
    progress: Callable[[int], None] = lambda _: None,
) -> ImportResult:
    """Import rows as commands; `reject` gets the refused ones, `progress` the number of rows done."""
    importing = _Import(kind, application, actor, reject)
    numbered = enumerate(rows, 1)
    with ThreadPoolExecutor(THREADS) as threads:
        while batch := list(islice(numbered, ROWS_AT_ONCE)):
            importing.take(batch, threads)
            progress(batch[-1][0])
    return importing.result


class _Import:
    """One import under way."""

    def __init__(
        self,
        kind: Kind,
        application: CustomerApplication,
        actor: str,
        reject: Callable[[int, Row | None, Sequence[FieldError]], None],
    ) -> None:
        self._kind = kind
        self._application = application
        self._actor = actor
        self._tell_rejected = reject
        self.result = ImportResult()

    def take(self, batch: Sequence[tuple[int, Row | Malformed]], threads: ThreadPoolExecutor) -> None:
        """Import rows side by side, so that they share commits; rejects are told in the order of the file."""
        rows = {n: (row, self._asked(row)) for n, row in batch if not isinstance(row, Malformed)}
        known = self._application.log_index.answered([a.context.command_id for _, a in rows.values()])
        new: dict[int, tuple[Row, Asked]] = {}
        for number, (content, asked) in rows.items():
            if asked.context.command_id not in known:
                known.add(asked.context.command_id)  # the same row may come again in this batch
                new[number] = (content, asked)
        self.result.unchanged += len(rows) - len(new)
        done = dict(zip(new, threads.map(lambda n: self._carry_out(*new[n]), new), strict=True))
        for number, row in batch:
            if isinstance(row, Malformed):
                self._reject(number, None, [FieldError("row", str(row))])
            elif errors := done.get(number):
                self._reject(number, row, errors)
        self.result.created += sum(not errors for errors in done.values())

    def _reject(self, number: int, row: Row | None, errors: Sequence[FieldError]) -> None:
        self.result.rejected += 1
        self._tell_rejected(number, row, errors)

    def _carry_out(self, row: Row, asked: Asked) -> Sequence[FieldError]:
        try:
            match COMMANDS[self._kind].model_validate(row):
                case CreateCustomer() as customer:
                    self._application.create_customer(customer, asked)
                case SignContract() as contract:
                    self._application.sign_contract(contract, asked)
                case RecordOrder() as order:
                    self._application.record_order(order, asked)
        except ValidationError as invalid:
            return field_errors([dict(e) for e in invalid.errors()])
        except InvalidFields as invalid:
            return invalid.errors
        except Unavailable:
            raise
        except KontorError as refused:
            return [FieldError(IDENTS[self._kind], str(refused), row.get(IDENTS[self._kind]))]
        return ()

    def _asked(self, row: Row) -> Asked:
        """The same row is the same command, whenever and from whichever file it is imported."""
        content = json.dumps([self._kind, row], sort_keys=True, default=str).encode()
        digest = hashlib.sha256(content).digest()
        command_id = uuid5(NAMESPACE_URL, f"kontor:import:{digest.hex()}")
        return Asked(Context(command_id, self._actor, datetime.now(UTC), command_id), digest)


class _Rejects:
    """The rejects file, made when the first row is rejected."""

    def __init__(self, imported: Path) -> None:
        self._wanted = imported.with_name(imported.name + ".rejects.jsonl")
        self._file: IO[str] | None = None
        self.count = 0

    def __enter__(self) -> "_Rejects":
        self._wanted.unlink(missing_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    @property
    def path(self) -> Path | None:
        return self._wanted if self.count else None

    def add(self, number: int, row: Any, errors: Sequence[FieldError]) -> None:
        if self._file is None:
            self._file = self._wanted.open("w", encoding="utf-8")
        reasons = [{"field": e.field, "message": e.message} for e in errors]
        json.dump(
            {"row": number, "errors": reasons, "data": row}, self._file, ensure_ascii=False, default=str
        )
        self._file.write("\n")
        self.count += 1


# -- reading rows -------------------------------------------------------------------------------


def _rows(file: IO[bytes], path: Path) -> Iterator[Row | Malformed]:
    """The rows of a CSV file by its ending, else of a JSON Lines file."""
    return _csv_rows(file) if path.suffix.lower() == ".csv" else _json_rows(file)


def _json_rows(file: Iterable[bytes]) -> Iterator[Row | Malformed]:
    for line in file:
        if line.strip():
            yield _json_row(line)


def _json_row(line: bytes) -> Row | Malformed:
    try:
        row = json.loads(line.decode("utf-8-sig"), parse_float=Decimal)
    except ValueError as error:
        return Malformed(f"is not a JSON object in UTF-8: {error}")
    return row if isinstance(row, dict) else Malformed("is not a JSON object")


def _csv_rows(file: Iterable[bytes]) -> Iterator[Row | Malformed]:
    """Columns are named by field paths such as `addresses[0].city`; an empty cell is an absent field."""
    lines = (line.decode("utf-8-sig" if n == 0 else "utf-8", "replace") for n, line in enumerate(file))
    for cells in csv.DictReader(lines):
        if None in cells or None in cells.values():
            yield Malformed("has another number of cells than the header")
        else:
            yield _nested({column: cell for column, cell in cells.items() if cell != ""})


def _nested(cells: Row) -> Row:
    row: Row = {}
    for column, cell in cells.items():
        *path, last = [int(p) if p.isdecimal() else p for p in re.findall(r"[^.\[\]]+", column)]
        place: Any = row
        for part in path:
            place = place.setdefault(part, {})
        place[last] = cell
    return {key: _as_list(value) for key, value in row.items()}


def _as_list(value: Any) -> Any:
    """Turn {0: a, 1: b} into [a, b] at every depth."""
    if not isinstance(value, dict):
        return value
    nested = {key: _as_list(inner) for key, inner in value.items()}
    is_list = nested and all(isinstance(key, int) for key in nested)
    return [nested[key] for key in sorted(nested)] if is_list else nested
