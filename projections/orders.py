"""Orders with their lines and the documents that billed them."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from msgspec import to_builtins
from psycopg import Connection
from psycopg.rows import DictRow
from typing_extensions import TypedDict

from projections.as_json import full
from projections.paging import Filters, Page, newest_first, one
from projections.projection import Projection, Row, Rows, Table
from services.messages import DocumentIssued, DocumentType, Envelope, OrderRecorded

ORDERS = Table("orders", ("order_id",))
# Written from documents only, so that it makes no difference which of the two services is heard first.
ORDER_DOCUMENTS = Table("order_documents", ("order_id", "document_id"), append_only=True)

PROJECTION = Projection("orders", 1, ORDERS, ORDER_DOCUMENTS)

Json = dict[str, Any]


@PROJECTION.on(OrderRecorded, loads={ORDERS: lambda message: (message.order_id,)})
def recorded(rows: Rows, message: OrderRecorded, envelope: Envelope) -> None:
    row = {
        "order_id": message.order_id,
        "customer_id": message.customer_id,
        "order_ident": message.order_ident,
        "terms": full(message),
        "version": envelope.version,
        "position": envelope.position,
        "created_at": envelope.occurred_at,
    }
    rows.put(ORDERS, row)


@PROJECTION.on(DocumentIssued)
def billed(rows: Rows, message: DocumentIssued, envelope: Envelope) -> None:
    for order_id in _billed_orders(message):
        row = {
            "order_id": order_id,
            "document_id": message.document_id,
            "number": message.number,
            "position": envelope.position,
        }
        rows.append(ORDER_DOCUMENTS, row)


def _billed_orders(message: DocumentIssued) -> Iterable[UUID]:
    if message.type is DocumentType.CREDIT_NOTE:
        return ()
    return dict.fromkeys(line.origin.id for line in message.lines if line.origin.type == "ORDER")


class DocumentName(TypedDict):
    documentId: str
    number: str


class OrderItem(TypedDict):
    """An order: `status` is BILLED once a document bills it, OPEN before."""

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
    status: str
    documents: list[DocumentName]
    version: int
    createdAt: str


_ORDERS = newest_first(
    "r.*, o.debtor_ident, ("
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
        status="BILLED" if documents else "OPEN",
        documents=documents,
        version=row["version"],
        createdAt=to_builtins(row["created_at"]),
    )
