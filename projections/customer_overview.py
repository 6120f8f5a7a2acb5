"""The table of all customers: found, filtered and sorted by any column, fast at a million of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import LiteralString, get_args
from uuid import UUID

from msgspec import UNSET, convert, json, structs, to_builtins
from psycopg import Connection
from psycopg.rows import DictRow
from typing_extensions import TypedDict

from projections.paging import Filters, Listing, Page
from projections.projection import Projection, Row, Rows, Table, of_customer
from projections.search import patterns, search_text, sort_key
from services.as_json import compact, full
from services.errors import FieldError, InvalidFields
from services.messages import (
    AddressEdited,
    BillingStopLifted,
    BillingStopped,
    ContractAmended,
    ContractSigned,
    CustomerCreated,
    CustomerEdited,
    DocumentIssued,
    Envelope,
    PaymentRecorded,
    PersonalDataErased,
    PropertyRemoved,
    PropertySet,
    RefundRecorded,
)
from services.money import ZERO
from services.personal_data import ERASED
from services.settlement import owed_more
from services.terms import ContractChange, ContractTerms
from services.values import Address, AddressType, PropertyValue

# What the customer service says and what the billing service says are kept apart: so they commute, and a
# new document does not rewrite the search index.
CUSTOMERS = Table("customer_overview", ("customer_id",))
BALANCES = Table("customer_balances", ("customer_id",))
# How many contracts are active, as a step function of the date: sorted by it as of any day, nothing is to be counted.
ACTIVITY = Table("customer_activity", ("customer_id", "since"))
# What must be known of a contract to tell when it is active.
CONTRACTS = Table("customer_contracts", ("contract_id",))

PROJECTION = Projection("customer_overview", 2, CUSTOMERS, BALANCES, ACTIVITY, CONTRACTS)

_BEGINNING, _END = date.min, date.max


def _of_contract(message: ContractSigned | ContractChange) -> Iterable[UUID]:
    return (message.contract_id,)


@PROJECTION.on(
    CustomerCreated,
    loads={CUSTOMERS: of_customer, BALANCES: of_customer, ACTIVITY: of_customer},
    in_plain_text=True,
)
def created(rows: Rows, message: CustomerCreated, envelope: Envelope) -> None:
    address = next(a for a in message.addresses if a.address_type is AddressType.INVOICE)
    row: Row = {
        "customer_id": message.customer_id,
        "debtor_ident": message.debtor_ident,
        "account_number": message.account_number,
        "customer_type": message.customer_type,
        "language": message.language,
        "email": message.email,
        "vat_id": message.vat_id,
        "contractor_references": full(message.contractor_references),
        "properties": {key: spelled(value) for key, value in message.properties.items()},
        "billing_stop": False,
        "created_at": envelope.occurred_at,
        **_shown_of(address),
    }
    _make_findable(row)
    rows.put(CUSTOMERS, row)
    rows.ensure(BALANCES, _no_documents(message.customer_id))
    rows.put(ACTIVITY, _step(message.customer_id, _BEGINNING, _END, 0))


@PROJECTION.on(CustomerEdited, loads={CUSTOMERS: of_customer}, in_plain_text=True)
def edited(rows: Rows, message: CustomerEdited, _: Envelope) -> None:
    row, changes = rows.change(CUSTOMERS, message.customer_id), message.changes
    for column in ("customer_type", "language", "email", "vat_id"):
        if (value := getattr(changes, column)) is not UNSET:
            row[column] = value
    if changes.contractor_references is not UNSET:
        row["contractor_references"] = full(changes.contractor_references)
    _make_findable(row)


@PROJECTION.on(AddressEdited, loads={CUSTOMERS: of_customer}, in_plain_text=True)
def address_edited(rows: Rows, message: AddressEdited, _: Envelope) -> None:
    """Only the first invoice address shows: it bears the customer's name."""
    row = rows.change(CUSTOMERS, message.customer_id)
    if row["invoice_address_id"] == message.address.address_id:
        row.update(_shown_of(message.address))
        _make_findable(row)


@PROJECTION.on(PropertySet, loads={CUSTOMERS: of_customer}, in_plain_text=True)
def property_set(rows: Rows, message: PropertySet, _: Envelope) -> None:
    row = rows.change(CUSTOMERS, message.customer_id)
    row["properties"] |= {message.key: spelled(message.value)}


