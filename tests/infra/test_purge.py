"""The purge after erasures: what it waits for, what it leaves, and that it can be cut off and done again."""

import threading
from uuid import UUID

import pytest

from infra import purge as purging
from infra.eventstore.feed import LogFeed
from infra.postgres.pool import connect
from infra.purge import Purged, Purger, purge
from projections import customer_overview, engine
from services.errors import Unavailable
from services.personal_data import ERASED
from tests import examples
from tests.database import Database
from tests.system import System


@pytest.fixture
def erased(system: System) -> UUID:
    """A customer that was erased, of which the overview knows nothing yet."""
    answer = system.create_customer(examples.beispiel_gmbh())
    customer_id = UUID(answer["customerId"])
    take_in(system)
    system.customer.erase_customer(customer_id, examples.asked())
    return customer_id


def take_in(system: System) -> None:
    """Let the overview follow the logs."""
    with connect(system.database.service_url, schema="projections") as conn:
        engine.catch_up(conn, customer_overview.PROJECTION, feeds(system), system.vault)


def feeds(system: System) -> dict[str, LogFeed]:
    return {"customer": system.customer_feed, "billing": system.billing_feed}


def purged(system: System) -> Purged:
    return purge(system.database.owner_url, feeds(system), system.vault)


def overview(database: Database) -> list[tuple[str, str]]:
    with connect(database.service_url, schema="projections") as conn:
        rows = conn.execute("SELECT name, search FROM customer_overview ORDER BY debtor_ident")
        return [(row["name"], row["search"]) for row in rows]


def unpurged(database: Database) -> int:
    with connect(database.owner_url) as conn:
        rows = conn.execute("SELECT FROM vault.destroyed_keys WHERE purged_at IS NULL").fetchall()
    return len(rows)


def test_it_waits_until_the_overview_has_taken_the_erasure_in(system: System, erased: UUID) -> None:
    assert purged(system) == Purged(customers=0, waiting=1)
    take_in(system)
    assert purged(system) == Purged(customers=1, waiting=0)
    assert purged(system) == Purged(customers=0, waiting=0)


def test_it_waits_while_an_event_of_the_customer_is_parked(system: System, erased: UUID) -> None:
    take_in(system)
    with connect(system.database.owner_url) as conn:
        conn.execute(
            "INSERT INTO projections.parked VALUES ('customer_overview', 'customer', 1, %s, 'x', 'y')",
            [erased],
        )
    assert purged(system) == Purged(customers=0, waiting=1)


def test_the_overview_is_the_same_afterwards_and_goes_on(system: System, erased: UUID) -> None:
    system.create_customer(examples.erika())
    take_in(system)
    before = overview(system.database)
    purged(system)
    assert overview(system.database) == before
    assert [name for name, _ in before] == ["Erika Mustermann", ERASED]
    system.create_customer(examples.erika(debtorIdent="D-2"))
    take_in(system)
    assert len(overview(system.database)) == 3


def test_indexes_and_rights_of_the_overview_are_kept(system: System, erased: UUID) -> None:
    def form() -> list[str]:
        with connect(system.database.owner_url) as conn:
            rows = conn.execute(
                "SELECT indexdef AS line FROM pg_indexes WHERE tablename = 'customer_overview'"
                " UNION ALL SELECT relacl::text || pg_get_userbyid(relowner) FROM pg_class"
                " WHERE relname = 'customer_overview' ORDER BY line"
            ).fetchall()
        return [row["line"] for row in rows]

    before = form()
    take_in(system)
    purged(system)
    assert form() == before


def samples(database: Database) -> str:
    """What PostgreSQL keeps of the values in its tables, to plan queries with."""
    with connect(database.owner_url) as conn:
        row = conn.execute(
            "SELECT string_agg(concat(most_common_vals, histogram_bounds), '') AS text FROM pg_stats"
        ).fetchone()
    return str(row)


def test_samples_of_the_planner_name_nobody_who_was_erased(system: System) -> None:
    customer_id = UUID(system.create_customer(examples.beispiel_gmbh())["customerId"])
    for n in range(3):
        address = examples.invoice_address(company=f"Kiosk {n}")
        system.create_customer(examples.beispiel_gmbh(debtorIdent=f"D-{n}", addresses=[address]))
    take_in(system)
    with connect(system.database.owner_url) as conn:
        conn.execute("ANALYZE projections.customer_overview")
    assert "Beispiel GmbH" in samples(system.database)
    system.customer.erase_customer(customer_id, examples.asked())
    take_in(system)
    purged(system)
    assert "Kiosk 1" in samples(system.database)
    assert "Beispiel GmbH" not in samples(system.database)


def test_a_purge_that_was_cut_off_is_done_again(
    system: System, erased: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in(system)
    monkeypatch.setattr(purging, "_mark", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        purged(system)
    monkeypatch.undo()
    assert unpurged(system.database) == 1
    assert purged(system).customers == 1


def test_a_transaction_that_still_sees_what_was_erased_is_waited_for(
    system: System, erased: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in(system)
    monkeypatch.setattr(purging, "PATIENCE_SECONDS", 0.5)
    with connect(system.database.service_url) as old:
        old.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT count(*) FROM vault.keys")
        with pytest.raises(Unavailable, match="long query"):
            purged(system)
        old.execute("ROLLBACK")
    assert purged(system).customers == 1


def test_only_one_purge_goes_on_at_a_time(system: System, erased: UUID) -> None:
    take_in(system)
    with connect(system.database.owner_url) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [purging._ADVISORY_LOCK])
        with pytest.raises(Unavailable, match="already"):
            purged(system)


def test_without_superuser_what_is_left_to_do_is_said(
    system: System, erased: UUID, caplog: pytest.LogCaptureFixture
) -> None:
    take_in(system)
    with connect(system.database.owner_url) as conn:
        conn.execute("CREATE ROLE some_owner LOGIN")
        conn.execute("SET ROLE some_owner")
        purging._let_old_files_go(conn)
        conn.execute("RESET ROLE")
        conn.execute("DROP ROLE some_owner")
    assert "pg_switch_wal" in caplog.text


def test_it_goes_on_in_the_background_until_it_is_stopped(
    system: System, erased: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(purging, "PAUSES_PER_PURGE", 1)
    stop = threading.Event()
    background = threading.Thread(
        target=Purger(system.database.owner_url, feeds(system), system.vault).run, args=[stop]
    )
    background.start()
    take_in(system)
    for _ in range(200):
        if not unpurged(system.database):
            break
        stop.wait(0.05)
    stop.set()
    background.join(10)
    assert unpurged(system.database) == 0
