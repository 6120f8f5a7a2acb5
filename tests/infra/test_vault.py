"""The vault on a real database: keys come and go with the events they seal, and nothing rests in plain text."""

from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest

from infra.eventstore.personal_data import KeyStore, MasterKey
from infra.master_key import MasterKeyError, open_master_key
from infra.postgres.pool import connect, open_pool
from infra.settings import Settings, SettingsError
from services import messages
from services.application import StoredInTheClear
from services.customer.commands.customers import EditCustomer
from services.customer.customer import DebtorIdentTaken
from services.messages import CustomerCreated
from services.personal_data import ERASED, KEY_BYTES, PREFIX, KeyDestroyed, Purpose, Tampered, opened
from services.upcasting import FromTheFuture
from tests import examples
from tests.database import Database
from tests.system import System

PERSONAL = ["Beispiel GmbH", "Alsterufer", "Hamburg", "rechnung@example.com", "Erika Beispiel", "+49 40 1234"]
PERSONAL += ["DE136695976", "mobility", "Kaistra"]


def create(system: System) -> UUID:
    return UUID(system.create_customer(examples.beispiel_gmbh())["customerId"])


def edit(system: System, customer_id: UUID, **changes: str) -> None:
    system.customer.edit_customer(customer_id, EditCustomer.model_validate(changes), examples.asked())


def erase(system: System, customer_id: UUID) -> None:
    system.customer.erase_customer(customer_id, examples.asked())


def keys(database: Database) -> dict[tuple[str, str], bytes]:
    with connect(database.owner_url) as conn:
        rows = conn.execute("SELECT subject, purpose, wrapped FROM vault.keys").fetchall()
    return {(str(row["subject"]), row["purpose"]): bytes(row["wrapped"]) for row in rows}


def stored(database: Database) -> str:
    """Everything in both logs and in billing's read model, as text."""
    with connect(database.owner_url) as conn:
        states = conn.execute(
            "SELECT state FROM customer.events UNION ALL SELECT state FROM billing.events"
        ).fetchall()
        tables = [
            row["text"]
            for table in ("customer.commands", "customer.idents", "billing.customers", "billing.billables")
            for row in conn.execute(f"SELECT t::text AS text FROM {table} t")
        ]
    return "\n".join([bytes(row["state"]).decode() for row in states] + tables)


def store_in_the_clear(database: Database, customer_id: UUID) -> None:
    """A customer as version 1 stored it."""
    created = {
        "customerId": str(customer_id),
        "debtorIdent": "D-old",
        "accountNumber": "7",
        "customerType": "B2B",
        "language": "de",
        "email": "old@example.com",
        "addresses": [
            {
                "addressId": str(uuid4()),
                "addressType": "INVOICE",
                "default": True,
                "company": "Old GmbH",
                "country": "DE",
            }
        ],
    }
    event = {"originatorTopic": "customer.Customer"} | created
    with connect(database.owner_url) as conn:
        conn.execute(
            "INSERT INTO customer.events VALUES (1, %s, 1, 'customer.CustomerCreated', 1, %s, now(), 'old', %s, %s)",
            [customer_id, msgspec.json.encode(event), uuid4(), uuid4()],
        )
        conn.execute("UPDATE customer.log_head SET position = 1")


# -- events -------------------------------------------------------------------------------------


def test_nothing_personal_is_stored_in_plain_text(system: System, database: Database) -> None:
    customer_id = create(system)
    edit(system, customer_id, contactPerson="Otto Geheim")
    system.define_seller(
        seller=msgspec.structs.replace(examples.SELLER, street="Seller street", vat_id="DE811569869")
    )
    system.sign_contract(examples.contract())
    assert len(system.bill("2026-02-28").documents) == 1
    text = (
        stored(database)
        .replace("Nordlicht", "")
        .replace('"city":"Hamburg","country":"DE","vatId":"DE811569869"', "")
    )
    assert [value for value in [*PERSONAL, "Otto"] if value in text] == []


def test_aggregates_work_with_plain_values(system: System) -> None:
    customer = system.customer.customer(create(system))
    assert customer.invoice_address_1.company == "Beispiel GmbH"
    assert customer.profile["email"] == "rechnung@example.com"


