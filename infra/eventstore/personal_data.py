"""The vault: one key per customer and purpose, each wrapped by the master key, gone for good when it is destroyed.

A key is stored in the transaction of the first event that it seals, and destroyed in that of the erasure. What
stays of a destroyed key is that there was one: whatever names it reads as erased. Keys are never cached: a
destroyed one stops opening with the next look-up.
"""

import hmac
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid5

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import Cursor
from psycopg.rows import DictRow

from infra.postgres.pool import Pool, read
from services.personal_data import KEY_BYTES, Key, KeyDestroyed, NewKey, Purpose, Tampered

_NONCE_BYTES = 12

_KEY_IDS = UUID("9d1f3f6e-5a0b-4b6e-9f0e-6b1a3c3f2d55")
"""Name space of the keys' ids."""

KEYS_AND_REMAINS = """
SELECT key_id, subject, purpose, wrapped FROM vault.keys WHERE key_id = ANY(%(ids)s)
UNION ALL SELECT key_id, subject, purpose, NULL FROM vault.destroyed_keys WHERE key_id = ANY(%(ids)s)
"""
DESTROY = """
WITH destroyed AS (DELETE FROM vault.keys WHERE key_id = %(key_id)s RETURNING key_id, subject, purpose, tableoid)
INSERT INTO vault.destroyed_keys (key_id, subject, purpose, stored_in, position, destroyed_at)
SELECT key_id, subject, purpose, tableoid, %(position)s, %(at)s FROM destroyed
"""


def key_id_of(subject: UUID, purpose: Purpose) -> UUID:
    """The id of a customer's key for a purpose; there is never a second one."""
    return uuid5(_KEY_IDS, f"{purpose} {subject}")


@dataclass(frozen=True, slots=True)
class MasterKey:
    """The key that wraps all others: 256 random bits that are kept outside of the database."""

    secret: bytes = field(repr=False)

    @property
    def fingerprint(self) -> bytes:
        """By which the key is known without giving it away."""
        return hmac.digest(self.secret, b"kontor master key fingerprint 1", "sha256")

    def wrap(self, key: Key, subject: UUID, purpose: Purpose) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        bound = _bound(key.key_id, subject, purpose)
        return nonce + AESGCM(self.secret).encrypt(nonce, key.secret, bound)

    def unwrap(self, wrapped: bytes, key_id: UUID, subject: UUID, purpose: Purpose) -> Key:
        """Raises Tampered for a row that was altered."""
        nonce, rest = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
        try:
            secret = AESGCM(self.secret).decrypt(nonce, rest, _bound(key_id, subject, purpose))
        except InvalidTag:
            raise Tampered(f"the key {key_id} of {subject} is not what was stored") from None
        return Key(key_id, secret)


def _bound(key_id: UUID, subject: UUID, purpose: Purpose) -> bytes:
    return key_id.bytes + subject.bytes + purpose.encode()


class KeyStore:
    """The keyring of the services and the vault of whoever reads, on the tables of the schema `vault`."""

    def __init__(self, pool: Pool, master: MasterKey) -> None:
        self._pool = pool
        self._master = master

    def keys(self, key_ids: Collection[UUID]) -> Mapping[UUID, Key | None]:
        rows = read(self._pool, KEYS_AND_REMAINS, {"ids": list(key_ids)})
        return {row["key_id"]: self._unwrapped(row) if row["wrapped"] else None for row in rows}

    def of(self, subjects: Collection[UUID], purpose: Purpose) -> Mapping[UUID, Key]:
        rows = read(self._pool, KEYS_AND_REMAINS, {"ids": [key_id_of(s, purpose) for s in subjects]})
        for row in rows:
            if row["wrapped"] is None:
                raise KeyDestroyed(f"{row['subject']} was erased; nothing personal can be stored any more")
        return {row["subject"]: self._unwrapped(row) for row in rows}

    def new(self, subject: UUID, purpose: Purpose) -> NewKey:
        key = Key(key_id_of(subject, purpose), os.urandom(KEY_BYTES))
        return NewKey(key, subject, purpose, self._master.wrap(key, subject, purpose))

    def _unwrapped(self, row: DictRow) -> Key:
        return self._master.unwrap(row["wrapped"], row["key_id"], row["subject"], Purpose(row["purpose"]))


# -- in the transaction that appends, while the log's head is locked -------------------------------


def known(cursor: Cursor[DictRow], new_keys: Sequence[NewKey]) -> set[UUID]:
    """The ids of those keys that there are already, or were.

    All keys of one purpose are stored under the lock of one log, so that the answer stays true.
    """
    if not new_keys:
        return set()
    cursor.execute(KEYS_AND_REMAINS, {"ids": [new.key.key_id for new in new_keys]})
    return {row["key_id"] for row in cursor}


def store(cursor: Cursor[DictRow], new_keys: Sequence[NewKey]) -> None:
    if new_keys:
        cursor.execute(
            "INSERT INTO vault.keys (key_id, subject, purpose, wrapped)"
            " SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::bytea[])",
            [
                [new.key.key_id for new in new_keys],
                [new.subject for new in new_keys],
                [new.purpose.value for new in new_keys],
                [new.wrapped for new in new_keys],
            ],
        )


def destroy(cursor: Cursor[DictRow], customer_id: UUID, position: int, at: datetime) -> None:
    """Destroy the key of a customer's history; the erasure at `position` in the customer log says so."""
    key_id = key_id_of(customer_id, Purpose.CUSTOMER)
    cursor.execute(DESTROY, {"key_id": key_id, "position": position, "at": at})