@PROJECTION.on(PropertyRemoved, loads={CUSTOMERS: of_customer})
def property_removed(rows: Rows, message: PropertyRemoved, _: Envelope) -> None:
    rows.change(CUSTOMERS, message.customer_id)["properties"].pop(message.key, None)


@PROJECTION.on(BillingStopped, BillingStopLifted, loads={CUSTOMERS: of_customer})
def billing_stop(rows: Rows, message: BillingStopped | BillingStopLifted, _: Envelope) -> None:
    row = rows.change(CUSTOMERS, message.customer_id)
    row["billing_stop"] = isinstance(message, BillingStopped)


@PROJECTION.on(PersonalDataErased, loads={CUSTOMERS: of_customer})
def erased(rows: Rows, message: PersonalDataErased, _: Envelope) -> None:
    """Nothing personal stays: the row is what the customer's messages give now that nothing can open them."""
    row = rows.change(CUSTOMERS, message.customer_id)
    for column in ("name", "city", "email", "vat_id"):
        row[column] = row[column] and ERASED
    row["name_sort"], row["city_sort"] = sort_key(row["name"]), sort_key(row["city"])
    row["properties"] = dict.fromkeys(row["properties"], ERASED)
    _make_findable(row)


@PROJECTION.on(ContractSigned, loads={CONTRACTS: _of_contract, ACTIVITY: of_customer})
def contract_signed(rows: Rows, message: ContractSigned, _: Envelope) -> None:
    # What is billed has no part in when the contract is active.
    terms = ContractTerms(signed=structs.replace(message, items=(), overrides=(), discounts=()))
    rows.put(CONTRACTS, {"contract_id": message.contract_id, "terms": compact(terms)})
    _count(rows, message.customer_id, terms, +1)


@PROJECTION.on(
    *(change for change in get_args(ContractChange) if change is not ContractAmended),
    loads={CONTRACTS: _of_contract, ACTIVITY: of_customer},
)
def contract_changed(rows: Rows, message: ContractChange, _: Envelope) -> None:
    row = rows.change(CONTRACTS, message.contract_id)
    before = convert(row["terms"], ContractTerms)
    after = before.after(message)
    row["terms"] = compact(after)
    _count(rows, message.customer_id, before, -1)
    _count(rows, message.customer_id, after, +1)


@PROJECTION.on(DocumentIssued, loads={BALANCES: of_customer})
def document_issued(rows: Rows, message: DocumentIssued, _: Envelope) -> None:
    row = rows.ensure(BALANCES, _no_documents(message.customer_id))
    _add_to_balance(row, message)
    row["last_document"] = {
        "documentId": str(message.document_id),
        "number": message.number,
        "issueDate": message.issue_date.isoformat(),
    }
    row["last_document_sort"] = f"{message.issue_date} {message.number}"


@PROJECTION.on(PaymentRecorded, RefundRecorded, loads={BALANCES: of_customer})
def payment_recorded(rows: Rows, message: PaymentRecorded | RefundRecorded, _: Envelope) -> None:
    _add_to_balance(rows.change(BALANCES, message.customer_id), message)


def _add_to_balance(row: Row, message: DocumentIssued | PaymentRecorded | RefundRecorded) -> None:
    """Open is what the customer owes on balance: credit on one document is taken off what is open of others."""
    amounts = {known["currency"]: Decimal(known["amount"]) for known in row["open_amounts"]}
    amounts[message.currency] = amounts.get(message.currency, ZERO) + owed_more(message)
    row["open_amounts"] = [
        {"currency": currency, "amount": f"{amount:f}"} for currency, amount in sorted(amounts.items())
    ]
    row["open_amount"] = max(filter(None, amounts.values()), default=ZERO)


def _shown_of(address: Address) -> Row:
    return {
        "invoice_address_id": address.address_id,
        "name": address.name,
        "name_sort": sort_key(address.name),
        "city": address.city,
        "city_sort": sort_key(address.city),
        "country": address.country,
    }


def _make_findable(row: Row) -> None:
    idents = (row["debtor_ident"], row["account_number"], row["email"], row["vat_id"])
    references = (reference["ident"] for reference in row["contractor_references"])
    row["search"] = search_text(row["name"], *idents, *references)


