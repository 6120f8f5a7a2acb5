"""Contracts as of a day: terms, status, how far they are billed, when they are billed next, and what was used."""

from collections.abc import Iterable
from datetime import UTC, date
from decimal import Decimal
from typing import Any, LiteralString, get_args
from uuid import UUID

from msgspec import convert, to_builtins
from psycopg import Connection
from psycopg.rows import DictRow
from typing_extensions import TypedDict

from projections import coverage, unbilled_usage
from projections.paging import Filters, Page, newest_first, one
from projections.projection import Projection, Row, Rows, Table
from services.as_json import compact, full
from services.billing.due import Progress, billed_also, billed_without, next_due_on
from services.messages import (
    ContractAmended,
    ContractSigned,
    DocumentIssued,
    Envelope,
    UsageRecorded,
)
from services.terms import ONE_DAY, ContractChange, ContractTerms, Pause, Termination
from services.values import DocumentLine, Item, ItemKind, Period, UsageEntry

CONTRACTS = Table("contracts", ("contract_id",))
# Written from documents only, so that it makes no difference which of the two services is heard first.
BILLED_ITEMS = Table("contract_items_billed", ("contract_id", "item_ident"))
USAGE = Table("contract_usage", ("contract_id", "month", "item_ident"))
UNBILLED_USAGE = Table("contract_unbilled_usage", ("contract_id",))

PROJECTION = Projection("contracts", 3, CONTRACTS, BILLED_ITEMS, USAGE, UNBILLED_USAGE, coverage.BILLS)

MONTHS_OF_USAGE = 13
"""So many months of usage a contract shows, this month of last year among them."""

Json = dict[str, Any]


def _of_contract(message: Any) -> Iterable[UUID]:
    return (message.contract_id,)


@PROJECTION.on(ContractSigned, loads={CONTRACTS: _of_contract})
def signed(rows: Rows, message: ContractSigned, envelope: Envelope) -> None:
    row = {
        "contract_id": message.contract_id,
        "customer_id": message.customer_id,
        "contract_ident": message.contract_ident,
        "terms": compact(ContractTerms(signed=message)),
        "version": envelope.version,
        "position": envelope.position,
        "created_at": envelope.occurred_at,
    }
    rows.put(CONTRACTS, row)


@PROJECTION.on(*get_args(ContractChange), loads={CONTRACTS: _of_contract})
def changed(rows: Rows, message: ContractChange, envelope: Envelope) -> None:
    row = rows.change(CONTRACTS, message.contract_id)
    row["terms"] = compact(_terms(row).after(message))
    row["version"] = envelope.version


@PROJECTION.on(UsageRecorded, loads={USAGE: _of_contract, UNBILLED_USAGE: _of_contract})
def used(rows: Rows, message: UsageRecorded, envelope: Envelope) -> None:
    unbilled = rows.ensure(UNBILLED_USAGE, unbilled_usage.nothing(message.contract_id))
    for entry in message.entries:
        row = rows.ensure(USAGE, _nothing_used(message.contract_id, entry))
        row["quantity"] += entry.quantity
        row["events"] += 1
        unbilled_usage.add_usage(unbilled, entry, envelope.position)


def _nothing_used(contract_id: UUID, entry: UsageEntry) -> Row:
    return {
        "contract_id": contract_id,
        "month": entry.occurred_at.astimezone(UTC).date().replace(day=1),
        "item_ident": entry.item_ident,
        "quantity": Decimal(0),
        "events": 0,
    }


def _lines(message: DocumentIssued) -> list[DocumentLine]:
    return [line for line in message.lines if line.origin.type == "CONTRACT"]


def _contracts(message: DocumentIssued) -> Iterable[UUID]:
    return {line.origin.id for line in _lines(message)}


@PROJECTION.on(DocumentIssued, loads={BILLED_ITEMS: _contracts, UNBILLED_USAGE: _contracts})
def billed(rows: Rows, message: DocumentIssued, _: Envelope) -> None:
    for line in _lines(message):
        if row := coverage.row_of(message, line):
            rows.append(coverage.BILLS, row)
        if line.credits is None:
            _mark_billed(rows, line)
        elif line.credits.bill_again:
            _mark_unbilled(rows, line)


def _mark_billed(rows: Rows, line: DocumentLine) -> None:
    row = _billed_item(rows, line)
    _set_billed(row, billed_also(convert(row["billed"], list[Period]), line.days))
    if line.usage:
        unbilled = rows.ensure(UNBILLED_USAGE, unbilled_usage.nothing(line.origin.id))
        unbilled_usage.add_bill(unbilled, line.origin.item, line.usage)