def test_feeds_hand_out_what_is_stored(system: System) -> None:
    create(system)
    [created] = system.customer_events()
    assert isinstance(created.body, CustomerCreated)
    assert str(created.body.email).startswith(PREFIX)
    [plain] = opened([(created.body.customer_id, created.body)], system.vault)
    assert plain.email == "rechnung@example.com"


def test_a_customer_has_one_key_however_often_it_changes(system: System, database: Database) -> None:
    customer_id = create(system)
    made = keys(database)
    edit(system, customer_id, email="neu@example.com")
    assert keys(database) == made
    assert list(made) == [(str(customer_id), "customer")]


def test_a_refused_command_leaves_no_key(system: System, database: Database) -> None:
    create(system)
    with pytest.raises(DebtorIdentTaken):
        create(system)
    assert len(keys(database)) == 1


def test_an_edit_to_the_same_value_is_no_change(system: System) -> None:
    customer_id = create(system)
    edit(system, customer_id, email="rechnung@example.com")
    assert len(system.customer_events()) == 1


# -- erasure ------------------------------------------------------------------------------------


def test_erasing_destroys_the_key_and_nothing_opens_it_again(system: System, database: Database) -> None:
    customer_id = create(system)
    erase(system, customer_id)
    assert keys(database) == {}
    customer = system.customer.customer(customer_id)
    assert customer.invoice_address_1.company == ERASED
    [created, _] = system.customer_events()
    [plain] = opened([(customer_id, created.body)], system.vault)
    assert (plain.email, plain.debtor_ident) == (ERASED, "D-4711")


def test_nothing_personal_can_be_stored_for_an_erased_customer(system: System) -> None:
    customer_id = create(system)
    erase(system, customer_id)
    with pytest.raises(KeyDestroyed):
        system.vault.of([customer_id], Purpose.CUSTOMER)


def test_documents_stay_readable_when_their_customer_is_erased(system: System, database: Database) -> None:
    customer_id = create(system)
    system.define_seller()
    system.record_order(examples.order())
    [document] = system.bill("2026-02-28").documents
    assert document.buyer.name == "Beispiel GmbH"
    erase(system, customer_id)
    assert system.billing.document(document.document_id) == document
    assert list(keys(database)) == [(str(customer_id), "documents")]


def test_the_service_may_not_change_a_key(system: System, database: Database) -> None:
    create(system)
    with connect(database.service_url) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("UPDATE vault.keys SET wrapped = ''")


def test_a_key_that_was_altered_or_swapped_is_noticed(system: System, database: Database) -> None:
    first = create(system)
    second = UUID(system.create_customer(examples.erika())["customerId"])
    with connect(database.owner_url) as conn:
        conn.execute(
            "UPDATE vault.keys k SET wrapped = other.wrapped FROM vault.keys other"
            " WHERE k.subject = %s AND other.subject = %s",
            [first, second],
        )
    with pytest.raises(Tampered):
        system.customer.customer(first)


def test_an_altered_key_fails_its_own_customer_and_nobody_else_in_a_run(
    system: System, database: Database
) -> None:
    system.define_seller()
    for ident in ("D-1", "D-2"):
        system.create_customer(examples.beispiel_gmbh(debtorIdent=ident))
        system.record_order(examples.order(debtorIdent=ident, orderIdent=f"O-{ident}"))
    altered = system.customer.owner_of("debtor", "D-1")
    with connect(database.owner_url) as conn:
        conn.execute("UPDATE vault.keys SET wrapped = wrapped || 'x'::bytea WHERE subject = %s", [altered])
    assert system.bill("2026-02-28").outcomes == {"D-1": "FAILED", "D-2": "DOCUMENTS_CREATED"}


# -- older and newer versions -------------------------------------------------------------------


def test_events_of_version_1_are_read_and_sealed_from_then_on(system: System, database: Database) -> None:
    customer_id = uuid4()
    store_in_the_clear(database, customer_id)
    assert system.customer.customer(customer_id).profile["email"] == "old@example.com"
    edit(system, customer_id, email="neu@example.com")
    assert system.customer.customer(customer_id).profile["email"] == "neu@example.com"
    assert "neu@example.com" not in stored(database)
    assert list(keys(database)) == [(str(customer_id), "customer")]


