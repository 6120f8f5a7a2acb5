"""What the tests of both ends of Kafka need: a log that is sent to a topic, a step or all at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from psycopg import Connection
from psycopg.rows import DictRow

from infra.kafka import topics
from infra.kafka.leadership import Leadership, leading
from infra.kafka.relay import Sending, producing
from infra.postgres.pool import connect
from tests import examples
from tests.kafka.kafka import Kafka
from tests.system import System

PARTITIONS = 3
TOPIC = "kontor.customer.v1"


@contextmanager
def leader(
    kafka: Kafka, system: System, session_seconds: float = 10.0
) -> Iterator[tuple[Leadership, Sending]]:
    """A relay that leads, moved on step by step; leaving the block anywhere is as if it were killed there."""
    topic = topics.ensure(kafka.options, TOPIC, PARTITIONS)
    with (
        leading(session(system), topic, session_seconds) as leadership,
        producing(kafka.options) as producer,
    ):
        assert leadership
        yield leadership, Sending(system.customer_feed, TOPIC, leadership, producer.send)


def relay_all(kafka: Kafka, system: System) -> None:
    with leader(kafka, system) as (_, sending):
        while sending.relay_some():
            pass


def session(system: System) -> Callable[[], Connection[DictRow]]:
    return lambda: connect(system.database.service_url, schema="customer")


def record_customers(system: System, count: int = 8, first: int = 0) -> None:
    for number in range(first, first + count):
        system.create_customer(examples.erika(debtorIdent=f"D-{number}"))
