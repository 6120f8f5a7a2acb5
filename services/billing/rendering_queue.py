"""The tables of documents whose files are not recorded yet, shared by any number of renderers.

A document that cannot be rendered is parked with the reason, and the others go on. One that takes its renderer along
gives no reason: how often each was begun is counted beforehand, what did not come to an end is then rendered
alone, and parked when that does not help either.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.billing.transaction import Cursor
from services.messages import DocumentIssued, Envelope

ALONE_AFTER = 2
PARKED_AFTER = 5
"""So many times a document is begun at most where none comes to an end."""
NEVER_ENDED = f"None of {PARKED_AFTER} attempts came to an end; see what the log says of the renderer."

_TAKE = """
SELECT queue.* FROM documents_to_render AS queue LEFT JOIN rendering_attempts USING (document_id)
WHERE parked_because IS NULL AND coalesce(begun, 0) >= %s AND coalesce(begun, 0) < %s
ORDER BY position LIMIT %s FOR UPDATE OF queue SKIP LOCKED
"""


@dataclass(frozen=True, slots=True)
class Cause:
    """On whose behalf a document was issued, and so is rendered."""

    actor: str
    correlation_id: UUID
    causation_id: UUID


def add(cursor: Cursor, envelopes: Sequence[Envelope]) -> None:
    """Have newly issued documents rendered, in order."""
    issued = [e for e in envelopes if isinstance(e.body, DocumentIssued)]
    if issued:
        cursor.execute(
            "INSERT INTO documents_to_render (document_id, position, actor, correlation_id, causation_id)"
            " SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::uuid[], %s::uuid[])",
            [
                [e.subject for e in issued],
                [e.position for e in issued],
                [e.actor for e in issued],
                [e.correlation_id for e in issued],
                [e.command_id for e in issued],
            ],
        )


def take(cursor: Cursor, limit: int) -> dict[UUID, Cause]:
    """The next documents that nobody else holds, held until the transaction ends: up to `limit`, or one that did not
    come to an end before."""
    cursor.execute(_TAKE, [0, ALONE_AFTER, limit])
    if not cursor.rowcount:
        cursor.execute(_TAKE, [ALONE_AFTER, PARKED_AFTER, 1])
    return {
        row["document_id"]: Cause(row["actor"], row["correlation_id"], row["causation_id"]) for row in cursor
    }


def count_attempt(cursor: Cursor, document_ids: Collection[UUID]) -> None:
    """Count that documents are begun; in a transaction of its own, before they are, so that it is known if this is the
    last that is heard of the renderer."""
    cursor.execute(
        "INSERT INTO rendering_attempts SELECT document_id, 1 FROM unnest(%s::uuid[]) AS document_id"
        " ON CONFLICT (document_id) DO UPDATE SET begun = rendering_attempts.begun + 1",
        [list(document_ids)],
    )


def give_up(cursor: Cursor) -> list[UUID]:
    """Park what was begun too often and nobody holds; which documents those are."""
    cursor.execute(
        "UPDATE documents_to_render SET parked_because = %s WHERE document_id IN"
        " (SELECT document_id FROM documents_to_render AS queue JOIN rendering_attempts USING (document_id)"
        "  WHERE parked_because IS NULL AND begun >= %s FOR UPDATE OF queue SKIP LOCKED) RETURNING document_id",
        [NEVER_ENDED, PARKED_AFTER],
    )
    return [row["document_id"] for row in cursor]


def remove(cursor: Cursor, document_ids: Collection[UUID]) -> None:
    """Take out what is rendered."""
    cursor.execute("DELETE FROM documents_to_render WHERE document_id = ANY(%s)", [list(document_ids)])
    _forget_attempts(cursor, document_ids)


def _forget_attempts(cursor: Cursor, document_ids: Collection[UUID]) -> None:
    cursor.execute("DELETE FROM rendering_attempts WHERE document_id = ANY(%s)", [list(document_ids)])


def park(cursor: Cursor, reasons: Mapping[UUID, str]) -> None:
    """Set documents aside, each with the reason why it cannot be rendered."""
    for document_id, reason in reasons.items():
        cursor.execute(
            "UPDATE documents_to_render SET parked_because = %s WHERE document_id = %s", [reason, document_id]
        )


def unpark(cursor: Cursor, *, also_unended: bool) -> int:
    """Have parked documents rendered again; return how many; `also_unended` those too that never came to an end."""
    cursor.execute(
        "UPDATE documents_to_render AS queue SET parked_because = NULL WHERE parked_because IS NOT NULL AND"
        " (%s OR NOT EXISTS (SELECT FROM rendering_attempts AS attempts"
        "  WHERE attempts.document_id = queue.document_id AND begun >= %s)) RETURNING document_id",
        [also_unended, PARKED_AFTER],
    )
    again = [row["document_id"] for row in cursor]
    _forget_attempts(cursor, again)
    return len(again)


def waiting(cursor: Cursor) -> int:
    """How many documents are to be rendered and not parked."""
    cursor.execute("SELECT count(*) AS number FROM documents_to_render WHERE parked_because IS NULL")
    row = cursor.fetchone()
    return int(row["number"]) if row else 0


def parked(cursor: Cursor, limit: int) -> list[tuple[UUID, str]]:
    """The first documents that are parked, and why."""
    cursor.execute(
        "SELECT document_id, parked_because FROM documents_to_render WHERE parked_because IS NOT NULL"
        " ORDER BY position LIMIT %s",
        [limit],
    )
    return [(row["document_id"], row["parked_because"]) for row in cursor]
