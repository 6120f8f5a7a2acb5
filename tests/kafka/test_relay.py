"""The relay: everything in a log gets into its topic, in order, wherever it is cut off."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import pairwise

import msgspec
import psycopg
import pytest
from kafka import KafkaProducer
from psycopg.rows import DictRow

from infra.kafka import topics
from infra.kafka.cloudevents import MARK
from infra.kafka.leadership import Superseded, leading
from infra.kafka.relay import Relay
from infra.kafka.topics import PartitionsChanged
from services.messages import BillingRunRequested
from tests import examples
from tests.kafka.kafka import Kafka
from tests.kafka.relaying import PARTITIONS, TOPIC, leader, record_customers, relay_all, session
from tests.system import System


def said(record, attribute: str) -> str:
    return dict(record.headers)[f"ce_{attribute}"].decode()


def positions(records) -> list[int]:
    return [int(said(each, "kontorposition")) for each in records]


def messages_of(kafka: Kafka):
    return [each for each in kafka.records(TOPIC) if said(each, "type") != MARK]


def test_every_message_is_sent_once_as_a_cloud_event_in_binary_mode(kafka, system):
    record_customers(system)
    relay_all(kafka, system)
    records = sorted(messages_of(kafka), key=lambda each: int(said(each, "kontorposition")))
    assert positions(records) == [1, 2, 3, 4, 5, 6, 7, 8]
    for record, event in zip(records, system.customer_events(), strict=True):
        assert said(record, "specversion") == "1.0"
        assert said(record, "id") == f"customer-{event.position}"
        assert said(record, "source") == "/kontor/customer"
        assert said(record, "type") == event.topic
        assert said(record, "subject") == str(event.subject)
        assert said(record, "sequence") == str(event.version)
        assert dict(record.headers)["content-type"] == b"application/json"
        assert record.key.decode() == said(record, "partitionkey") == str(event.body.customer_id)
        assert record.value == msgspec.json.encode(event.body)


def test_a_key_is_where_every_client_of_kafka_would_put_it(kafka, system):
    record_customers(system)
    relay_all(kafka, system)
    found = {record.key: record.partition for record in messages_of(kafka)}
    with closing(KafkaProducer(**kafka.options)) as producer:
        others = {key: producer.send(TOPIC, b"", key=key).get(10).partition for key in found}
    assert found == others


def test_within_a_partition_each_record_names_the_one_before(kafka, system):
    record_customers(system, 12)
    relay_all(kafka, system)
    for partition in range(PARTITIONS):
        records = [each for each in kafka.records(TOPIC) if each.partition == partition]
        assert said(records[0], "kontorprevious") == "0"
        for before, record in pairwise(records):
            assert said(record, "kontorprevious") == said(before, "kontorposition")


def test_a_run_for_all_customers_is_a_barrier_in_every_partition_and_one_for_a_customer_is_not(kafka, system):
    record_customers(system)
    system.request_run("2026-01-31", debtor="D-1")
    system.request_run("2026-01-31")
    relay_all(kafka, system)
    runs = [each for each in messages_of(kafka) if said(each, "type") == BillingRunRequested.TOPIC]
    assert sorted(positions(runs)) == [9, 10, 10, 10]
    assert {each.partition for each in runs if said(each, "kontorposition") == "10"} == set(range(PARTITIONS))


def test_a_partition_to_which_nothing_was_to_be_sent_is_told_how_far_the_log_is(kafka, system):
    record_customers(system, 1)
    relay_all(kafka, system)
    newest = {each.partition: each for each in kafka.records(TOPIC)}
    assert {int(said(each, "kontorposition")) for each in newest.values()} == {1}
    assert sorted(said(each, "type") for each in newest.values()).count(MARK) == PARTITIONS - 1


def test_one_that_is_killed_before_it_sends_leaves_everything_to_the_next(kafka, system):
    record_customers(system)
    with leader(kafka, system):
        system.customer_feed.read(0, 100)
    relay_all(kafka, system)
    assert sorted(positions(messages_of(kafka))) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_one_that_is_killed_between_sending_and_the_cursor_sends_the_very_same_again(kafka, system):
    record_customers(system)
    with leader(kafka, system) as (_, sending):
        sending.send(system.customer_feed.read(0, 5))
    relay_all(kafka, system)
    ids = sorted(said(each, "id") for each in messages_of(kafka))
    assert ids == sorted([f"customer-{n}" for n in range(1, 9)] + [f"customer-{n}" for n in range(1, 6)])
    for partition in range(PARTITIONS):
        check_nothing_is_left_out([each for each in kafka.records(TOPIC) if each.partition == partition])


def check_nothing_is_left_out(records) -> None:
    reached = 0
    for record in records:
        assert int(said(record, "kontorprevious")) <= reached
        reached = max(reached, int(said(record, "kontorposition")))


def test_only_one_leads(kafka, system):
    topic = topics.ensure(kafka.options, TOPIC, PARTITIONS)
    with leading(session(system), topic) as first, leading(session(system), topic) as second:
        assert first
        assert second is None


def test_a_leader_that_stood_still_cannot_move_the_cursor_of_the_next(kafka, system):
    record_customers(system)
    with leader(kafka, system, session_seconds=0.5) as (leadership, paused):
        sent = paused.send(system.customer_feed.read(0, 3))
        time.sleep(1.0)  # the database ends its session
        relay_all(kafka, system)
        paused.send(system.customer_feed.read(0, 3))  # it does not know yet
        with pytest.raises(psycopg.OperationalError):
            leadership.advance(3, sent)
    assert set(positions(messages_of(kafka))) == {1, 2, 3, 4, 5, 6, 7, 8}
    assert cursor(system)["position"] == 8


def test_a_leader_that_lost_only_its_lock_cannot_move_the_cursor_either(kafka, system):
    record_customers(system)
    with leader(kafka, system) as (leadership, _):
        leadership.connection.execute("SELECT pg_advisory_unlock_all()")
        relay_all(kafka, system)
        with pytest.raises(Superseded):
            leadership.advance(3, [3, 3, 3])
    assert cursor(system)["position"] == 8


def cursor(system: System) -> DictRow:
    with session(system)() as connection:
        found = connection.execute("SELECT * FROM relay_cursor").fetchone()
    assert found
    return found


def test_a_topic_that_was_lost_gets_the_whole_log_again(kafka, system):
    record_customers(system)
    relay_all(kafka, system)
    kafka.remove_topics()
    system.create_customer(examples.erika(debtorIdent="D-new"))
    relay_all(kafka, system)
    assert sorted(positions(messages_of(kafka))) == [1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_another_number_of_partitions_is_refused_in_a_sentence(kafka, system):
    topics.ensure(kafka.options, TOPIC, PARTITIONS)
    relay = Relay(system.customer_feed, session(system), kafka.options, PARTITIONS + 1)
    with pytest.raises(PartitionsChanged, match=r"kontor.customer.v1 has 3 partitions, but is to have 4"):
        relay.run(threading.Event())


def test_a_broker_that_is_killed_costs_nothing_but_time(kafka, system):
    relay = Relay(system.customer_feed, session(system), kafka.options, PARTITIONS)
    with relaying(relay):
        record_customers(system, 4)
        wait_for(lambda: cursor(system)["position"] == 4)
        kafka.kill()
        record_customers(system, 4, first=4)
        kafka.start()
        wait_for(lambda: cursor(system)["position"] == 8)
    assert set(positions(messages_of(kafka))) == {1, 2, 3, 4, 5, 6, 7, 8}
    for partition in range(PARTITIONS):
        check_nothing_is_left_out([each for each in kafka.records(TOPIC) if each.partition == partition])


@contextmanager
def relaying(relay: Relay) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=relay.run, args=[stop])
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def wait_for(reached: Callable[[], bool], seconds: float = 40.0) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)
