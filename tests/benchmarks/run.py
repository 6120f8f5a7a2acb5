"""How many documents a second a billing run issues, against COPY of the rows that it leaves behind.

Measured: a run for 2,000 customers with three months due each, from its request to its completion, carried out
by two `kontor billing` processes that wait for work, as `kontor serve` starts them.

Limit: the finished rows (events, billed intervals, and the billables with their new due day), copied by COPY in
binary form into empty tables of the same shape and committed. COPY is the fastest way into PostgreSQL; a run
that did nothing but write would take at least as long. One connection copies.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from unittest.mock import patch

from psycopg import Connection, sql
from psycopg.rows import DictRow

from infra.postgres.pool import connect
from infra.runtime import Runtime
from infra.supervisor import Program, Supervisor, kontor
from services.customer.commands.billing_runs import RequestBillingRun
from tests import examples
from tests.benchmarks.measuring import Figure, Turns
from tests.benchmarks.population import define_seller, populate

CUSTOMERS = 2_000
WORKERS = 2
MONTHS = 3
COPIES = 5
LOOK_AGAIN_SECONDS = 0.01
PATIENCE_SECONDS = 600.0

ROWS = {
    "events": "SELECT * FROM billing.events WHERE position > {head}",
    "billed_intervals": "SELECT * FROM billing.billed_intervals WHERE interval_start > {billed_through}",
    "billables": "SELECT * FROM billing.billables",
}


def measure(runtime: Runtime, turns: Turns) -> Iterator[Figure]:
    turns.say(f"making {CUSTOMERS:,} customers")
    define_seller(runtime)
    populate(runtime, CUSTOMERS)
    with connect(runtime.database.owner_url) as owner, _workers(runtime):
        runs = Runs(runtime, owner)
        runs.wait_for_workers()
        ours, limit = turns.take(runs.run, runs.copy)
    yield Figure(f"documents/s, {WORKERS} workers", "COPY of the rows", ours, limit)


@contextmanager
def _workers(runtime: Runtime) -> Iterator[None]:
    """Billing processes on the benchmark's database; they end with this process, however it ends."""
    settings = {"KONTOR_DATABASE_URL": runtime.database.owner_url, "KONTOR_LOG_LEVEL": "warning"}
    programs = [Program(f"billing {number + 1}", kontor("billing")) for number in range(WORKERS)]
    with patch.dict(os.environ, settings), Supervisor(programs):
        yield


@dataclass
class Runs:
    """One run after the other, each up to three months after the one before."""

    runtime: Runtime
    owner: Connection[DictRow]
    billed_through: date = date(2025, 12, 31)
    head: int = 0
    rows: dict[str, bytes] = field(default_factory=dict)

    def wait_for_workers(self) -> None:
        """Return when the customer log is taken in and all workers wait for a run."""
        feed = self.runtime.customer_feed
        self._wait_until(lambda: self.runtime.billing.followed_position() == feed.head())
        listening = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'kontor listen billing'"
        self._wait_until(lambda: self._number(listening) == WORKERS)

    def run(self) -> float:
        """Documents a second from the request to the end of the run."""
        self.head = self.runtime.billing_feed.head()
        before, self.billed_through = self.billed_through, _last_of_month_after(self.billed_through)
        begin = time.perf_counter()
        self._complete(self.billed_through)
        seconds = time.perf_counter() - begin
        self._keep_rows(before)
        return CUSTOMERS / seconds

    def copy(self) -> float:
        """Documents a second when the rows of the last run are copied into empty tables, several times over."""
        seconds = sum(self._copy() for _ in range(COPIES))
        return CUSTOMERS * COPIES / seconds

    def _copy(self) -> float:
        """How many seconds it takes."""
        self._make_empty_tables()
        begin = time.perf_counter()
        with self.owner.transaction(), self.owner.cursor() as cursor:
            for table, rows in self.rows.items():
                with cursor.copy(f"COPY finished.{table} FROM STDIN (FORMAT binary)".encode()) as copy:
                    copy.write(rows)
        return time.perf_counter() - begin

    def _complete(self, up_to: date) -> None:
        request = RequestBillingRun(processing_date=up_to)
        answer = self.runtime.customer.request_billing_run(request, examples.asked())
        query = "SELECT count(*) FROM billing.runs WHERE billing_run_id = %s AND status = 'COMPLETED'"
        self._wait_until(lambda: self._number(query, answer["billingRunId"]) == 1)

    def _keep_rows(self, before: date) -> None:
        for table, query in ROWS.items():
            rows = sql.SQL(query).format(head=self.head, billed_through=before.isoformat())
            with self.owner.cursor().copy(
                sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(rows)
            ) as copy:
                self.rows[table] = b"".join(copy)

    def _make_empty_tables(self) -> None:
        self.owner.execute("DROP SCHEMA IF EXISTS finished CASCADE")
        self.owner.execute("CREATE SCHEMA finished")
        for table in ROWS:
            self.owner.execute(f"CREATE TABLE finished.{table} (LIKE billing.{table} INCLUDING ALL)".encode())

    def _number(self, query: str, *params: object) -> int:
        row = self.owner.execute(query.encode(), params).fetchone()
        assert row is not None
        return int(row["count"])

    @staticmethod
    def _wait_until(happened: Callable[[], bool]) -> None:
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while not happened():
            if time.monotonic() > give_up_at:
                raise TimeoutError("the billing processes do not do their work; see the messages above")
            time.sleep(LOOK_AGAIN_SECONDS)


def _last_of_month_after(day: date) -> date:
    """The end of the month that is `MONTHS` after a month's end."""
    month = day.month + MONTHS
    years, index = divmod(month, 12)
    return date.fromordinal(date(day.year + years, index + 1, 1).toordinal() - 1)
