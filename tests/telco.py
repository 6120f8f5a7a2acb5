"""IBM's Telco sample as it is to be billed: who pays what for which months, worked out from its rows alone.

`python -m tests.telco` bills all 7,043 contracts in one catch-up run and, on another database, in 72 monthly runs,
compares both with the sample, line by line, and prints how long it took.
"""

import csv
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from infra.demo import telco
from infra.imports import import_rows
from services.messages import DocumentIssued
from services.values import add_months
from tests.database import fresh_database, server_for_tests
from tests.system import System, system_on

FILE = Path(__file__).parent / "data" / "telco_contracts.csv"
DAY = date(2026, 1, 1)
"""On which every contract is as old as its `tenure` says."""
UP_TO = DAY - timedelta(days=1)
CUSTOMERS = 7043
MONTHS = 72
"""The longest tenure."""

BilledMonth = tuple[str, date, date, Decimal]
"""Contract ident, first and last day, net amount."""


def sample() -> list[dict[str, str]]:
    with FILE.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def months_of(row: dict[str, str]) -> Iterator[BilledMonth]:
    """The `tenure` months of a contract up to the day, each for its MonthlyCharges."""
    tenure, charges = int(row["tenure"]), Decimal(row["MonthlyCharges"])
    for ago in range(tenure, 0, -1):
        first, following = add_months(DAY, -ago), add_months(DAY, 1 - ago)
        yield row["customerID"], first, following - timedelta(days=1), charges


def months_to_bill(rows: Iterable[dict[str, str]]) -> Counter[BilledMonth]:
    return Counter(month for row in rows for month in months_of(row))


def billed_months(documents: Iterable[DocumentIssued]) -> Counter[BilledMonth]:
    """What documents bill, each line once."""
    return Counter(
        (line.origin.ident, line.period.first, line.period.last, line.net)
        for document in documents
        for line in document.lines
        if line.period and line.origin.item == "monthly-charges"
    )


def month_ends() -> list[date]:
    """The last days of the months of the longest contract, in order."""
    return [add_months(DAY, 1 - ago) - timedelta(days=1) for ago in range(MONTHS, 0, -1)]


def move_in(system: System, every: int = 1) -> list[dict[str, str]]:
    """Define the seller and import every n-th customer; return their rows."""
    system.define_seller()
    rows = sample()[::every]
    with FILE.open("rb") as file:
        imported = [row for n, row in enumerate(telco.reader(DAY)(file, FILE)) if n % every == 0]
    rejects: list[object] = []
    result = import_rows("customers", imported, system.customer, actor="tests", reject=rejects.append)
    assert (result.created, rejects) == (len(rows), [])
    return rows


def bill_up_to(system: System, days: Iterable[date]) -> None:
    """A run for each day."""
    for day in days:
        system.request_run(day)
        system.work()


def main() -> None:
    """All contracts both ways."""
    with server_for_tests() as server:
        for name, days in (("one catch-up run", [UP_TO]), (f"{MONTHS} monthly runs", month_ends())):
            with fresh_database(server) as database, system_on(database) as system:
                to_bill = months_to_bill(move_in(system))
                begun = time.perf_counter()
                bill_up_to(system, days)
                seconds = time.perf_counter() - begun
                billed = billed_months(system.issued())
                assert billed == to_bill, (billed - to_bill, to_bill - billed)
                total = sum((net for *_, net in billed.elements()), Decimal(0))
                assert sum((document.totals.net for document in system.issued()), Decimal(0)) == total
                documents = sum(1 for _ in system.issued())
                print(
                    f"{name}: {billed.total():,} months on {documents:,} documents, EUR {total:,} net,"
                    f" as the sample says; {seconds:.0f} s",
                    flush=True,
                )


if __name__ == "__main__":
    main()
