"""The master key: from the settings, or from a file in the data directory that is made when the vault is empty."""

import os
import tempfile
from base64 import b64encode
from contextlib import suppress
from pathlib import Path

from infra.eventstore.personal_data import MasterKey
from infra.postgres.pool import Pool, read
from infra.settings import MASTER_KEY_BYTES, Settings, as_master_key

FILE = "master.key"
VARIABLE = "KONTOR_MASTER_KEY"


class MasterKeyError(Exception):
    """The master key is missing, or is not the one that this database's personal data were encrypted with."""


def where(settings: Settings) -> str:
    """Where the master key comes from, for people."""
    return VARIABLE if settings.master_key else str(_file(settings))


def open_master_key(settings: Settings, vault: Pool) -> MasterKey:
    """The master key of the database; made when it has none yet. Raises MasterKeyError."""
    known = _fingerprint(vault)
    key = _given(settings) or _from_file(_file(settings))
    if key is None:
        if known:
            raise MasterKeyError(
                "the personal data in this database were encrypted with a master key that is not here; "
                f"set {VARIABLE} to it, or put its file back to {_file(settings)}"
            )
        key = _made(_file(settings))
    if (known or _remembered(vault, key)) != key.fingerprint:
        raise MasterKeyError(
            f"the master key in {where(settings)} is not the one that the personal data in this database were "
            f"encrypted with; set {VARIABLE} to that one, or put its file back to {_file(settings)}"
        )
    return key


def _file(settings: Settings) -> Path:
    return settings.data_dir / FILE


def _given(settings: Settings) -> MasterKey | None:
    return MasterKey(as_master_key(settings.master_key)) if settings.master_key else None


def _from_file(path: Path) -> MasterKey | None:
    try:
        return MasterKey(as_master_key(path.read_text("ascii")))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise MasterKeyError(f"the master key in {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise MasterKeyError(f"{path} holds no master key, which is the base64 of 32 bytes") from error


def _made(path: Path) -> MasterKey:
    """A new master key in a file that only its owner can read; the one that another process was faster to make."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(prefix=f"{FILE}.", dir=path.parent)  # of mode 0600
        with open(descriptor, "wb") as file:
            file.write(b64encode(os.urandom(MASTER_KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
        os.unlink(draft)
        _flush(path.parent)
    except OSError as error:
        raise MasterKeyError(f"{path} cannot be made: {error.strerror}; set {VARIABLE}") from error
    made = _from_file(path)
    assert made is not None
    return made


def _flush(directory: Path) -> None:
    """Let the names in a directory survive a power failure."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fingerprint(vault: Pool) -> bytes | None:
    rows = read(vault, "SELECT fingerprint FROM vault.master", [])
    return bytes(rows[0]["fingerprint"]) if rows else None


def _remembered(vault: Pool, key: MasterKey) -> bytes | None:
    """Make this key the database's, unless another process was faster; the fingerprint of the one that it is now."""
    with vault.connection() as connection:
        connection.execute(
            "INSERT INTO vault.master (fingerprint) VALUES (%s) ON CONFLICT DO NOTHING", [key.fingerprint]
        )
    return _fingerprint(vault)
