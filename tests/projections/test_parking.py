"""What cannot be applied is set aside with all that follows about the same customer; everything else goes on."""

from typing import Any
from uuid import UUID

import pytest

from infra.postgres.pool import Pool
from projections import customer_detail, customer_overview, engine
from projections.customer_overview import CustomerFilter
from projections.engine import catch_up
from projections.projection import Projection, Rows, Table, of_customer
from projections.views import Views
from services.messages import AddressAdded, CustomerCreated, CustomerEdited, Envelope
from tests.projections.logs import Logs
from tests.projections.reading import follow

OVERVIEW = customer_overview.PROJECTION


def parked(pool: Pool) -> list[dict[str, Any]]:
    with pool.connection() as conn:
        return conn.execute(
            "SELECT projection, source, position, key, error FROM parked ORDER BY projection, source, position"
        ).fetchall()


def retry(pool: Pool, logs: Logs, projection: Projection) -> int:
    with pool.connection() as conn:
        return engine.retry_parked(conn, projection, logs.feeds, logs.vault)


def test_a_poison_event_parks_its_customer_and_others_go_on(pool: Pool, logs: Logs, views: Views) -> None:
    unknown = logs.new_id()
    logs.customer_created("D-1")
    logs.customer_edited(unknown, language="en")  # nobody created that customer
    logs.customer_created("D-2")
    logs.customer_edited(unknown, language="fr")
    logs.customer_created("D-3")
    follow(pool, logs, [OVERVIEW])
    assert views.customers(CustomerFilter())["total"] == 3
    first, behind = parked(pool)
    assert (first["position"], first["key"], behind["position"], behind["error"]) == (2, unknown, 4, None)
    assert "UnknownRow" in first["error"]
    with pool.connection() as conn:
        assert engine.progress.positions(conn, OVERVIEW) == {"customer": 5, "billing": 0}


def test_what_comes_in_a_later_batch_waits_behind_the_parked_event(pool: Pool, logs: Logs) -> None:
    unknown = logs.new_id()
    logs.customer_edited(unknown, language="en")
    follow(pool, logs, [OVERVIEW])
    logs.document_issued(unknown, logs.new_id())
    follow(pool, logs, [OVERVIEW])
    assert [(row["source"], row["error"] is None) for row in parked(pool)] == [
        ("billing", True),
        ("customer", False),
    ]


def test_a_value_that_the_database_refuses_parks_only_the_event_that_has_it(
    pool: Pool, logs: Logs, views: Views
) -> None:
    for n in range(20):
        logs.customer_created(f"D-{n}")
    poison = logs.customer_created("D-20", email="nul \x00 is no text for PostgreSQL")
    logs.customer_created("D-21")
    follow(pool, logs, [OVERVIEW, customer_detail.PROJECTION])
    assert views.customers(CustomerFilter())["total"] == 21
    # Only the overview holds personal data in plain text; in the detail they are sealed, and do no harm.
    assert [(row["projection"], row["key"]) for row in parked(pool)] == [("customer_overview", poison)]


def test_why_an_event_was_parked_names_no_value(pool: Pool, logs: Logs) -> None:
    logs.customer_created("D-1")
    logs.customer_created("D-1", email="secret@example.com")  # the same ident twice: never from the service
    follow(pool, logs, [OVERVIEW])
    [row] = parked(pool)
    assert row["error"] == "UniqueViolation 23505 at customer_overview_debtor_ident"


def test_parked_events_are_applied_in_their_order_once_they_can_be(pool: Pool, logs: Logs) -> None:
    broken = _projection(fails_on="de")
    customer_id = logs.customer_created(language="de")
    logs.customer_edited(customer_id, language="en")
    logs.customer_edited(customer_id, language="fr")
    other = logs.customer_created("D-2", language="it")
    follow(pool, logs, [broken])
    assert _languages(pool) == {other: ["it"]}
    assert retry(pool, logs, broken) == 0
    assert len(parked(pool)) == 3
    mended = _projection(fails_on="nothing")
    assert retry(pool, logs, mended) == 3
    assert parked(pool) == []
    assert _languages(pool) == {other: ["it"], customer_id: ["de", "en", "fr"]}
    logs.customer_edited(customer_id, language="es")
    follow(pool, logs, [mended])
    assert _languages(pool)[customer_id] == ["de", "en", "fr", "es"]


def test_a_retry_goes_on_to_the_first_event_that_still_fails(pool: Pool, logs: Logs) -> None:
    customer_id = logs.customer_created(language="de")
    logs.customer_edited(customer_id, language="en")
    logs.customer_edited(customer_id, language="fr")
    follow(pool, logs, [_projection(fails_on="de")])
    assert retry(pool, logs, _projection(fails_on="en")) == 1
    assert _languages(pool) == {customer_id: ["de"]}
    assert [(row["position"], row["error"] is None) for row in parked(pool)] == [(2, False), (3, True)]


def test_status_names_what_is_parked(pool: Pool, logs: Logs, views: Views) -> None:
    unknown = logs.new_id()
    logs.customer_edited(unknown, language="en")
    logs.customer_edited(unknown, language="fr")
    follow(pool, logs)
    status = views.status()
    rows = {(row["name"], row["source"]): row for row in status["projections"]}
    assert rows["customer_overview", "customer"]["parked"] == 2
    assert rows["customer_overview", "customer"]["lag"] == 0
    assert rows["contracts", "customer"]["parked"] == 0
    assert {row["key"] for row in status["parkedEvents"]} == {str(unknown)}


@pytest.mark.parametrize("message", [CustomerCreated, AddressAdded])
def test_a_message_that_a_projection_does_not_use_only_moves_its_position(
    pool: Pool, logs: Logs, message: type
) -> None:
    logs.customer_created()
    idle = Projection("history", 1)
    idle.on(CustomerEdited)(lambda rows, message, envelope: None)
    with pool.connection() as conn:
        assert catch_up(conn, idle, logs.feeds, logs.vault) == {"customer": 1}


# Each language that a customer ever had, in the table of another projection.
_STATES = Table("history_customers", ("customer_id",))


def _projection(fails_on: str) -> Projection:
    projection = Projection("history", 1, _STATES)

    def record(rows: Rows, customer_id: UUID, language: Any) -> None:
        if language == fails_on:
            raise ValueError(language)
        row = rows.ensure(_STATES, {"customer_id": customer_id, "state": []})
        row["state"].append(language)

    @projection.on(CustomerCreated, loads={_STATES: of_customer})
    def created(rows: Rows, message: CustomerCreated, _: Envelope) -> None:
        record(rows, message.customer_id, message.language)

    @projection.on(CustomerEdited, loads={_STATES: of_customer})
    def edited(rows: Rows, message: CustomerEdited, _: Envelope) -> None:
        record(rows, message.customer_id, message.changes.language)

    return projection


def _languages(pool: Pool) -> dict[UUID, list[str]]:
    with pool.connection() as conn:
        return {
            row["customer_id"]: row["state"]
            for row in conn.execute("SELECT customer_id, state FROM history_customers")
        }
