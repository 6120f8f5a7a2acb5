"""Reading rows: CSV with field paths as columns, or JSON Lines; what is no row is told from what is one."""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from services.errors import KontorError

Row = dict[str, Any]
Steps = tuple[str | int, ...]

SEPARATORS = ",;\t"
"""German spreadsheets write semicolons; the header decides."""

_COLUMN = re.compile(r"[^.\[\]]+(\[\d{1,4}\])*(\.[^.\[\]]+(\[\d{1,4}\])*)*")


class WrongColumns(KontorError):
    """Columns are named by field paths such as `addresses[0].city`, each once."""


class Malformed(ValueError):
    """A line that is not a row; the message says why."""


def read_rows(lines: Iterable[bytes], path: Path) -> Iterator[Row | Malformed]:
    """The rows of a CSV file, which is known by the ending of `path`, else of a JSON Lines file."""
    return csv_rows(lines) if path.suffix.lower() == ".csv" else json_rows(lines)


def json_rows(lines: Iterable[bytes]) -> Iterator[Row | Malformed]:
    """An object a line; blank lines are passed over."""
    for line in lines:
        if line.strip():
            yield _json_row(line)


def _json_row(line: bytes) -> Row | Malformed:
    try:
        row = json.loads(line.decode("utf-8-sig"), parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        return Malformed(f"is not a JSON object in UTF-8: {error}")
    return row if isinstance(row, dict) else Malformed("is not a JSON object")


def csv_rows(lines: Iterable[bytes]) -> Iterator[Row | Malformed]:
    """Rows whose columns are field paths; every cell is a text, an empty one an absent field."""
    # What is no UTF-8 becomes surrogates, by which the row is found.
    texts = (
        line.decode("utf-8-sig" if n == 0 else "utf-8", "surrogateescape") for n, line in enumerate(lines)
    )
    header = next(texts, "")
    separator = max(SEPARATORS, key=header.count)
    columns = _Columns(next(csv.reader([header], delimiter=separator), []))
    reader = csv.reader(texts, delimiter=separator)
    while (cells := _next(reader)) is not None:
        if isinstance(cells, Malformed):
            yield cells
        elif any(cells):
            yield columns.row(cells)


def _next(reader: Iterator[list[str]]) -> list[str] | Malformed | None:
    try:
        return next(reader, None)
    except csv.Error as error:
        return Malformed(f"is not CSV: {error}")


class _Columns:
    """The columns of a CSV file and the places in a row that they name."""

    def __init__(self, names: Sequence[str]) -> None:
        self._steps = [_steps(name.strip()) for name in names]
        places: dict[Steps, set[type]] = {}
        for name, steps in zip(names, self._steps, strict=True):
            if steps in places:
                raise WrongColumns(f"The column {name!r} is there twice, or others are inside of it.")
            places[steps] = set()
            for depth in range(1, len(steps)):
                inside = places.setdefault(steps[:depth], {type(steps[depth])})
                if inside != {type(steps[depth])}:
                    raise WrongColumns(f"The column {name!r} and another one exclude each other.")

    def row(self, cells: Sequence[str]) -> Row | Malformed:
        if len(cells) != len(self._steps):
            return Malformed(f"has {len(cells)} cells where the header has {len(self._steps)}")
        if not all(map(_is_utf8, cells)):
            return Malformed("is not in UTF-8")
        row: Row = {}
        for (*path, last), cell in zip(self._steps, cells, strict=True):
            if cell != "":
                place: Any = row
                for step in path:
                    place = place.setdefault(step, {})
                place[last] = cell
        return {key: _with_lists(value) for key, value in row.items()}


def _steps(column: str) -> Steps:
    if not _COLUMN.fullmatch(column):
        raise WrongColumns(f"{column!r} does not name a field; columns are named like `addresses[0].city`.")
    return tuple(int(s[1:]) if s.startswith("[") else s for s in re.findall(r"\[\d+|[^.\[\]]+", column))


def _is_utf8(text: str) -> bool:
    return text.isascii() or not re.search("[\ud800-\udfff]", text)


def _with_lists(value: Any) -> Any:
    """Turn {0: a, 1: b} into [a, b] at every depth."""
    if not isinstance(value, dict):
        return value
    inner = {key: _with_lists(each) for key, each in value.items()}
    return [inner[key] for key in sorted(inner)] if isinstance(next(iter(inner)), int) else inner
