"""The table of documents' XML, as it is legally stored: compressed, then sealed under the customer's key for documents.

It is written with the event that records its hash and never changed: as long as the key is there it can be read.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.billing.transaction import Cursor
from services.errors import NotFound
from services.personal_data import Key, KeyMissing, Vault
from services.values import DocumentFile

_ID_BYTES = 16


class FileErased(NotFound):
    """The document's files were erased when its legal retention ended."""


@dataclass(frozen=True, slots=True)
class Xml:
    """One XML of a document, and whose document it is."""

    document_id: UUID
    customer_id: UUID
    file: DocumentFile
    content: bytes


def add(cursor: Cursor, files: Sequence[Xml], keys: Mapping[UUID, Key]) -> None:
    """Store newly made files under the keys of their customers."""
    if files:
        cursor.execute(
            "INSERT INTO document_files (document_id, file, content)"
            " SELECT * FROM unnest(%s::uuid[], %s::text[], %s::bytea[])",
            [
                [xml.document_id for xml in files],
                [xml.file.value for xml in files],
                [_sealed(xml, keys[xml.customer_id]) for xml in files],
            ],
        )


def find(
    cursor: Cursor, document_id: UUID, customer_id: UUID, file: DocumentFile, vault: Vault
) -> bytes | None:
    """The stored bytes of a file; None where it is not stored. Raises Tampered, KeyMissing, FileErased."""
    cursor.execute(
        "SELECT content FROM document_files WHERE document_id = %s AND file = %s", [document_id, file.value]
    )
    row = cursor.fetchone()
    if row is None:
        return None
    sealed = bytes(row["content"])
    key = _key_of(sealed, document_id, vault)
    return zlib.decompress(key.open_bytes(customer_id, _name(document_id, file), sealed))


def _sealed(xml: Xml, key: Key) -> bytes:
    return key.seal_bytes(xml.customer_id, _name(xml.document_id, xml.file), zlib.compress(xml.content, 9))


def _key_of(sealed: bytes, document_id: UUID, vault: Vault) -> Key:
    key_id = UUID(bytes=sealed[:_ID_BYTES])
    found = vault.keys([key_id])
    if key_id not in found:
        raise KeyMissing(f"the vault lacks the key of the files of {document_id}, which was not destroyed")
    key = found[key_id]
    if key is None:
        raise FileErased(f"The files of the document {document_id} were erased with its key.")
    return key


def _name(document_id: UUID, file: DocumentFile) -> str:
    """What the bytes are sealed for: they cannot stand for another document or file."""
    return f"files.{document_id}.{file}"
