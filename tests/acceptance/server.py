"""A real `kontor serve` to test against: processes, data and a port of its own, all gone when the tests are."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

from infra.postgres import embedded
from infra.postgres.account import Account
from infra.postgres.cluster import OWNER_ROLE, Cluster
from infra.postgres.pool import connect
from infra.supervisor import kontor
from tests.acceptance import processes
from tests.database import Database

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"http://\S+/sign-in\?token=\S+")
PATIENCE_SECONDS = 60.0


class KontorServer:
    """One Kontor: started, stopped, killed and started again on the same data."""

    admin_token = "secret-of-the-tests"

    def __init__(self, directory: Path, *, demo: bool = False, **settings: object) -> None:
        """`settings` are Kontor's own, in lower case without the prefix: `billing_workers=1`."""
        self.demo = demo
        self.data_dir = directory / "data"
        self.log_file = directory / "serve.log"
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        own = {"data_dir": self.data_dir, "port": port, "admin_token": self.admin_token} | settings
        clean = {name: value for name, value in os.environ.items() if not name.startswith("KONTOR_")}
        self._environment = clean | {f"KONTOR_{name.upper()}": str(value) for name, value in own.items()}
        self._directory = directory
        self.http = httpx.Client(
            base_url=self.url,
            headers=self.bearer(self.admin_token),
            timeout=30,
            # Shorter than the server's: a request must not meet a connection that is just being closed.
            limits=httpx.Limits(keepalive_expiry=2),
        )
        self.process: subprocess.Popen[str]
        self.sign_in_link = ""

    # -- coming and going -----------------------------------------------------------------------

    def launch(self) -> None:
        """Start the processes; return before they are ready."""
        self.sign_in_link = ""
        with self.log_file.open("a") as log:
            self.process = subprocess.Popen(
                kontor("serve", *(["--demo"] if self.demo else [])),
                cwd=self._directory,  # where no kontor.toml is
                env=self._environment,
                text=True,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )

    def start(self) -> None:
        """Start and return when the portal answers."""
        self.launch()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Return when the sign-in link is printed, or was before."""
        if self.sign_in_link:
            return
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if link := LINK.search(line):
                self.sign_in_link = link[0]
                return
        raise AssertionError(f"kontor serve ended with {self.process.wait()}:\n{self.log()}")

    def stop(self) -> None:
        """Stop it as an operator does; nothing of it is left afterwards."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE_SECONDS) == 0, self.log()
        self._forget()
        assert not processes.working_in(self.data_dir)

    def kill_group(self) -> None:
        """`kill -9` Kontor's process group. PostgreSQL is in another one and survives."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._forget()

    def kill_everything(self) -> None:
        """`kill -9` every process, PostgreSQL's as well, as when the machine goes down."""
        processes.kill_all(self.data_dir)
        self.process.wait()
        self._forget()

    def close(self) -> None:
        """Stop it if it runs."""
        self.http.close()
        if hasattr(self, "process") and self.process.poll() is None:
            self.stop()

    def children(self, command: str) -> list[int]:
        """The processes of `kontor serve` that run `kontor <command>`."""
        found = processes.working_in(self.data_dir)
        return [pid for pid in found if f"-m infra {command}" in " ".join(processes.command_of(pid))]

    def log(self, lines: int = 60) -> str:
        """The end of what it wrote to standard error."""
        return "\n".join(self.log_file.read_text("utf-8", "replace").splitlines()[-lines:])

    def _forget(self) -> None:
        assert self.process.stdout is not None
        self.process.stdout.close()

    # -- talking to it --------------------------------------------------------------------------

    @staticmethod
    def bearer(token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}"}

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.http.get(path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.http.post(path, **options)

    def put(self, path: str, **options: Any) -> httpx.Response:
        return self.http.put(path, **options)

    def patch(self, path: str, **options: Any) -> httpx.Response:
        return self.http.patch(path, **options)

    def done(self, method: str, path: str, body: Any, **options: Any) -> dict[str, Any]:
        """The answer to a command that must succeed."""
        answer = self.http.request(method, path, json=body, **options)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def read(self, path: str, **query: Any) -> dict[str, Any]:
        """The answer to a query that must succeed, and sees all that is recorded."""
        query = {"minPosition": max(self.heads())} | query

        def answered() -> httpx.Response | None:
            answer = self.http.get(path, params=query)
            return None if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE else answer

        answer = eventually(answered)
        assert answer.is_success, f"GET {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def completed(self, billing_run_id: str, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """The billing run, once it is completed."""

        def completed_run() -> dict[str, Any] | None:
            answer = self.get(f"/v1/billing-runs/{billing_run_id}")
            found = answer.json() if answer.is_success else {"status": "UNKNOWN"}
            return found if found["status"].startswith("COMPLETED") else None

        return eventually(completed_run, seconds)

    def documents_of_run(self, **body: str) -> list[dict[str, Any]]:
        """Request a run; the whole documents that it issues, once it is completed without a failure."""
        run = self.completed(self.done("POST", "/v1/billing-runs", body)["billingRunId"])
        assert run["status"] == "COMPLETED", run
        outcomes = self.read(f"/v1/billing-runs/{run['billingRunId']}/outcomes", limit=500)["items"]
        return [self.read(f"/v1/documents/{each}") for outcome in outcomes for each in outcome["documents"]]

    def cli(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a `kontor` command on the same data; it must end with exit code `code`."""
        done = subprocess.run(
            kontor(*arguments),
            cwd=self._directory,
            env=self._environment,
            text=True,
            capture_output=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == code, f"kontor {arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def spawn(self, *arguments: str) -> subprocess.Popen[str]:
        """A `kontor` command on the same data that goes on while the test does something else."""
        return subprocess.Popen(
            kontor(*arguments),
            cwd=self._directory,
            env=self._environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def cli_json(self, *arguments: str, code: int = 0) -> Any:
        """What a `kontor` command prints with `--json`."""
        return json.loads(self.cli(*arguments, "--json", code=code).stdout)

    # -- looking into it ------------------------------------------------------------------------

    @property
    def database(self) -> Database:
        """Its running database."""
        directory = self.data_dir / "postgres"
        server = embedded.Server(self.data_dir, Cluster(directory, Account.of(directory)))
        return Database(server.url(), server.url(OWNER_ROLE))

    def sql(self, query: str, *parameters: object) -> list[dict[str, Any]]:
        """Rows of a query, run as the owner of everything."""
        with connect(self.database.owner_url) as conn:
            cursor = conn.execute(query.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def heads(self) -> tuple[int, int]:
        """How many events the logs of the customer and the billing service hold."""
        query = "SELECT c.position AS customer, b.position AS billing FROM customer.log_head c, billing.log_head b"
        [row] = self.sql(query)
        return row["customer"], row["billing"]


@contextmanager
def serving(*, demo: bool = False, **settings: object) -> Iterator[KontorServer]:
    """A running Kontor; stopped at the end, and swept away even when the tests are killed."""
    with _own_directory() as directory:
        server = KontorServer(directory, demo=demo, **settings)
        try:
            server.start()
            yield server
        finally:
            server.close()


def eventually(probe: Callable[[], T | None], seconds: float = PATIENCE_SECONDS) -> T:
    """What `probe` finds, asked until it finds something."""
    deadline = time.monotonic() + seconds
    while not (found := probe()):
        assert time.monotonic() < deadline, f"{probe.__qualname__} was not met within {seconds:.0f} s"
        time.sleep(0.02)
    return found


@contextmanager
def _own_directory() -> Iterator[Path]:
    """A temporary directory that is removed, with every process in it, when this process is gone."""
    command = [sys.executable, "-m", processes.__name__]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
    ) as guard:
        assert guard.stdin is not None
        assert guard.stdout is not None
        yield Path(guard.stdout.readline().strip())
        guard.stdin.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
