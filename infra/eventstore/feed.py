"""The log as a feed of public messages: positions in order, NOTIFY as a hint, a poll as the guarantee."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg_pool import ConnectionPool

from infra.eventstore.envelopes import SELECT_ABOUT, envelope
from infra.eventstore.recorder import channel
from infra.postgres.pool import read
from services.messages import Envelope

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
RECONNECT_SECONDS = 1.0


class LogFeed:
    """A service's events as public messages, read straight from its log; safe to share between threads."""

    def __init__(
        self,
        source: str,
        pool: ConnectionPool[Connection[DictRow]],
        connect: Callable[[], Connection[DictRow]],
    ) -> None:
        """`connect` opens a direct connection for LISTEN; it is used once somebody waits."""
        self.source = source
        self._pool = pool
        self._hints = _Hints(channel(source), connect)

    @property
    def partitions(self) -> int:
        return 1

    def assigned(self) -> Collection[int]:
        return (0,)

    def read(self, after: int, limit: int, partition: int = 0) -> Sequence[Envelope]:  # noqa: ARG002 there is one
        with self._pool.connection() as conn, conn.cursor(binary=True) as cursor:
            cursor.execute(
                "SELECT * FROM events WHERE position > %s ORDER BY position LIMIT %s", [after, limit]
            )
            return [envelope(self.source, row) for row in cursor]

    def about(self, subjects: Collection[UUID], through: int | None = None) -> Sequence[Envelope]:
        rows = read(self._pool, SELECT_ABOUT, [list(subjects), through])
        return [envelope(self.source, row) for row in rows]

    def wait(self, after: int, timeout_seconds: float) -> None:
        self._hints.wait_beyond(after, min(timeout_seconds, POLL_SECONDS))

    def head(self) -> int:
        with self._pool.connection() as conn:
            row = conn.execute("SELECT position FROM log_head").fetchone()
        assert row is not None
        return int(row["position"])

    def close(self) -> None:
        self._hints.close()


class _Hints:
    """Listens in a thread of its own and wakes whoever waits; losing a hint costs at most one poll."""

    def __init__(self, name: str, connect: Callable[[], Connection[DictRow]]) -> None:
        self._name = name
        self._connect = connect
        self._newest = 0
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def wait_beyond(self, position: int, timeout_seconds: float) -> None:
        with self._changed:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._run, name=f"listen {self._name}", daemon=True)
                self._thread.start()
            self._changed.wait_for(lambda: self._newest > position or self._closing.is_set(), timeout_seconds)

    def close(self) -> None:
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread:
            self._thread.join(timeout=POLL_SECONDS + 1)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._listen()
            except psycopg.Error as error:
                log.warning("listening on %s was interrupted: %s", self._name, type(error).__name__)
                time.sleep(RECONNECT_SECONDS)

    def _listen(self) -> None:
        with self._connect() as conn:
            conn.autocommit = True
            conn.execute(f'LISTEN "{self._name}"'.encode())
            while not self._closing.is_set():
                for notice in conn.notifies(timeout=POLL_SECONDS, stop_after=1):
                    with self._changed:
                        self._newest = max(self._newest, int(notice.payload))
                        self._changed.notify_all()
