"""How many issued documents a second become e-invoices, in one process and in two.

Measured: invoices of three lines become bytes, in each syntax, from the document as it was issued: its terms are worked
out and written. Reading the document and storing the file are left out.

Limit: the same bytes are written to an open file, one system call a document, without `fsync`: handing them to whoever
keeps them is the least that has to be done. Both run in as many processes.
"""

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from datetime import date
from functools import partial
from pathlib import Path

from infra.runtime import Runtime
from services.billing.rendering.einvoice import einvoice
from services.values import DocumentFile, Period
from tests.benchmarks.measuring import Figure, Turns, timed
from tests.billing.rendering import samples

PROCESSES = 2
SECONDS = 0.5
SYNTAXES = (DocumentFile.ZUGFERD, DocumentFile.XRECHNUNG_UBL)

MONTH = Period(first=date(2026, 1, 1), last=date(2026, 1, 31))
DOCUMENT = samples.document(
    samples.line(number, name, quantity, "C62", price, period=MONTH)
    for number, name, quantity, price in (
        (1, "Flotte Basis, Grundgebühr", "1", "49.00"),
        (2, "Fahrzeug aktiv", "112", "4.90"),
        (3, "Gefahrene Kilometer über Freimenge", "18450.5", "0.0125"),
    )
)


def measure(runtime: Runtime, turns: Turns) -> Iterator[Figure]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, context) as workers, tempfile.TemporaryDirectory() as directory:
        for file in SYNTAXES:
            for processes in (1, PROCESSES):
                ours, limit = turns.take(
                    partial(_together, workers, processes, partial(write, file)),
                    partial(_together, workers, processes, partial(store, file, directory)),
                )
                name = f"documents/s, {file}, {processes} process{'es' if processes > 1 else ''}"
                yield Figure(name, "writing the bytes", ours, limit)


def _together(workers: Executor, processes: int, work: Callable[[float], float]) -> float:
    """The rate of so many processes that do the same at the same time."""
    running = [workers.submit(work, SECONDS) for _ in range(processes)]
    return sum(one.result() for one in running)


def write(file: DocumentFile, seconds: float) -> float:
    def some() -> int:
        for _ in range(100):
            einvoice(DOCUMENT, file)
        return 100

    return timed(some, seconds)


def store(file: DocumentFile, directory: str, seconds: float) -> float:
    content = einvoice(DOCUMENT, file)
    with Path(directory, f"{os.getpid()}.xml").open("wb", buffering=0) as written:

        def some() -> int:
            written.seek(0)
            for _ in range(100):
                written.write(content)
            return 100

        return timed(some, seconds)
