"""Rendering a document (view, code for banking apps, XML, Typst, metadata) against Typst alone.

Measured: `pdf.render` of invoices that all differ, with 8 lines on one page and with 120 lines on four; and in two
processes at once.

Limit: Typst with the same template and the same data, ready made: reaching it would mean that all around it costs
nothing. For two processes, twice the rate of one: reaching it would mean that they do not hinder each other.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from multiprocessing import get_context
from time import perf_counter
from typing import TypeVar

from msgspec.structs import replace

from infra.runtime import Runtime
from services.billing.rendering.einvoice import einvoice
from services.billing.rendering.pdf import inputs, render, typeset
from services.messages import DocumentIssued
from services.values import DocumentFile
from tests.benchmarks.measuring import Figure, Step, Turns
from tests.billing.rendering.samples import german_b2b, many_lines

T = TypeVar("T")

DOCUMENTS = 30
"""Of one page, in a round; of four pages a fifth of them."""

_ONE_PAGE, _FOUR_PAGES = "documents/s, one page", "documents/s, four pages"
_INVOICES: Mapping[str, Callable[[], DocumentIssued]] = {_ONE_PAGE: german_b2b, _FOUR_PAGES: many_lines}


def measure(_: Runtime, turns: Turns) -> Iterator[Figure]:
    for what, documents in ((_ONE_PAGE, DOCUMENTS), (_FOUR_PAGES, max(1, DOCUMENTS // 5))):
        rendered, set_alone = turns.take(_rendering(what, documents), _typesetting(what, documents))
        yield Figure(what, "Typst alone", rendered, set_alone)
    with ProcessPoolExecutor(2, get_context("spawn")) as processes:
        both, one = turns.take(_in_both(processes), _in_one(processes))
    yield Figure("documents/s, two processes", "twice one process", both, [2 * rate for rate in one])


def _rendering(what: str, documents: int) -> Step:
    numbers = count(1)
    return lambda: _rate(render, list(_different(what, documents, numbers)))


def _typesetting(what: str, documents: int) -> Step:
    numbers = count(1_000_001)

    def step() -> float:
        ready = [
            (document, inputs(document, xml=einvoice(document, DocumentFile.ZUGFERD)))
            for document in _different(what, documents, numbers)
        ]
        return _rate(lambda each: typeset(*each), ready)

    return step


def _in_both(processes: ProcessPoolExecutor) -> Step:
    numbers = count(2_000_001, DOCUMENTS)

    def step() -> float:
        begin = perf_counter()
        for done in [processes.submit(_render_some, next(numbers)) for _ in range(2)]:
            done.result()
        return 2 * DOCUMENTS / (perf_counter() - begin)

    return step


def _in_one(processes: ProcessPoolExecutor) -> Step:
    numbers = count(3_000_001, DOCUMENTS)

    def step() -> float:
        begin = perf_counter()
        processes.submit(_render_some, next(numbers)).result()
        return DOCUMENTS / (perf_counter() - begin)

    return step


def _render_some(first: int) -> None:
    for document in _different(_ONE_PAGE, DOCUMENTS, count(first)):
        render(document)


def _different(what: str, documents: int, numbers: Iterator[int]) -> Iterator[DocumentIssued]:
    """No two alike: Typst remembers what it has set before."""
    document = _INVOICES[what]()
    for _, number in zip(range(documents), numbers, strict=False):
        lines = tuple(replace(line, name=f"{line.name} {number}") for line in document.lines)
        yield replace(document, number=f"RE-2026-{number:07}", lines=lines)


def _rate(work: Callable[[T], object], given: list[T]) -> float:
    begin = perf_counter()
    for each in given:
        work(each)
    return len(given) / (perf_counter() - begin)
