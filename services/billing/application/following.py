"""Use cases of following the customer log: the read model grows with it, and requested runs are started."""

import time
from collections.abc import Sequence

from services.billing import billing_entities, correction_proposals, feed_positions, policies
from services.billing.application.storing import Storing
from services.billing.billing_run import BillingRun
from services.billing.transaction import Cursor
from services.errors import Unavailable
from services.events import Context
from services.messages import Envelope, PartitionedFeed, is_for_everybody

MESSAGES_PER_TRANSACTION = 500
PATIENCE_SECONDS = 2.0
LOOK_AGAIN_SECONDS = 0.02


class Following(Storing):
    """Taking in what the customer service recorded."""

    def follow(self, feed: PartitionedFeed) -> int:
        """Take in the next messages of the customer service; return how many. One process at a time for each partition."""
        return sum(self._follow_partition(feed, partition) for partition in feed.assigned())

    def share_out(self, feed: PartitionedFeed) -> None:
        """Follow the customer service in the partitions of `feed` from now on; raises PartitionsNotDrained."""
        with self._transaction() as cursor:
            feed_positions.share_out(cursor, feed.source, feed.partitions)

    def _follow_partition(self, feed: PartitionedFeed, partition: int) -> int:
        with self._transaction() as cursor:
            position = feed_positions.lock(cursor, feed.source, partition, feed.partitions)
            if position is None:
                return 0
            envelopes = policies.up_to_barrier(feed.read(position, MESSAGES_PER_TRANSACTION, partition))
            if not envelopes:
                return 0
            newest = envelopes[-1]
            feed_positions.advance(cursor, feed.source, partition, newest.position)
            alone = is_for_everybody(newest) and not feed_positions.arrive(
                cursor, feed.source, partition, newest.position
            )
            self._take_in(cursor, envelopes[:-1] if alone else envelopes)
            return len(envelopes)

    def _catch_up(self) -> None:
        """Take in all that is stored by now, or wait until others have; raises Unavailable where that takes long."""
        feed = self._customers
        head = feed.head()
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while self.followed_position(feed.source) < head:
            if time.monotonic() > give_up_at:
                raise Unavailable(
                    "Billing has not taken in everything that was recorded; ask again in a moment."
                )
            if not self.follow(feed):
                time.sleep(LOOK_AGAIN_SECONDS)

    def followed_position(self, source: str = "customer") -> int:
        """Position in the log of `source` that the read model has taken in."""
        with self._transaction() as cursor:
            return feed_positions.reached(cursor, source)

    def _take_in(self, cursor: Cursor, envelopes: Sequence[Envelope]) -> None:
        billing_entities.keep(cursor)
        causes = {e.subject: e for e in envelopes}
        for start in policies.follow_customer_log(cursor, envelopes):
            self._start_run(cursor, start, causes[start.run.billing_run_id])
        correction_proposals.ask_for(cursor, correction_proposals.asked_by(envelopes))

    def _start_run(self, cursor: Cursor, start: policies.Start, cause: Envelope) -> None:
        now = self._clock()
        run = BillingRun.start(start.run, now)
        if start.cancelled_because:
            run.cancel(start.cancelled_because, now)
        self._store(
            cursor, [run], Context(self._new_id(), cause.actor, now, cause.correlation_id, cause.command_id)
        )
