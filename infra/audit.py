"""Auditing: everything that Kontor shows and bills from, built from the logs once more and compared, row by row."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import Connection, Cursor, sql
from psycopg.rows import DictRow

from infra.postgres.pool import connect
from infra.runtime import Runtime
from projections.projection import Table
from projections.replay import Difference, differences
from projections.replay import replay as replay_projections
from services.billing.policies import follow_billing_log, follow_customer_log
from services.messages import Envelope, Feed

BILLING = "billing"
SCRATCH = "replay_billing"
MESSAGES_AT_ONCE = 1000

READ_MODEL = (
    Table("customers", ("customer_id",)),
    Table("billables", ("billable_id",)),
    Table("billed_intervals", ("billable_id", "item", "interval_start", "late", "correction")),
    Table("usage", ("event_id",)),
    Table("credit_notes", ("document_id",)),
    Table("open_corrections", ("contract_id",)),
    Table("receivables", ("document_id",)),
    Table("number_ranges", ("billing_entity_id", "document_type", "year")),
    Table("number_prefixes", ("prefix",)),
    Table("billing_entities", ("billing_entity_id",)),
    Table("runs", ("billing_run_id",)),
    Table("run_work", ("billing_run_id", "customer_id")),
    Table("run_failures", ("billing_run_id", "customer_id")),
    Table("customer_changes", ("customer_id",)),
    Table("last_amounts", ("billable_id", "item")),
    Table("deliveries", ("document_id",)),
)


def replay(runtime: Runtime) -> list[Difference]:
    """Every value of a view or of billing's read model that the logs do not bear out; none if all is well."""
    owner_url, feeds = runtime.database.owner_url, runtime.feeds
    return [
        *replay_projections(owner_url, feeds, runtime.vault),
        *replay_billing(owner_url, feeds["customer"], feeds[BILLING]),
    ]


def replay_billing(owner_url: str, customer_feed: Feed, billing_feed: Feed) -> list[Difference]:
    """Build billing's read model anew up to exactly where the live one is, and compare them.

    All of it happens in one snapshot, in which the live read model stands still, and is rolled back in the end.
    """
    with connect(owner_url, name="kontor audit") as conn, _snapshot(conn) as cursor:
        followed = _position(
            cursor, "SELECT min(position) AS position FROM billing.feed_positions WHERE source = 'customer'"
        )
        head = _position(cursor, "SELECT position FROM billing.log_head")
        _make_scratch(cursor)
        for envelopes in _batches(customer_feed, followed):
            follow_customer_log(cursor, envelopes)
        for envelopes in _batches(billing_feed, head):
            follow_billing_log(cursor, envelopes)
        return [d for table in READ_MODEL for d in differences(conn, table, BILLING, SCRATCH)]


@contextmanager
def _snapshot(conn: Connection[DictRow]) -> Iterator[Cursor[DictRow]]:
    with conn.transaction(force_rollback=True), conn.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield cursor


def _make_scratch(cursor: Cursor[DictRow]) -> None:
    cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(SCRATCH)))
    for table in READ_MODEL:
        cursor.execute(
            sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(
                sql.Identifier(SCRATCH, table.name), sql.Identifier(BILLING, table.name)
            )
        )
    cursor.execute(sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(SCRATCH)))


def _batches(feed: Feed, upto: int) -> Iterator[list[Envelope]]:
    position = 0
    while position < upto:
        envelopes = [e for e in feed.read(position, MESSAGES_AT_ONCE) if e.position <= upto]
        yield envelopes
        position = envelopes[-1].position


def _position(cursor: Cursor[DictRow], query: str) -> int:
    cursor.execute(query.encode())
    row = cursor.fetchone()
    return int(row["position"]) if row else 0