def _mark_unbilled(rows: Rows, line: DocumentLine) -> None:
    """A late bill of usage that is taken back leaves the first bill of its interval."""
    if line.usage:
        unbilled = rows.ensure(UNBILLED_USAGE, unbilled_usage.nothing(line.origin.id))
        unbilled_usage.take_back(unbilled, line.origin.item, line.usage, line.days.first)
    if not (line.usage and line.usage.late):
        row = _billed_item(rows, line)
        _set_billed(row, billed_without(convert(row["billed"], list[Period]), line.days))


def _billed_item(rows: Rows, line: DocumentLine) -> Row:
    fresh = {"contract_id": line.origin.id, "item_ident": line.origin.item, "billed": []}
    return rows.ensure(BILLED_ITEMS, fresh)


def _set_billed(row: Row, periods: tuple[Period, ...]) -> None:
    row["billed"], row["billed_through"] = compact(periods), periods[-1].last if periods else None


class ContractItem(TypedDict):
    """A contract as of a day; `items` are at their terms of that day.

    `lastDay` is the last active day as far as one is known, whatever sets it. `billedThrough` is the day up to
    which all recurring items are billed, null while one of them never was; each of `items` says the same of itself,
    a one-time item the day of its supply. `nextBilling` is the first day on which something is to be billed
    that was not yet; it may have passed.
    """

    contractId: str
    contractIdent: str
    customerId: str
    debtorIdent: str | None
    planIdent: str | None
    planVersion: int | None
    currency: str
    date: str
    startDate: str
    endDate: str | None
    lastDay: str | None
    billingStartDate: str | None
    alignment: str
    minimumTerm: Json | None
    noticePeriod: Json | None
    renewal: str
    items: list[Json]
    discounts: list[Json]
    paymentTermDays: int | None
    purchaseOrder: str | None
    invoiceAddressId: str | None
    shippingAddressId: str | None
    billingEntity: str | None
    status: str
    pauses: list[Json]
    termination: Json | None
    billedThrough: str | None
    nextBilling: str | None
    version: int
    createdAt: str


class MonthOfUsage(TypedDict):
    """What was used of an item in a month of UTC, such as 2026-02, and in how many events."""

    month: str
    itemIdent: str
    quantity: str
    events: int


class Contract(ContractItem):
    """A contract as of a day, with all its amendments as recorded and what was used in the last months, newest first."""

    amendments: list[Json]
    usage: list[MonthOfUsage]


_BILLED: LiteralString = (
    "(SELECT json_object_agg(item_ident, billed) FROM contract_items_billed b"
    " WHERE b.contract_id = c.contract_id) AS billed,"
    " (SELECT unbilled FROM contract_unbilled_usage u WHERE u.contract_id = c.contract_id) AS unbilled_usage"
)
_CONTRACTS = newest_first(
    f"c.*, o.debtor_ident, {_BILLED}",
    "contracts c LEFT JOIN customer_overview o USING (customer_id)",
    "c.position",
)


