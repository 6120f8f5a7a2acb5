"""Rebuilding beside the live projection, and proving the live one by a replay."""

import threading
import time
from datetime import date
from decimal import Decimal

import pytest
from psycopg import sql

from infra.postgres.pool import Pool, connect
from projections import catalogue, rebuild
from projections.customer_overview import CustomerFilter
from projections.rebuild import rebuild as rebuild_projection
from projections.rebuild import rebuild_outdated
from projections.replay import Difference, replay
from projections.runner import Runner
from projections.views import Views
from services import messages
from services.errors import NotFound, Unavailable
from services.messages import (
    BillingEntityDefined,
    BillingEntityRedefined,
    CorrectionAccepted,
    CorrectionDeclined,
    CorrectionSuperseded,
    DeliveryRequested,
    DocumentNotSent,
    DocumentSent,
    LogoUploaded,
    SendFailure,
)
from services.values import DocumentFile, ItemChange
from tests.database import Database
from tests.projections.logs import BEGINNING, Logs, january, kilometres, monthly
from tests.projections.reading import all_rows, follow


@pytest.fixture
def told(logs: Logs) -> Logs:
    """A story in which every message occurs."""
    plan_id = logs.plan_created()
    logs.plan_revised(plan_id)
    for n in range(5):
        customer_id = logs.customer_created(f"D-{n}", properties={"segment": "mobility"})
        logs.customer_edited(customer_id, language="en")
        address = logs.address_added(customer_id)
        logs.address_edited(customer_id, address)
        logs.address_removed(customer_id, address.address_id)
        logs.property_set(customer_id, "fleet_size", n)
        logs.property_removed(customer_id, "segment")
        logs.payment_account_removed(customer_id, logs.payment_account_added(customer_id))
        logs.billing_stopped(customer_id)
        logs.billing_stop_lifted(customer_id)
        contract_id = logs.contract_signed(customer_id, f"C-{n}", items=(monthly("base"), kilometres()))
        price = ItemChange(item_ident="base", unit_price=Decimal("11.99"))
        logs.contract_amended(contract_id, customer_id, date(2026, 2, 1), price)
        logs.contract_paused(contract_id, customer_id, date(2026, 3, 1))
        logs.contract_resumed(contract_id, customer_id, date(2026, 4, 1))
        logs.usage_recorded(contract_id, customer_id, ("2026-01-20T08:00:00Z", "250.5"))
        logs.contract_terminated(contract_id, customer_id, date(2026, 6, 30))
        logs.contract_cancelled(logs.contract_signed(customer_id, f"X-{n}"), customer_id)
        order_id = logs.order_recorded(customer_id, f"O-{n}")
        logs.order_cancelled(logs.order_recorded(customer_id, f"P-{n}"), customer_id)
        run = logs.run_requested(customer_id)
        logs.run_started(run, 1, customer_id)
        document = logs.document_issued(
            customer_id, run, ("CONTRACT", contract_id, january()), ("ORDER", order_id, None)
        )
        logs.document_rendered(customer_id, document, DocumentFile.PDF)
        logs.customer_billed(run, customer_id, document)
        logs.payment_recorded(customer_id, document, "5.00", reference="Beispiel GmbH")
        logs.payment_recorded(customer_id, document, "1.00", back=True)
        failed = {"attempt": 1, "failure": SendFailure.DEFERRED, "answer": "451 later"}
        logs.delivery_told(DocumentNotSent, customer_id, document, **failed, retry_at=BEGINNING)
        logs.delivery_told(DeliveryRequested, customer_id, document, request=1)
        logs.delivery_told(DocumentSent, customer_id, document, request=1, attempt=2, message_id="<1@x>")
        logs.credit_note_issued(customer_id, document, "2.00")
        logs.run_completed(run)
        for decision, fields in (
            (CorrectionAccepted, {"documents": (document,)}),
            (CorrectionDeclined, {"reason": "goodwill"}),
            (CorrectionSuperseded, {}),
        ):
            logs.correction_decided(decision, logs.correction_proposed(customer_id), customer_id, **fields)
    logs.erased(customer_id)
    told = {envelope.topic for feed in logs.feeds.values() for envelope in feed.read(0, 1000)}
    of_sellers = {BillingEntityDefined, BillingEntityRedefined, LogoUploaded}
    assert told == {message.TOPIC for message in messages.ALL if message not in of_sellers}
    return logs


