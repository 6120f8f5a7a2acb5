"""Ways to strike a Kontor down in the middle of a run, and the moments for it."""

import os
import random
import signal
import time
from collections.abc import Callable

from tests.acceptance.server import KontorServer

Blow = Callable[[KontorServer, random.Random], None]


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
    """One of several, which is started again."""
    if workers := server.children("billing"):
        os.kill(chance.choice(workers), signal.SIGKILL)


def moments(times: int, customers: int, chance: random.Random) -> list[int]:
    """Numbers of billed customers at which to strike: one at random in each part of the run but its end."""
    part_size = 0.85 * customers / times
    return [int(part_size * (part + chance.random())) for part in range(times)]
