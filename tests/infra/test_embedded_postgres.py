"""The embedded PostgreSQL: shared by its users, stopped by the last, and back after any kind of kill."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from infra.postgres import embedded
from infra.postgres.account import Account
from infra.postgres.embedded import OWNER_ROLE, EmbeddedPostgresError, Server
from tests.disks import quickest

ROOT = Path(__file__).parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has other users' processes to start")

USE_UNTIL_INPUT_ENDS = """
import sys
from pathlib import Path
from infra.postgres import embedded
with embedded.running(Path(sys.argv[1]), durable=False) as server:
    print(server.url(), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def new_dir() -> Iterator[Path]:
    """Where no database is yet."""
    # Not pytest's own directory: other runs of pytest take away the permission to pass through it.
    with tempfile.TemporaryDirectory(prefix="kontor-embedded-", dir=quickest()) as name:
        yield Path(name) / "data"


@pytest.fixture(scope="module")
def made_once() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kontor-embedded-", dir=quickest()) as name:
        with embedded.running(Path(name) / "data", durable=False):
            pass
        yield Path(name) / "data"


@pytest.fixture
def data_dir(new_dir: Path, made_once: Path) -> Path:
    """A data directory with a database, which takes a while to make."""
    subprocess.run(["cp", "--archive", made_once, new_dir], check=True)
    return new_dir


def a_user_process(data_dir: Path, **options) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", USE_UNTIL_INPUT_ENDS, str(data_dir)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, **options
    )
    assert process.stdout.readline().startswith("postgresql://"), "see the error above"
    return process


