"""Issued documents, whole and as a list, and what of them is paid."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any, LiteralString, cast
from uuid import UUID

from msgspec import structs
from psycopg import Connection
from psycopg.rows import DictRow
from typing_extensions import TypedDict

from projections.deliveries import Delivery, delivery_of
from projections.paging import Filters, Listing, Page
from projections.payments import PaymentItem, payments_of
from projections.projection import Projection, Row, Rows, Table
from services.as_json import full
from services.masking import masked
from services.messages import (
    DocumentIssued,
    DocumentRendered,
    DocumentType,
    Envelope,
    PaymentRecorded,
    RefundRecorded,
)
from services.money import ZERO, rounded
from services.personal_data import Vault, opened_json
from services.settlement import PaymentStatus, Settlement, credit_in
from services.values import DocumentFile

DOCUMENTS = Table("documents", ("document_id",), append_only=True)
# Apart from the documents, which never change and are long.
SETTLEMENTS = Table("document_settlements", ("document_id",))

FILES = Table("document_files", ("document_id",), append_only=True)

PROJECTION = Projection("documents", 4, DOCUMENTS, SETTLEMENTS, FILES)

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
    "precedingDocument",
    "totals",
)


def _settled(message: DocumentIssued | PaymentRecorded | RefundRecorded) -> Iterable[UUID]:
    """The documents whose settlement it changes."""
    credit = credit_in(message) if isinstance(message, DocumentIssued) else None
    return (message.document_id, *([credit[0]] if credit else ()))


@PROJECTION.on(DocumentIssued, loads={SETTLEMENTS: _settled})
def issued(rows: Rows, message: DocumentIssued, envelope: Envelope) -> None:
    document: Json = full(message)
    document["totals"] |= _amounts_to_pay(message)
    row = {
        "document_id": message.document_id,
        "number": message.number,
        "customer_id": message.customer_id,
        "billing_run_id": message.billing_run_id,
        "preceding_document_id": message.preceding_document and message.preceding_document.document_id,
        "due_date": message.due_date,
        # The name is sealed as the buyer's: it is opened where it stands.
        "summary": {name: document[name] for name in _IN_LIST} | {"buyer": {"name": message.buyer.name}},
        "document": document,
        "position": envelope.position,
    }
    rows.append(DOCUMENTS, row)
    settlement = Settlement.of(message.type, message.totals, message.preceding_document)
    new: Row = {
        "document_id": message.document_id,
        "customer_id": message.customer_id,
        "currency": message.currency,
        "due_date": message.due_date,
    }
    rows.put(SETTLEMENTS, new | _columns(settlement))
    if credit := credit_in(message):
        invoice_id, amount = credit
        credited = rows.change(SETTLEMENTS, invoice_id)
        credited |= _columns(_settlement(credited).after_credit(amount))


@PROJECTION.on(DocumentRendered)
def rendered(rows: Rows, message: DocumentRendered, _: Envelope) -> None:
    rows.append(FILES, {"document_id": message.document_id, "files": full(message.files)})


@PROJECTION.on(PaymentRecorded, RefundRecorded, loads={SETTLEMENTS: _settled})
def paid(rows: Rows, message: PaymentRecorded | RefundRecorded, _: Envelope) -> None:
    row = rows.change(SETTLEMENTS, message.document_id)
    row |= _columns(_settlement(row).after(message))


def _amounts_to_pay(issued: DocumentIssued) -> Json:
    """What leads from the gross total to what is to be paid, with the decimals of the currency."""
    totals = issued.totals
    amounts = {"prepaid": totals.prepaid, "rounding": totals.rounding, "due": totals.due}
    return {name: _text(amount, issued.currency) for name, amount in amounts.items()}


def _settlement(row: Row) -> Settlement:
    return Settlement(**{name: row[name] for name in Settlement.__struct_fields__})


def _columns(settlement: Settlement) -> Row:
    return structs.asdict(settlement) | {"open": settlement.open, "status": settlement.status.value}


class Totals(TypedDict):
    lines: str
    allowances: str
    charges: str
    net: str
    tax: str
    gross: str
    prepaid: str
    rounding: str
    due: str
    open: str


class Hashes(TypedDict):
    """SHA-256 of a document's files in hexadecimal, null until they are rendered; `xml` in the customer's format."""

    xml: str | None
    pdf: str | None


class DocumentName(TypedDict):
    """An issued document as another one names it."""

    documentId: str
    number: str
    issueDate: str


class DocumentItem(TypedDict):
    """A document without its lines; `paymentStatus` as of today. A negative `totals.open` is to the customer's credit.

    A credit note that names an invoice is settled by it: its own open amount is 0, its status CREDITED.
    """

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
    billingRunId: str | None
    precedingDocument: DocumentName | None
    totals: Totals
    paymentStatus: str


class Credit(TypedDict):
    """A credit note about an invoice; `amount` is what it takes off the invoice's open amount."""

    documentId: str
    number: str
    issueDate: str
    amount: str


