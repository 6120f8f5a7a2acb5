"""Rows of a log as the public messages that they are."""

from typing import LiteralString

from psycopg.rows import DictRow

from services import messages
from services.messages import Envelope

SELECT_ABOUT: LiteralString = """
SELECT * FROM events WHERE originator_id = ANY(%s) AND position <= coalesce(%s, 9223372036854775807)
ORDER BY position
"""


def envelope(source: str, row: DictRow) -> Envelope:
    """A row of the log of `source`."""
    return Envelope(
        source=source,
        position=row["position"],
        topic=row["topic"],
        subject=row["originator_id"],
        version=row["originator_version"],
        occurred_at=row["occurred_at"],
        actor=row["actor"],
        command_id=row["command_id"],
        correlation_id=row["correlation_id"],
        causation_id=row["causation_id"],
        body=messages.from_stored(row["topic"], row["schema_version"], row["state"]),
    )
