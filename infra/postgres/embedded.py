"""A PostgreSQL server of Kontor's own: started by the first who needs it, stopped by the last who leaves.

Three locks in the data directory say what is going on, and the kernel drops them with the processes that
hold them, so that nothing is left behind by `kill -9`:

- `server.lock`: every user of the server holds it shared; who gets it alone is the last one out.
- `start.lock`: held while starting or stopping.
- `postgres.lock`: handed down to the server and by it to all of its processes. While it is held some
  process of the server is alive, even when its main process is gone; a process id could tell less, as
  another program may have got it since.
"""

import fcntl
import hashlib
import logging
import os
import signal
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psycopg
from psycopg.pq import PGconn, Ping

from infra.postgres.account import Account
from infra.postgres.cluster import OWNER_ROLE as OWNER_ROLE
from infra.postgres.cluster import Cluster, environment, program

SERVICE_ROLE = "kontor_service"
DATABASE = "kontor"

# Crash recovery replays at most max_wal_size of log and can take minutes on a slow disk.
RECOVERY_SECONDS = 600
# Processes that outlive a killed server notice it when their current query ends.
ORPHANS_SECONDS = 60
# A fast shutdown waits for a checkpoint only.
SHUTDOWN_SECONDS = 120

_SOCKET_PATH_LIMIT = 103  # bytes without the closing zero: 108 on Linux, 104 on macOS
_PORT = 5432  # a part of the socket's name
_SOCKET = f".s.PGSQL.{_PORT}"