def spelled(value: PropertyValue) -> str:
    """A property's value as the text that a filter gives for it: `true`, `12`, `0.5`, `mobility`."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _no_documents(customer_id: UUID) -> Row:
    return {
        "customer_id": customer_id,
        "open_amounts": [],
        "open_amount": Decimal(0),
        "last_document": None,
        "last_document_sort": "",
    }


def _step(customer_id: UUID, since: date, until: date, contracts_active: int) -> Row:
    return {
        "customer_id": customer_id,
        "since": since,
        "until": until,
        "contracts_active": contracts_active,
    }


def _count(rows: Rows, customer_id: UUID, terms: ContractTerms, number: int) -> None:
    """`number` more active contracts on each day on which this one is active."""
    for span in terms.active_spans():
        since = span.first
        until = span.last + timedelta(days=1) if span.last and span.last < _END else _END
        for boundary in (since, until):
            _split(rows, customer_id, boundary)
        for step in rows.under(ACTIVITY, customer_id):
            if since <= step["since"] < until:
                rows.change(ACTIVITY, customer_id, step["since"])["contracts_active"] += number


def _split(rows: Rows, customer_id: UUID, boundary: date) -> None:
    """Let a step begin at `boundary`, with as many active contracts as the one that it cuts in two."""
    for step in rows.under(ACTIVITY, customer_id):
        if step["since"] < boundary < step["until"]:
            rows.put(ACTIVITY, _step(customer_id, boundary, step["until"], step["contracts_active"]))
            rows.change(ACTIVITY, customer_id, step["since"])["until"] = boundary


class OpenAmount(TypedDict):
    currency: str
    amount: str


class LastDocument(TypedDict):
    documentId: str
    number: str
    issueDate: str


class CustomerItem(TypedDict):
    """A row of the overview; `name`, `city` and `country` are those of the first invoice address."""

    customerId: str
    debtorIdent: str
    name: str
    accountNumber: str
    customerType: str
    city: str | None
    country: str
    language: str
    contractsActive: int
    openAmounts: list[OpenAmount]
    lastDocument: LastDocument | None
    email: str | None
    billingStop: bool
    createdAt: str


_SORTS: dict[str, tuple[LiteralString, ...]] = {
    "debtorIdent": ("o.debtor_ident",),
    "name": ("o.name_sort", "o.customer_id"),
    "accountNumber": ("lpad(o.account_number, 20, '0')",),  # a number, to be sorted as one
    "customerType": ("o.customer_type", "o.customer_id"),
    "city": ("o.city_sort", "o.customer_id"),
    "country": ("o.country", "o.customer_id"),
    "language": ("o.language", "o.customer_id"),
    "contractsActive": ("a.contracts_active", "a.customer_id"),
    "openAmount": ("b.open_amount", "b.customer_id"),
    "lastDocument": ("b.last_document_sort", "b.customer_id"),
    "createdAt": ("o.created_at", "o.customer_id"),
}
SORTS = tuple(_SORTS)


@dataclass(frozen=True, slots=True)
class CustomerFilter:
    """What to show of the overview; None does not filter.

    `q` searches name, debtor ident, account number, e-mail, VAT-ID and contractor references for each of
    its words, anywhere in them from three letters on. `sort` is one of SORTS, `-` before it turns it round;
    open amounts are sorted by the largest of a customer's currencies. `contractor_reference` is an ident or
    `system:ident`, `property` a key or `key:value`. The days of `created_from` and `created_to` are whole days in
    UTC, both included.
    """

    q: str | None = None
    customer_type: str | None = None
    country: str | None = None
    language: str | None = None
    sort: str = "-createdAt"
    limit: int = 50
    cursor: str | None = None
    has_open_amount: bool | None = None
    created_from: date | None = None
    created_to: date | None = None
    debtor_ident: str | None = None
    contractor_reference: str | None = None
    property: str | None = None
    billing_stop: bool | None = None


def customers(conn: Connection[DictRow], wanted: CustomerFilter, today: date) -> Page[CustomerItem]:
    """One page of the overview, contracts active as of `today`."""
    filters = _filters(wanted)
    listing = _listing(wanted.sort, with_balances=wanted.has_open_amount is not None)
    return listing.page(conn, filters, wanted.limit, wanted.cursor, _item, today=today)


def find_customer(conn: Connection[DictRow], debtor_ident: str) -> UUID | None:
    row = conn.execute(
        "SELECT customer_id FROM customer_overview WHERE debtor_ident = %s", [debtor_ident]
    ).fetchone()
    return row["customer_id"] if row else None


def _listing(sort: str, *, with_balances: bool) -> Listing:
    order = _SORTS.get(sort.removeprefix("-"))
    if order is None:
        raise InvalidFields(
            FieldError("sort", f"is one of {', '.join(SORTS)}, or -name to turn it round", sort)
        )
    balances: LiteralString = "customer_overview o JOIN customer_balances b USING (customer_id)"
    return Listing(
        columns="o.customer_id, debtor_ident, name, account_number, customer_type, city, country, language,"
        " a.contracts_active, b.open_amounts, b.last_document, email, billing_stop, created_at",
        tables=balances + " JOIN customer_activity a ON a.customer_id = o.customer_id"
        " AND a.since <= %(today)s AND a.until > %(today)s",
        order=order,
        descending=sort.startswith("-"),
        counted=balances if with_balances else "customer_overview o",
    )


def _filters(wanted: CustomerFilter) -> Filters:
    filters = Filters()
    filters.add("o.debtor_ident = %(debtor_ident)s", debtor_ident=wanted.debtor_ident)
    filters.add("o.customer_type = %(customer_type)s", customer_type=wanted.customer_type)
    filters.add("o.country = %(country)s", country=wanted.country)
    filters.add("o.language = %(language)s", language=wanted.language)
    _add_contractor_reference(filters, wanted.contractor_reference)
    _add_property(filters, wanted.property)
    _add_billing_stop(filters, wanted.billing_stop)
    filters.add("(b.open_amount <> 0) = %(has_open_amount)s", has_open_amount=wanted.has_open_amount)
    filters.add("o.created_at >= %(created_from)s", created_from=_midnight(wanted.created_from))
    filters.add("o.created_at < %(created_to)s", created_to=_midnight(wanted.created_to, days_later=1))
    for n, pattern in enumerate(patterns(wanted.q or "")):
        filters.add(f"o.search LIKE %(q_{n})s", **{f"q_{n}": pattern})
    return filters


def _add_contractor_reference(filters: Filters, wanted: str | None) -> None:
    """An ident in any system; what stands before a colon may be the system."""
    if wanted is None:
        return
    system, _, ident = wanted.partition(":")
    filters.add(
        "(o.contractor_references @> %(reference)s::jsonb"
        " OR o.contractor_references @> %(reference_in_system)s::jsonb)",
        reference=_json([{"ident": wanted}]),
        reference_in_system=_json([{"system": system, "ident": ident}]),
    )


def _add_property(filters: Filters, wanted: str | None) -> None:
    """A property's key, with any value or the one that stands after a colon."""
    if wanted is None:
        return
    key, colon, value = wanted.partition(":")
    if colon:
        filters.add("o.properties @> %(property)s::jsonb", property=_json({key: value}))
    else:
        filters.add("o.properties ? %(property)s", property=key)


def _json(value: object) -> str:
    return json.encode(value).decode()


def _add_billing_stop(filters: Filters, wanted: bool | None) -> None:
    """As a bare condition, for which there is an index of the few that are stopped."""
    if wanted is not None:
        filters.add("o.billing_stop" if wanted else "NOT o.billing_stop")


def _midnight(day: date | None, days_later: int = 0) -> datetime | None:
    return datetime.combine(day, time(), UTC) + timedelta(days=days_later) if day else None


def _item(row: Row) -> CustomerItem:
    return CustomerItem(
        customerId=str(row["customer_id"]),
        debtorIdent=row["debtor_ident"],
        name=row["name"],
        accountNumber=row["account_number"],
        customerType=row["customer_type"],
        city=row["city"],
        country=row["country"],
        language=row["language"],
        contractsActive=row["contracts_active"],
        openAmounts=[known for known in row["open_amounts"] if Decimal(known["amount"])],
        lastDocument=row["last_document"],
        email=row["email"],
        billingStop=row["billing_stop"],
        createdAt=to_builtins(row["created_at"]),
    )
