"""One customer with general data, addresses, properties, payment accounts and billing stop."""

from datetime import date
from typing import Any, cast, get_args
from uuid import UUID

from msgspec import convert, to_builtins
from psycopg import Connection
from psycopg.rows import DictRow
from typing_extensions import TypedDict

from projections import customer_state
from projections.customer_state import CustomerChange
from projections.documents import Balance, balances
from projections.projection import Projection, Row, Rows, Table, of_customer
from services.masking import masked
from services.messages import CustomerCreated, Envelope
from services.personal_data import Vault, opened_json
from services.values import Address, AddressType

CUSTOMERS = Table("customer_detail", ("customer_id",))

PROJECTION = Projection("customer_detail", 2, CUSTOMERS)

Json = dict[str, Any]


@PROJECTION.on(CustomerCreated, loads={CUSTOMERS: of_customer})
def created(rows: Rows, message: CustomerCreated, envelope: Envelope) -> None:
    row: Row = {
        "customer_id": message.customer_id,
        "state": customer_state.new(message),
        "version": envelope.version,
        "created_at": envelope.occurred_at,
        "updated_at": envelope.occurred_at,
    }
    rows.put(CUSTOMERS, row)


@PROJECTION.on(*get_args(CustomerChange), loads={CUSTOMERS: of_customer})
def changed(rows: Rows, message: CustomerChange, envelope: Envelope) -> None:
    row = rows.change(CUSTOMERS, message.customer_id)
    row["state"] = customer_state.after(row["state"], message)
    row["version"] = envelope.version
    row["updated_at"] = envelope.occurred_at


class CustomerDetail(TypedDict):
    """A customer as of now; `addresses` in the order they were added, the first of type INVOICE bears the name.

    Of `paymentAccounts` the IBAN is masked. `balance` tells what is owed in each currency in which anything is. Once `erased`, everything personal reads `[erased]`.
    """

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
    billingEntity: str | None
    contractorReferences: list[Json]
    properties: Json
    addresses: list[Json]
    paymentAccounts: list[Json]
    billingStop: Json | None
    balance: list[Balance]
    erased: bool
    version: int
    createdAt: str
    updatedAt: str


def customer(
    conn: Connection[DictRow], customer_id: UUID, today: date, vault: Vault
) -> CustomerDetail | None:
    row = conn.execute("SELECT * FROM customer_detail WHERE customer_id = %s", [customer_id]).fetchone()
    return _detail(row, balances(conn, customer_id, today), vault) if row else None


def _detail(row: Row, balance: list[Balance], vault: Vault) -> CustomerDetail:
    [state] = opened_json([(row["customer_id"], row["state"])], vault)
    detail = {
        "erased": False,
        "billingEntity": None,
        **state,
        "name": _name(state["addresses"]),
        "paymentAccounts": [_masked(account) for account in state["paymentAccounts"]],
        "balance": balance,
        "version": row["version"],
        "createdAt": to_builtins(row["created_at"]),
        "updatedAt": to_builtins(row["updated_at"]),
    }
    return cast(CustomerDetail, detail)


def _name(addresses: list[Json]) -> str:
    """The name that the first invoice address bears."""
    first = next(a for a in addresses if a["addressType"] == AddressType.INVOICE)
    return convert(first, Address).name


def _masked(account: Json) -> Json:
    return {name: masked(name, value) for name, value in account.items()}
