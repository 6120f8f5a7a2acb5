"""The feed out of Kafka: each partition from the position that is stored, whatever Kafka believes that to be."""

import time
from collections import defaultdict
from contextlib import closing, contextmanager

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from infra.kafka import topics
from infra.kafka.cloudevents import MARK
from infra.kafka.feed import KafkaFeed, MessagesMissing
from services.messages import key_of
from services.upcasting import FromTheFuture
from tests.kafka.kafka import Kafka
from tests.kafka.relaying import PARTITIONS, TOPIC, record_customers, relay_all

PATIENCE_SECONDS = 20.0


class Reader:
    """What a consumer does: it reads, stores its effect with the position, and reads on."""

    def __init__(self, feed: KafkaFeed, positions: dict[int, int] | None = None) -> None:
        self.feed = feed
        self.positions: dict[int, int] = defaultdict(int, positions or {})
        self.read = defaultdict(list)

    def step(self) -> None:
        self.feed.wait(0, 0.05)
        for partition in self.feed.assigned():
            if envelopes := self.feed.read(self.positions[partition], 3, partition):
                self.read[partition] += [each for each in envelopes if each.topic != MARK]
                self.positions[partition] = envelopes[-1].position

    def read_up_to(self, position: int) -> "Reader":
        deadline = time.monotonic() + PATIENCE_SECONDS
        while [self.positions[number] for number in range(PARTITIONS)] != [position] * PARTITIONS:
            assert time.monotonic() < deadline, dict(self.positions)
            self.step()
        return self

    @property
    def messages(self):
        found = [each for envelopes in self.read.values() for each in envelopes]
        return sorted(found, key=lambda each: each.position)


@contextmanager
def member(kafka: Kafka, name: str | None = None):
    feed = KafkaFeed("customer", kafka.options, kafka.group, name, session_seconds=1.5)
    try:
        yield Reader(feed)
    finally:
        feed.close()


def committed(kafka: Kafka) -> dict[int, int | None]:
    with closing(KafkaConsumer(**kafka.options, group_id=kafka.group)) as consumer:
        return {number: consumer.committed(TopicPartition(TOPIC, number)) for number in range(PARTITIONS)}


def test_what_comes_out_is_what_is_in_the_log(kafka, system):
    record_customers(system, 12)
    relay_all(kafka, system)
    with member(kafka) as reader:
        reader.read_up_to(12)
    assert reader.messages == system.customer_events()


def test_what_is_about_one_customer_is_in_one_partition_and_in_order(kafka, system):
    record_customers(system, 6)
    for number in range(6):
        system.request_run("2026-01-31", debtor=f"D-{number}")
    relay_all(kafka, system)
    with member(kafka) as reader:
        reader.read_up_to(12)
    where = defaultdict(set)
    for partition, envelopes in reader.read.items():
        assert [each.position for each in envelopes] == sorted(each.position for each in envelopes)
        for each in envelopes:
            where[key_of(each)].add(partition)
    assert len(where) == 6
    assert all(len(partitions) == 1 for partitions in where.values())


def test_a_member_that_comes_back_goes_on_where_the_database_is(kafka, system):
    record_customers(system, 6)
    relay_all(kafka, system)
    with member(kafka, "one") as reader:
        reader.read_up_to(6)
    record_customers(system, 3, first=6)
    relay_all(kafka, system)
    with member(kafka, "one") as again:
        again.positions.update(reader.positions)
        again.read_up_to(9)
    assert [each.position for each in again.messages] == [7, 8, 9]


def test_nothing_is_read_twice_when_the_offsets_of_the_group_are_gone(kafka, system):
    record_customers(system, 6)
    relay_all(kafka, system)
    with member(kafka) as reader:
        reader.read_up_to(6)
    with topics.administering(kafka.options) as admin:
        admin.delete_groups([kafka.group])
    record_customers(system, 3, first=6)
    relay_all(kafka, system)
    with member(kafka) as again:
        again.positions.update(reader.positions)
        again.read_up_to(9)
    assert [each.position for each in again.messages] == [7, 8, 9]


