"""The benchmarks run, however small and slow the machine; how fast they find Kontor is no test."""

from pathlib import Path

import pytest

from infra.postgres.embedded import Server
from tests.benchmarks import appends, page, reading, rebuild, rendering, run, xml
from tests.benchmarks.__main__ import BENCHMARKS
from tests.benchmarks.measuring import Figure, Turns
from tests.benchmarks.server import fresh_runtime


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for benchmark in (run, rebuild, reading):
        monkeypatch.setattr(benchmark, "CUSTOMERS", 20)
    monkeypatch.setattr(rendering, "DOCUMENTS", 1)
    for benchmark in (appends, reading, xml):
        monkeypatch.setattr(benchmark, "SECONDS", 0.1)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_measures_something_and_its_limit(name: str, postgres: Server) -> None:
    with fresh_runtime(postgres, name) as runtime:
        figures = list(BENCHMARKS[name](runtime, Turns(1, lambda _: None)))
    assert figures
    assert all(figure.ratio > 0 for figure in figures)


def test_one_disturbed_round_does_not_move_the_ratio() -> None:
    figure = Figure("commands/s", "pgbench", rates=[50, 1, 52], limit_rates=[100, 100, 104])
    assert figure.ratio == 0.5
    assert figure.ratios == [0.01, 0.5, 0.5]


def test_writing_figures_keeps_the_text_around_them(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(f"before\n{page.BEGIN}old figures\n{page.END}after\n", "utf-8")
    page.write({"appends": [Figure("commands/s", "pgbench", [500.0], [4000.0])]}, path)
    assert path.read_text("utf-8").startswith(f"before\n{page.BEGIN}")
    assert path.read_text("utf-8").endswith(f"{page.END}after\n")
    assert "| appends | commands/s | 500 | pgbench | 4,000 | 12.5 | 12.5–12.5 |" in path.read_text("utf-8")