def test_of_concurrent_first_keys_only_one_is_made(system: System, database: Database) -> None:
    customer_id = uuid4()
    store_in_the_clear(database, customer_id)
    numbers = [f"+49 40 {n}" for n in range(12)]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda number: edit(system, customer_id, phone=number), numbers))
    assert len(keys(database)) == 1
    assert system.customer.customer(customer_id).profile["phone"] in numbers


def test_what_version_1_stored_in_the_clear_cannot_be_erased(system: System, database: Database) -> None:
    customer_id = uuid4()
    store_in_the_clear(database, customer_id)
    edit(system, customer_id, email="neu@example.com")
    with pytest.raises(StoredInTheClear):
        erase(system, customer_id)
    assert len(keys(database)) == 1


def test_a_version_from_the_future_stops_the_reader() -> None:
    with pytest.raises(FromTheFuture, match="update Kontor"):
        messages.from_stored(CustomerCreated.TOPIC, CustomerCreated.VERSION + 1, b"{}")


# -- the master key -----------------------------------------------------------------------------


def opened_with(settings: Settings, database: Database) -> MasterKey:
    with open_pool(database.service_url, schema="vault", size=2, name="test master key") as pool:
        return open_master_key(settings, pool)


def test_the_master_key_is_made_once_and_only_its_owner_can_read_it(
    tmp_path: Path, database: Database
) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    key = opened_with(settings, database)
    file = tmp_path / "data" / "master.key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert opened_with(settings, database) == key
    assert [path.name for path in file.parent.iterdir()] == ["master.key"]


def test_a_master_key_can_be_given(tmp_path: Path, database: Database) -> None:
    secret = bytes(range(KEY_BYTES))
    settings = Settings(data_dir=tmp_path, master_key=b64encode(secret).decode())
    assert opened_with(settings, database) == MasterKey(secret)
    assert not (tmp_path / "master.key").exists()


def test_another_master_key_is_refused(tmp_path: Path, database: Database) -> None:
    opened_with(Settings(data_dir=tmp_path), database)
    other = Settings(data_dir=tmp_path, master_key=b64encode(bytes(KEY_BYTES)).decode())
    with pytest.raises(MasterKeyError, match="KONTOR_MASTER_KEY is not the one"):
        opened_with(other, database)


def test_a_missing_master_key_is_not_replaced(tmp_path: Path, database: Database) -> None:
    opened_with(Settings(data_dir=tmp_path), database)
    (tmp_path / "master.key").unlink()
    with pytest.raises(MasterKeyError, match="put its file back"):
        opened_with(Settings(data_dir=tmp_path), database)
    assert not (tmp_path / "master.key").exists()


def test_a_damaged_master_key_file_is_named(tmp_path: Path, database: Database) -> None:
    (tmp_path / "master.key").write_text("short")
    with pytest.raises(MasterKeyError, match=r"master\.key holds no master key"):
        opened_with(Settings(data_dir=tmp_path), database)


def test_processes_that_start_at_the_same_time_make_one_master_key(
    tmp_path: Path, database: Database
) -> None:
    settings = Settings(data_dir=tmp_path)
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: opened_with(settings, database), range(8)))
    assert len({key.secret for key in made}) == 1


def test_a_master_key_that_is_none_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KONTOR_MASTER_KEY", "c2VjcmV0")
    with pytest.raises(
        SettingsError, match="KONTOR_MASTER_KEY is '••••••', but must be the base64 of 32"
    ) as refused:
        Settings.load()
    assert "c2VjcmV0" not in str(refused.value)


def test_another_master_key_opens_no_key(system: System, database: Database) -> None:
    customer_id = create(system)
    with open_pool(database.service_url, schema="vault", size=2, name="test other key") as pool:
        other = KeyStore(pool, MasterKey(b"x" * KEY_BYTES))
        with pytest.raises(Tampered):
            other.of([customer_id], Purpose.CUSTOMER)