@pytest.mark.parametrize("name", [projection.name for projection in catalogue.ALL])
def test_a_rebuilt_projection_has_the_same_rows_rights_and_indexes(
    database: Database, pool: Pool, told: Logs, name: str
) -> None:
    follow(pool, told)
    rows, shape = all_rows(pool), _shape(database)
    with pool.connection() as conn:
        for table in catalogue.named(name).tables:
            conn.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table.name)))
    rebuild_projection(name, database.owner_url, told.feeds, told.vault)
    assert all_rows(pool) == rows
    assert _shape(database) == shape
    told.customer_created("D-new")
    follow(pool, told)


def test_only_what_another_version_made_is_rebuilt_after_an_update(
    database: Database, pool: Pool, told: Logs
) -> None:
    follow(pool, told)
    rows = all_rows(pool)
    with pool.connection() as conn:
        conn.execute("UPDATE positions SET version = 0 WHERE projection = 'orders'")
        conn.execute("DELETE FROM orders")
    assert rebuild_outdated(database.owner_url, told.feeds, told.vault) == ["orders"]
    assert all_rows(pool) == rows
    assert rebuild_outdated(database.owner_url, told.feeds, told.vault) == []


def test_rebuilding_mends_what_was_parked_and_what_is_of_another_version(
    database: Database, pool: Pool, told: Logs, views: Views
) -> None:
    follow(pool, told)
    with pool.connection() as conn:
        conn.execute("UPDATE positions SET version = 0, error = 'broken' WHERE projection = 'contracts'")
        conn.execute(
            "INSERT INTO parked SELECT 'contracts', 'customer', 1, gen_random_uuid(), 'customer.X', 'bug'"
        )
    rebuild_projection("contracts", database.owner_url, told.feeds, told.vault)
    rows = [row for row in views.status()["projections"] if row["name"] == "contracts"]
    assert {(row["state"], row["parked"], row["error"]) for row in rows} == {("STOPPED", 0, None)}


def test_a_projection_is_rebuilt_and_swapped_while_it_runs_and_is_read(
    database: Database, pool: Pool, told: Logs, views: Views
) -> None:
    runner = Runner(pool, told.feeds, told.vault)
    runner.start()
    stop, errors, totals = threading.Event(), [], []

    def create() -> None:
        n = 0
        while not stop.is_set():
            told.customer_created(f"E-{n}")
            n += 1
            time.sleep(0.001)

    def read() -> None:
        while not stop.is_set():
            try:
                totals.append(views.customers(CustomerFilter(limit=5))["total"])
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=create), threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        rebuild_projection("customer_overview", database.owner_url, told.feeds, told.vault)
    stop.set()
    for thread in threads:
        thread.join()
    views.wait_for(told.customer.head())
    runner.stop()
    assert errors == []
    assert totals == sorted(totals), "a reader never sees fewer customers than before"
    assert replay(database.owner_url, told.feeds, told.vault) == []


def test_a_swap_waits_for_a_long_query_to_end(
    database: Database, pool: Pool, told: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "LOCK_TIMEOUT", "50ms")
    follow(pool, told)
    with pool.connection() as conn, conn.transaction():
        conn.execute("SELECT * FROM contracts")
        monkeypatch.setattr(rebuild, "ATTEMPTS_TO_SWAP", 2)
        with pytest.raises(Unavailable):
            rebuild_projection("contracts", database.owner_url, told.feeds, told.vault)
    rebuild_projection("contracts", database.owner_url, told.feeds, told.vault)


def test_two_rebuilds_of_one_projection_do_not_disturb_each_other(database: Database, told: Logs) -> None:
    with connect(database.owner_url) as other:
        other.execute("SELECT pg_advisory_lock(hashtextextended('rebuild_contracts', 0))")
        with pytest.raises(Unavailable):
            rebuild_projection("contracts", database.owner_url, told.feeds, told.vault)


