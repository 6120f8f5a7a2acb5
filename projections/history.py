"""Every event about a customer in one timeline: when, who, what changed from what to what, and why."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, get_args
from uuid import UUID

from msgspec import convert, to_builtins
from psycopg import Connection
from psycopg.rows import DictRow
from typing_extensions import TypedDict

from projections import corrections, customer_state
from projections.customer_state import CustomerChange
from projections.paging import Filters, Listing, Page
from projections.projection import Projection, Row, Rows, Table, of_customer
from services.as_json import compact, full
from services.masking import masked
from services.messages import (
    BillingRunCompleted,
    BillingRunRequested,
    BillingRunStarted,
    ContractAmended,
    ContractCancelled,
    ContractPaused,
    ContractResumed,
    ContractSigned,
    ContractTerminated,
    CorrectionAccepted,
    CorrectionDeclined,
    CorrectionProposed,
    CorrectionSuperseded,
    CustomerBilled,
    CustomerCreated,
    DeliveryRequested,
    DocumentIssued,
    DocumentNotSent,
    DocumentRendered,
    DocumentSent,
    Envelope,
    OrderCancelled,
    OrderRecorded,
    PaymentRecorded,
    RefundRecorded,
    RunStatus,
    UsageRecorded,
)
from services.personal_data import Vault, opened_json
from services.terms import ContractChange, ContractTerms, Termination
from services.values import Item, PlanReference

HISTORY = Table("history", ("source", "position"), append_only=True)
# What is known of each customer, contract and order, to tell what was before a change.
CUSTOMERS = Table("history_customers", ("customer_id",))
CONTRACTS = Table("history_contracts", ("contract_id",))
ORDERS = Table("history_orders", ("order_id",))
# Whose a run for one customer is: its completion does not say.
RUNS = Table("history_runs", ("billing_run_id",))

PROJECTION = Projection("history", 3, HISTORY, CUSTOMERS, CONTRACTS, ORDERS, RUNS)

Json = dict[str, Any]

# The things' own ids: the event names its subject already.
_OWN_IDS = frozenset(
    {
        "addressId",
        "billingRunId",
        "contractId",
        "customerId",
        "documentId",
        "orderId",
        "paymentAccountId",
        "paymentId",
        "planId",
        "proposalId",
    }
)


def _of_contract(message: Any) -> Iterable[UUID]:
    return (message.contract_id,)


def _of_order(message: OrderRecorded | OrderCancelled) -> Iterable[UUID]:
    return (message.order_id,)


@PROJECTION.on(CustomerCreated, loads={CUSTOMERS: of_customer})
def customer_created(rows: Rows, message: CustomerCreated, envelope: Envelope) -> None:
    state = customer_state.new(message)
    rows.put(CUSTOMERS, {"customer_id": message.customer_id, "state": state})
    _tell(rows, envelope, message.customer_id, {}, state, message.debtor_ident)


@PROJECTION.on(*get_args(CustomerChange), loads={CUSTOMERS: of_customer})
def customer_changed(rows: Rows, message: CustomerChange, envelope: Envelope) -> None:
    row = rows.change(CUSTOMERS, message.customer_id)
    before = row["state"]
    row["state"] = customer_state.after(before, message)
    _tell(rows, envelope, message.customer_id, before, row["state"])


@PROJECTION.on(ContractSigned, loads={CONTRACTS: _of_contract})
def contract_signed(rows: Rows, message: ContractSigned, envelope: Envelope) -> None:
    terms = ContractTerms(signed=message)
    rows.put(CONTRACTS, {"contract_id": message.contract_id, "terms": compact(terms)})
    told: Json = full(message)
    del told["overrides"]  # the items have them in already
    told |= _items_and_plan(message.items, message.plan)
    _tell(rows, envelope, message.customer_id, {}, told, message.contract_ident)


@PROJECTION.on(*get_args(ContractChange), loads={CONTRACTS: _of_contract})
def contract_changed(rows: Rows, message: ContractChange, envelope: Envelope) -> None:
    row = rows.change(CONTRACTS, message.contract_id)
    terms = _terms(row)
    row["terms"] = compact(terms.after(message))
    before, after = _told_of(terms, message, envelope)
    _tell(rows, envelope, message.customer_id, before, after, terms.signed.contract_ident)


def _told_of(terms: ContractTerms, change: ContractChange, envelope: Envelope) -> tuple[Json, Json]:
    """What is told of a change to a contract: what was there before, and what is there after it."""
    match change:
        case ContractAmended():
            day, after = change.effective_on, terms.after(change)
            return (
                _items_and_plan(terms.items_on(day), terms.plan),
                {"effectiveOn": full(day)} | _items_and_plan(after.items_on(day), after.plan),
            )
        case ContractPaused():
            return {}, {"pausedFrom": full(change.paused_from)}
        case ContractResumed():
            return {}, {"resumedFrom": full(change.resumed_from)}
        case ContractTerminated():
            after = terms.after(change)
            return _told_termination(terms.termination), _told_termination(after.termination)
        case ContractCancelled():
            status = terms.status_on(envelope.occurred_at.date())
            return {"status": full(status)}, {"status": "CANCELLED", "reason": change.reason}


def _items_and_plan(items: Iterable[Item], plan: PlanReference | None) -> Json:
    return {"items": {item.item_ident: _told_item(item) for item in items}, "plan": full(plan)}


def _told_item(item: Item) -> Json:
    """The item without its ident, under which it is told."""
    return {name: value for name, value in full(item).items() if name != "itemIdent"}


def _told_termination(given: Termination | None) -> Json:
    if given is None:
        return {}
    return {
        "terminationKind": full(given.kind),
        "noticedOn": full(given.noticed_on),
        "terminatesOn": full(given.terminates_on),
        "reason": given.reason,
    }


@PROJECTION.on(UsageRecorded, loads={CONTRACTS: _of_contract})
def usage_recorded(rows: Rows, message: UsageRecorded, envelope: Envelope) -> None:
    """What was used of each item altogether: a report may have thousands of entries."""
    used: defaultdict[str, Decimal] = defaultdict(Decimal)
    for entry in message.entries:
        used[entry.item_ident] += entry.quantity
    told = {"entries": len(message.entries), "usage": {item: f"{sum_:f}" for item, sum_ in used.items()}}
    terms = _terms(rows.change(CONTRACTS, message.contract_id))
    _tell(rows, envelope, message.customer_id, {}, told, terms.signed.contract_ident)


@PROJECTION.on(OrderRecorded, loads={ORDERS: _of_order})
def order_recorded(rows: Rows, message: OrderRecorded, envelope: Envelope) -> None:
    rows.put(ORDERS, {"order_id": message.order_id, "order_ident": message.order_ident})
    _tell(rows, envelope, message.customer_id, {}, full(message), message.order_ident)


@PROJECTION.on(OrderCancelled, loads={ORDERS: _of_order})
def order_cancelled(rows: Rows, message: OrderCancelled, envelope: Envelope) -> None:
    order = rows.change(ORDERS, message.order_id)
    told = {"status": "CANCELLED", "reason": message.reason}
    _tell(rows, envelope, message.customer_id, {"status": "OPEN"}, told, order["order_ident"])


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
        before, after = full(RunStatus.REQUESTED), full(RunStatus.RUNNING)
        _tell(rows, envelope, message.customer_id, {"status": before}, {"status": after})


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
    if message.preceding_document:
        told |= {"precedingDocument": message.preceding_document.number, "reason": message.reason}
    _tell(rows, envelope, message.customer_id, {}, told, message.number)


@PROJECTION.on(DocumentRendered)
def document_rendered(rows: Rows, message: DocumentRendered, envelope: Envelope) -> None:
    told = {"sha256": {file.file.value: file.sha256 for file in message.files}}
    _tell(rows, envelope, message.customer_id, {}, told, message.number)


@PROJECTION.on(DeliveryRequested, DocumentSent, DocumentNotSent)
def document_delivered(
    rows: Rows, message: DeliveryRequested | DocumentSent | DocumentNotSent, envelope: Envelope
) -> None:
    _tell(rows, envelope, message.customer_id, {}, full(message), message.number)


@PROJECTION.on(CorrectionProposed)
def correction_proposed(rows: Rows, message: CorrectionProposed, envelope: Envelope) -> None:
    told = {"status": "OPEN"}
    told |= {name: full(getattr(message, name)) for name in ("since", "currency", "net", "gross")}
    _tell(rows, envelope, message.customer_id, {}, told, message.contract_ident)


@PROJECTION.on(CorrectionAccepted, CorrectionDeclined, CorrectionSuperseded)
def correction_decided(
    rows: Rows, message: CorrectionAccepted | CorrectionDeclined | CorrectionSuperseded, envelope: Envelope
) -> None:
    told = {"status": corrections.STATUSES[message.TOPIC]}
    if isinstance(message, CorrectionDeclined):
        told["reason"] = message.reason
    _tell(rows, envelope, message.customer_id, {"status": corrections.OPEN}, told)


@PROJECTION.on(PaymentRecorded, RefundRecorded)
def payment_recorded(rows: Rows, message: PaymentRecorded | RefundRecorded, envelope: Envelope) -> None:
    _tell(rows, envelope, message.customer_id, {}, full(message), message.number)


@PROJECTION.on(BillingRunCompleted, loads={RUNS: lambda message: (message.billing_run_id,)})
def run_completed(rows: Rows, message: BillingRunCompleted, envelope: Envelope) -> None:
    if run := rows.find(RUNS, message.billing_run_id):
        told = {"status": full(message.status), "reason": message.reason}
        _tell(rows, envelope, run["customer_id"], {"status": full(RunStatus.RUNNING)}, told)


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


def _terms(row: Row) -> ContractTerms:
    return convert(row["terms"], ContractTerms)


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
    """An event; `position` is its place in the log of its `source`, `summary` the ident of what it is about."""

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
    conn: Connection[DictRow], customer_id: UUID, vault: Vault, limit: int = 50, cursor: str | None = None
) -> Page[HistoryItem]:
    """The customer's events, newest first."""
    filters = Filters()
    filters.add("customer_id = %(customer_id)s", customer_id=customer_id)
    page = _HISTORY.page(conn, filters, limit, cursor, lambda row: row)
    opened = opened_json([(customer_id, row["changes"]) for row in page["items"]], vault)
    items = [_item(row, changes) for row, changes in zip(page["items"], opened, strict=True)]
    return Page(items=items, total=page["total"], cursor=page["cursor"])


def _item(row: Row, changes: list[Change]) -> HistoryItem:
    plain = to_builtins({name: value for name, value in row.items() if name != "changes"})
    return HistoryItem(
        position=row["position"],
        source=row["source"],
        at=plain["at"],
        actor=row["actor"],
        event=row["event"],
        subject=plain["subject"],
        summary=row["summary"],
        changes=[_shown(change) for change in changes],
        commandId=plain["command_id"],
        correlationId=plain["correlation_id"],
        causationId=plain["causation_id"],
    )


def _shown(change: Change) -> Change:
    name = change["field"].rpartition(".")[2]
    before, after = masked(name, change["before"]), masked(name, change["after"])
    return Change(field=change["field"], before=before, after=after)
