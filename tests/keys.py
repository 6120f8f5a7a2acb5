"""The vault in memory, for tests of aggregates alone; it erases as the real one does."""

import os
from collections.abc import Collection, Mapping
from uuid import UUID, uuid4

from services.personal_data import KEY_BYTES, Key, NewKey, Purpose


class KeysInMemory:
    """A keyring that is gone with the test."""

    def __init__(self) -> None:
        self._keys: dict[UUID, Key | None] = {}
        self._of: dict[tuple[UUID, Purpose], UUID] = {}

    def keys(self, key_ids: Collection[UUID]) -> Mapping[UUID, Key | None]:
        return {key_id: self._keys[key_id] for key_id in key_ids if key_id in self._keys}

    def of(self, subjects: Collection[UUID], purpose: Purpose) -> Mapping[UUID, Key]:
        found = {s: self._keys[self._of[s, purpose]] for s in subjects if (s, purpose) in self._of}
        return {subject: key for subject, key in found.items() if key}

    def new(self, subject: UUID, purpose: Purpose) -> NewKey:
        key = Key(uuid4(), os.urandom(KEY_BYTES))
        self._keys[key.key_id] = key
        self._of[subject, purpose] = key.key_id
        return NewKey(key, subject, purpose, b"")

    def destroy(self, subject: UUID) -> None:
        self._keys[self._of[subject, Purpose.CUSTOMER]] = None
