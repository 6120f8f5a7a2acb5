"""A service's public messages out of Kafka: the partitions are shared by all members of a consumer group.

A member reads each partition from the position that PostgreSQL has. The offsets that the group commits are only
where to look first (and what Kafka's tools show): wrong or gone, the partition is read from its beginning, and
what is stored already is recognised by its position.
"""

import logging
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing, suppress
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError
from kafka.structs import MemberState

from infra.kafka.cloudevents import NotOurs, received
from infra.kafka.inbox import Inbox
from infra.kafka.topics import topic_of
from services.errors import KontorError
from services.messages import Envelope

log = logging.getLogger(__name__)

SESSION_SECONDS = 15.0
WORK_SECONDS = 60.0
"""How long one transaction may take before the partitions are given to others; heartbeats go on meanwhile."""
COMMIT_SECONDS = 2.0
QUIET_SECONDS = 5.0
"""A partition that says nothing for so long is asked for its last record once more: it may be another one by now."""
CLOSE_MILLISECONDS = 2_000
MISSING_SECONDS = 3.0
"""How long a message may be missing while later ones are there: no producer of ours sends out of order."""


class MessagesMissing(KontorError):
    """A topic no longer has messages that were not taken in: retention has cut them, or Kafka has lost them."""


class TopicMissing(KontorError):
    """No relay has made the topic yet."""


