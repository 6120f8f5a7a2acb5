"""What erasure leaves in the files of the database, and how it is got rid of.

Destroying a key makes what it sealed unreadable at once. What was in plain text, or is the key itself, goes later:
the overview shows `[erased]` when it has followed the log, but PostgreSQL keeps old rows in its files, in samples
for the planner and in the write-ahead log. A purge writes those files anew and lets the old ones go. It is done
for all erasures that are due together, and can be done again: they are marked afterwards.
"""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import LiteralString

from psycopg import Connection, sql
from psycopg.rows import DictRow

from infra.postgres.pool import connect
from projections import customer_overview
from projections.rebuild import rewrite
from services.errors import Unavailable
from services.messages import Feed
from services.personal_data import Vault

log = logging.getLogger(__name__)

# Between two purges, so that what they lock is locked for less than a hundredth of the time.
PAUSE_SECONDS = 5.0
PAUSES_PER_PURGE = 100
# How long to wait for queries that began before the erasure, for which PostgreSQL keeps the old rows.
PATIENCE_SECONDS = 60.0

OVERVIEW = customer_overview.PROJECTION.name
"""The one projection that holds personal data in plain text."""

_ADVISORY_LOCK = 0x7075726765  # "purge"

# Erasures that the overview has taken in: its position is beyond them, and no event of the customer is parked.
DUE = """
SELECT subject, stored_in::text AS part FROM vault.destroyed_keys
WHERE purged_at IS NULL
AND position <= (SELECT position FROM projections.positions WHERE projection = %(overview)s AND source = 'customer')
AND NOT EXISTS (SELECT FROM projections.parked WHERE projection = %(overview)s AND key = subject)
"""
WAITING = "SELECT count(*) AS number FROM vault.destroyed_keys WHERE purged_at IS NULL"
OLDER_READERS = """
SELECT count(*) AS number FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND coalesce(datname, current_database()) = current_database()
AND age(backend_xmin) > age(%s::text::xid)
"""


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge did: for how many erased customers, and how many have to wait for the overview."""

    customers: int
    waiting: int


class Purger:
    """Purges in the background, rarely enough that nobody notices."""

    def __init__(self, owner_url: str, feeds: Mapping[str, Feed], vault: Vault) -> None:
        self._owner_url = owner_url
        self._feeds = feeds
        self._vault = vault

    def run(self, stop: threading.Event) -> None:
        """Purge what is due until `stop` is set; what fails is tried again later."""
        pause_seconds = PAUSE_SECONDS
        while not stop.wait(pause_seconds):
            begin = time.monotonic()
            try:
                purge(self._owner_url, self._feeds, self._vault)
            except Unavailable as error:
                log.info("%s", error)
            except Exception as error:
                # Its class says enough; a text of the database may quote what is to be forgotten.
                log.warning("the purge after an erasure has to wait: %s", type(error).__name__)
            pause_seconds = max(PAUSE_SECONDS, PAUSES_PER_PURGE * (time.monotonic() - begin))


def purge(owner_url: str, feeds: Mapping[str, Feed], vault: Vault) -> Purged:
    """Rid the files of the database of everything that was erased; does nothing where nothing is due.

    Raises Unavailable while another purge is going on, or long queries keep the old rows alive.
    """
    with connect(owner_url, name="kontor purge") as conn:
        purged = 0
        if _due(conn):
            _alone(conn)
            due = _due(conn)
            rewrite(OVERVIEW, owner_url, feeds, vault)
            _wait_for_older_readers(conn)
            _write_anew(conn, sorted({row["part"] for row in due}))
            _let_old_files_go(conn)
            _mark(conn, due)
            purged = len(due)
            log.info("purged what %d erasures had left in the files of the database", purged)
        return Purged(purged, _number(conn, WAITING, []))


def _due(conn: Connection[DictRow]) -> list[DictRow]:
    return conn.execute(DUE, {"overview": OVERVIEW}).fetchall()


def _alone(conn: Connection[DictRow]) -> None:
    row = conn.execute("SELECT pg_try_advisory_lock(%s) AS alone", [_ADVISORY_LOCK]).fetchone()
    if not row or not row["alone"]:
        raise Unavailable("Another process is purging already.")


def _wait_for_older_readers(conn: Connection[DictRow]) -> None:
    """Return when no query or transaction is left that could still see what was erased before now."""
    row = conn.execute("SELECT pg_current_xact_id()::xid::text AS now").fetchone()
    assert row is not None
    deadline = time.monotonic() + PATIENCE_SECONDS
    while _number(conn, OLDER_READERS, [row["now"]]):
        if time.monotonic() > deadline:
            raise Unavailable(
                "A long query or transaction still sees what was erased; the purge has to wait."
            )
        time.sleep(0.2)


def _number(conn: Connection[DictRow], query: LiteralString, params: Sequence[str]) -> int:
    row = conn.execute(query, params).fetchone()
    return int(row["number"]) if row else 0


def _write_anew(conn: Connection[DictRow], parts: Sequence[str]) -> None:
    """Write the parts of the vault anew that destroyed keys were in."""
    for part in parts:
        schema, _, name = part.partition(".")
        conn.execute(sql.SQL("VACUUM (FULL, ANALYZE) {}").format(sql.Identifier(schema, name)))


def _let_old_files_go(conn: Connection[DictRow]) -> None:
    """The planner's samples and the write-ahead log: they belong to the server, and so does the right to it."""
    row = conn.execute("SELECT current_setting('is_superuser') AS superuser").fetchone()
    if not row or row["superuser"] != "on":
        log.warning(
            "%s is no superuser: let one run VACUUM FULL pg_statistic, SELECT pg_switch_wal() and CHECKPOINT, so "
            "that nothing erased stays in the planner's statistics and the write-ahead log",
            conn.info.user,
        )
        return
    conn.execute("VACUUM (FULL) pg_catalog.pg_statistic")
    conn.execute("SELECT pg_switch_wal()")
    conn.execute("CHECKPOINT")


def _mark(conn: Connection[DictRow], due: Sequence[DictRow]) -> None:
    conn.execute(
        "UPDATE vault.destroyed_keys SET purged_at = clock_timestamp() WHERE subject = ANY(%s) AND purged_at IS NULL",
        [[row["subject"] for row in due]],
    )
