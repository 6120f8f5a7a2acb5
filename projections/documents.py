"""Issued documents, whole and as a list."""

from datetime import date
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from psycopg import Connection
from psycopg.rows import DictRow
from typing_extensions import TypedDict

from projections.as_json import full
from projections.paging import Filters, Page, newest_first
from projections.projection import Projection, Rows, Table
from services.messages import DocumentIssued, Envelope
from services.personal_data import Vault, opened_json

DOCUMENTS = Table("documents", ("document_id",), append_only=True)

PROJECTION = Projection("documents", 2, DOCUMENTS)

Json = dict[str, Any]

# What a list shows of a document: not the lines, nor the whole snapshots of seller and buyer.
_IN_LIST = (
    "documentId",
    "number",
    "type",
    "issueDate",
    "dueDate",
    "currency",
    "language",
    "customerId",
    "debtorIdent",
    "billingRunId",
    "totals",
)


@PROJECTION.on(DocumentIssued)
def issued(rows: Rows, message: DocumentIssued, envelope: Envelope) -> None:
    document: Json = full(message)
    row = {
        "document_id": message.document_id,
        "number": message.number,
        "customer_id": message.customer_id,
        "billing_run_id": message.billing_run_id,
        "due_date": message.due_date,
        # The name is sealed as the buyer's: it is opened where it stands.
        "summary": {name: document[name] for name in _IN_LIST} | {"buyer": {"name": message.buyer.name}},
        "document": document,
        "position": envelope.position,
    }
    rows.append(DOCUMENTS, row)


class Totals(TypedDict):
    lines: str
    allowances: str
    charges: str
    net: str
    tax: str
    gross: str
    open: str


class DocumentItem(TypedDict):
    """A document without its lines; `paymentStatus` as of today: OVERDUE after its due date, else OPEN."""

    documentId: str
    number: str
    type: str
    status: str
    issueDate: str
    dueDate: str
    currency: str
    language: str
    customerId: str
    debtorIdent: str
    buyerName: str
    billingRunId: str
    totals: Totals
    paymentStatus: str


class Document(DocumentItem):
    """A whole document as issued; `precedingDocument` is the one that it corrects."""

    billingEntityId: str
    seller: Json
    buyer: Json
    lines: list[Json]
    taxes: list[Json]
    allowances: list[Json]
    charges: list[Json]
    paymentTermDays: int
    purchaseOrder: str | None
    supplyDate: str | None
    templateVersion: int
    precedingDocument: str | None


_DOCUMENTS = newest_first("summary, due_date, customer_id", "documents", "position")


def documents(
    conn: Connection[DictRow],
    today: date,
    vault: Vault,
    *,
    customer_id: UUID | None = None,
    billing_run_id: UUID | None = None,
    number: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[DocumentItem]:
    """Documents, newest first."""
    filters = Filters()
    filters.add("customer_id = %(customer_id)s", customer_id=customer_id)
    filters.add("billing_run_id = %(billing_run_id)s", billing_run_id=billing_run_id)
    filters.add("number = %(number)s", number=number)
    page = _DOCUMENTS.page(conn, filters, limit, cursor, lambda row: row)
    opened = opened_json([(row["customer_id"], row["summary"]) for row in page["items"]], vault)
    items = [
        _listed(summary, row["due_date"], today) for row, summary in zip(page["items"], opened, strict=True)
    ]
    return Page(items=items, total=page["total"], cursor=page["cursor"])


def document(conn: Connection[DictRow], document_id: UUID, today: date, vault: Vault) -> Document | None:
    """The whole document as issued, with what became of it."""
    row = conn.execute(
        "SELECT document, due_date, customer_id FROM documents WHERE document_id = %s", [document_id]
    ).fetchone()
    if row is None:
        return None
    [document] = opened_json([(row["customer_id"], row["document"])], vault)
    issued = document | {"buyerName": document["buyer"]["name"], "precedingDocument": None}
    return cast(Document, _as_of(issued, row["due_date"], today))


def _listed(summary: Json, due_date: date, today: date) -> DocumentItem:
    buyer = summary.pop("buyer")
    return cast(DocumentItem, _as_of(summary | {"buyerName": buyer["name"]}, due_date, today))


def _as_of(issued: Json, due_date: date, today: date) -> Json:
    """What was issued, and its state on a day. Nothing is paid yet, so all of it is open."""
    totals = issued["totals"]
    overdue = due_date < today and Decimal(totals["gross"]) > 0
    return issued | {
        "status": "ISSUED",
        "totals": totals | {"open": totals["gross"]},
        "paymentStatus": "OVERDUE" if overdue else "OPEN",
    }
