"""How far billing has followed each source, partition by partition; moved in the transaction of what was taken in."""

from services.billing.transaction import Cursor
from services.errors import KontorError


class PartitionsNotDrained(KontorError):
    """A source comes in other partitions now, and those from before were not all followed to the same end."""


def share_out(cursor: Cursor, source: str, partitions: int) -> None:
    """Follow a source in so many partitions from now on, a log being one; raises PartitionsNotDrained.

    Each begins where all of those before ended: a key may be in another one than it was.
    """
    cursor.execute(
        "SELECT position FROM feed_positions WHERE source = %s ORDER BY partition FOR UPDATE", [source]
    )
    positions = [row["position"] for row in cursor.fetchall()]
    if len(positions) == partitions:
        return
    if len(set(positions)) != 1:
        raise PartitionsNotDrained(
            f"the {source} log was followed in {len(positions)} partitions, the furthest up to position {max(positions)},"
            f" another one up to {min(positions)} only: let them be followed to their end before there are {partitions}"
        )
    cursor.execute("DELETE FROM feed_positions WHERE source = %s", [source])
    cursor.execute(
        "INSERT INTO feed_positions (source, partition, position) SELECT %s, number, %s FROM generate_series(0, %s) number",
        [source, positions[0], partitions - 1],
    )


def lock(cursor: Cursor, source: str, partition: int, partitions: int) -> int | None:
    """The position in a partition, held until the transaction ends.

    None while somebody else holds it, while it waits at a barrier for others, or where the source is followed in
    another number of partitions.
    """
    cursor.execute(
        """
        SELECT position FROM feed_positions own
        WHERE source = %(source)s AND partition = %(partition)s
          AND (SELECT count(*) FROM feed_positions WHERE source = %(source)s) = %(partitions)s
          AND barrier <= (SELECT min(position) FROM feed_positions WHERE source = %(source)s)
        FOR UPDATE OF own SKIP LOCKED
        """,
        {"source": source, "partition": partition, "partitions": partitions},
    )
    row = cursor.fetchone()
    return row["position"] if row else None


def advance(cursor: Cursor, source: str, partition: int, position: int) -> None:
    """Move on to `position`; call it with the lock held."""
    cursor.execute(
        "UPDATE feed_positions SET position = %s WHERE source = %s AND partition = %s",
        [position, source, partition],
    )


def arrive(cursor: Cursor, source: str, partition: int, position: int) -> bool:
    """Move on to the barrier at `position` and wait there for the other partitions; whether this was the last one."""
    # One after the other: two that arrive at once would each see the other one missing.
    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('barrier ' || %s, 0))", [source])
    cursor.execute(
        "UPDATE feed_positions SET position = %(position)s, barrier = %(position)s"
        " WHERE source = %(source)s AND partition = %(partition)s",
        {"position": position, "source": source, "partition": partition},
    )
    return reached(cursor, source) >= position


def reached(cursor: Cursor, source: str) -> int:
    """The position up to which everything was taken in, in whatever partition it is."""
    cursor.execute("SELECT min(position) AS position FROM feed_positions WHERE source = %s", [source])
    row = cursor.fetchone()
    return (row and row["position"]) or 0
