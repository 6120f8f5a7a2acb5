"""The topics: one for each service's log, made with the partitions that it keeps."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from kafka import KafkaAdminClient
from kafka.errors import TopicAlreadyExistsError

from services.errors import KontorError

COPIES = 3
LARGEST_MESSAGE_BYTES = 8 * 1024 * 1024
KEPT = {"retention.ms": "-1", "retention.bytes": "-1", "cleanup.policy": "delete"}
"""A topic is kept whole, as long as nobody sets it to something else: a read model is built anew from it."""


class PartitionsChanged(KontorError):
    """A topic has other partitions than it is used with: keys would go elsewhere, before what is about them."""


def topic_of(source: str) -> str:
    """The topic with the public messages of a service."""
    return f"kontor.{source}.v1"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it is; one that is deleted and made again has another id."""

    topic_id: UUID
    partitions: int


def ensure(options: Mapping[str, Any], name: str, partitions: int, replicas: int = 0) -> Topic:
    """The topic, made unless it is there; `replicas` 0: three, or as many as there are brokers.

    Raises PartitionsChanged where it is there with another number of partitions.
    """
    with administering(options) as admin:
        if _find(admin, name) is None:
            copies = replicas or min(COPIES, len(admin.describe_cluster()["brokers"]))
            _make(admin, name, partitions, copies)
        found = _find(admin, name)
    assert found is not None
    if found.partitions != partitions:
        raise PartitionsChanged(
            f"the topic {name} has {found.partitions} partitions, but is to have {partitions}: set"
            f" KONTOR_KAFKA_PARTITIONS to {found.partitions}, or change the number as docs/operations.md says"
        )
    return found


@contextmanager
def administering(options: Mapping[str, Any]) -> Iterator[Any]:
    """A client that may make topics and look after them."""
    own = {name: value for name, value in options.items() if name in KafkaAdminClient.DEFAULT_CONFIG}
    with closing(KafkaAdminClient(**own)) as admin:
        yield admin


def _make(admin: Any, name: str, partitions: int, copies: int) -> None:
    configs = KEPT | {
        "min.insync.replicas": str(min(2, copies)),
        "max.message.bytes": str(LARGEST_MESSAGE_BYTES),
    }
    wanted = {"num_partitions": partitions, "replication_factor": copies, "configs": configs}
    try:
        admin.create_topics({name: wanted}, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        return  # another relay was faster


def _find(admin: Any, name: str) -> Topic | None:
    [found] = admin.describe_topics([name])
    if not found["partitions"]:
        return None
    return Topic(found["topic_id"], len(found["partitions"]))
