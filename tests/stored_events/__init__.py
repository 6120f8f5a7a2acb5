"""One stored example of every event version ever written, as the log held it; files here are never changed.

`python -m tests.stored_events` writes examples of what has none yet, when an event or a version of one is new.
"""

import json
from base64 import b64decode
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from services.event_store import RecordedEvent
from services.personal_data import Key

ROOM = Path(__file__).parent


@dataclass(frozen=True)
class StoredExample:
    """An event as it was stored, with the keys that open it."""

    event: RecordedEvent
    secrets: Mapping[UUID, bytes]

    @property
    def name(self) -> str:
        return f"{self.event.topic}.v{self.event.schema_version}"

    def keys(self, key_ids: Collection[UUID]) -> dict[UUID, Key | None]:
        """The vault of this example."""
        return {key_id: Key(key_id, self.secrets[key_id]) for key_id in key_ids if key_id in self.secrets}


def stored_examples() -> list[StoredExample]:
    return [_read(path) for path in sorted(ROOM.glob("*.json"))]


def _read(path: Path) -> StoredExample:
    stored = json.loads(path.read_text("utf-8"))
    event = RecordedEvent(
        originator_id=UUID(stored["originatorId"]),
        originator_version=stored["originatorVersion"],
        topic=stored["topic"],
        state=stored["state"].encode(),
        occurred_at=datetime.fromisoformat(stored["occurredAt"]),
        schema_version=stored["version"],
    )
    secrets = {UUID(key_id): b64decode(secret) for key_id, secret in stored.get("keys", {}).items()}
    return StoredExample(event, secrets)
