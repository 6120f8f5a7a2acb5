"""Migrations: applied once, in order, never changed, never behind the database."""

from dataclasses import replace

import pytest
from psycopg import errors

from infra.postgres import migrate as module
from infra.postgres.migrate import Migration, MigrationError, migrate, migrations
from infra.postgres.pool import connect


@pytest.fixture
def with_migrations(monkeypatch):
    def use(*found: Migration) -> None:
        monkeypatch.setattr(module, "migrations", lambda: list(found))

    return use


def test_every_migration_is_applied_once(database):
    with connect(database.owner_url) as connection:
        applied = connection.execute("SELECT number, name FROM kontor.migrations ORDER BY number").fetchall()
    assert [(row["number"], row["name"]) for row in applied] == [(m.number, m.name) for m in migrations()]
    assert migrate(database.owner_url) == []


def test_the_files_are_numbered_without_gaps():
    assert [migration.number for migration in migrations()] == list(range(1, len(migrations()) + 1))


def test_a_new_migration_is_applied_and_recorded(database, with_migrations):
    new = Migration(len(migrations()) + 1, "cheese", b"CREATE TABLE billing.cheese (name text)")
    with_migrations(*migrations(), new)
    assert migrate(database.owner_url) == [str(new)]
    with connect(database.owner_url) as connection:
        assert connection.execute("SELECT * FROM billing.cheese").fetchall() == []


def test_a_migration_that_fails_leaves_nothing_behind(database, with_migrations):
    broken = Migration(len(migrations()) + 1, "broken", b"CREATE TABLE billing.half (name text); SELECT 1/0")
    with_migrations(*migrations(), broken)
    with pytest.raises(errors.DivisionByZero):
        migrate(database.owner_url)
    with connect(database.owner_url) as connection:
        assert connection.execute("SELECT to_regclass('billing.half') AS found").fetchone() == {"found": None}
        assert connection.execute("SELECT max(number) AS last FROM kontor.migrations").fetchone() == {
            "last": broken.number - 1
        }


def test_an_applied_migration_that_was_changed_is_refused(database, with_migrations):
    first, *others = migrations()
    with_migrations(replace(first, sql=first.sql + b"-- oops"), *others)
    with pytest.raises(MigrationError, match="0001_platform was changed after it was applied"):
        migrate(database.owner_url)


def test_a_migration_put_in_between_is_refused(database, with_migrations):
    first, second, *others = migrations()
    with_migrations(first, replace(second, number=99), *others)
    with pytest.raises(MigrationError, match="applied in order"):
        migrate(database.owner_url)


def test_a_database_of_a_newer_version_is_refused(database, with_migrations):
    with_migrations(*migrations()[:-1])
    with pytest.raises(MigrationError, match="newer version of Kontor"):
        migrate(database.owner_url)


def test_the_service_may_neither_migrate_nor_make_tables(database):
    with connect(database.service_url, schema="customer") as service:
        with pytest.raises(errors.InsufficientPrivilege):
            service.execute("CREATE TABLE mine (id int)")
        with pytest.raises(errors.InsufficientPrivilege):
            service.execute("DELETE FROM kontor.migrations")
