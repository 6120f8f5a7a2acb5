"""`kontor serve`, for real: up when it says so, down without a trace, and back after any kind of kill."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.disks import quickest

ROOT = Path(__file__).parents[2]


@dataclass
class Served:
    """A running `kontor serve` in a process group of its own."""

    process: subprocess.Popen[str]
    data_dir: Path
    port: int
    link: str

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/ready", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def postmaster_pid(self) -> int:
        return int((self.data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])

    def database_runs(self) -> bool:
        return (self.data_dir / "postgres" / "postmaster.pid").exists()

    def children(self) -> list[int]:
        # The kernel lists children by the thread that started them.
        lists = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        pids = [int(pid) for each in lists for pid in each.read_text().split()]
        return [pid for pid in pids if b"infra" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(
        prefix="kontor-serve-", dir=quickest(), ignore_cleanup_errors=True
    ) as name:
        yield Path(name) / "data"


@pytest.fixture(scope="module")
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def start(data_dir: Path, port: int) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KONTOR_")}
    own = {"KONTOR_DATA_DIR": str(data_dir), "KONTOR_PORT": str(port)}
    return subprocess.Popen(
        [sys.executable, "-m", "infra", "serve"],
        cwd=ROOT,
        env=clean | own,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
    )


@contextmanager
def serving(data_dir: Path, port: int) -> Iterator[Served]:
    with start(data_dir, port) as process:
        try:
            for line in process.stdout:
                if link := re.search(r"http://\S+/sign-in\?token=\S+", line):
                    yield Served(process, data_dir, port, link[0])
                    break
            else:
                pytest.fail(f"kontor serve ended: {process.stderr.read()}")
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=60)


def eventually(condition: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return met


def test_it_answers_when_it_says_so_and_stops_without_a_trace(data_dir, port):
    with serving(data_dir, port) as served:
        assert served.is_ready()
        with urllib.request.urlopen(served.link) as page:
            assert page.status == 200
        children = served.children()
        assert len(children) == 5  # web server, two billing workers, renderer, projections
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(30) == 0
    assert not served.database_runs()
    assert not any(Path(f"/proc/{pid}").exists() for pid in children)


def test_ctrl_c_stops_it_as_well(data_dir, port):
    with serving(data_dir, port) as served:
        os.killpg(served.process.pid, signal.SIGINT)
        assert served.process.wait(30) == 0
    assert not served.database_runs()


def test_nothing_outlives_a_kill_of_the_supervisor(data_dir, port):
    with serving(data_dir, port) as served:
        children = served.children()
        served.process.kill()
        served.process.wait()
        assert eventually(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in children))
        assert eventually(lambda: not served.database_runs())


def test_a_kill_of_the_whole_group_is_survived(data_dir, port):
    with serving(data_dir, port) as served:
        os.killpg(served.process.pid, signal.SIGKILL)
        served.process.wait()
        assert served.database_runs()
    with serving(data_dir, port) as served:
        assert served.is_ready()
    assert not served.database_runs()


def test_a_killed_database_comes_back_while_serving(data_dir, port):
    with serving(data_dir, port) as served:
        killed = served.postmaster_pid()
        os.kill(killed, signal.SIGKILL)
        assert eventually(lambda: served.database_runs() and served.postmaster_pid() != killed)
        assert eventually(served.is_ready)


def test_a_killed_web_server_comes_back_on_the_same_port(data_dir, port):
    with serving(data_dir, port) as served:
        os.kill(served.children()[0], signal.SIGKILL)
        assert eventually(lambda: len(served.children()) == 5 and served.is_ready())


def test_a_taken_port_is_explained(data_dir):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with start(data_dir, port) as process:
            _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert f"port {port} on 127.0.0.1 is taken by another program; choose another one: KONTOR_PORT=" in errors
    assert "Traceback" not in errors
