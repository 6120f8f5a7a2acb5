"""How far billing has followed the log of each source; moved in the transaction of what was taken in."""

from services.billing.transaction import Cursor


def lock(cursor: Cursor, source: str) -> int | None:
    """The position in the log of `source`, held until the transaction ends; None while somebody else holds it."""
    cursor.execute("SELECT position FROM feed_positions WHERE source = %s FOR UPDATE SKIP LOCKED", [source])
    return _position(cursor)


def advance(cursor: Cursor, source: str, position: int) -> None:
    """Move on to `position`; call it with the lock held."""
    cursor.execute("UPDATE feed_positions SET position = %s WHERE source = %s", [position, source])


def reached(cursor: Cursor, source: str) -> int:
    """The position in the log of `source`, whoever holds it."""
    cursor.execute("SELECT position FROM feed_positions WHERE source = %s", [source])
    return _position(cursor) or 0


def _position(cursor: Cursor) -> int | None:
    row = cursor.fetchone()
    return row["position"] if row else None
