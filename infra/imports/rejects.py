"""Rejects: rows that were not accepted and why, kept in a file beside the imported one."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from infra.imports.rows import Row
from services.errors import FieldError


@dataclass(frozen=True, slots=True)
class Reject:
    """A row by its number in the file, counted from 1; `row` is None where it could not be read or must not be kept."""

    number: int
    row: Row | None
    errors: Sequence[FieldError]


class Rejects:
    """Writes `<imported file>.rejects.jsonl`, which is made when the first row is rejected."""

    def __init__(self, imported: Path) -> None:
        self._wanted = imported.with_name(imported.name + ".rejects.jsonl")
        self._file: IO[str] | None = None

    def __enter__(self) -> "Rejects":
        self._wanted.unlink(missing_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    @property
    def path(self) -> Path | None:
        """The file, if there is one."""
        return self._wanted if self._file else None

    def add(self, reject: Reject) -> None:
        if self._file is None:
            # A lone surrogate, which UTF-8 cannot hold, is written as the escape that JSON has for it.
            self._file = self._wanted.open("w", encoding="utf-8", errors="backslashreplace")
        reasons = [{"field": e.field, "message": e.message} for e in reject.errors]
        document = {"row": reject.number, "errors": reasons, "data": reject.row}
        self._file.write(json.dumps(document, ensure_ascii=False, default=str) + "\n")