def test_there_is_no_projection_of_another_name(database: Database, logs: Logs) -> None:
    with pytest.raises(NotFound, match="customer_overview"):
        rebuild_projection("nonsense", database.owner_url, logs.feeds, logs.vault)


def test_a_replay_finds_nothing_where_nothing_was_altered(database: Database, pool: Pool, told: Logs) -> None:
    follow(pool, told)
    assert replay(database.owner_url, told.feeds, told.vault) == []
    assert _schemas(database) == {"projections", "customer", "billing", "vault", "kontor", "public"}


def test_a_replay_compares_as_of_the_live_positions(database: Database, pool: Pool, told: Logs) -> None:
    follow(pool, told)
    told.customer_created("D-later")
    assert replay(database.owner_url, told.feeds, told.vault) == []


def test_a_replay_of_projections_that_never_ran_finds_nothing(database: Database, told: Logs) -> None:
    assert replay(database.owner_url, told.feeds, told.vault) == []


def test_a_replay_names_an_altered_a_missing_and_an_added_row(
    database: Database, pool: Pool, told: Logs
) -> None:
    follow(pool, told)
    with pool.connection() as conn:
        conn.execute("UPDATE customer_overview SET city = 'Bremen' WHERE debtor_ident = 'D-2'")
        conn.execute(
            "DELETE FROM contract_items_billed WHERE contract_id = (SELECT contract_id FROM contracts WHERE contract_ident = 'C-1')"
        )
        conn.execute("INSERT INTO history_runs VALUES (uuidv7(), uuidv7())")
    found = replay(database.owner_url, told.feeds, told.vault)
    assert [(d.table, d.column) for d in found] == [
        ("customer_overview", "city"),
        ("contract_items_billed", "*"),
        ("history_runs", "*"),
    ]
    altered, missing, added = found
    assert altered == Difference("customer_overview", altered.key, "city", "Bremen", "Hamburg")
    assert missing.live is None
    assert missing.rebuilt["item_ident"] == "base"
    assert added.rebuilt is None


def test_a_replay_finds_an_altered_document_to_the_letter(database: Database, pool: Pool, told: Logs) -> None:
    follow(pool, told)
    with pool.connection() as conn:
        conn.execute(
            "UPDATE documents SET document = replace(document::text, '11.89', '11.88')::json WHERE number LIKE '%%1'"
        )
    assert {d.column for d in replay(database.owner_url, told.feeds, told.vault)} == {"document"}


def test_a_replay_goes_on_beside_the_running_projections(
    database: Database, pool: Pool, told: Logs, views: Views
) -> None:
    runner = Runner(pool, told.feeds, told.vault)
    runner.start()
    views.wait_for(1)
    stop = threading.Event()

    def create() -> None:
        n = 0
        while not stop.is_set():
            customer_id = told.customer_created(f"E-{n}")
            told.document_issued(customer_id, told.new_id())
            n += 1
            time.sleep(0.001)

    thread = threading.Thread(target=create)
    thread.start()
    found = [replay(database.owner_url, told.feeds, told.vault) for _ in range(2)]
    stop.set()
    thread.join()
    runner.stop()
    assert found == [[], []]


def _shape(database: Database) -> set[tuple[str, ...]]:
    """Tables with owners and grants, constraints and indexes, as PostgreSQL describes them."""
    queries = (
        "SELECT relname, pg_get_userbyid(relowner), relacl::text FROM pg_class"
        " WHERE relnamespace = 'projections'::regnamespace AND relkind = 'r'",
        "SELECT conname, conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'projections'::regnamespace",
        "SELECT indexname, tablename, indexdef FROM pg_indexes WHERE schemaname = 'projections'",
    )
    with connect(database.owner_url) as conn:
        return {tuple(row.values()) for query in queries for row in conn.execute(query)}


def _schemas(database: Database) -> set[str]:
    with connect(database.owner_url) as conn:
        rows = conn.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)'"
        ).fetchall()
    return {row["nspname"] for row in rows}
