"""Reads the worked examples as they are written: sections of facts, billing runs and the documents that they issue."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

_FACT = re.compile(r"- (?P<kind>[a-z ]+) `(?P<body>\{.*\})`")
_RUN = re.compile(r"Billed on (?P<day>[0-9-]{10}):(?P<nothing> nothing\.)?")

Row = tuple[str, ...]
"""Item, period, quantity × price, net, VAT."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that a customer, the seller or an upstream system does."""

    kind: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """A billing run for the customer, and the documents that it is to issue."""

    day: str
    documents: list[list[Row]]


@dataclass(frozen=True, slots=True)
class Example:
    topic: str
    name: str
    rules: tuple[str, ...]
    steps: tuple[Fact | Run, ...]
    by_hand: str

    @property
    def runs(self) -> list[Run]:
        return [step for step in self.steps if isinstance(step, Run)]


def examples() -> list[Example]:
    """All of them, in the order of files and sections."""
    return [example for path in sorted(HERE.glob("[a-z]*.md")) for example in _in(path)]


@cache
def left_out() -> dict[str, dict[str, Any]]:
    """What facts leave out, by the kind of thing, as the README says."""
    text = (HERE / "README.md").read_text("utf-8")
    found: dict[str, dict[str, Any]] = json.loads(text.split("```json\n")[1].split("```")[0])
    return found


def _in(path: Path) -> Iterator[Example]:
    _, *sections = re.split(r"^## ", path.read_text("utf-8"), flags=re.MULTILINE)
    for section in sections:
        name, rules, *lines = section.splitlines()
        yield Example(
            topic=path.stem,
            name=name,
            rules=tuple(rules.removeprefix("Rules: ").split(", ")),
            steps=tuple(_steps(lines)),
            by_hand=" ".join(line.removeprefix("> ") for line in lines if line.startswith("> ")),
        )


def _steps(lines: list[str]) -> list[Fact | Run]:
    steps: list[Fact | Run] = []
    for line in lines:
        if line.startswith("|"):
            _read_row(steps[-1], line)
        elif fact := _FACT.fullmatch(line):
            steps.append(Fact(fact["kind"], json.loads(fact["body"])))
        elif run := _RUN.fullmatch(line):
            steps.append(Run(run["day"], []))
        elif line and line != "And:" and not line.startswith("> "):
            raise ValueError(f"cannot be read: {line}")
    return steps


def _read_row(step: Fact | Run, line: str) -> None:
    """A table's head begins a document."""
    assert isinstance(step, Run), f"a table without a run: {line}"
    row = tuple(cell.strip() for cell in line.strip("|").split("|"))
    if row[0] == "item":
        step.documents.append([])
    elif not row[0].startswith("--"):
        step.documents[-1].append(row)