def contracts(
    conn: Connection[DictRow],
    day: date,
    *,
    customer_id: UUID | None = None,
    contract_ident: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[ContractItem]:
    """Contracts, newest first, as of a day."""
    filters = Filters()
    filters.add("c.customer_id = %(customer_id)s", customer_id=customer_id)
    filters.add("c.contract_ident = %(contract_ident)s", contract_ident=contract_ident)
    return _CONTRACTS.page(conn, filters, limit, cursor, lambda row: _item(row, day))


def contract(conn: Connection[DictRow], contract_id: UUID, day: date) -> Contract | None:
    filters = Filters()
    filters.add("c.contract_id = %(contract_id)s", contract_id=contract_id)
    return one(_CONTRACTS.page(conn, filters, 1, None, lambda row: _whole(conn, row, day))["items"])


def is_billed(conn: Connection[DictRow], contract_id: UUID) -> bool:
    """Whether a document bills anything of the contract."""
    found = conn.execute(
        "SELECT FROM contract_items_billed WHERE contract_id = %s AND billed_through IS NOT NULL LIMIT 1",
        [contract_id],
    )
    return found.fetchone() is not None


def left_to_bill(conn: Connection[DictRow], customer_id: UUID, today: date) -> list[str]:
    """Idents of the customer's contracts of which something is or will be to be billed.

    So is what is measured as long as the contract has not ended, also where nothing was used yet.
    """
    rows = conn.execute(
        f"SELECT contract_ident, terms, {_BILLED} FROM contracts c"  # noqa: S608 - no values
        " WHERE customer_id = %s ORDER BY position",
        [customer_id],
    )
    return [row["contract_ident"] for row in rows if _is_left_to_bill(row, today)]


def _is_left_to_bill(row: Row, today: date) -> bool:
    terms = _terms(row)
    is_measured = any(item.kind is ItemKind.USAGE for item in terms.items_on(today))
    has_ended = terms.cancelled or (terms.last_day is not None and terms.last_day < today)
    return (is_measured and not has_ended) or _next_billing(terms, row) is not None


def _item(row: Row, day: date) -> ContractItem:
    terms = _terms(row)
    signed, plan = terms.signed, terms.plan
    progress = _progress(row)
    items = [full(item) | {"billedThrough": _last_of(progress, item)} for item in terms.items_on(day)]
    return ContractItem(
        contractId=str(row["contract_id"]),
        contractIdent=row["contract_ident"],
        customerId=str(row["customer_id"]),
        debtorIdent=row["debtor_ident"],
        planIdent=plan.plan_ident if plan else None,
        planVersion=plan.plan_version if plan else None,
        currency=signed.currency,
        date=full(signed.signed_on),
        startDate=full(signed.starts_on),
        endDate=full(signed.ends_on),
        lastDay=full(terms.last_day),
        billingStartDate=full(signed.billing_starts_on),
        alignment=full(signed.alignment),
        minimumTerm=full(signed.minimum_term),
        noticePeriod=full(signed.notice_period),
        renewal=full(signed.renewal),
        items=items,
        discounts=full(signed.discounts),
        paymentTermDays=signed.payment_term_days,
        purchaseOrder=signed.purchase_order,
        invoiceAddressId=full(signed.invoice_address_id),
        shippingAddressId=full(signed.shipping_address_id),
        billingEntity=signed.billing_entity,
        status=full(terms.status_on(day)),
        pauses=[_pause(pause) for pause in terms.pauses if pause.resumed_from != pause.first],
        termination=_termination(terms.termination) if terms.termination else None,
        billedThrough=_billed_through(items),
        nextBilling=full(_next_billing(terms, row)),
        version=row["version"],
        createdAt=to_builtins(row["created_at"]),
    )


def _whole(conn: Connection[DictRow], row: Row, day: date) -> Contract:
    amendments = [_amendment(amended) for amended in _terms(row).amendments]
    return Contract(**_item(row, day), amendments=amendments, usage=_usage(conn, row["contract_id"]))


def _terms(row: Row) -> ContractTerms:
    return convert(row["terms"], ContractTerms)


def _progress(row: Row) -> Progress:
    return convert(row["billed"] or {}, dict[str, tuple[Period, ...]])


def _next_billing(terms: ContractTerms, row: Row) -> date | None:
    return next_due_on(terms, _progress(row), unbilled_usage.to_bill(row["unbilled_usage"] or {}))


def _last_of(progress: Progress, item: Item) -> str | None:
    periods = progress.get(item.item_ident)
    return full(periods[-1].last) if periods else None


def _pause(pause: Pause) -> Json:
    """First and last inactive day; `to` is null while the contract is not resumed."""
    last = pause.resumed_from - ONE_DAY if pause.resumed_from else None
    return {"from": full(pause.first), "to": full(last)}


def _termination(given: Termination) -> Json:
    return {
        "kind": full(given.kind),
        "noticeDate": full(given.noticed_on),
        "terminationDate": full(given.terminates_on),
        "reason": given.reason,
    }


def _amendment(amended: ContractAmended) -> Json:
    return {
        "effectiveDate": full(amended.effective_on),
        "changes": [_set_fields(full(change)) for change in amended.changes],
        "added": full(amended.added),
        "removed": list(amended.removed),
        "planIdent": amended.plan.plan_ident if amended.plan else None,
        "planVersion": amended.plan.plan_version if amended.plan else None,
    }


def _set_fields(change: Json) -> Json:
    """A change of an item by the fields that it sets."""
    return {name: value for name, value in change.items() if value is not None}


def _usage(conn: Connection[DictRow], contract_id: UUID) -> list[MonthOfUsage]:
    rows = conn.execute(
        "SELECT * FROM contract_usage WHERE contract_id = %(id)s AND month IN ("
        " SELECT DISTINCT month FROM contract_usage WHERE contract_id = %(id)s ORDER BY month DESC LIMIT %(months)s)"
        " ORDER BY month DESC, item_ident",
        {"id": contract_id, "months": MONTHS_OF_USAGE},
    )
    return [
        MonthOfUsage(
            month=f"{row['month']:%Y-%m}",
            itemIdent=row["item_ident"],
            quantity=f"{row['quantity']:f}",
            events=row["events"],
        )
        for row in rows
    ]


def _billed_through(items: list[Json]) -> str | None:
    days = [item["billedThrough"] for item in items if item["kind"] == ItemKind.RECURRING]
    return min(days) if days and all(days) else None