class KafkaFeed:
    """A member of a consumer group; any number of them share the partitions. Safe to share between threads."""

    def __init__(
        self,
        source: str,
        options: Mapping[str, Any],
        group: str,
        member: str | None = None,
        session_seconds: float = SESSION_SECONDS,
    ) -> None:
        """`member` is the name under which this member comes back after a restart and finds its partitions."""
        self.source = source
        self._topic = topic_of(source)
        self._session_seconds = session_seconds
        self._where = options
        self._options = {
            **options,
            "group_id": group,
            "group_instance_id": member,
            "partition_assignment_strategy": [CooperativeStickyAssignor],
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "isolation_level": "read_committed",
            "session_timeout_ms": int(session_seconds * 1000),
            "heartbeat_interval_ms": int(session_seconds * 1000 / 5),
            "max_poll_interval_ms": int(WORK_SECONDS * 1000),
            "max_poll_records": 1_000,
        }
        self._alone = threading.RLock()  # kafka-python's consumer is not safe to share
        self._join()

    def _join(self) -> None:
        self._sharing = threading.Lock()
        self._shares: dict[int, Share] = {}
        self._committed_at = self._stable_at = time.monotonic()
        self._consumer: Any = KafkaConsumer(**self._options)
        # Known before it joins: a group that learns of its topic later gives out the partitions twice.
        self._consumer.partitions_for_topic(self._topic)
        self._consumer.subscribe([self._topic], listener=_Assigned(self))

    # -- reading --------------------------------------------------------------------------------

    @property
    def partitions(self) -> int:
        with self._alone:
            known = self._consumer.partitions_for_topic(self._topic)
        if not known:
            raise TopicMissing(f"the topic {self._topic} is not there yet: `kontor relay` makes it")
        return len(known)

    def assigned(self) -> Collection[int]:
        """The partitions that this member is to follow now."""
        with self._alone:
            self._poll(0.0)
            return sorted(self._shares)

    def read(self, after: int, limit: int, partition: int = 0) -> Sequence[Envelope]:
        """Up to `limit` messages of a partition that come right after position `after`; none of one that others have.

        Raises MessagesMissing, and FromTheFuture where the next message is of a newer schema than this build reads.
        """
        with self._alone:
            self._poll(0.0)
            share = self._shares.get(partition)
            if share is None:
                return ()
            found = share.inbox.read(after, limit)
            if not found and share.inbox.missing_after(after):
                self._look_for_missing(partition, share, after)
            return found

    def wait(self, after: int, timeout_seconds: float) -> None:  # noqa: ARG002 there is one position for each partition
        """Return when something came, at the latest when the time is over."""
        with self._alone:
            self._poll(timeout_seconds)

    def head(self) -> int:
        with closing(KafkaConsumer(**self._where)) as looker:
            return _newest_position(looker, self.source)

    def close(self) -> None:
        """Note how far the group is; a named member's partitions wait for it to come back."""
        with self._alone:
            with suppress(KafkaError):
                self._consumer.commit(self._offsets(), timeout_ms=CLOSE_MILLISECONDS)
            self._consumer.close(autocommit=False, timeout_ms=CLOSE_MILLISECONDS)

    # -- taking in ------------------------------------------------------------------------------

    def _poll(self, timeout_seconds: float) -> None:
        self._start_new_shares()
        records = self._consumer.poll(timeout_ms=int(timeout_seconds * 1000))
        for place, found in records.items():
            share = self._shares.get(place.partition)
            if share is not None and share.is_started:
                self._take_in(share, found)
        self._fetch_what_fits()
        self._look_at_quiet_ones_again()
        if time.monotonic() - self._committed_at > COMMIT_SECONDS:
            self._commit()
        self._join_again_if_stuck()

    def _join_again_if_stuck(self) -> None:
        """Leave a rebalance that does not end.

        kafka-python 3.0.12 forgets to finish one that began with a change of the topic (it was made again, say)
        and outlasted a poll: without heartbeats and partitions the member would wait for ever.
        """
        if self._consumer.group_metadata().state == MemberState.STABLE:
            self._stable_at = time.monotonic()
        elif time.monotonic() - self._stable_at > 2 * self._session_seconds:
            log.warning("joins the group of %s anew", self._topic)
            self._consumer.close(autocommit=False, timeout_ms=CLOSE_MILLISECONDS)
            self._join()

    def _look_at_quiet_ones_again(self) -> None:
        """Read the last record of quiet partitions again. In a topic that was made anew there is another one in its
        place, which shows by what it follows; Kafka alone would wait there, as if nothing had happened."""
        now = time.monotonic()
        for share in self._shares.values():
            if share.next_offset and now - share.heard_at > QUIET_SECONDS:
                self._consumer.seek(share.place, share.next_offset - 1)
                share.heard_at = now

    def _take_in(self, share: "Share", records: Sequence[Any]) -> None:
        share.heard_at, share.next_offset = time.monotonic(), records[-1].offset + 1
        for each in records:
            try:
                share.inbox.put(each.offset, received(self.source, each.headers, each.value))
            except NotOurs as stranger:
                log.warning("ignores offset %d of %s: %s", each.offset, share.place, stranger)

    def _start_new_shares(self) -> None:
        """Seek where a partition is new: to the last record that the group has noted, to check what comes after it."""
        for share in self._shares.values():
            if not share.is_started:
                noted = self._consumer.committed(share.place)
                self._consumer.seek(share.place, max((noted or 0) - 1, 0))
                share.is_started = True

    def _fetch_what_fits(self) -> None:
        for share in self._shares.values():
            if share.inbox.is_full():
                self._consumer.pause(share.place)
            else:
                self._consumer.resume(share.place)

    def _look_for_missing(self, partition: int, share: "Share", after: int) -> None:
        """Read a partition from its beginning where it was begun too late, or was made again; once for each gap."""
        if share.gap != after:
            log.info(
                "reads partition %d of %s from its beginning, for what comes after %d",
                partition,
                self._topic,
                after,
            )
            self._share({partition: Share(share.place, is_started=True, gap=after)})
            self._consumer.seek_to_beginning(share.place)
            return
        share.missing_since = share.missing_since or time.monotonic()
        if share.inbox.is_full() or time.monotonic() - share.missing_since > MISSING_SECONDS:
            raise MessagesMissing(
                f"partition {partition} of {self._topic} has no messages right after position {after} any more:"
                " delete the topic and restart `kontor relay`, which sends the whole log again"
            )

    def _commit(self) -> None:
        """Note in Kafka how far the group is, for information; nobody waits for it."""
        if offsets := self._offsets():
            self._consumer.commit_async(offsets)
        self._committed_at = time.monotonic()

    def _offsets(self) -> dict[TopicPartition, OffsetAndMetadata]:
        offsets = {share.place: share.inbox.offset for share in self._shares.values()}
        return {place: OffsetAndMetadata(offset, "", -1) for place, offset in offsets.items() if offset}

    # -- told by Kafka, in a thread of its own --------------------------------------------------

    def gained(self, partitions: Collection[TopicPartition]) -> None:
        self._share({place.partition: Share(place) for place in partitions})

    def lost(self, partitions: Collection[TopicPartition]) -> None:
        self._share({}, without={place.partition for place in partitions})

    def _share(self, more: dict[int, "Share"], without: Collection[int] = ()) -> None:
        with self._sharing:
            shares = self._shares | more
            self._shares = {number: share for number, share in shares.items() if number not in without}


def _newest_position(looker: Any, source: str) -> int:
    """The highest position among the last records of all partitions."""
    topic = topic_of(source)
    places = [TopicPartition(topic, number) for number in looker.partitions_for_topic(topic) or ()]
    looker.assign(places)
    ends = looker.end_offsets(places)
    missing = {place for place in places if ends[place]}
    for place in missing:
        looker.seek(place, ends[place] - 1)
    looker.pause(*(place for place in places if not ends[place]))
    newest = 0
    while missing:
        for place, records in looker.poll(timeout_ms=1_000).items():
            missing.discard(place)
            newest = max(newest, *(received(source, each.headers, each.value).position for each in records))
    return newest


class Share:
    """One partition that this member follows."""

    def __init__(self, place: TopicPartition, *, is_started: bool = False, gap: int | None = None) -> None:
        """`gap`: the position after which a message was missing when the partition was begun anew."""
        self.place = place
        self.inbox = Inbox()
        self.is_started = is_started
        self.gap = gap
        self.missing_since: float | None = None
        self.next_offset = 0
        self.heard_at = time.monotonic()


class _Assigned(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, feed: KafkaFeed) -> None:
        self._feed = feed

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._feed.gained(assigned)

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        self._feed.lost(revoked)
