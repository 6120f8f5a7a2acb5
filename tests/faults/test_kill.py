"""`kill -9` in the middle of a run over thousands of customers: no interval is billed twice, none is missed."""

import os
import random
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.acceptance.server import KontorServer, eventually
from tests.faults.fleet import CUSTOMERS, Fleet

Blow = Callable[[KontorServer, random.Random], None]

TRANSACTION_SECONDS = 0.25
"""A worker needs less for each of its transactions, so that kills fall into every part of one."""


def everything(server: KontorServer, chance: random.Random) -> None:
    """All processes, PostgreSQL's too; sometimes once more while they start again."""
    server.kill_everything()
    server.launch()
    if chance.random() < 0.4:
        time.sleep(chance.uniform(0, 2))
        server.kill_everything()
        server.launch()


def the_process_group(server: KontorServer, chance: random.Random) -> None:
    """Kontor's processes; PostgreSQL survives them and rolls back what they began."""
    server.kill_group()
    server.launch()


def the_database(server: KontorServer, chance: random.Random) -> None:
    """PostgreSQL's main process under the feet of all the others."""
    pid_file = server.data_dir / "postgres" / "postmaster.pid"
    os.kill(int(pid_file.read_text().split("\n")[0]), signal.SIGKILL)


def a_billing_worker(server: KontorServer, chance: random.Random) -> None:
    """One of two, which is started again."""
    if workers := server.children("billing"):
        os.kill(chance.choice(workers), signal.SIGKILL)


@pytest.mark.parametrize(
    ("blow", "times", "months"),
    [(everything, 5, 12), (the_process_group, 2, 3), (the_database, 2, 3), (a_billing_worker, 3, 3)],
    ids=["everything", "the process group", "the database", "billing workers"],
)
def test_a_run_is_completed_after_kills_of(fleet, chance, blow, times, months):
    fleet.request_run(months)
    kills = [strike(fleet, chance, blow, moment) for moment in moments(times, chance)]
    fleet.server.wait_until_ready()
    run = fleet.server.completed(fleet.run_ids[-1], seconds=120)
    assert run["status"] == "COMPLETED"
    assert run["customers"] == {"total": CUSTOMERS, "done": CUSTOMERS, "failed": 0}
    fleet.check_books()
    done_at_kills = [fleet.outcomes_by(instant) for instant in kills]
    print(f"customers that were billed at the kills: {done_at_kills}")
    assert any(0 < done < CUSTOMERS for done in done_at_kills)


def test_the_logs_prove_the_books_after_all_of_it(fleet):
    assert fleet.server.cli_json("audit", "replay") == []


def moments(times: int, chance: random.Random) -> list[int]:
    """Numbers of billed customers at which to strike: one at random in each part of the run but its end."""
    part_size = 0.85 * CUSTOMERS / times
    return [int(part_size * (part + chance.random())) for part in range(times)]


def strike(fleet: Fleet, chance: random.Random, blow: Blow, moment: int) -> datetime:
    """Kill a random while after so many customers are billed; when that was."""
    eventually(lambda: is_billed(fleet, moment))
    time.sleep(chance.uniform(0, TRANSACTION_SECONDS))
    instant = datetime.now(UTC)
    blow(fleet.server, chance)
    return instant


def is_billed(fleet: Fleet, customers: int) -> bool:
    done = fleet.done()
    return done is not None and done >= customers
