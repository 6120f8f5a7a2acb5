"""A real Kafka to test against: brokers of the tests' own, that can be killed, and topics to look into."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from infra.kafka import broker, programs, topics
from infra.kafka.broker import Broker, Cluster
from infra.kafka.connection import client_options
from infra.settings import Settings

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Kafka:
    """A cluster of the tests."""

    data_dir: Path
    group: str = ""
    """Of consumers; another one for each test, as Kafka remembers members that are gone."""

    @property
    def cluster(self) -> Cluster:
        found = Cluster.of(self.data_dir)
        assert found is not None
        return found

    @property
    def options(self) -> dict[str, Any]:
        return client_options(Settings(kafka=self.cluster.bootstrap))

    def kill(self, number: int = 1) -> Broker:
        """`kill -9` a broker."""
        killed = self.cluster.brokers[number - 1]
        killed.send(signal.SIGKILL)
        killed.wait_until_gone(0.0)
        return killed

    def start(self) -> None:
        """Start the brokers that were killed."""
        broker.up(self.data_dir, len(self.cluster.places))

    def remove_topics(self) -> None:
        with topics.administering(self.options) as admin:
            if names := [name for name in admin.list_topics() if name.startswith("kontor.")]:
                admin.delete_topics(names)

    def records(self, topic: str) -> list[Any]:
        """Everything in a topic: partition after partition, each in its order."""
        with closing(KafkaConsumer(**self.options, auto_offset_reset="earliest")) as consumer:
            places = [TopicPartition(topic, each) for each in sorted(consumer.partitions_for_topic(topic))]
            consumer.assign(places)
            ends = consumer.end_offsets(places)
            found: list[Any] = []
            while any(consumer.position(place) < ends[place] for place in places):
                for records in consumer.poll(timeout_ms=200).values():
                    found += records
        return sorted(found, key=lambda record: (record.partition, record.offset))


@contextmanager
def kafka_for_tests(brokers: int = 1) -> Iterator[Kafka]:
    """A cluster that does not outlive the tests; skips them where there is no Java or Maven."""
    try:
        programs.java()
        programs.jars()
    except programs.KafkaProgramsMissing as missing:
        pytest.skip(f"no Kafka: {missing}")
    command = [sys.executable, "-m", "tests.kafka_guard", str(brokers)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
    ) as guard:
        assert guard.stdin is not None
        assert guard.stdout is not None
        data_dir = guard.stdout.readline().strip()
        assert data_dir, "Kafka for the tests did not start; see above"
        yield Kafka(Path(data_dir))
        guard.stdin.close()
