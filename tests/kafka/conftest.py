"""Fixtures of the tests with Kafka: one real broker for the session, topics of its own for each test."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

from tests.kafka.kafka import Kafka, kafka_for_tests


@pytest.fixture(scope="session")
def broker() -> Iterator[Kafka]:
    """A Kafka of one broker; skips where there is no Java or Maven."""
    with kafka_for_tests() as kafka:
        yield kafka


@pytest.fixture
def kafka(broker: Kafka) -> Iterator[Kafka]:
    """The same Kafka without any topics."""
    yield replace(broker, group=f"billing-{uuid4()}")
    broker.remove_topics()
