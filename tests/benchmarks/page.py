"""The figures as a table: for the terminal, and for docs/benchmarks.md."""

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from infra.postgres.cluster import MAJOR_VERSION
from tests.benchmarks.measuring import Figure

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- figures: `make bench ARGS=--write` -->\n", "<!-- end of figures -->\n"

Figures = Mapping[str, Sequence[Figure]]
HEADS = ("benchmark", "measured", "rate", "limit", "its rate", "% of limit", "from–to")
NUMBERS = frozenset({"rate", "its rate", "% of limit", "from–to"})


def as_table(figures: Figures) -> Table:
    """Medians of the rounds; the last column shows how far rounds differ."""
    table = Table(box=SIMPLE_HEAD)
    for head in HEADS:
        table.add_column(head, justify="right" if head in NUMBERS else "left", no_wrap=head in NUMBERS)
    for row in _rows(figures):
        table.add_row(*row)
    return table


def write(figures: Figures, page: Path = PAGE) -> None:
    """Put the figures in the place of those on the page."""
    before, _, rest = page.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{_as_markdown(figures)}\n{END}{after}", "utf-8")


def machine() -> str:
    """What the figures were measured on, in general words."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    software = f"{platform.system()}, Python {platform.python_version()}, PostgreSQL {MAJOR_VERSION}"
    return f"{os.cpu_count()} cores, {memory:.0f} GiB of memory, {software}"


def _as_markdown(figures: Figures) -> str:
    lines = [f"Measured on: {machine()}.", ""]
    lines += [f"| {' | '.join(HEADS)} |"]
    lines += [f"|{'|'.join('---:' if head in NUMBERS else '---' for head in HEADS)}|"]
    lines += [f"| {' | '.join(row)} |" for row in _rows(figures)]
    return "\n".join([*lines, ""])


def _rows(figures: Figures) -> list[tuple[str, ...]]:
    return [
        (
            name,
            figure.what,
            f"{figure.rate:,.0f}",
            figure.limit,
            f"{figure.limit_rate:,.0f}",
            _percent(figure.ratio),
            f"{_percent(figure.ratios[0])}–{_percent(figure.ratios[-1])}",
        )
        for name, found in figures.items()
        for figure in found
    ]


def _percent(ratio: float) -> str:
    return f"{ratio * 100:.3g}"