class Settled(TypedDict):
    """What became of the amount: gross = open + paid − refunded + credited (of a credit note, −gross)."""

    paid: str
    refunded: str
    credited: str


class Balance(TypedDict):
    """What a customer owes in a currency: `amount` = `open` − `credit`; `overdue` is part of what is open."""

    currency: str
    amount: str
    open: str
    overdue: str
    credit: str


class Document(DocumentItem):
    """A whole document as issued, the payments recorded for it and the credit notes about it, oldest first.

    `precedingDocument` is the one that it corrects, `reason` why.
    """

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
    paymentMeans: Json | None
    deliverTo: Json | None
    eInvoice: str
    delivery: Delivery
    sha256: Hashes
    templateVersion: int
    seenPosition: int | None
    reason: str | None
    settled: Settled
    payments: list[PaymentItem]
    credits: list[Credit]


_OVERDUE: LiteralString = "(s.open > 0 AND s.due_date < %(today)s)"
_WITH_SETTLEMENTS: LiteralString = "documents d JOIN document_settlements s USING (document_id)"


def documents(
    conn: Connection[DictRow],
    today: date,
    vault: Vault,
    *,
    customer_id: UUID | None = None,
    billing_run_id: UUID | None = None,
    number: str | None = None,
    payment_status: str | None = None,
    overdue: bool | None = None,
    issued_from: date | None = None,
    issued_until: date | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[DocumentItem]:
    """Documents, newest first; `payment_status` and `overdue` as of `today`."""
    filters = Filters()
    filters.add("d.customer_id = %(customer_id)s", customer_id=customer_id)
    filters.add("d.billing_run_id = %(billing_run_id)s", billing_run_id=billing_run_id)
    filters.add("d.number = %(number)s", number=number)
    filters.add("d.summary->>'issueDate' >= %(issued_from)s", issued_from=_day(issued_from))
    filters.add("d.summary->>'issueDate' <= %(issued_until)s", issued_until=_day(issued_until))
    _add_settlement(filters, payment_status, overdue, today)
    listing = _listing(with_settlements=payment_status is not None or overdue is not None)
    page = listing.page(conn, filters, limit, cursor, lambda row: row)
    opened = opened_json([(row["customer_id"], row["summary"]) for row in page["items"]], vault)
    items = [_listed(summary, row, today) for row, summary in zip(page["items"], opened, strict=True)]
    return Page(items=items, total=page["total"], cursor=page["cursor"])


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _listing(*, with_settlements: bool) -> Listing:
    """The list; the total needs settlements only where it is filtered by them."""
    return Listing(
        "d.summary, s.*",
        _WITH_SETTLEMENTS,
        ("d.position",),
        counted=_WITH_SETTLEMENTS if with_settlements else "documents d",
    )


def _add_settlement(filters: Filters, status: str | None, overdue: bool | None, today: date) -> None:
    if status is not None:
        is_overdue = status == PaymentStatus.OVERDUE
        filters.add(_OVERDUE if is_overdue else "s.status = %(status)s AND NOT " + _OVERDUE)
        filters.values |= {"status": status, "today": today}
    if overdue is not None:
        filters.add(_OVERDUE if overdue else "NOT " + _OVERDUE, today=today)


def document(
    conn: Connection[DictRow], document_id: UUID, today: date, vault: Vault, *, mail_configured: bool
) -> Document | None:
    """The whole document as issued, with what became of it."""
    row = conn.execute(
        "SELECT d.document, f.files, s.* FROM documents d JOIN document_settlements s USING (document_id)"
        " LEFT JOIN document_files f USING (document_id) WHERE document_id = %s",
        [document_id],
    ).fetchone()
    if row is None:
        return None
    [document] = opened_json([(row["customer_id"], row["document"])], vault)
    found = {
        "buyerName": document["buyer"]["name"],
        "paymentMeans": _masked(document["paymentMeans"]),
        "sha256": _hashes(row["files"] or ()),
        "delivery": delivery_of(conn, document, vault, mail_configured=mail_configured),
        "settled": {name: _amount(row, name) for name in ("paid", "refunded", "credited")},
        "payments": payments_of(conn, document_id, vault),
        "credits": _credits(conn, document_id),
    }
    return cast(Document, _as_of(document | found, row, today))


def _masked(payment_means: Json | None) -> Json | None:
    return payment_means and {name: masked(name, value) for name, value in payment_means.items()}


def _hashes(files: Iterable[Json]) -> Hashes:
    by_file = {file["file"]: file["sha256"] for file in files}
    usual_xml = by_file.get(DocumentFile.XRECHNUNG, by_file.get(DocumentFile.ZUGFERD))
    return Hashes(xml=usual_xml, pdf=by_file.get(DocumentFile.PDF))


def balances(conn: Connection[DictRow], customer_id: UUID, today: date) -> list[Balance]:
    """What a customer owes in each currency in which something is open or to its credit."""
    rows = conn.execute(
        "SELECT currency, sum(open) AS amount, sum(open) FILTER (WHERE open > 0) AS open,"
        " sum(open) FILTER (WHERE open > 0 AND due_date < %s) AS overdue, sum(open) FILTER (WHERE open < 0) AS credit"
        " FROM document_settlements WHERE customer_id = %s AND open <> 0 GROUP BY currency ORDER BY currency",
        [today, customer_id],
    )
    return [
        Balance(
            currency=row["currency"],
            amount=_amount(row, "amount"),
            open=_amount(row, "open"),
            overdue=_amount(row, "overdue"),
            credit=_text(-(row["credit"] or ZERO), row["currency"]),
        )
        for row in rows
    ]


def _credits(conn: Connection[DictRow], invoice_id: UUID) -> list[Credit]:
    rows = conn.execute(
        "SELECT summary FROM documents WHERE preceding_document_id = %s ORDER BY position", [invoice_id]
    )
    return [
        Credit(
            documentId=summary["documentId"],
            number=summary["number"],
            issueDate=summary["issueDate"],
            amount=summary["totals"]["due"],
        )
        for summary in (row["summary"] for row in rows)
        if summary["type"] == DocumentType.CREDIT_NOTE
    ]


def _listed(summary: Json, row: Row, today: date) -> DocumentItem:
    buyer = summary.pop("buyer")
    return cast(DocumentItem, _as_of(summary | {"buyerName": buyer["name"]}, row, today))


def _as_of(issued: Json, row: Row, today: date) -> Json:
    """What was issued, and its state on a day."""
    return issued | {
        "status": "ISSUED",
        "totals": issued["totals"] | {"open": _amount(row, "open")},
        "paymentStatus": _settlement(row).status_on(today, row["due_date"]),
    }


def _amount(row: Row, column: str) -> str:
    return _text(row[column] or ZERO, row["currency"])


def _text(amount: Decimal, currency: str) -> str:
    """An amount with the decimals of its currency."""
    return f"{rounded(amount, currency):f}"
