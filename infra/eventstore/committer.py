"""Group commit: commands of concurrent requests share one transaction, each is refused or stored alone."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import psycopg
from psycopg_pool import PoolTimeout

from services.errors import Unavailable

log = logging.getLogger(__name__)

BATCH_MAX = 256
RETRY_FOR_SECONDS = 10.0
RETRY_PAUSE_SECONDS = 0.1
IN_DOUBT = (
    "The database cannot be reached. Send the request again with the same Idempotency-Key: it is done once."
)


class Committable(Protocol):
    """Something to be committed; the commit sets `refusal` when it must not be."""

    refusal: Exception | None


@dataclass(slots=True)
class _Waiting:
    work: Any
    done: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None


class Committer:
    """One thread that commits whatever has come in while it was committing.

    `commit_batch` stores a batch in one transaction. When the connection is lost, also behind COMMIT, the
    batch is sent again: commands that were stored after all are found by their id and answered as done.
    """

    def __init__(self, commit_batch: Callable[[Sequence[Any]], None]) -> None:
        self._commit_batch = commit_batch
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._entering = threading.Lock()
        self._closed = False

    def commit(self, work: Committable) -> None:
        """Return when `work` is stored or refused; raise Unavailable where that is in doubt or cannot be."""
        waiting = _Waiting(work)
        with self._entering:  # nothing may be queued behind the end that `close` queues
            if self._closed:
                raise Unavailable("The service is stopping.")
            self._start()
            self._queue.put(waiting)
        waiting.done.wait()
        if waiting.error:
            raise waiting.error

    def close(self) -> None:
        """Commit what is queued; nothing more is accepted."""
        with self._entering:
            self._closed = True
            self._queue.put(None)
        if self._thread:
            self._thread.join()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            batch = [first, *self._whatever_else_waits()]
            self._commit_all(batch)
            for waiting in batch:
                waiting.done.set()

    def _whatever_else_waits(self) -> list[_Waiting]:
        found: list[_Waiting] = []
        while len(found) < BATCH_MAX - 1:
            try:
                waiting = self._queue.get_nowait()
            except queue.Empty:
                break
            if waiting is None:
                self._queue.put(None)
                break
            found.append(waiting)
        return found

    def _commit_all(self, batch: Sequence[_Waiting]) -> None:
        give_up_at = time.monotonic() + RETRY_FOR_SECONDS
        while True:
            try:
                self._commit_batch([waiting.work for waiting in batch])
                return
            except (psycopg.OperationalError, PoolTimeout) as error:
                if time.monotonic() < give_up_at:
                    time.sleep(RETRY_PAUSE_SECONDS)
                    continue
                self._fail(batch, Unavailable(IN_DOUBT), error)
                return
            except Exception as error:
                if len(batch) > 1:  # find the one that spoils the batch
                    for waiting in batch:
                        self._commit_all([waiting])
                else:
                    self._fail(batch, error, error)
                return

    @staticmethod
    def _fail(batch: Sequence[_Waiting], answer: Exception, cause: Exception) -> None:
        log.error("commit of %d commands failed: %s", len(batch), type(cause).__name__)
        for waiting in batch:
            waiting.error = answer
