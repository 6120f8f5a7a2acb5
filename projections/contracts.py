"""Contracts with their items and how far they are billed."""

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

from msgspec import to_builtins
from psycopg import Connection
from psycopg.rows import DictRow
from typing_extensions import TypedDict

from projections.as_json import full
from projections.paging import Filters, Page, newest_first, one
from projections.projection import Projection, Row, Rows, Table
from services.messages import ContractSigned, DocumentIssued, DocumentType, Envelope
from services.values import DocumentLine, ItemKind

CONTRACTS = Table("contracts", ("contract_id",))
# Written from documents only, so that it makes no difference which of the two services is heard first.
BILLED_ITEMS = Table("contract_items_billed", ("contract_id", "item_ident"))

PROJECTION = Projection("contracts", 1, CONTRACTS, BILLED_ITEMS)

Json = dict[str, Any]


@PROJECTION.on(ContractSigned, loads={CONTRACTS: lambda message: (message.contract_id,)})
def signed(rows: Rows, message: ContractSigned, envelope: Envelope) -> None:
    row = {
        "contract_id": message.contract_id,
        "customer_id": message.customer_id,
        "contract_ident": message.contract_ident,
        "starts_on": message.starts_on,
        "ends_on": message.ends_on,
        "terms": full(message),
        "version": envelope.version,
        "position": envelope.position,
        "created_at": envelope.occurred_at,
    }
    rows.put(CONTRACTS, row)


def _billed_intervals(message: DocumentIssued) -> list[DocumentLine]:
    if message.type is DocumentType.CREDIT_NOTE:
        return []
    return [line for line in message.lines if line.origin.type == "CONTRACT" and line.period]


def _billed_contracts(message: DocumentIssued) -> Iterable[UUID]:
    return {line.origin.id for line in _billed_intervals(message)}


@PROJECTION.on(DocumentIssued, loads={BILLED_ITEMS: _billed_contracts})
def billed(rows: Rows, message: DocumentIssued, _: Envelope) -> None:
    for line in _billed_intervals(message):
        assert line.period
        key = {"contract_id": line.origin.id, "item_ident": line.origin.item}
        row = rows.ensure(BILLED_ITEMS, key | {"billed_through": line.period.last})
        row["billed_through"] = max(row["billed_through"], line.period.last)


class ContractItem(TypedDict):
    """A contract as of today: `status` is PENDING before its first day, EXPIRED after its last, else ACTIVE.

    `billedThrough` is the day up to which all recurring items are billed, null while one of them never
    was; each of `items` says the same of itself.
    """

    contractId: str
    contractIdent: str
    customerId: str
    debtorIdent: str | None
    currency: str
    date: str
    startDate: str
    endDate: str | None
    billingStartDate: str | None
    alignment: str
    items: list[Json]
    paymentTermDays: int | None
    purchaseOrder: str | None
    invoiceAddressId: str | None
    shippingAddressId: str | None
    status: str
    billedThrough: str | None
    version: int
    createdAt: str


_CONTRACTS = newest_first(
    "c.*, o.debtor_ident, ("
    " SELECT json_object_agg(item_ident, billed_through) FROM contract_items_billed b"
    " WHERE b.contract_id = c.contract_id) AS billed_through",
    "contracts c LEFT JOIN customer_overview o USING (customer_id)",
    "c.position",
)


def contracts(
    conn: Connection[DictRow],
    today: date,
    *,
    customer_id: UUID | None = None,
    contract_ident: str | None = None,
    contract_id: UUID | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[ContractItem]:
    """Contracts, newest first, with their status as of `today`."""
    filters = Filters()
    filters.add("c.customer_id = %(customer_id)s", customer_id=customer_id)
    filters.add("c.contract_ident = %(contract_ident)s", contract_ident=contract_ident)
    filters.add("c.contract_id = %(contract_id)s", contract_id=contract_id)
    return _CONTRACTS.page(conn, filters, limit, cursor, lambda row: _item(row, today))


def contract(conn: Connection[DictRow], contract_id: UUID, today: date) -> ContractItem | None:
    return one(contracts(conn, today, contract_id=contract_id, limit=1)["items"])


def _item(row: Row, today: date) -> ContractItem:
    terms, billed_through = row["terms"], row["billed_through"] or {}
    items = [item | {"billedThrough": billed_through.get(item["itemIdent"])} for item in terms["items"]]
    return ContractItem(
        contractId=str(row["contract_id"]),
        contractIdent=row["contract_ident"],
        customerId=str(row["customer_id"]),
        debtorIdent=row["debtor_ident"],
        currency=terms["currency"],
        date=terms["signedOn"],
        startDate=terms["startsOn"],
        endDate=terms["endsOn"],
        billingStartDate=terms["billingStartsOn"],
        alignment=terms["alignment"],
        items=items,
        paymentTermDays=terms["paymentTermDays"],
        purchaseOrder=terms["purchaseOrder"],
        invoiceAddressId=terms["invoiceAddressId"],
        shippingAddressId=terms["shippingAddressId"],
        status=_status(row["starts_on"], row["ends_on"], today),
        billedThrough=_billed_through(items),
        version=row["version"],
        createdAt=to_builtins(row["created_at"]),
    )


def _status(starts_on: date, ends_on: date | None, today: date) -> str:
    if today < starts_on:
        return "PENDING"
    return "EXPIRED" if ends_on and ends_on < today else "ACTIVE"


def _billed_through(items: list[Json]) -> str | None:
    days = [item["billedThrough"] for item in items if item["kind"] == ItemKind.RECURRING]
    return min(days) if days and all(days) else None
