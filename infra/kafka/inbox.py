"""What came out of one partition, brought back into order: each message once, and none missing.

Nothing is taken on trust from Kafka. A message that is there already is dropped, one that came too early waits,
and one that is missing is noticed: every record says after which position it comes (`kontorprevious`).
"""

from collections import deque
from collections.abc import Sequence

from infra.kafka.cloudevents import Received
from services.messages import Envelope

HELD_MESSAGES = 2_000
"""From so many on nothing more is fetched for a while."""


class Inbox:
    """The records of one partition that its reader has not stored yet, and where the reader is in Kafka's offsets."""

    def __init__(self) -> None:
        self._held: dict[int, Received] = {}
        self._places: deque[tuple[int, int]] = deque()
        self._stored = 0
        self.offset = 0
        """Of the first record that is not stored, as far as is known."""

    def put(self, offset: int, received: Received) -> None:
        """Take a record in, wherever it belongs."""
        self._places.append((offset, received.position))
        if received.position > self._stored:
            self._held.setdefault(received.position, received)

    def read(self, after: int, limit: int) -> Sequence[Envelope]:
        """Up to `limit` messages that follow on `after` without a gap. The same ones again, until `after` is past them.

        Raises FromTheFuture or another ValueError where the first of them can't be read.
        """
        self._forget(after)
        found: list[Envelope] = []
        reached = after
        for position in sorted(self._held):
            received = self._held[position]
            if received.previous > reached or len(found) == limit:
                break
            try:
                found.append(received.envelope())
            except ValueError:
                if not found:
                    raise
                break  # what comes before it is read first
            reached = position
        return found

    def is_full(self) -> bool:
        return len(self._held) >= HELD_MESSAGES

    def missing_after(self, after: int) -> bool:
        """Whether there are messages, but not the one that comes after `after`."""
        return bool(self._held) and self._held[min(self._held)].previous > after

    def _forget(self, after: int) -> None:
        """Drop what is stored, up to `after`."""
        self._stored = after
        while self._places and self._places[0][1] <= after:
            self.offset = self._places.popleft()[0] + 1
        for position in [position for position in self._held if position <= after]:
            del self._held[position]
