"""The event log: append-only, gapless, and every command carried out once, whatever happens to the connection."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest

from infra.postgres.pool import connect
from services.customer.commands.customers import CreateCustomer, EditCustomer
from services.customer.customer import DebtorIdentTaken
from services.errors import IdempotencyKeyReused, StaleVersion, Unavailable
from tests import examples
from tests.database import Database
from tests.system import System


@pytest.mark.parametrize("schema", ["customer", "billing"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {}.events SET topic = topic",
        "UPDATE {}.events SET actor = 'me' WHERE false",
        "DELETE FROM {}.events",
        "TRUNCATE {}.events",
        "ALTER TABLE {}.events DISABLE TRIGGER ALL",
        "DROP TABLE {}.events",
    ],
)
def test_the_service_may_not_change_or_remove_events(database: Database, schema: str, statement: str) -> None:
    with connect(database.service_url) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(statement.format(schema))


@pytest.mark.parametrize("schema", ["customer", "billing"])
@pytest.mark.parametrize(
    "statement", ["UPDATE {}.events SET topic = topic", "DELETE FROM {}.events", "TRUNCATE {}.events"]
)
def test_a_trigger_refuses_it_even_to_the_owner(database: Database, schema: str, statement: str) -> None:
    with connect(database.owner_url) as conn, pytest.raises(psycopg.Error, match="never changed or removed"):
        conn.execute(statement.format(schema))


def test_every_event_carries_its_context(system: System) -> None:
    asked = examples.asked()
    answer = system.customer.create_customer(CreateCustomer.model_validate(examples.beispiel_gmbh()), asked)
    [envelope] = system.customer_events()
    assert envelope.position == answer["position"] == 1
    assert (envelope.topic, envelope.version) == ("customer.CustomerCreated", 1)
    assert str(envelope.subject) == answer["customerId"]
    assert envelope.occurred_at == asked.context.occurred_at
    assert envelope.actor == asked.context.actor
    assert envelope.command_id == asked.context.command_id
    assert envelope.correlation_id == asked.context.correlation_id


def test_the_same_command_twice_is_done_once_and_answered_the_same(system: System) -> None:
    asked, body = examples.asked(), CreateCustomer.model_validate(examples.erika())
    first = system.customer.create_customer(body, asked)
    again = system.customer.create_customer(body, asked)
    assert list(again.items()) == list(first.items())
    assert len(system.customer_events()) == 1


def test_the_same_key_with_another_request_is_refused(system: System) -> None:
    asked = examples.asked()
    system.customer.create_customer(CreateCustomer.model_validate(examples.erika()), asked)
    with pytest.raises(IdempotencyKeyReused):
        system.customer.create_customer(
            CreateCustomer.model_validate(examples.beispiel_gmbh()), replace(asked, request_hash=b"another")
        )
    assert len(system.customer_events()) == 1


def test_the_same_command_from_many_threads_at_once_is_done_once(system: System) -> None:
    asked, body = examples.asked(), CreateCustomer.model_validate(examples.erika())
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: system.customer.create_customer(body, asked), range(32)))
    assert all(answer == answers[0] for answer in answers)
    assert len(system.customer_events()) == 1


def test_of_many_creations_with_one_debtor_ident_one_succeeds(system: System) -> None:
    body = CreateCustomer.model_validate(examples.erika())

    def create(_: int) -> bool:
        try:
            system.customer.create_customer(body, examples.asked())
        except DebtorIdentTaken:
            return False
        return True

    with ThreadPoolExecutor(32) as threads:
        assert sum(threads.map(create, range(64))) == 1
    assert len(system.customer_events()) == 1


def test_concurrent_edits_of_one_customer_are_all_kept(system: System) -> None:
    customer_id = system.customer.owner_of("debtor", system.create_customer(examples.erika())["debtorIdent"])
    assert customer_id is not None

    def edit(number: int) -> None:
        system.customer.edit_customer(customer_id, EditCustomer(phone=f"+49 {number}"), examples.asked())

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(edit, range(12)))
    assert [e.version for e in system.customer_events()] == list(range(1, 14))
    with pytest.raises(StaleVersion):
        system.customer.edit_customer(customer_id, EditCustomer(phone="1"), examples.asked(), expected=12)


def test_positions_have_no_gaps_and_appear_in_order_for_a_reader_who_never_stops(system: System) -> None:
    seen: list[int] = []
    done = threading.Event()

    def follow() -> None:
        while not done.is_set() or len(seen) < system.customer_feed.head():
            seen.extend(e.position for e in system.customer_feed.read(seen[-1] if seen else 0, 7))

    follower = threading.Thread(target=follow)
    follower.start()
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda n: system.create_customer(examples.erika(debtorIdent=f"D-{n}")), range(200)))
    done.set()
    follower.join()
    assert seen == list(range(1, 201))


def test_commands_survive_connections_that_are_cut(system: System, database: Database) -> None:
    """Cut at any moment, also between COMMIT and its answer: no command is lost, none is done twice."""
    stop = threading.Event()

    def cut() -> None:
        with connect(database.owner_url) as owner:
            while not stop.wait(0.2):
                owner.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'test customer' AND datname = current_database()"
                    " AND (state <> 'idle' OR random() < 0.2)"
                )

    cutter = threading.Thread(target=cut)
    cutter.start()

    def create(number: int) -> str:
        body, asked = (
            CreateCustomer.model_validate(examples.erika(debtorIdent=f"D-{number}")),
            examples.asked(),
        )
        for _ in range(100):  # as a client does that gets 503
            try:
                return str(system.customer.create_customer(body, asked)["customerId"])
            except (psycopg.OperationalError, Unavailable):
                continue
        raise AssertionError("never answered")

    with ThreadPoolExecutor(8) as threads:
        answered = list(threads.map(create, range(150)))
    stop.set()
    cutter.join()
    assert sorted(str(e.subject) for e in system.customer_events()) == sorted(answered)


def test_a_wait_ends_as_soon_as_something_is_new(system: System) -> None:
    woken = threading.Event()

    def wait() -> None:
        system.customer_feed.wait(0, 1.0)  # starts listening
        while not system.customer_feed.read(0, 1):
            system.customer_feed.wait(0, 1.0)
        woken.set()

    waiter = threading.Thread(target=wait)
    waiter.start()
    system.create_customer(examples.erika())
    assert woken.wait(10)
    waiter.join()


def test_what_is_asked_while_the_log_closes_is_stored_or_refused_but_never_left_waiting(
    system: System,
) -> None:
    def create(number: int) -> bool:
        try:
            system.create_customer(examples.erika(debtorIdent=f"D-{number}"))
        except Unavailable:
            return False
        return True

    with ThreadPoolExecutor(9) as threads:
        created = [threads.submit(create, n) for n in range(100)]
        threads.submit(system.customer.recorder.close)
        stored = sum(answer.result(timeout=60) for answer in created)
    assert len(system.customer_events()) == stored
