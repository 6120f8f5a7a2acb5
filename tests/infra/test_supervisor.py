"""The supervisor: starts again what died, stops everything, and is not outlived by its children."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.supervisor import Program, Supervisor

ROOT = Path(__file__).parents[2]

# What a child does: note its process id, then whatever the test wants.
CHILD = """
import os, sys, time
from infra.lifecycle import exit_on_stop, exit_with_parent
exit_on_stop()
exit_with_parent()
with open(sys.argv[1], "a") as file: file.write(f"{os.getpid()}\\n")
"""

SUPERVISED = """
import sys
from infra import logs
from infra.lifecycle import exit_on_stop
from infra.supervisor import Program, Supervisor
exit_on_stop()
logs.configure("info", "serve")
with Supervisor([Program("worker", [sys.executable, "-c", sys.argv[2], sys.argv[1]])]) as supervisor:
    supervisor.wait()
"""


def program(notes: Path, then: str) -> Program:
    return Program("worker", [sys.executable, "-c", CHILD + textwrap.dedent(then), str(notes)])


@contextmanager
def supervised(notes: Path, then: str) -> Iterator[subprocess.Popen[str]]:
    """A supervisor in a process of its own, as `kontor serve` is, in a process group of its own."""
    command = [sys.executable, "-c", SUPERVISED, str(notes), CHILD + textwrap.dedent(then)]
    with subprocess.Popen(command, cwd=ROOT, text=True, stderr=subprocess.PIPE, process_group=0) as process:
        try:
            yield process
        finally:
            process.kill()


def noted(notes: Path, count: int, seconds: float = 20) -> list[int]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        pids = [int(line) for line in notes.read_text().splitlines()] if notes.exists() else []
        if len(pids) >= count:
            return pids
        time.sleep(0.05)
    pytest.fail(f"{count} starts expected, {len(pids)} seen")


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie that nobody collected yet does not."""
    try:
        return re.search(r"\) Z", Path(f"/proc/{pid}/stat").read_text()) is None
    except FileNotFoundError:
        return False


def gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not is_alive(pid)


def test_a_child_that_dies_is_started_again(tmp_path, caplog):
    notes = tmp_path / "pids"
    with Supervisor([program(notes, "time.sleep(60)")]):
        (first,) = noted(notes, 1)
        os.kill(first, signal.SIGKILL)
        _, second = noted(notes, 2)
    assert not is_alive(second)
    assert "worker was killed by SIGKILL; starting it again in 0.5 s" in caplog.text


def test_a_child_that_dies_again_and_again_is_started_ever_more_slowly(tmp_path, caplog):
    with Supervisor([program(tmp_path / "pids", "sys.exit(3)")]):
        noted(tmp_path / "pids", 3)
    assert re.findall(r"ended with exit code 3; starting it again in ([\d.]+) s", caplog.text)[:2] == [
        "0.5",
        "1.0",
    ]


def test_a_child_that_does_not_listen_is_killed_after_a_grace(tmp_path, monkeypatch):
    monkeypatch.setattr("infra.supervisor.GRACE_SECONDS", 0.5)
    notes = tmp_path / "pids"
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(60)"
    with Supervisor([program(notes, stubborn)]):
        (pid,) = noted(notes, 1)
        time.sleep(0.5)
    assert not is_alive(pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_stops_the_children_first_and_ends_well(tmp_path, number):
    notes = tmp_path / "pids"
    with supervised(notes, "time.sleep(60)") as process:
        (child,) = noted(notes, 1)
        process.send_signal(number)
        assert process.wait(10) == 0
        assert not is_alive(child)


def test_ctrl_c_reaches_the_whole_group_and_starts_nothing_again(tmp_path):
    notes = tmp_path / "pids"
    with supervised(notes, "time.sleep(60)") as process:
        noted(notes, 1)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(10) == 0
    assert len(noted(notes, 1)) == 1


def test_children_are_in_the_group_of_their_supervisor(tmp_path):
    with supervised(tmp_path / "pids", "time.sleep(60)") as process:
        (child,) = noted(tmp_path / "pids", 1)
        assert os.getpgid(child) == process.pid


def test_children_do_not_outlive_a_killed_supervisor(tmp_path):
    with supervised(tmp_path / "pids", "time.sleep(60)") as process:
        (child,) = noted(tmp_path / "pids", 1)
        process.kill()
        process.wait()
        assert gone(child, seconds=5)


def test_keepers_are_called_and_may_fail(caplog):
    calls = []

    def keeper() -> None:
        calls.append(1)
        raise RuntimeError("the database is away")

    with Supervisor([], [keeper]):
        time.sleep(2.3)
    assert len(calls) == 2
    assert "the database is away" in caplog.text
