"""Numbered SQL files that bring a database to the shape that this version of Kontor needs."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from psycopg import Connection
from psycopg.rows import DictRow

from infra.postgres.pool import connect

# Only one process migrates at a time; the key is any number that nothing else locks.
_ADVISORY_LOCK = 0x6B6F6E746F72  # "kontor"

_FILE_NAME = re.compile(r"(?P<number>\d{4})_(?P<name>[a-z0-9_]+)\.sql")

_OWN_TABLE = """
CREATE SCHEMA IF NOT EXISTS kontor;
CREATE TABLE IF NOT EXISTS kontor.migrations (
    number     integer PRIMARY KEY,
    name       text NOT NULL,
    sha256     bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
"""


class MigrationError(Exception):
    """The database and this version of Kontor do not fit together."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file; applied once, in a transaction of its own, and never changed afterwards."""

    number: int
    name: str
    sql: bytes

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.sql).digest()

    def __str__(self) -> str:
        return f"{self.number:04}_{self.name}"


def migrate(owner_url: str) -> list[str]:
    """Apply what is missing, as the owner; the answer names what was applied, empty when all was there.

    Raises MigrationError when an applied file was changed since, or the database is newer than the code.
    """
    with connect(owner_url, name="kontor migrate") as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_ADVISORY_LOCK])
        connection.execute(_OWN_TABLE)
        missing = _missing(connection, migrations())
        for migration in missing:
            _apply(connection, migration)
        return [str(migration) for migration in missing]


def migrations() -> list[Migration]:
    """The migrations of this version, in order."""
    folder = resources.files("infra.postgres") / "migrations"
    found = [
        Migration(int(match["number"]), match["name"], file.read_bytes())
        for file in folder.iterdir()
        if (match := _FILE_NAME.fullmatch(file.name))
    ]
    return sorted(found, key=lambda migration: migration.number)


def _missing(connection: Connection[DictRow], known: Sequence[Migration]) -> list[Migration]:
    rows = connection.execute("SELECT number, name, sha256 FROM kontor.migrations ORDER BY number").fetchall()
    for row, migration in zip(rows, known, strict=False):
        _check(row, migration)
    if len(rows) > len(known):
        newest = rows[-1]
        raise MigrationError(
            f"the database was made by a newer version of Kontor (it has {newest['number']:04}_{newest['name']}, "
            f"this version ends with {known[-1]}); use that version"
        )
    return list(known[len(rows) :])


def _check(row: DictRow, migration: Migration) -> None:
    if row["number"] != migration.number:
        raise MigrationError(
            f"the database has {row['number']:04}_{row['name']} where this version has {migration}; "
            "migrations are applied in order, none is left out or put in between"
        )
    if bytes(row["sha256"]) != migration.sha256:
        raise MigrationError(
            f"{migration} was changed after it was applied; undo that and add a new migration"
        )


def _apply(connection: Connection[DictRow], migration: Migration) -> None:
    with connection.transaction():
        connection.execute(migration.sql)
        connection.execute(
            "INSERT INTO kontor.migrations (number, name, sha256) VALUES (%s, %s, %s)",
            [migration.number, migration.name, migration.sha256],
        )
