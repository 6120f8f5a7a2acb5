"""One reading of each feed for many projections, and the news that there is something to read."""

import threading
from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter

from services.messages import Envelope, Feed


class SharedFeed:
    """A feed that keeps its newest messages, so that projections that follow it closely read it only once.

    Safe to share between threads, also where the feed itself is not.
    """

    def __init__(self, feed: Feed, keep: int = 5_000) -> None:
        self.source = feed.source
        self._feed = feed
        self._keep = keep
        self._newest: list[Envelope] = []
        self._reading = threading.Lock()

    def read(self, after: int, limit: int) -> Sequence[Envelope]:
        with self._reading:
            kept = self._newest
            if kept and kept[0].position <= after + 1 and after < kept[-1].position:
                start = bisect_right(kept, after, key=attrgetter("position"))
                return kept[start : start + limit]
            envelopes = self._feed.read(after, limit)
            if envelopes and (not kept or after >= kept[-1].position):
                continued = kept if kept and after == kept[-1].position else []
                self._newest = [*continued, *envelopes][-self._keep :]
            return envelopes

    def wait(self, after: int, timeout_seconds: float) -> None:
        self._feed.wait(after, timeout_seconds)

    def head(self) -> int:
        return self._feed.head()


class News:
    """The newest position known of each feed; who follows several feeds waits here for any of them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._heads: dict[str, int] = {}
        self.issue = 0
        """Grows with everything announced: remember it before reading, so that nothing is missed while waiting."""

    def head(self, source: str) -> int:
        return self._heads.get(source, 0)

    def announce(self, source: str, head: int) -> None:
        with self._changed:
            self._heads[source] = head
            self.issue += 1
            self._changed.notify_all()

    def wake(self) -> None:
        """Let everyone who waits look round, as nothing is new but there is something to do: to stop."""
        with self._changed:
            self.issue += 1
            self._changed.notify_all()

    def wait_beyond(self, issue: int, timeout_seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self.issue != issue, timeout_seconds)
