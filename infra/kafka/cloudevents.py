"""Messages as records of a topic: CloudEvents 1.0 in Kafka's binary mode, attributes as headers and the body as value.

Specification: CloudEvents 1.0.2, Kafka Protocol Binding 3.2; `sequence` is the extension of that name. Ours are:

- `kontorposition`: place in the log of the source; the same message has the same one, however often it is sent.
- `kontorprevious`: nothing in the log between there and `kontorposition` belongs into this partition. Who is not
  as far as that has missed something, whatever Kafka says.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from kafka.partitioner.default import murmur2

from services import messages
from services.messages import Envelope, is_for_everybody, key_of

Headers = list[tuple[str, bytes]]

MARK = "kontor.LogReached"
"""Type of a record without a message: the log was sent up to its position."""

_NIL = UUID(int=0)


class NotOurs(ValueError):
    """A record that no relay of Kontor has sent."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is sent to one partition, or was found in it."""

    partition: int
    key: bytes | None
    value: bytes
    headers: Headers

    def as_sent(self) -> dict[str, Any]:
        """Arguments of a producer's `send`, besides the topic."""
        return {
            "value": self.value,
            "key": self.key,
            "headers": self.headers,
            "partition": self.partition,
        }


@dataclass(frozen=True, slots=True)
class Received:
    """A record out of a partition, whose body is read only when it is its turn."""

    source: str
    position: int
    previous: int
    attributes: dict[str, str]
    value: bytes

    def envelope(self) -> Envelope:
        """The message; a mark and a type that this build does not know have no body, as in the log.

        Raises FromTheFuture for a schema version that this build can't read.
        """
        said = self.attributes
        if said["ce_type"] == MARK:
            return _mark(self.source, self.position)
        causation_id = said.get("ce_causationid")
        return Envelope(
            source=self.source,
            position=self.position,
            topic=said["ce_type"],
            subject=UUID(said["ce_subject"]),
            version=int(said["ce_sequence"]),
            occurred_at=datetime.fromisoformat(said["ce_time"]),
            actor=said["ce_kontoractor"],
            command_id=UUID(said["ce_kontorcommand"]),
            correlation_id=UUID(said["ce_correlationid"]),
            causation_id=UUID(causation_id) if causation_id else None,
            body=messages.from_stored(said["ce_type"], int(said["ce_kontorschema"]), self.value),
        )


def partitions_of(envelope: Envelope, count: int) -> Iterable[int]:
    """Where a message goes: where its key belongs, and a run for all customers everywhere, as a barrier."""
    if is_for_everybody(envelope):
        return range(count)
    return (_partition(str(key_of(envelope)).encode(), count),)


def record(envelope: Envelope, partition: int, previous: int) -> Record:
    """The message as it is sent to `partition`, after what was sent there up to the position `previous`."""
    key = str(key_of(envelope)).encode()
    attributes = {
        "id": f"{envelope.source}-{envelope.position}",
        "source": f"/kontor/{envelope.source}",
        "type": envelope.topic,
        "subject": str(envelope.subject),
        "time": envelope.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "sequence": str(envelope.version),
        "partitionkey": key.decode(),
        "correlationid": str(envelope.correlation_id),
        "kontorposition": str(envelope.position),
        "kontorprevious": str(previous),
        "kontorschema": str(messages.version_of(envelope.topic)),
        "kontoractor": envelope.actor,
        "kontorcommand": str(envelope.command_id),
    }
    if envelope.causation_id:
        attributes["causationid"] = str(envelope.causation_id)
    body = msgspec.json.encode(envelope.body) if envelope.body else b""
    return Record(partition, key, body, _headers(attributes))


def mark(source: str, position: int, partition: int, previous: int) -> Record:
    """The word that the log was sent up to `position`, none of it after `previous` to `partition`."""
    attributes = {
        "id": f"{source}-{position}-{partition}",
        "source": f"/kontor/{source}",
        "type": MARK,
        "kontorposition": str(position),
        "kontorprevious": str(previous),
    }
    return Record(partition, None, b"", _headers(attributes))


def received(source: str, headers: Sequence[tuple[str, bytes]], value: bytes | None) -> Received:
    """A record of the topic of `source`; raises NotOurs."""
    said = {name: text.decode() for name, text in headers if name.startswith("ce_")}
    if said.get("ce_source") != f"/kontor/{source}":
        raise NotOurs(f"it is not an event of {source}")
    try:
        position, previous = int(said["ce_kontorposition"]), int(said["ce_kontorprevious"])
    except (KeyError, ValueError) as error:
        raise NotOurs(f"it does not say where it belongs: {error}") from error
    return Received(source, position, previous, said, value or b"")


def _mark(source: str, position: int) -> Envelope:
    return Envelope(
        source=source,
        position=position,
        topic=MARK,
        subject=_NIL,
        version=0,
        occurred_at=datetime.fromtimestamp(0, UTC),
        actor="",
        command_id=_NIL,
        correlation_id=_NIL,
        causation_id=None,
        body=None,
    )


def _headers(attributes: dict[str, str]) -> Headers:
    named: Headers = [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
    return [("content-type", b"application/json"), ("ce_specversion", b"1.0"), *named]


@lru_cache(maxsize=100_000)
def _partition(key: bytes, count: int) -> int:
    """Where Kafka's own clients put a key, too. Remembered: it is slow to compute."""
    return int((murmur2(key) & 0x7FFFFFFF) % count)
