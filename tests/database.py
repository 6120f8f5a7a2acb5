"""Databases for tests: each one a copy of a template that was migrated once."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from infra.postgres import embedded
from infra.postgres.migrate import migrate
from infra.postgres.pool import connect

_TEMPLATE = "kontor_template"
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated, otherwise empty database of its own."""

    service_url: str
    owner_url: str


@contextmanager
def server_for_tests() -> Iterator[embedded.Server]:
    """A server that trades durability for speed and does not outlive the tests."""
    command = [sys.executable, "-m", "tests.postgres_guard"]
    root = Path(__file__).parent.parent
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root, start_new_session=True
    ) as guard:
        assert guard.stdin is not None
        assert guard.stdout is not None
        data_dir = guard.stdout.readline().strip()
        assert data_dir, "the embedded PostgreSQL for the tests did not start; see above"
        with embedded.running(Path(data_dir), durable=False) as server:
            _migrate_template(server)
            yield server
        guard.stdin.close()


@contextmanager
def fresh_database(server: embedded.Server) -> Iterator[Database]:
    name = f"test_{next(_numbers)}"
    with connect(server.url(embedded.OWNER_ROLE, "postgres")) as owner:
        # Copying files is quicker than logging every block where nothing is flushed to the disk.
        owner.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY FILE_COPY")
        try:
            yield Database(server.url(database=name), server.url(embedded.OWNER_ROLE, name))
        finally:
            owner.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _migrate_template(server: embedded.Server) -> None:
    with connect(server.url(embedded.OWNER_ROLE, "postgres")) as owner:
        owner.execute(f"CREATE DATABASE {_TEMPLATE}")
    migrate(server.url(embedded.OWNER_ROLE, _TEMPLATE))
