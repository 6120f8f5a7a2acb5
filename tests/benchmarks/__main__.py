"""`python -m tests.benchmarks [NAME …]`: measure, and show every speed as a ratio to a limit measured beside it."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.status import Status

from infra import logs
from infra.lifecycle import exit_on_stop
from infra.runtime import Runtime
from tests.benchmarks import appends, page, reading, rebuild, rendering, run, xml
from tests.benchmarks.measuring import Figure, Turns
from tests.benchmarks.server import durable_server, fresh_runtime

BENCHMARKS: dict[str, Callable[[Runtime, Turns], Iterator[Figure]]] = {
    "appends": appends.measure,
    "run": run.measure,
    "rebuild": rebuild.measure,
    "reading": reading.measure,
    "rendering": rendering.measure,
    "xml": xml.measure,
}

WIDTH = 120
"""Of a table that goes to a file."""

Names = Annotated[list[str] | None, typer.Argument(help=f"{', '.join(BENCHMARKS)}; without a name: all.")]


def main(
    names: Names = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; the median of their ratios counts.")] = 5,
    directory: Annotated[
        Path | None,
        typer.Option(
            exists=True, file_okay=False, help="A directory on the disk to measure; else the temporary one."
        ),
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Record the figures in docs/benchmarks.md.")] = False,
) -> None:
    """Measure how fast Kontor is, as a share of what this machine can do at most."""
    chosen = names or list(BENCHMARKS)
    if unknown := set(chosen) - set(BENCHMARKS):
        raise typer.BadParameter(f"no benchmark: {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    if write and set(chosen) != set(BENCHMARKS):
        raise typer.BadParameter("--write records all benchmarks; name none")
    exit_on_stop()
    logs.configure("warning", "bench")
    figures = _measure(chosen, rounds, directory)
    out = Console()
    if not out.is_terminal:
        out.width = WIDTH
    out.print(page.as_table(figures), f"{page.machine()}; medians of {rounds} rounds")
    if write:
        page.write(figures)


def _measure(names: list[str], rounds: int, directory: Path | None) -> dict[str, list[Figure]]:
    figures: dict[str, list[Figure]] = {}
    with Console(stderr=True).status("starting PostgreSQL") as status, durable_server(directory) as server:
        for name in names:
            turns = Turns(rounds, partial(_show, status, name))
            with fresh_runtime(server, name) as runtime:
                figures[name] = list(BENCHMARKS[name](runtime, turns))
    return figures


def _show(status: Status, benchmark: str, text: str) -> None:
    status.update(f"{benchmark}: {text}")


if __name__ == "__main__":
    typer.run(main)
