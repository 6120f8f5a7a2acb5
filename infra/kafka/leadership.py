"""Who relays a log: one leader by an advisory lock, and a cursor that only the newest leader can move.

The lock is the leader's session's. One that stands still (a stopped process, a frozen machine) loses its session
after a while, and somebody else leads; when it goes on, it finds that the cursor is not its own any more.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import DictRow

from infra.kafka.topics import Topic

SESSION_SECONDS = 10
"""How long a leader may be silent."""

Connect = Callable[[], Connection[DictRow]]


class Superseded(Exception):
    """Somebody else leads now; what was sent and not noted is sent again, and recognised by its position."""


@dataclass(slots=True)
class Leadership:
    """The leader's session, and how far it has sent the log."""

    connection: Connection[DictRow]
    epoch: int
    position: int
    sent: list[int]
    """For each partition, the position of the newest record in it."""

    def advance(self, position: int, sent: Sequence[int]) -> None:
        """Note that everything up to `position` is in Kafka; raises Superseded."""
        moved = self.connection.execute(
            "UPDATE relay_cursor SET position = %s, sent = %s WHERE epoch = %s",
            [position, list(sent), self.epoch],
        )
        if moved.rowcount != 1:
            raise Superseded("another relay leads now")
        self.position, self.sent = position, list(sent)

    def hold(self) -> None:
        """Show that the leader is alive, where it has nothing to note for a while."""
        self.connection.execute("SELECT")


@contextmanager
def leading(
    connect: Connect, topic: Topic, session_seconds: float = SESSION_SECONDS
) -> Iterator[Leadership | None]:
    """Lead while the `with` block is open; None where somebody else does.

    `connect` opens a session in the log's schema. A topic that is not the one that was sent to before, because it
    was lost or Kafka is another one, gets all of the log again.
    """
    with connect() as connection:
        timeout = f"{session_seconds * 1000:.0f}"
        connection.execute("SELECT set_config('idle_session_timeout', %s, false)", [timeout])
        yield _lead(connection, topic) if _locked(connection) else None


def _locked(connection: Connection[DictRow]) -> bool:
    row = connection.execute(
        "SELECT pg_try_advisory_lock(hashtextextended('kontor relay ' || current_schema(), 0)) AS locked"
    ).fetchone()
    return bool(row and row["locked"])


def _lead(connection: Connection[DictRow], topic: Topic) -> Leadership:
    row = connection.execute(
        "UPDATE relay_cursor SET epoch = epoch + 1, topic_id = %(topic_id)s,"
        " position = CASE WHEN topic_id = %(topic_id)s THEN position ELSE 0 END,"
        " sent = CASE WHEN topic_id = %(topic_id)s THEN sent ELSE array_fill(0::bigint, ARRAY[%(partitions)s]) END"
        " RETURNING epoch, position, sent",
        {"topic_id": topic.topic_id, "partitions": topic.partitions},
    ).fetchone()
    assert row is not None
    return Leadership(connection, row["epoch"], row["position"], row["sent"])
