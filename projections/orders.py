"""Orders with their lines and the documents that billed them."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, LiteralString
from uuid import UUID

from msgspec import to_builtins
from psycopg import Connection
from psycopg.rows import DictRow
from typing_extensions import TypedDict

from projections.paging import Filters, Page, newest_first, one
from projections.projection import Projection, Row, Rows, Table
from services.as_json import full
from services.messages import DocumentIssued, Envelope, OrderCancelled, OrderRecorded

ORDERS = Table("orders", ("order_id",))
# Written from documents only, so that it makes no difference which of the two services is heard first.
ORDER_DOCUMENTS = Table("order_documents", ("order_id", "document_id"), append_only=True)

PROJECTION = Projection("orders", 4, ORDERS, ORDER_DOCUMENTS)

Json = dict[str, Any]


def _of_order(message: OrderRecorded | OrderCancelled) -> Iterable[UUID]:
    return (message.order_id,)


@PROJECTION.on(OrderRecorded, loads={ORDERS: _of_order})
def recorded(rows: Rows, message: OrderRecorded, envelope: Envelope) -> None:
    row = {
        "order_id": message.order_id,
        "customer_id": message.customer_id,
        "order_ident": message.order_ident,
        "terms": full(message),
        "version": envelope.version,
        "position": envelope.position,
        "created_at": envelope.occurred_at,
        "cancellation": None,
    }
    rows.put(ORDERS, row)


@PROJECTION.on(OrderCancelled, loads={ORDERS: _of_order})
def cancelled(rows: Rows, message: OrderCancelled, envelope: Envelope) -> None:
    row = rows.change(ORDERS, message.order_id)
    row["cancellation"] = {"reason": message.reason, "at": full(envelope.occurred_at)}
    row["version"] = envelope.version


@PROJECTION.on(DocumentIssued)
def billed(rows: Rows, message: DocumentIssued, envelope: Envelope) -> None:
    for order_id, lines in _billed_lines(message).items():
        row = {
            "order_id": order_id,
            "document_id": message.document_id,
            "number": message.number,
            "lines": lines,
            "position": envelope.position,
        }
        rows.append(ORDER_DOCUMENTS, row)


def _billed_lines(message: DocumentIssued) -> Counter[UUID]:
    """By order, how many of its lines the document bills; less than none where they are to be billed again."""
    found: Counter[UUID] = Counter()
    for line in message.lines:
        if line.origin.type == "ORDER":
            found[line.origin.id] += 1 if line.credits is None else -line.credits.bill_again
    return found


class DocumentName(TypedDict):
    documentId: str
    number: str


class OrderItem(TypedDict):
    """An order: `status` is BILLED once a document bills it, CANCELLED if it is not to be billed, OPEN before.

    It is OPEN again where a credit note lets all of it be billed again; `documents` are invoices and credit notes.
    Each of `lines` has a net `unitPrice` or a `grossUnitPrice`.
    """

    orderId: str
    orderIdent: str
    customerId: str
    debtorIdent: str | None
    orderDate: str
    billingTime: str
    currency: str
    lines: list[Json]
    allowances: list[Json]
    charges: list[Json]
    paymentTermDays: int | None
    purchaseOrder: str | None
    invoiceAddressId: str | None
    shippingAddressId: str | None
    billingEntity: str | None
    prepaidAmount: str
    status: str
    cancellation: Json | None
    documents: list[DocumentName]
    version: int
    createdAt: str


_LINES_BILLED: LiteralString = (
    "(SELECT coalesce(sum(lines), 0) FROM order_documents d WHERE d.order_id = r.order_id)"
)
_ORDERS = newest_first(
    f"r.*, o.debtor_ident, {_LINES_BILLED} AS lines_billed, ("  # noqa: S608 - no values
    " SELECT json_agg(json_build_object('documentId', document_id, 'number', number) ORDER BY d.position)"
    " FROM order_documents d WHERE d.order_id = r.order_id) AS documents",
    "orders r LEFT JOIN customer_overview o USING (customer_id)",
    "r.position",
)


def orders(
    conn: Connection[DictRow],
    *,
    customer_id: UUID | None = None,
    order_ident: str | None = None,
    order_id: UUID | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[OrderItem]:
    """Orders, newest first."""
    filters = Filters()
    filters.add("r.customer_id = %(customer_id)s", customer_id=customer_id)
    filters.add("r.order_ident = %(order_ident)s", order_ident=order_ident)
    filters.add("r.order_id = %(order_id)s", order_id=order_id)
    return _ORDERS.page(conn, filters, limit, cursor, _item)


def order(conn: Connection[DictRow], order_id: UUID) -> OrderItem | None:
    return one(orders(conn, order_id=order_id, limit=1)["items"])


def is_billed(conn: Connection[DictRow], order_id: UUID) -> bool:
    """Whether a document bills the order."""
    found = conn.execute(
        "SELECT FROM order_documents WHERE order_id = %s GROUP BY order_id HAVING sum(lines) > 0", [order_id]
    )
    return found.fetchone() is not None


def left_to_bill(conn: Connection[DictRow], customer_id: UUID) -> list[str]:
    """Idents of the customer's orders that are neither billed in full nor cancelled."""
    rows = conn.execute(
        "SELECT order_ident FROM orders r WHERE customer_id = %s AND cancellation IS NULL"  # noqa: S608 - no values
        f" AND {_LINES_BILLED} < json_array_length(terms -> 'lines') ORDER BY position",
        [customer_id],
    )
    return [row["order_ident"] for row in rows]


def _item(row: Row) -> OrderItem:
    terms, documents = row["terms"], row["documents"] or []
    return OrderItem(
        orderId=str(row["order_id"]),
        orderIdent=row["order_ident"],
        customerId=str(row["customer_id"]),
        debtorIdent=row["debtor_ident"],
        orderDate=terms["orderedOn"],
        billingTime=terms["billingTime"],
        currency=terms["currency"],
        lines=terms["lines"],
        allowances=terms["allowances"],
        charges=terms["charges"],
        paymentTermDays=terms["paymentTermDays"],
        purchaseOrder=terms["purchaseOrder"],
        invoiceAddressId=terms["invoiceAddressId"],
        shippingAddressId=terms["shippingAddressId"],
        billingEntity=terms.get("billingEntity"),
        prepaidAmount=terms["prepaidAmount"],
        status=_status(row),
        cancellation=row["cancellation"],
        documents=documents,
        version=row["version"],
        createdAt=to_builtins(row["created_at"]),
    )


def _status(row: Row) -> str:
    if row["lines_billed"] > 0:
        return "BILLED"
    return "CANCELLED" if row["cancellation"] else "OPEN"
