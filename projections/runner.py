"""Keeps all projections up to date: a thread each, leased, restarting itself, parking what cannot be applied."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import psycopg
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg_pool import ConnectionPool

from projections import catalogue, engine, progress
from projections.feeds import News, SharedFeed
from projections.projection import Projection
from services.messages import Feed
from services.personal_data import Vault

log = logging.getLogger(__name__)

Pool = ConnectionPool[Connection[DictRow]]

POLL_SECONDS = 1.0
STANDBY_SECONDS = 1.0
FIRST_DELAY_SECONDS = 0.1
LONGEST_DELAY_SECONDS = 30.0
CALM_SECONDS = 60.0
"""After so long without an error, the next one is taken for a first one again."""


class Runner:
    """Runs projections in threads of this process. Of several copies one works, the others stand by.

    Each projection keeps one connection of `pool` to itself: its lease is that session's advisory lock, and
    all that it writes goes through that session, so that who loses the lease cannot write any more either.
    """

    def __init__(
        self,
        pool: Pool,
        feeds: Mapping[str, Feed],
        vault: Vault,
        projections: Sequence[Projection] = catalogue.ALL,
    ) -> None:
        self._pool = pool
        self._vault = vault
        self._feeds = {source: SharedFeed(feed) for source, feed in feeds.items()}
        self._projections = {projection.name: projection for projection in projections}
        self._news = News()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        for feed in self._feeds.values():
            self._spawn(f"watch {feed.source}", partial(self._watch, feed))
        for projection in self._projections.values():
            self._spawn(f"project {projection.name}", partial(self._work, projection))

    def stop(self) -> None:
        """Let the batches at work end, and give up all leases."""
        self._stopping.set()
        self._news.wake()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def run(self, stop: threading.Event) -> None:
        """Run until `stop` is set."""
        self.start()
        try:
            stop.wait()
        finally:
            self.stop()

    def retry_parked(self, name: str) -> int:
        """Apply the parked events of a projection as far as they can be by now; how many that were."""
        with self._pool.connection() as conn:
            return engine.retry_parked(conn, self._projections[name], self._feeds, self._vault)

    def _spawn(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=self._persist, args=(name, work), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _persist(self, name: str, work: Callable[[], None]) -> None:
        """Work until told to stop; begin anew after every error, later each time."""
        delay = FIRST_DELAY_SECONDS
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                work()
            except Exception as error:
                if time.monotonic() - began > CALM_SECONDS:
                    delay = FIRST_DELAY_SECONDS
                reason = engine.said_without_values(error)
                log.warning("%s was interrupted: %s; again in %.1f s", name, reason, delay)
                self._stopping.wait(delay)
                delay = min(2 * delay, LONGEST_DELAY_SECONDS)

    def _watch(self, feed: SharedFeed) -> None:
        """Announce each new head of a feed to all projections."""
        known = 0
        while not self._stopping.is_set():
            head = feed.head()
            if head != known:
                known = head
                self._news.announce(feed.source, head)
            feed.wait(known, POLL_SECONDS)

    def _work(self, projection: Projection) -> None:
        """Follow the feeds while holding the lease; return after a while if another copy holds it."""
        with self._pool.connection() as conn:
            leased = progress.try_lease(conn, projection.name)
            if leased:
                self._follow_under_lease(conn, projection)
        if not leased:
            self._stopping.wait(STANDBY_SECONDS)

    def _follow_under_lease(self, conn: Connection[DictRow], projection: Projection) -> None:
        try:
            self._follow(conn, projection)
        except Exception as error:
            conn.close()  # ends the session, and with it the lease, whatever state it is in
            self._note(projection, error)
            raise
        progress.release(conn, projection.name)

    def _follow(self, conn: Connection[DictRow], projection: Projection) -> None:
        positions = progress.begin(conn, projection)
        progress.note_error(conn, projection.name, None)
        while not self._stopping.is_set():
            issue = self._news.issue
            moved = [self._step(conn, projection, positions, source) for source in positions]
            if not any(moved):
                self._news.wait_beyond(issue, POLL_SECONDS)
                # Read again: a rebuild may have moved them on, and a lost session shows here.
                positions = progress.positions(conn, projection)

    def _step(
        self, conn: Connection[DictRow], projection: Projection, positions: dict[str, int], source: str
    ) -> bool:
        """Apply the next batch of one source, if there is one."""
        if self._news.head(source) <= positions[source]:
            return False
        envelopes = self._feeds[source].read(positions[source], engine.BATCH)
        if not envelopes:
            return False
        engine.follow(conn, projection, envelopes, positions[source], self._vault)
        positions[source] = envelopes[-1].position
        return True

    def _note(self, projection: Projection, error: Exception) -> None:
        with contextlib.suppress(psycopg.Error), self._pool.connection(timeout=1) as conn:
            progress.note_error(conn, projection.name, engine.said_without_values(error))
