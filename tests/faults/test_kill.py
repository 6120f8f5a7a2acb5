"""`kill -9` in the middle of a run over thousands of customers: no interval is billed twice, none is missed."""

import random
import time
from datetime import UTC, datetime

import pytest

from tests.acceptance.server import eventually
from tests.faults.blows import Blow, a_billing_worker, everything, moments, the_database, the_process_group
from tests.faults.fleet import CUSTOMERS, Fleet

TRANSACTION_SECONDS = 0.25
"""A worker needs less for each of its transactions, so that kills fall into every part of one."""


@pytest.mark.parametrize(
    ("blow", "times", "months"),
    [(everything, 5, 12), (the_process_group, 2, 3), (the_database, 2, 3), (a_billing_worker, 3, 3)],
    ids=["everything", "the process group", "the database", "billing workers"],
)
def test_a_run_is_completed_after_kills_of(fleet, chance, blow, times, months):
    fleet.request_run(months)
    kills = [strike(fleet, chance, blow, moment) for moment in moments(times, CUSTOMERS, chance)]
    fleet.server.wait_until_ready()
    run = fleet.server.completed(fleet.run_ids[-1], seconds=120)
    assert run["status"] == "COMPLETED"
    assert run["customers"].items() >= {"total": CUSTOMERS, "done": CUSTOMERS, "failed": 0}.items()
    fleet.check_books()
    done_at_kills = [fleet.outcomes_by(instant) for instant in kills]
    print(f"customers that were billed at the kills: {done_at_kills}")
    assert any(0 < done < CUSTOMERS for done in done_at_kills)


def test_the_logs_prove_the_books_after_all_of_it(fleet):
    assert fleet.server.cli_json("audit", "replay") == []


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
