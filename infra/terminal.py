"""What commands show to people: the progress of long work, and what came of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from projections.billing_runs import BillingRunItem


class Report(Protocol):
    """Called by long work: so many of `total` are done, of what (`customers`, `orders` …)."""

    def __call__(self, what: str, done: int, total: int) -> None: ...


@contextmanager
def progress(console: Console) -> Iterator[Report]:
    """Shows one bar for each kind of thing that work reports on."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield report


def show_run(console: Console, run: "BillingRunItem") -> None:
    """What a billing run did, and why it was cancelled if it was."""
    customers, documents = run["customers"], run["documents"]
    sums = ", ".join(f"{each['gross']} {each['currency']}" for each in documents["amounts"])
    console.print(f"{run['status']}: {documents['count']} documents{sums and f' of {sums}'}")
    console.print(f"{customers['done']} customers, {customers['failed']} of them failed")
    if run["reason"]:
        console.print(run["reason"], soft_wrap=True, markup=False)


def show_status(console: Console, found: dict[str, Any]) -> None:
    """How far projections and rendering are, and what went wrong."""
    table = Table("projection", "follows", "state", box=SIMPLE_HEAD)
    for column in ("position", "behind", "parked"):
        table.add_column(column, justify="right")
    for row in found["projections"]:
        numbers = ("?" if row[key] is None else str(row[key]) for key in ("position", "lag", "parked"))
        table.add_row(row["name"], row["source"], row["state"], *numbers)
    console.print(table)
    for row in found["projections"]:
        if row["error"]:
            console.print(f"{row['name']} fails: {row['error']}", soft_wrap=True, markup=False)
    for row in found["parkedEvents"]:
        event = f"{row['topic']} at {row['source']} {row['position']}"
        console.print(f"{row['name']} parked {event}: {row['error']}", soft_wrap=True, markup=False)
    rendering = found["rendering"]
    console.print(f"{rendering['waiting']} documents wait to be rendered")
    for document in rendering["parkedDocuments"]:
        console.print(
            f"document {document['documentId']} is parked: {document['error']}", soft_wrap=True, markup=False
        )
