"""The runner: follows in the background, stands by, comes back after a lost database, never writes twice."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from infra.postgres.pool import Pool, open_pool
from projections import catalogue, customer_overview, engine, progress
from projections.customer_overview import CustomerFilter
from projections.feeds import SharedFeed
from projections.progress import Superseded
from projections.runner import Runner
from projections.views import Views
from services.errors import Unavailable
from tests.database import Database
from tests.projections.logs import Logs
from tests.projections.reading import all_rows, follow

OVERVIEW = customer_overview.PROJECTION


@contextmanager
def running(runner: Runner) -> Iterator[Runner]:
    runner.start()
    try:
        yield runner
    finally:
        runner.stop()


def eventually(holds: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "did not come to hold"
        time.sleep(0.01)


def states(views: Views) -> set[str]:
    return {row["state"] for row in views.status()["projections"]}


def test_what_happens_while_it_runs_is_seen_at_once(pool: Pool, logs: Logs, views: Views) -> None:
    logs.customer_created("D-1")
    with running(Runner(pool, logs.feeds, logs.vault)):
        views.wait_for(1)
        began = time.monotonic()
        logs.customer_created("D-2")
        views.wait_for(2)
        assert time.monotonic() - began < 1
        assert views.customers(CustomerFilter())["total"] == 2
        assert states(views) == {"RUNNING"}
    assert states(views) == {"STOPPED"}


def test_waiting_for_a_position_that_does_not_come_ends_after_two_seconds(
    pool: Pool, logs: Logs, views: Views
) -> None:
    views.wait_for(None)
    began = time.monotonic()
    with pytest.raises(Unavailable):
        views.wait_for(1)
    assert 2 <= time.monotonic() - began < 3


def test_the_position_that_a_command_of_either_service_answered_is_waited_for(pool: Pool, logs: Logs) -> None:
    views = Views(pool, logs.vault, logs.feeds)
    customer_id = logs.customer_created("D-1")
    with running(Runner(pool, logs.feeds, logs.vault)):
        run = logs.run_requested(customer_id)
        logs.run_started(run, 1)
        document = logs.document_issued(customer_id, run)
        logs.customer_billed(run, customer_id, document)
        logs.run_completed(run)
        views.wait_for(4)  # of billing's log: the customer's is shorter
        found = views.billing_run(run)
        assert found is not None
        assert found["status"] == "COMPLETED"
        with pytest.raises(Unavailable):
            views.wait_for(5)


def test_a_second_copy_stands_by_and_takes_over(
    database: Database, pool: Pool, logs: Logs, views: Views
) -> None:
    with open_pool(database.service_url, schema="projections", size=20, name="second") as other:
        first, second = Runner(pool, logs.feeds, logs.vault), Runner(other, logs.feeds, logs.vault)
        with running(first):
            eventually(lambda: states(views) == {"RUNNING"})
            with running(second):
                logs.customer_created("D-1")
                views.wait_for(1)
                first.stop()
                logs.customer_created("D-2")
                eventually(lambda: views.customers(CustomerFilter())["total"] == 2)
                eventually(lambda: states(views) == {"RUNNING"})


def test_it_comes_back_when_its_connections_are_killed(
    database: Database, pool: Pool, logs: Logs, views: Views
) -> None:
    with (
        open_pool(database.service_url, schema="projections", size=2, name="killer") as killer,
        running(Runner(pool, logs.feeds, logs.vault)),
    ):
        for n in range(300):
            logs.customer_created(f"D-{n}")
            if n % 50 == 20:
                _kill_all(killer, "projections test")
        eventually(lambda: Views(killer, logs.vault).customers(CustomerFilter())["total"] == 300)
        eventually(lambda: states(Views(killer, logs.vault)) == {"RUNNING"})


def _kill_all(pool: Pool, name: str) -> None:
    with pool.connection() as conn:
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
            " AND datname = current_database()",
            [name],
        )


def test_a_copy_that_was_overtaken_writes_nothing(pool: Pool, logs: Logs) -> None:
    logs.customer_created("D-1")
    follow(pool, logs, [OVERVIEW])
    with pool.connection() as conn, pytest.raises(Superseded):
        engine.follow(conn, OVERVIEW, logs.customer.read(0, 10), after=0, vault=logs.vault)
    assert len(all_rows(pool)["customer_overview"]) == 1


def test_rows_of_another_version_are_not_touched_until_they_are_rebuilt(
    pool: Pool, logs: Logs, views: Views
) -> None:
    logs.customer_created("D-1")
    follow(pool, logs)
    with pool.connection() as conn:
        conn.execute("UPDATE positions SET version = 0 WHERE projection = 'history'")
    with running(Runner(pool, logs.feeds, logs.vault)):
        logs.customer_created("D-2")
        eventually(lambda: views.customers(CustomerFilter())["total"] == 2)
        assert states(views) == {"RUNNING", "OUTDATED"}
    assert len(all_rows(pool)["history"]) == 1


class FailingFeed:
    """A feed that cannot be read at first, like one whose database restarts."""

    def __init__(self, logs: Logs) -> None:
        self.source = "customer"
        self._feed = logs.customer
        self.mended = threading.Event()

    def read(self, after, limit):
        if not self.mended.is_set():
            raise ConnectionError
        return self._feed.read(after, limit)

    def wait(self, after, timeout_seconds):
        self._feed.wait(after, timeout_seconds)

    def head(self):
        return self._feed.head()


def test_status_tells_why_a_projection_does_not_go_on(pool: Pool, logs: Logs, views: Views) -> None:
    logs.customer_created("D-1")
    feed = FailingFeed(logs)
    with running(Runner(pool, logs.feeds | {"customer": feed}, logs.vault, [OVERVIEW])):
        eventually(lambda: "FAILING" in states(views))
        assert views.status()["parkedEvents"] == []
        feed.mended.set()
        eventually(lambda: views.customers(CustomerFilter())["total"] == 1)
        eventually(lambda: "FAILING" not in states(views))


def test_parked_events_are_retried_beside_the_running_copy(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.new_id()
    logs.customer_edited(customer_id, language="en")
    with running(Runner(pool, logs.feeds, logs.vault)) as runner:
        views.wait_for(1)
        assert runner.retry_parked("customer_overview") == 0
        with pool.connection() as conn, conn.transaction():
            # The creation was lost in an accident and is restored.
            progress.lock(conn, "customer_overview")
            logs.customer_created(customer_id=customer_id)
            engine.apply(conn, OVERVIEW, logs.customer.read(1, 1), logs.vault)
        eventually(lambda: _parked(pool, "customer_overview") == 2)
        with pool.connection() as conn:
            conn.execute("DELETE FROM parked WHERE projection = 'customer_overview' AND position = 2")
        assert runner.retry_parked("customer_overview") == 1
        assert views.customers(CustomerFilter(language="en"))["total"] == 1


def _parked(pool: Pool, name: str) -> int:
    with pool.connection() as conn:
        row = conn.execute("SELECT count(*) AS n FROM parked WHERE projection = %s", [name]).fetchone()
    assert row is not None
    return int(row["n"])


def test_a_shared_feed_gives_each_reader_all_messages_and_reads_them_once(logs: Logs) -> None:
    for n in range(100):
        logs.customer_created(f"D-{n}")
    reads = []

    class Counted:
        source = "customer"

        def read(self, after, limit):
            reads.append(after)
            return logs.customer.read(after, limit)

    shared = SharedFeed(Counted(), keep=60)
    seen = [list[int]() for _ in range(7)]
    for after in range(0, 100, 25):
        for positions in seen:
            positions += [envelope.position for envelope in shared.read(after, 25)]
    assert seen == [list(range(1, 101))] * 7
    assert reads == [0, 25, 50, 75]
    assert [e.position for e in shared.read(10, 2)] == [11, 12], "a late reader is served as well"
    assert [e.position for e in shared.read(97, 2)] == [98, 99]
    assert shared.read(100, 10) == []
    assert reads[4:] == [10, 100]


def test_all_projections_have_different_names_and_tables() -> None:
    names = [projection.name for projection in catalogue.ALL]
    tables = [table.name for projection in catalogue.ALL for table in projection.tables]
    assert len(set(names)) == len(names)
    assert len(set(tables)) == len(tables)
