"""The relay: sends a service's log to its topic, in order, without leaving anything out.

Reads after the cursor, sends, waits until all of it is acknowledged by all in-sync replicas, moves the cursor.
Killed anywhere, the next one sends again from the cursor; consumers tell what they have by its position.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from infra.kafka import topics
from infra.kafka.cloudevents import Record, mark, partitions_of, record
from infra.kafka.leadership import SESSION_SECONDS, Connect, Leadership, leading
from services.messages import Envelope, Feed

log = logging.getLogger(__name__)

MESSAGES_IN_FLIGHT = 1_000
"""Read, sent and acknowledged together: kafka-python itself would take any number."""
MARK_SECONDS = 0.2
"""How far behind the log a partition may seem to be to which nothing was to be sent."""
STANDBY_SECONDS = 1.0
CLOSE_SECONDS = 1.0
PAUSE_FIRST_SECONDS = 0.2
PAUSE_MAX_SECONDS = 10.0


class Relay:
    """Relays the log of one service while it leads, and stands by while another one does."""

    def __init__(
        self,
        feed: Feed,
        connect: Connect,
        options: Mapping[str, Any],
        partitions: int,
        replicas: int = 0,
        session_seconds: float = SESSION_SECONDS,
    ) -> None:
        """`feed` reads the log, `connect` opens a session in its schema, `options` are those of Kafka's clients."""
        self.topic = topics.topic_of(feed.source)
        self._feed = feed
        self._connect = connect
        self._options = options
        self._partitions = partitions
        self._replicas = replicas
        self._session_seconds = session_seconds

    def run(self, stop: threading.Event) -> None:
        """Relay until `stop` is set; after an error begin anew from the cursor, later each time."""
        pause_seconds = PAUSE_FIRST_SECONDS
        while not stop.is_set():
            try:
                self.lead(stop)
                pause_seconds = PAUSE_FIRST_SECONDS
            except topics.PartitionsChanged:
                raise  # which no waiting heals
            except Exception as error:
                log.warning("relay of %s pauses for %.1f s: %r", self._feed.source, pause_seconds, error)
                stop.wait(pause_seconds)
                pause_seconds = min(2 * pause_seconds, PAUSE_MAX_SECONDS)

    def lead(self, stop: threading.Event) -> None:
        """Relay as the leader until `stop` is set; return after a while where another one leads."""
        topic = topics.ensure(self._options, self.topic, self._partitions, self._replicas)
        with leading(self._connect, topic, self._session_seconds) as leadership:
            if leadership:
                log.info("relays the log of %s from position %d", self._feed.source, leadership.position)
                with producing(self._options) as producer:
                    Sending(self._feed, self.topic, leadership, producer.send).run(stop)
        if not leadership:
            stop.wait(STANDBY_SECONDS)


@contextmanager
def producing(options: Mapping[str, Any]) -> Iterator[Any]:
    """A producer whose records are safe once acknowledged, and in their partition in the order of sending."""
    producer = KafkaProducer(
        **options,
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        linger_ms=5,
        batch_size=128 * 1024,
        max_request_size=topics.LARGEST_MESSAGE_BYTES,
        delivery_timeout_ms=30_000,
        request_timeout_ms=10_000,
    )
    try:
        yield producer
    finally:
        # Where Kafka is away it ends when it has given up: what it had is sent again by the next leader.
        closing = threading.Thread(target=producer.close, name="close producer", daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)


class Sending:
    """What a leader does: one batch after the other, each step by itself so that it can end after any."""

    def __init__(self, feed: Feed, topic: str, leadership: Leadership, send: Callable[..., Any]) -> None:
        self._feed = feed
        self._topic = topic
        self._leadership = leadership
        self._send = send
        self._marked_at = 0.0

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            if not self.relay_some():
                self._leadership.hold()
                self._feed.wait(
                    self._leadership.position, MARK_SECONDS if self._is_behind() else STANDBY_SECONDS
                )

    def relay_some(self) -> int:
        """Send what comes next in the log and move the cursor; return how many messages that were."""
        envelopes = self._feed.read(self._leadership.position, MESSAGES_IN_FLIGHT)
        if envelopes:
            sent = self.send(envelopes)
            self._leadership.advance(envelopes[-1].position, sent)
        if self._is_behind() and time.monotonic() - self._marked_at > MARK_SECONDS:
            self.mark()
        return len(envelopes)

    def send(self, envelopes: Sequence[Envelope]) -> list[int]:
        """Send messages and wait until they are safe; for each partition, the position of the newest record then."""
        sent, records = list(self._leadership.sent), []
        for envelope in envelopes:
            for partition in partitions_of(envelope, len(sent)):
                records.append(record(envelope, partition, sent[partition]))
                sent[partition] = envelope.position
        self._deliver(records)
        return sent

    def mark(self) -> None:
        """Tell the partitions to which nothing was sent how far the log is."""
        position, sent = self._leadership.position, self._leadership.sent
        source = self._feed.source
        behind = [(partition, newest) for partition, newest in enumerate(sent) if newest < position]
        self._deliver([mark(source, position, partition, newest) for partition, newest in behind])
        self._leadership.advance(position, [position] * len(sent))
        self._marked_at = time.monotonic()

    def _is_behind(self) -> bool:
        return min(self._leadership.sent) < self._leadership.position

    def _deliver(self, records: Sequence[Record]) -> None:
        """Raises whatever keeps one of the records from being acknowledged."""
        for future in [self._send(self._topic, **each.as_sent()) for each in records]:
            while not future.is_done:
                self._wait(future)
            future.get(timeout=0)

    def _wait(self, future: Any) -> None:
        try:
            future.get(timeout=SESSION_SECONDS / 4)
        except KafkaTimeoutError:
            self._leadership.hold()
        except KafkaError:
            return  # told by who asked for it
