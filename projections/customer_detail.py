"""One customer with general data, addresses and properties."""

from typing import Any, cast
from uuid import UUID

from msgspec import convert, to_builtins
from psycopg import Connection
from psycopg.rows import DictRow
from typing_extensions import TypedDict

from projections.as_json import full, present
from projections.projection import Projection, Row, Rows, Table, of_customer
from services.messages import AddressAdded, AddressEdited, CustomerCreated, CustomerEdited, Envelope
from services.values import Address, AddressType

CUSTOMERS = Table("customer_detail", ("customer_id",))

PROJECTION = Projection("customer_detail", 1, CUSTOMERS)

Json = dict[str, Any]


@PROJECTION.on(CustomerCreated, loads={CUSTOMERS: of_customer})
def created(rows: Rows, message: CustomerCreated, envelope: Envelope) -> None:
    general = full(message)
    del general["customerId"]
    row: Row = {
        "customer_id": message.customer_id,
        "debtor_ident": general.pop("debtorIdent"),
        "addresses": general.pop("addresses"),
        "properties": general.pop("properties"),
        "general": general,
        "created_at": envelope.occurred_at,
    }
    _mark_changed(row, envelope)
    rows.put(CUSTOMERS, row)


@PROJECTION.on(CustomerEdited, loads={CUSTOMERS: of_customer})
def edited(rows: Rows, message: CustomerEdited, envelope: Envelope) -> None:
    row = rows.change(CUSTOMERS, message.customer_id)
    row["general"] |= present(message.changes)
    _mark_changed(row, envelope)


@PROJECTION.on(AddressAdded, AddressEdited, loads={CUSTOMERS: of_customer})
def address_set(rows: Rows, message: AddressAdded | AddressEdited, envelope: Envelope) -> None:
    row = rows.change(CUSTOMERS, message.customer_id)
    row["addresses"] = with_address(row["addresses"], message.address)
    _mark_changed(row, envelope)


def with_address(addresses: list[Json], address: Address) -> list[Json]:
    """The list with `address` added or put in the place of its former self; a new default takes it from the old one."""
    new: Json = full(address)
    merged = [new if old["addressId"] == new["addressId"] else old for old in addresses]
    if new not in merged:
        merged.append(new)
    if not address.default:
        return merged
    return [old if old is new else _not_default(old, address.address_type) for old in merged]


def _not_default(address: Json, address_type: AddressType) -> Json:
    return address | {"default": False} if address["addressType"] == address_type else address


def _mark_changed(row: Row, envelope: Envelope) -> None:
    row["version"] = envelope.version
    row["updated_at"] = envelope.occurred_at


class CustomerDetail(TypedDict):
    """A customer as of now; `addresses` in the order they were added, the first of type INVOICE bears the name."""

    customerId: str
    debtorIdent: str
    accountNumber: str
    customerType: str
    language: str
    name: str
    email: str | None
    phone: str | None
    contactPerson: str | None
    vatId: str | None
    taxNumber: str | None
    preferredDocumentDelivery: str
    eInvoicing: Json | None
    groupDocumentsBy: str
    contractorReferences: list[Json]
    properties: Json
    addresses: list[Json]
    version: int
    createdAt: str
    updatedAt: str


def customer(conn: Connection[DictRow], customer_id: UUID) -> CustomerDetail | None:
    row = conn.execute("SELECT * FROM customer_detail WHERE customer_id = %s", [customer_id]).fetchone()
    return _detail(row) if row else None


def _detail(row: Row) -> CustomerDetail:
    detail = {
        "customerId": str(row["customer_id"]),
        "debtorIdent": row["debtor_ident"],
        "name": _name(row["addresses"]),
        **row["general"],
        "properties": row["properties"],
        "addresses": row["addresses"],
        "version": row["version"],
        "createdAt": to_builtins(row["created_at"]),
        "updatedAt": to_builtins(row["updated_at"]),
    }
    return cast(CustomerDetail, detail)


def _name(addresses: list[Json]) -> str:
    """The name that the first invoice address bears."""
    first = next(a for a in addresses if a["addressType"] == AddressType.INVOICE)
    return convert(first, Address).name