def leave(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=60)
    assert process.returncode == 0


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def postmaster_pid(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def is_running(data_dir: Path) -> bool:
    return (data_dir / "postgres" / "postmaster.pid").exists()


def remember(server: Server, word: str) -> None:
    with psycopg.connect(server.url(OWNER_ROLE), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS word (word text)")
        connection.execute("INSERT INTO word VALUES (%s)", [word])


def remembered(server: Server) -> list[str]:
    with psycopg.connect(server.url(OWNER_ROLE)) as connection:
        return [word for (word,) in connection.execute("SELECT word FROM word ORDER BY word")]


def eventually(condition: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return met


def test_the_database_is_kept_when_its_server_stops(new_dir):
    with embedded.running(new_dir, durable=False) as server:
        remember(server, "cheese")
    assert not is_running(new_dir)
    with embedded.running(new_dir, durable=False) as server:
        assert remembered(server) == ["cheese"]


def test_nothing_written_is_lost_in_a_power_failure(data_dir):
    with embedded.running(data_dir) as server, psycopg.connect(server.url()) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connection.execute(f"SHOW {setting}").fetchone() == ("on",)


def test_the_service_signs_in_with_few_rights_and_text_is_unicode(data_dir):
    with embedded.running(data_dir, durable=False) as server, psycopg.connect(server.url()) as connection:
        row = connection.execute(
            "SELECT current_user, current_database(), rolsuper, lower('ČŠ'), pg_encoding_to_char(encoding)"
            " FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()"
        ).fetchone()
    assert row == ("kontor_service", "kontor", False, "čš", "UTF8")


def test_the_server_listens_on_its_socket_only_and_only_its_user_gets_there(data_dir):
    with embedded.running(data_dir, durable=False) as server, psycopg.connect(server.url()) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        directory = Path(connection.info.host)
    assert stat.S_IMODE((data_dir / "postgres").stat().st_mode) == 0o700
    assert directory == data_dir.resolve() / "run"


def test_the_last_one_out_stops_the_server(data_dir):
    other = a_user_process(data_dir)
    with embedded.running(data_dir, durable=False) as server:
        leave(other)
        remember(server, "still there")
    assert not is_running(data_dir)


def test_the_server_goes_on_while_somebody_else_uses_it(data_dir):
    with embedded.running(data_dir, durable=False):
        other = a_user_process(data_dir)
        first = postmaster_pid(data_dir)
    assert postmaster_pid(data_dir) == first
    leave(other)
    assert not is_running(data_dir)


def test_users_who_come_at_the_same_time_get_one_server(new_dir):
    users = [threading.Thread(target=lambda: leave(a_user_process(new_dir))) for _ in range(4)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert not is_running(new_dir)
    assert "terminated by signal" not in (new_dir / "postgres-start.log").read_text()


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(data_dir):
    with embedded.running(data_dir, durable=False):
        assert os.getsid(postmaster_pid(data_dir)) != os.getsid(0)


def test_a_killed_server_starts_again_with_everything_that_was_committed(data_dir):
    with embedded.running(data_dir) as server:
        remember(server, "committed")
        os.kill(postmaster_pid(data_dir), signal.SIGKILL)
        assert eventually(server.ensure_running)
        assert remembered(server) == ["committed"]
        assert not server.ensure_running()
    assert not is_running(data_dir)


def test_a_server_whose_users_were_killed_is_used_again(data_dir):
    kill(a_user_process(data_dir))
    left_behind = postmaster_pid(data_dir)
    with embedded.running(data_dir, durable=False) as server:
        assert postmaster_pid(data_dir) == left_behind
        remember(server, "used again")
    assert not is_running(data_dir)


def test_everything_killed_at_once_comes_back(data_dir):
    user = a_user_process(data_dir)
    with embedded.running(data_dir, durable=False) as server:
        remember(server, "committed")
        os.kill(postmaster_pid(data_dir), signal.SIGKILL)
    kill(user)
    with embedded.running(data_dir, durable=False) as server:
        assert remembered(server) == ["committed"]


def test_a_process_id_that_another_program_got_since_does_no_harm(data_dir):
    with embedded.running(data_dir, durable=False) as server:
        remember(server, "committed")
        os.kill(postmaster_pid(data_dir), signal.SIGKILL)
    pid_file = data_dir / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")
    with embedded.running(data_dir, durable=False) as server:
        assert remembered(server) == ["committed"]


def test_a_new_server_waits_for_what_a_killed_one_left_behind(data_dir):
    with embedded.running(data_dir, durable=False) as server, psycopg.connect(server.url()) as connection:
        orphan = connection.info.backend_pid
        os.kill(orphan, signal.SIGSTOP)
        os.kill(postmaster_pid(data_dir), signal.SIGKILL)
        threading.Timer(1.0, os.kill, (orphan, signal.SIGCONT)).start()
        begin = time.monotonic()
        assert eventually(server.ensure_running)
        assert time.monotonic() - begin > 0.8


def test_what_never_ends_is_reported_with_the_log(data_dir, monkeypatch):
    monkeypatch.setattr(embedded, "ORPHANS_SECONDS", 0.5)
    with embedded.running(data_dir, durable=False) as server, psycopg.connect(server.url()) as connection:
        orphan = connection.info.backend_pid
        os.kill(orphan, signal.SIGSTOP)
        os.kill(postmaster_pid(data_dir), signal.SIGKILL)
        time.sleep(0.2)
        with pytest.raises(
            EmbeddedPostgresError, match=r"(?s)left behind still run.*ready to accept connections"
        ):
            server.ensure_running()
        os.kill(orphan, signal.SIGKILL)


def test_a_directory_that_was_left_half_made_is_made_anew(new_dir):
    half = new_dir / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with embedded.running(new_dir, durable=False) as server:
        remember(server, "made")
    assert not half.exists()


def test_a_server_that_does_not_start_says_why(data_dir):
    with embedded.running(data_dir, durable=False):
        pass
    (data_dir / "postgres" / "local.conf").write_text("max_connections = plenty\n")
    (data_dir / "postgres" / "local.conf").chmod(0o644)
    with (
        pytest.raises(EmbeddedPostgresError, match='invalid value for parameter "max_connections": "plenty"'),
        embedded.running(data_dir, durable=False),
    ):
        pass


def test_a_long_path_gets_a_short_directory_for_its_socket(new_dir):
    deep = new_dir / ("long " * 20) / 'it\'s "odd", $HOME'
    with embedded.running(deep, durable=False) as server, psycopg.connect(server.url()) as connection:
        directory = Path(connection.info.host)
        assert len(str(directory)) < 60
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert not directory.exists()


@as_root
def test_root_only_opens_the_way_to_the_database(new_dir):
    outer = new_dir / "outer"
    outer.mkdir(parents=True, mode=0o700)
    with embedded.running(outer / "data", durable=False):
        assert os.stat(f"/proc/{postmaster_pid(outer / 'data')}").st_uid != 0
    assert stat.S_IMODE(outer.stat().st_mode) == 0o701
    assert stat.S_IMODE((outer / "data" / "postgres").stat().st_mode) == 0o700


@as_root
def test_an_ordinary_user_runs_the_server_and_root_may_join(new_dir):
    nobody = 65534
    new_dir.parent.chmod(0o755)
    new_dir.mkdir()
    os.chown(new_dir, nobody, nobody)
    # Python itself may be installed under /root.
    for path in (Path(sys.executable), Path(sys.base_prefix), Path(sys.prefix), ROOT):
        Account(nobody, nobody).reach(path / "anything")
    user = a_user_process(new_dir, user=nobody, group=nobody, extra_groups=())
    with embedded.running(new_dir, durable=False) as server:
        remember(server, "shared")
        leave(user)
        assert remembered(server) == ["shared"]
        assert os.stat(f"/proc/{postmaster_pid(new_dir)}").st_uid == nobody
    shutil.rmtree(new_dir)