def test_nothing_is_left_out_when_the_group_is_said_to_be_further_than_the_database(kafka, system):
    record_customers(system, 9)
    relay_all(kafka, system)
    with member(kafka) as reader:
        reader.read_up_to(9).step()
    assert any(committed(kafka).values())
    with member(kafka) as restored:  # from a backup, where nothing was read yet
        restored.read_up_to(9)
    assert restored.messages == system.customer_events()


def test_messages_that_are_gone_from_the_topic_are_missed(kafka, system):
    record_customers(system, 9)
    relay_all(kafka, system)
    with topics.administering(kafka.options) as admin:
        ends = {each.partition: each.offset for each in kafka.records(TOPIC)}
        admin.delete_records({TopicPartition(TOPIC, number): offset for number, offset in ends.items()})
    with (
        member(kafka) as reader,
        pytest.raises(MessagesMissing, match="has no messages right after position 0"),
    ):
        reader.read_up_to(9)


def test_what_strangers_send_to_the_topic_is_ignored(kafka, system):
    record_customers(system, 3)
    relay_all(kafka, system)
    with closing(KafkaProducer(**kafka.options)) as producer:
        for number in range(PARTITIONS):
            producer.send(TOPIC, b"{}", partition=number).get(10)
            producer.send(TOPIC, b"{}", partition=number, headers=[("ce_source", b"/kontor/customer")]).get(
                10
            )
    record_customers(system, 3, first=3)
    relay_all(kafka, system)
    with member(kafka) as reader:
        reader.read_up_to(6)
    assert reader.messages == system.customer_events()


def test_a_schema_from_the_future_stops_its_partition_after_what_comes_before(kafka, system):
    record_customers(system, 6)
    relay_all(kafka, system)
    newest = max(
        (each for each in kafka.records(TOPIC) if dict(each.headers)["ce_type"] != MARK.encode()),
        key=lambda each: int(dict(each.headers)["ce_kontorposition"]),
    )
    future = dict(newest.headers) | {
        "ce_kontorschema": b"99",
        "ce_kontorposition": b"7",
        "ce_kontorprevious": b"6",
    }
    with closing(KafkaProducer(**kafka.options)) as producer:
        producer.send(TOPIC, b"{}", partition=newest.partition, headers=list(future.items())).get(10)
    with member(kafka) as reader, pytest.raises(FromTheFuture, match="version 99 is newer than this build"):
        reader.read_up_to(7)
    assert reader.positions[newest.partition] == 6


def test_members_share_the_partitions_and_take_over_from_one_that_is_gone(kafka, system):
    record_customers(system, 9)
    relay_all(kafka, system)
    with member(kafka) as first:
        with member(kafka) as second:
            settle(
                [first, second],
                lambda: (
                    shares(first) & shares(second) == set()
                    and shares(first) | shares(second) == {0, 1, 2}
                    and shares(second) != set()
                ),
            )
        settle([first], lambda: shares(first) == {0, 1, 2})


def shares(reader: Reader) -> set[int]:
    return set(reader.feed.assigned())


def settle(readers, settled) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not settled():
        assert time.monotonic() < deadline, [shares(each) for each in readers]
        for reader in readers:
            reader.step()


def test_long_work_does_not_cost_a_member_its_partitions(kafka, system):
    record_customers(system, 3)
    relay_all(kafka, system)
    with member(kafka) as busy:
        busy.read_up_to(3)
        with member(kafka) as other:
            settle([busy, other], lambda: shares(other) and len(shares(busy) | shares(other)) == 3)
            deadline = time.monotonic() + 1.5  # until both have heard that the other one knows
            while time.monotonic() < deadline:
                busy.step()
                other.step()
            held = shares(busy)
            deadline = time.monotonic() + 3.2  # more than two sessions
            while time.monotonic() < deadline:
                other.step()
            assert shares(busy) == held
            assert shares(other) == {0, 1, 2} - held


def test_a_topic_that_was_made_again_is_read_on(kafka, system):
    record_customers(system, 6)
    relay_all(kafka, system)
    with member(kafka) as reader:
        reader.read_up_to(6)
        kafka.remove_topics()
        record_customers(system, 3, first=6)
        relay_all(kafka, system)
        reader.read_up_to(9)
    assert reader.messages == system.customer_events()