_log = logging.getLogger(__name__)


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL could not be started or stopped; the message carries the end of its log."""


@contextmanager
def running(data_dir: Path, *, durable: bool = True) -> Iterator["Server"]:
    """The server of `data_dir`, started if it is not running; several processes may use it at once.

    `durable=False` is for tests: a power failure may then damage the database, a killed server does not.
    """
    data_dir = _made(data_dir)
    directory = data_dir / "postgres"
    server = Server(data_dir, Cluster(directory, Account.of(directory), durable))
    with _opened(data_dir / "server.lock") as users:
        try:
            with server.starting():
                fcntl.flock(users, fcntl.LOCK_SH)
                server.start()
            yield server
        finally:
            with server.starting():
                if _locked(users):
                    server.stop()


@dataclass(frozen=True, slots=True)
class Server:
    """The embedded server of one data directory."""

    data_dir: Path
    cluster: Cluster

    def url(self, role: str = SERVICE_ROLE, database: str = DATABASE) -> str:
        """A libpq URL; `role` is `kontor_service`, or `kontor_owner` who may do everything."""
        host = quote(str(self._socket_directory()), safe="")
        return f"postgresql://{quote(role)}@/{quote(database)}?host={host}&port={_PORT}"

    def ensure_running(self) -> bool:
        """Start the server again if it died; whether that was necessary."""
        if self._ping() == Ping.OK:
            return False
        with self.starting():
            return self.start()

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Be the only one who starts or stops the server."""
        with _opened(self.data_dir / "start.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def start(self) -> bool:
        """Start the server unless it runs; call it inside `starting()`. Whether it was started."""
        with _opened(self.data_dir / "postgres.lock") as alive:
            started = not self._found_running(alive)
            if started:
                self.cluster.make()
                sockets = self._make_socket_directory()
                self._drop_stale_locks(sockets)
                self.cluster.configure(sockets)
                self._start(alive)
        self._make_role_and_database()
        return started

    def stop(self) -> None:
        """Shut down cleanly and wait until every process of the server is gone; call it inside `starting()`."""
        if self._ping() == Ping.NO_RESPONSE:
            return
        with _opened(self.data_dir / "postgres.lock") as alive:
            for stop_signal, seconds in ((signal.SIGINT, SHUTDOWN_SECONDS), (signal.SIGQUIT, 10)):
                self._signal(stop_signal)
                if any(_locked(alive) for _ in _pauses(seconds)):
                    self._remove_socket_directory()
                    return
        raise self._error("did not stop")

    def _found_running(self, alive: IO[str]) -> bool:
        """Whether the server answers; False when none of its processes is left."""
        patience_ends = time.monotonic() + ORPHANS_SECONDS
        for _ in _pauses(RECOVERY_SECONDS):
            answer = self._ping()
            if answer == Ping.OK:
                return True
            if answer == Ping.REJECT:  # it recovers, or it shuts down
                continue
            if _locked(alive):
                return False
            if time.monotonic() > patience_ends:
                raise self._error("was killed, and processes that it left behind still run")
        raise self._error(f"does not let anybody in since {RECOVERY_SECONDS} s")

    def _start(self, alive: IO[str]) -> None:
        process = self._spawn(alive)
        try:
            self._wait_until_ready(process)
        except BaseException:
            process.send_signal(signal.SIGINT)
            raise
        finally:
            # Reaped when it ends: a zombie would keep the process id that a next server asks for.
            threading.Thread(target=process.wait, name="postgres-reaper", daemon=True).start()

    def _spawn(self, alive: IO[str]) -> subprocess.Popen[bytes]:
        with self.cluster.start_log.open("wb") as log:
            return subprocess.Popen(  # noqa: S603
                [str(program("postgres")), "-D", str(self.cluster.directory)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=environment(),
                pass_fds=[alive.fileno()],
                start_new_session=True,  # Ctrl-C in the terminal must reach those who use it first
                **self.cluster.account.process_options(),
            )

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        begin = time.monotonic()
        for _ in _pauses(RECOVERY_SECONDS):
            if self._ping() == Ping.OK:
                _log.info("PostgreSQL started in %.1f s", time.monotonic() - begin)
                return
            if process.poll() is not None:
                raise self._error("did not start")
        raise self._error(f"was not ready within {RECOVERY_SECONDS} s")

    def _drop_stale_locks(self, socket_directory: Path) -> None:
        """Remove what a killed server left, where its process id belongs to another program or a zombie now.

        PostgreSQL would take that for the server and refuse to start. Nobody of ours runs: we hold the lock.
        """
        for lock in (self.cluster.directory / "postmaster.pid", socket_directory / f"{_SOCKET}.lock"):
            with suppress(FileNotFoundError):
                pid = int(lock.read_text("utf-8").split("\n", 1)[0] or 0)
                if pid > 0 and _exists(pid):
                    lock.unlink()

    def _make_role_and_database(self) -> None:
        with psycopg.connect(self.url(OWNER_ROLE, "postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [SERVICE_ROLE]).fetchone():
                connection.execute(f"CREATE ROLE {SERVICE_ROLE} LOGIN")
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _make_socket_directory(self) -> Path:
        """A directory that only the server's account can enter, so that no password is needed behind it."""
        path, account = self._planned_socket_directory(), self.cluster.account
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.geteuid(), account.uid):
            raise EmbeddedPostgresError(f"{path} belongs to somebody else; remove it")
        path.chmod(0o700)
        account.own(path)
        account.reach(path)
        return path

    def _remove_socket_directory(self) -> None:
        with suppress(OSError):
            self._planned_socket_directory().rmdir()

    def _planned_socket_directory(self) -> Path:
        near = self.data_dir / "run"
        if len(os.fsencode(near / _SOCKET)) <= _SOCKET_PATH_LIMIT:
            return near
        name = hashlib.sha256(os.fsencode(self.data_dir)).hexdigest()[:16]
        return Path(tempfile.gettempdir()).resolve() / f"kontor-{name}"

    def _socket_directory(self) -> Path:
        """Where the running server listens; where the next one will when none runs."""
        written = self._pid_file_line(5)
        return Path(written) if written else self._planned_socket_directory()

    def _postmaster_pid(self) -> int:
        """Process id of the server's main process, 0 if none is written down."""
        return int(self._pid_file_line(1) or 0)

    def _pid_file_line(self, number: int) -> str:
        try:
            lines = (self.cluster.directory / "postmaster.pid").read_text("utf-8").splitlines()
        except FileNotFoundError:
            return ""
        return lines[number - 1].strip() if len(lines) >= number else ""

    def _ping(self) -> Ping:
        # A server that does not even refuse within 10 s counts as none.
        return Ping(PGconn.ping(f"{self.url(OWNER_ROLE, 'postgres')}&connect_timeout=10".encode()))

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            if (pid := self._postmaster_pid()) > 0:
                os.kill(pid, number)

    def _error(self, what: str) -> EmbeddedPostgresError:
        return EmbeddedPostgresError(
            f"PostgreSQL in {self.data_dir} {what}; its log ends:\n{self.cluster.log_tail()}"
        )


def _made(data_dir: Path) -> Path:
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise EmbeddedPostgresError(
            f"the data directory {data_dir} cannot be made: {error.strerror}"
        ) from error
    return data_dir.resolve()


def _opened(path: Path) -> IO[str]:
    try:
        return open(path, "a", opener=lambda name, flags: os.open(name, flags, 0o600))
    except OSError as error:
        raise EmbeddedPostgresError(
            f"{path} cannot be written: {error.strerror}; is the data directory another user's?"
        ) from error


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _locked(file: IO[str]) -> bool:
    """Whether the file could be locked exclusively, which nobody else has then."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _pauses(seconds: float) -> Iterator[None]:
    """Turns of a loop that waits for something: quickly one after the other at first, then twice a second."""
    deadline, pause = time.monotonic() + seconds, 0.01
    while time.monotonic() < deadline:
        yield
        time.sleep(pause)
        pause = min(pause * 1.3, 0.5)
