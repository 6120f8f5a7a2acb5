"""The table of credit notes by the invoice that they are about."""

from collections.abc import Sequence
from uuid import UUID

from services.billing.transaction import Cursor


def record(cursor: Cursor, invoice_id: UUID, document_ids: Sequence[UUID]) -> None:
    """Take in newly issued credit notes about an invoice."""
    cursor.execute(
        "INSERT INTO credit_notes (document_id, invoice_id) SELECT id, %s FROM unnest(%s::uuid[]) AS id",
        [invoice_id, list(document_ids)],
    )


def about(cursor: Cursor, invoice_id: UUID) -> list[UUID]:
    """Ids of the credit notes about an invoice."""
    cursor.execute("SELECT document_id FROM credit_notes WHERE invoice_id = %s", [invoice_id])
    return [row["document_id"] for row in cursor]
