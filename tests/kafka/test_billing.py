"""Billing over Kafka: the same documents as from the log, however the messages come."""

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import pytest

from infra.kafka import topics
from infra.kafka.feed import KafkaFeed
from infra.kafka.relay import producing
from services.billing.feed_positions import PartitionsNotDrained
from services.messages import DocumentIssued
from tests import examples
from tests.database import fresh_database
from tests.kafka.kafka import Kafka
from tests.kafka.relaying import PARTITIONS, TOPIC, relay_all
from tests.system import System, system_on

CUSTOMERS = 8
PATIENCE_SECONDS = 30.0


@dataclass
class OverKafka(System):
    """The services with a relay between them, and billing workers that share the partitions."""

    kafka: Kafka = field(kw_only=True)
    workers: list[KafkaFeed] = field(kw_only=True)

    def work(self) -> None:
        relay_all(self.kafka, self)
        self.follow(self.workers)
        while self.billing.bill_some():
            pass

    def follow(self, workers: list[KafkaFeed]) -> None:
        """Let workers take in all there is."""
        self.billing.share_out(workers[0])
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.billing.followed_position() < self.customer_feed.head():
            assert time.monotonic() < deadline
            self.follow_some(workers)

    def follow_some(self, workers: list[KafkaFeed]) -> None:
        for worker in workers:
            worker.wait(0, 0.05)
            self.billing.follow(worker)


@contextmanager
def over_kafka(system: System, kafka: Kafka, workers: int = 1) -> Iterator[OverKafka]:
    topics.ensure(kafka.options, TOPIC, PARTITIONS)
    with ExitStack() as exits:
        feeds = [
            KafkaFeed("customer", kafka.options, kafka.group, session_seconds=3.0) for _ in range(workers)
        ]
        for feed in feeds:
            exits.callback(feed.close)
        yield OverKafka(**vars(system), kafka=kafka, workers=feeds)


def tell(system: System, *, billed: bool = True) -> None:
    """A story with runs for one and for all, in which what comes after a run must not be in it."""
    system.define_seller()
    for number in range(CUSTOMERS):
        system.create_customer(examples.erika(debtorIdent=f"E-{number}"))
        system.sign_contract(examples.contract(debtorIdent=f"E-{number}", contractIdent=f"C-{number}"))
    for step in (
        lambda: system.request_run("2026-01-31", debtor="E-3"),
        lambda: system.request_run("2026-02-28"),
        lambda: system.sign_contract(examples.contract(debtorIdent="E-1", contractIdent="C-later")),
        lambda: system.request_run("2026-04-30"),
    ):
        step()
        if billed:
            system.work()


def books(documents: list[DocumentIssued]):
    """What was billed to whom, numbers and order aside."""
    return sorted(
        (each.debtor_ident, line.origin.ident, line.period.first, line.period.last, line.net)
        for each in documents
        for line in each.lines
    )


@pytest.fixture(scope="module")
def undisturbed(postgres):
    """The books of the story by the log."""
    with fresh_database(postgres) as database, system_on(database) as system:
        tell(system)
        return books(system.documents())


@pytest.mark.parametrize("workers", [1, 2])
def test_the_books_are_the_same_as_by_the_log(system, kafka, undisturbed, workers):
    with over_kafka(system, kafka, workers) as services:
        tell(services)
        assert books(services.documents()) == undisturbed
        numbers = sorted(each.number for each in services.documents())
        assert numbers == [f"RE-2026-{n:06}" for n in range(1, len(numbers) + 1)]


def test_a_run_for_all_waits_until_every_partition_is_there(system, kafka):
    with over_kafka(system, kafka, workers=2) as services:
        tell(services, billed=False)
        relay_all(kafka, services)
        services.billing.share_out(services.workers[0])
        both_have_some(services.workers)
        barrier = 2 * CUSTOMERS + 2
        for _ in range(20):  # the other worker stands still
            services.follow_some(services.workers[:1])
        waiting = positions(services)
        assert max(waiting.values()) == barrier
        assert min(waiting.values()) == 0
        assert not [
            e
            for e in services.billing_events()
            if e.topic == "billing.BillingRunStarted" and not e.body.customer_id
        ]
        services.follow(services.workers)
        assert set(positions(services).values()) == {services.customer_feed.head()}
        started = [e.body for e in services.billing_events() if e.topic == "billing.BillingRunStarted"]
        assert [each.customers_total for each in started if not each.customer_id] == [CUSTOMERS, CUSTOMERS]


def both_have_some(workers: list[KafkaFeed]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (
        not all(worker.assigned() for worker in workers)
        or sum(len(worker.assigned()) for worker in workers) != PARTITIONS
    ):
        assert time.monotonic() < deadline
        for worker in workers:
            worker.wait(0, 0.1)


def positions(system: System) -> dict[int, int]:
    with system.billing_pool.connection() as connection:
        rows = connection.execute("SELECT partition, position FROM feed_positions").fetchall()
    return {row["partition"]: row["position"] for row in rows}


def test_messages_delivered_up_to_five_times_and_in_any_order_change_nothing(system, kafka, undisturbed):
    tell(system, billed=False)
    relay_all(kafka, system)
    chance = random.Random(4711)
    records = [record for record in kafka.records(TOPIC) for _ in range(chance.randint(1, 5))]
    chance.shuffle(records)
    kafka.remove_topics()
    with over_kafka(system, kafka, workers=2) as services, producing(kafka.options) as producer:
        for each in records:
            producer.send(
                TOPIC, each.value, key=each.key, headers=list(each.headers), partition=each.partition
            )
        producer.flush()
        services.follow(services.workers)
        while services.billing.bill_some():
            pass
        assert books(services.documents()) == undisturbed


def test_from_the_log_to_kafka_and_back_where_it_was(system, kafka, undisturbed):
    with over_kafka(system, kafka) as services:
        turns = [services.work, lambda: by_log(services)]
        services.work = lambda: (turns.append(turns.pop(0)), turns[0]())
        tell(services)
        assert books(services.documents()) == undisturbed


def by_log(services: OverKafka) -> None:
    services.billing.share_out(services.customer_feed)
    System.work(services)


def test_partitions_are_not_changed_while_some_are_behind(system, kafka):
    with over_kafka(system, kafka) as services:
        tell(services, billed=False)
        relay_all(kafka, services)
        services.billing.share_out(services.workers[0])
        with services.billing_pool.connection() as connection:
            connection.execute("UPDATE feed_positions SET position = 5 WHERE partition = 1")
        with pytest.raises(
            PartitionsNotDrained, match="followed in 3 partitions, the furthest up to position 5"
        ):
            services.billing.share_out(services.customer_feed)
