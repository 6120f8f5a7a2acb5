"""Where benchmarks run: a server that is as durable as in production, and a fresh database for each of them."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.postgres import embedded
from infra.postgres.pool import connect
from infra.runtime import Runtime
from infra.settings import Settings


@contextmanager
def durable_server(directory: Path | None) -> Iterator[embedded.Server]:
    """An embedded server with Kontor's own settings, in a temporary directory under `directory`."""
    place = tempfile.TemporaryDirectory(prefix="kontor-bench-", dir=directory, ignore_cleanup_errors=True)
    with place as name, embedded.running(Path(name)) as server:
        yield server


@contextmanager
def fresh_runtime(server: embedded.Server, name: str) -> Iterator[Runtime]:
    """Kontor on a migrated, otherwise empty database, put together as in production."""
    with connect(server.url(embedded.OWNER_ROLE, "postgres")) as owner:
        owner.execute(f"CREATE DATABASE bench_{name}".encode())
        try:
            settings = Settings(database_url=server.url(embedded.OWNER_ROLE, f"bench_{name}"))
            with Runtime.open(settings, migrating=True) as runtime:
                yield runtime
        finally:
            owner.execute(f"DROP DATABASE bench_{name} WITH (FORCE)".encode())
