"""Every event about a customer in one timeline: when, who, what changed from what to what, and why."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from msgspec import to_builtins
from psycopg import Connection
from psycopg.rows import DictRow
from typing_extensions import TypedDict

from projections.as_json import full, present
from projections.customer_detail import with_address
from projections.paging import Filters, Listing, Page
from projections.projection import Projection, Row, Rows, Table, of_customer
from services.messages import (
    AddressAdded,
    AddressEdited,
    BillingRunCompleted,
    BillingRunRequested,
    BillingRunStarted,
    ContractSigned,
    CustomerBilled,
    CustomerCreated,
    CustomerEdited,
    DocumentIssued,
    Envelope,
    OrderRecorded,
    RunStatus,
)

HISTORY = Table("history", ("source", "position"), append_only=True)
# What is known of each customer, to tell what was before a change.
CUSTOMERS = Table("history_customers", ("customer_id",))
# Whose a run for one customer is: its completion does not say.
RUNS = Table("history_runs", ("billing_run_id",))

PROJECTION = Projection("history", 1, HISTORY, CUSTOMERS, RUNS)

Json = dict[str, Any]

# The things' own ids: the event names its subject already.
_OWN_IDS = frozenset({"customerId", "addressId", "contractId", "orderId", "documentId", "billingRunId"})


@PROJECTION.on(CustomerCreated, loads={CUSTOMERS: of_customer})
def customer_created(rows: Rows, message: CustomerCreated, envelope: Envelope) -> None:
    state = full(message)
    rows.put(CUSTOMERS, {"customer_id": message.customer_id, "state": state})
    _tell(rows, envelope, message.customer_id, {}, state, message.debtor_ident)


@PROJECTION.on(CustomerEdited, loads={CUSTOMERS: of_customer})
def customer_edited(rows: Rows, message: CustomerEdited, envelope: Envelope) -> None:
    _tell_change(rows, envelope, message.customer_id, present(message.changes))


@PROJECTION.on(AddressAdded, AddressEdited, loads={CUSTOMERS: of_customer})
def address_set(rows: Rows, message: AddressAdded | AddressEdited, envelope: Envelope) -> None:
    state = rows.change(CUSTOMERS, message.customer_id)["state"]
    addresses = with_address(state["addresses"], message.address)
    _tell_change(rows, envelope, message.customer_id, {"addresses": addresses})


@PROJECTION.on(ContractSigned)
def contract_signed(rows: Rows, message: ContractSigned, envelope: Envelope) -> None:
    _tell(rows, envelope, message.customer_id, {}, full(message), message.contract_ident)


@PROJECTION.on(OrderRecorded)
def order_recorded(rows: Rows, message: OrderRecorded, envelope: Envelope) -> None:
    _tell(rows, envelope, message.customer_id, {}, full(message), message.order_ident)


@PROJECTION.on(BillingRunRequested)
def run_requested(rows: Rows, message: BillingRunRequested, envelope: Envelope) -> None:
    """A run for all customers is in a customer's history by its outcome only."""
    if message.customer_id:
        asked = {"processingDate": full(message.processing_date or message.processing_at)}
        _tell(rows, envelope, message.customer_id, {}, asked)


@PROJECTION.on(BillingRunStarted, loads={RUNS: lambda message: (message.billing_run_id,)})
def run_started(rows: Rows, message: BillingRunStarted, envelope: Envelope) -> None:
    if message.customer_id:
        rows.put(RUNS, {"billing_run_id": message.billing_run_id, "customer_id": message.customer_id})
        _tell_status(rows, envelope, message.customer_id, RunStatus.REQUESTED, RunStatus.RUNNING)


@PROJECTION.on(CustomerBilled)
def customer_billed(rows: Rows, message: CustomerBilled, envelope: Envelope) -> None:
    outcome = full(message)
    told = {name: outcome[name] for name in ("outcome", "reason", "amounts")}
    _tell(rows, envelope, message.customer_id, {}, told)


@PROJECTION.on(DocumentIssued)
def document_issued(rows: Rows, message: DocumentIssued, envelope: Envelope) -> None:
    told = {name: full(getattr(message, name)) for name in ("number", "type", "currency")}
    told |= {"issueDate": full(message.issue_date), "dueDate": full(message.due_date)}
    told |= {"totals": full(message.totals)}
    _tell(rows, envelope, message.customer_id, {}, told, message.number)


@PROJECTION.on(BillingRunCompleted, loads={RUNS: lambda message: (message.billing_run_id,)})
def run_completed(rows: Rows, message: BillingRunCompleted, envelope: Envelope) -> None:
    if run := rows.find(RUNS, message.billing_run_id):
        _tell_status(rows, envelope, run["customer_id"], RunStatus.RUNNING, message.status)


def changes(before: Json, after: Json) -> list[Json]:
    """What differs between two states, by field path: `{"field": "addresses[1].city", "before": …, "after": …}`."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    return [
        {"field": field, "before": old.get(field), "after": new.get(field)}
        for field in dict.fromkeys((*new, *old))
        if old.get(field) != new.get(field)
    ]


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in _OWN_IDS:
                yield from _leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{n}]")
    else:
        yield path, value


def _tell_change(rows: Rows, envelope: Envelope, customer_id: UUID, changed: Json) -> None:
    row = rows.change(CUSTOMERS, customer_id)
    before, after = row["state"], row["state"] | changed
    row["state"] = after
    _tell(rows, envelope, customer_id, before, after)


def _tell_status(
    rows: Rows, envelope: Envelope, customer_id: UUID, before: RunStatus, after: RunStatus
) -> None:
    _tell(rows, envelope, customer_id, {"status": before.value}, {"status": after.value})


def _tell(
    rows: Rows, envelope: Envelope, customer_id: UUID, before: Json, after: Json, summary: str | None = None
) -> None:
    row = {
        "source": envelope.source,
        "position": envelope.position,
        "customer_id": customer_id,
        "at": envelope.occurred_at,
        "actor": envelope.actor,
        "event": envelope.topic,
        "subject": envelope.subject,
        "summary": summary,
        "changes": changes(before, after),
        "command_id": envelope.command_id,
        "correlation_id": envelope.correlation_id,
        "causation_id": envelope.causation_id,
    }
    rows.append(HISTORY, row)


class Change(TypedDict):
    field: str
    before: Any
    after: Any


class HistoryItem(TypedDict):
    """An event; `position` is its place in the log of its `source`, `summary` the ident of what it made."""

    position: int
    source: str
    at: str
    actor: str
    event: str
    subject: str
    summary: str | None
    changes: list[Change]
    commandId: str
    correlationId: str
    causationId: str | None


# Two logs, no order between them: by time, and within a log by position.
_HISTORY = Listing("*", "history", ("at", "source", "position"))


def history(
    conn: Connection[DictRow], customer_id: UUID, limit: int = 50, cursor: str | None = None
) -> Page[HistoryItem]:
    """The customer's events, newest first."""
    filters = Filters()
    filters.add("customer_id = %(customer_id)s", customer_id=customer_id)
    return _HISTORY.page(conn, filters, limit, cursor, _item)


def _item(row: Row) -> HistoryItem:
    plain = to_builtins(row)
    return HistoryItem(
        position=row["position"],
        source=row["source"],
        at=plain["at"],
        actor=row["actor"],
        event=row["event"],
        subject=plain["subject"],
        summary=row["summary"],
        changes=row["changes"],
        commandId=plain["command_id"],
        correlationId=plain["correlation_id"],
        causationId=plain["causation_id"],
    )
