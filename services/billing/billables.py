"""What can be billed: billing's own read model, per customer, of what is to be billed and what was.

Everything in these tables follows from messages of the customer log and of billing's own log, through
the functions here and nothing else; an audit applies the same messages to empty tables and compares.
All names are unqualified: the connection's search path says which schema is meant.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from services.billing import billing_entities, last_amounts, parties, usage_records
from services.billing.due import (
    Billable,
    Progress,
    Terms,
    billed_also,
    late_intervals,
    next_due_on,
)
from services.billing.party import Party
from services.billing.sellers import Sellers
from services.billing.transaction import Cursor
from services.billing.usage import Usage, is_measured
from services.messages import (
    ContractSigned,
    CustomerEdited,
    Envelope,
    OrderCancelled,
    OrderRecorded,
    UsageRecorded,
)
from services.terms import ContractChange, ContractTerms
from services.values import DocumentLine, Period

KINDS: dict[type[Terms], str] = {ContractTerms: "CONTRACT", OrderRecorded: "ORDER"}
TERMS = {kind: terms for terms, kind in KINDS.items()}


@dataclass(frozen=True, slots=True)
class Account:
    """A customer with everything of it that is due."""

    customer: Party
    billables: Sequence[Billable]


# -- reading ------------------------------------------------------------------------------------


def accounts(cursor: Cursor, customer_ids: Sequence[UUID], by: date) -> list[Account]:
    """The customers in the order of `customer_ids`, each with its contracts and orders that are due by a day."""
    customers = parties.read(cursor, customer_ids)
    cursor.execute("SELECT * FROM billables WHERE customer_id = ANY(%s) AND due_on <= %s", [customer_ids, by])
    rows = cursor.fetchall()
    owners = {row["billable_id"]: row["customer_id"] for row in rows}
    due: defaultdict[UUID, list[Billable]] = defaultdict(list)
    found = _with_billed_usage(cursor, _with_usage(cursor, [_billable(row) for row in rows]))
    last = last_amounts.read(cursor, list(owners))
    for billable in found:
        amounts = last.get(billable.billable_id, {})
        due[owners[billable.billable_id]].append(replace(billable, last_amounts=amounts))
    return [Account(customers[customer_id], due[customer_id]) for customer_id in customer_ids]


def due_customers(cursor: Cursor, by: date, limit: int) -> list[UUID]:
    """Up to `limit` customers with something that is due by a day."""
    cursor.execute(
        "SELECT DISTINCT customer_id FROM billables WHERE due_on <= %s ORDER BY customer_id LIMIT %s",
        [by, limit],
    )
    return [row["customer_id"] for row in cursor]


def _billable(row: DictRow) -> Billable:
    terms = msgspec.convert(row["terms"], TERMS[row["kind"]])
    return Billable(
        row["billable_id"], terms, msgspec.convert(row["progress"], dict[str, tuple[Period, ...]])
    )


def _with_usage(cursor: Cursor, found: Sequence[Billable]) -> list[Billable]:
    """Each contract that is measured with what was used of it and is not billed."""
    measured = [b.billable_id for b in found if isinstance(b.terms, ContractTerms) and is_measured(b.terms)]
    if not measured:
        return list(found)
    used = usage_records.unbilled(cursor, measured)
    zones = _time_zones(cursor, [b for b in found if b.billable_id in used])
    return [
        replace(b, usage=Usage(used[b.billable_id], zones[b.billable_id])) if b.billable_id in used else b
        for b in found
    ]


def _time_zones(cursor: Cursor, found: Sequence[Billable]) -> dict[UUID, ZoneInfo]:
    """The calendar of whoever bills each contract."""
    if not found:
        return {}
    sellers = billing_entities.read(cursor)
    idents = parties.billing_entities(cursor, {_head(b.terms).customer_id for b in found})
    return {
        b.billable_id: sellers.time_zone(_head(b.terms).billing_entity or idents[_head(b.terms).customer_id])
        for b in found
    }


def _with_billed_usage(cursor: Cursor, found: Sequence[Billable]) -> list[Billable]:
    """Each contract with what was billed of the intervals for which usage came late."""
    late = [(b.billable_id, *interval) for b in found for interval in late_intervals(b)]
    if not late:
        return list(found)
    billed = usage_records.billed(cursor, late)
    return [
        replace(b, usage=b.usage.and_also(billed[b.billable_id])) if b.billable_id in billed else b
        for b in found
    ]


# -- following the customer log -----------------------------------------------------------------


def follow_customers(cursor: Cursor, envelopes: Iterable[Envelope]) -> None:
    """Take in messages of the customer log, in order."""
    batch = list(envelopes)
    parties.lock(cursor, [e.body.customer_id for e in batch if isinstance(e.body, _CHANGES)])
    parties.follow(cursor, batch)
    usage_records.record(cursor, [(e.position, e.body) for e in batch if isinstance(e.body, UsageRecorded)])
    _follow_terms(cursor, batch)
    edits = [e.body for e in batch if isinstance(e.body, CustomerEdited)]
    _follow_moves(cursor, [e.customer_id for e in edits if e.changes.billing_entity is not UNSET])


def _follow_moves(cursor: Cursor, customer_ids: Sequence[UUID]) -> None:
    """Somebody else bills these customers from now on, perhaps by another calendar."""
    if customer_ids:
        _redate(cursor, usage_records.with_unbilled(cursor, customer_ids))


_CONTRACT_CHANGES = (*get_args(ContractChange), UsageRecorded)
_CHANGES = (*parties.CHANGES, *_CONTRACT_CHANGES, OrderCancelled)
"""What concerns a customer that is there already and may be billed at this moment."""


def _follow_terms(cursor: Cursor, envelopes: Iterable[Envelope]) -> None:
    """Contracts change, orders come and go; what is recorded in the batch itself need not be read."""
    bodies = [e.body for e in envelopes]
    changed = [b.contract_id for b in bodies if isinstance(b, _CONTRACT_CHANGES)]
    known = {b.billable_id: b for b in _read(cursor, changed)}
    cancelled: list[UUID] = []
    for body in bodies:
        match body:
            case ContractSigned():
                known[body.contract_id] = Billable(body.contract_id, ContractTerms(signed=body), {})
            case OrderRecorded():
                known[body.order_id] = Billable(body.order_id, body, {})
            case OrderCancelled():
                known.pop(body.order_id, None)
                cancelled.append(body.order_id)
            case _ if isinstance(body, ContractChange):
                known[body.contract_id] = _changed(known[body.contract_id], body)
            case _:
                pass
    _forget(cursor, cancelled)
    _save(cursor, list(known.values()))


def _changed(billable: Billable, change: ContractChange) -> Billable:
    assert isinstance(billable.terms, ContractTerms)
    return replace(billable, terms=billable.terms.after(change))


def _read(cursor: Cursor, billable_ids: Iterable[UUID]) -> list[Billable]:
    """Contracts and orders, locked."""
    cursor.execute(
        "SELECT * FROM billables WHERE billable_id = ANY(%s) FOR UPDATE", [list(set(billable_ids))]
    )
    return [_billable(row) for row in cursor.fetchall()]


def contract(cursor: Cursor, contract_id: UUID) -> ContractTerms:
    """A contract as of everything that was taken in, locked."""
    [found] = _read(cursor, [contract_id])
    assert isinstance(found.terms, ContractTerms)
    return found.terms


def _forget(cursor: Cursor, order_ids: Sequence[UUID]) -> None:
    """A cancelled order is never to be billed."""
    if order_ids:
        cursor.execute("DELETE FROM billables WHERE billable_id = ANY(%s)", [order_ids])


def _save(cursor: Cursor, changed: Sequence[Billable]) -> None:
    """Store contracts and orders with their progress and the day on which something is due next."""
    if changed:
        found = _with_usage(cursor, changed)
        cursor.execute(
            "INSERT INTO billables (billable_id, customer_id, kind, terms, progress, due_on)"
            " SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::jsonb[], %s::jsonb[], %s::date[])"
            " ON CONFLICT (billable_id) DO UPDATE"
            " SET terms = excluded.terms, progress = excluded.progress, due_on = excluded.due_on",
            [
                [b.billable_id for b in found],
                [_head(b.terms).customer_id for b in found],
                [KINDS[type(b.terms)] for b in found],
                [_json(b.terms) for b in found],
                [_json(b.progress) for b in found],
                [next_due_on(b.terms, b.progress, b.usage) for b in found],
            ],
        )


def _head(terms: Terms) -> ContractSigned | OrderRecorded:
    return terms.signed if isinstance(terms, ContractTerms) else terms


# -- following billing's own log ----------------------------------------------------------------


def mark_billed(cursor: Cursor, documents: Iterable[tuple[UUID, Sequence[DocumentLine]]]) -> None:
    """Record what documents, given as id and lines, bill.

    A second bill of an interval violates the primary key of billed_intervals; what a credit note released does not
    count. Lines of credit notes that take back earlier lines bill nothing.
    """
    issued = list(documents)
    billed = [interval for document_id, lines in issued for interval in _billed_intervals(document_id, lines)]
    if not billed:
        return
    cursor.execute(
        "INSERT INTO billed_intervals"
        " (billable_id, item, interval_start, interval_end, late, document_id, line, correction)"
        " SELECT new.*, (SELECT count(*) FROM billed_intervals AS before"
        "  WHERE (before.billable_id, before.item, before.interval_start, before.late)"
        "   = (new.billable_id, new.item, new.interval_start, new.late) AND before.released_by IS NOT NULL)"
        " FROM unnest(%s::uuid[], %s::text[], %s::date[], %s::date[], %s::int[], %s::uuid[], %s::int[])"
        "  AS new (billable_id, item, interval_start, interval_end, late, document_id, line)",
        [list(column) for column in zip(*billed, strict=True)],
    )
    _spend_prepaid(cursor, {line.origin.id for _, lines in issued for line in lines})
    usage_records.mark_billed(cursor, issued)
    last_amounts.record(cursor, issued)
    _advance(cursor, billed)


def _spend_prepaid(cursor: Cursor, billed: Collection[UUID]) -> None:
    """What was collected for an order stands on its first document, and on none by which it is billed again."""
    cursor.execute(
        "UPDATE billables SET terms = terms - 'prepaidAmount'"
        " WHERE billable_id = ANY(%s) AND kind = 'ORDER' AND terms ? 'prepaidAmount'",
        [list(billed)],
    )


BilledInterval = tuple[UUID, str, date, date, int, UUID, int]


def _billed_intervals(document_id: UUID, lines: Sequence[DocumentLine]) -> list[BilledInterval]:
    """One per line; the usage of an interval is billed as a whole and marked at its first line."""
    found = []
    wholes = set()
    for line in lines:
        if line.credits:
            continue
        if line.usage:
            whole = (line.origin.id, line.origin.item, line.usage)
            if whole in wholes:
                continue
            wholes.add(whole)
        days = line.days
        found.append(
            (line.origin.id, line.origin.item, days.first, days.last, _late(line), document_id, line.line)
        )
    return found


def _late(line: DocumentLine) -> int:
    return line.usage.late if line.usage else 0


def release(cursor: Cursor, credit_notes: Iterable[tuple[UUID, UUID, Sequence[DocumentLine]]]) -> None:
    """Let what credit notes say be billed again; each is given as its id, that of its invoice, and its lines."""
    released = [
        (note_id, invoice_id, line.origin.id, line.origin.item, line.days.first, _late(line))
        for note_id, invoice_id, lines in credit_notes
        for line in lines
        if line.credits and line.credits.bill_again
    ]
    if not released:
        return
    cursor.execute(
        "UPDATE billed_intervals SET released_by = released.note_id"
        " FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::date[], %s::int[])"
        "  AS released (note_id, document_id, billable_id, item, interval_start, late)"
        " WHERE (billed_intervals.document_id, billed_intervals.billable_id, billed_intervals.item,"
        "   billed_intervals.interval_start, billed_intervals.late)"
        "  = (released.document_id, released.billable_id, released.item, released.interval_start, released.late)",
        [list(column) for column in zip(*released, strict=True)],
    )
    usage_records.release(cursor, [bill for _, *bill in released])
    _go_back(cursor, [billable_id for _, _, billable_id, *_ in released])


def later_bills(cursor: Cursor, invoice_id: UUID, lines: Iterable[DocumentLine]) -> list[UUID]:
    """The documents that bill usage which came late for an interval that credit lines of an invoice release."""
    bills = [
        (line.origin.id, line.origin.item, line.days.first, _late(line))
        for line in lines
        if line.credits and line.credits.bill_again and line.usage
    ]
    if not bills:
        return []
    cursor.execute(
        "SELECT DISTINCT later.document_id FROM billed_intervals AS later"
        " JOIN unnest(%s::uuid[], %s::text[], %s::date[], %s::int[])"
        "  AS released (billable_id, item, interval_start, late) USING (billable_id, item, interval_start)"
        " WHERE later.late > released.late AND later.released_by IS NULL AND later.document_id <> %s",
        [*(list(column) for column in zip(*bills, strict=True)), invoice_id],
    )
    return [row["document_id"] for row in cursor]


def documents_of(cursor: Cursor, billable_id: UUID, item: str) -> list[UUID]:
    """The documents that bill an item, and the credit notes that released something of it."""
    cursor.execute(
        "SELECT DISTINCT id FROM billed_intervals, unnest(ARRAY[document_id, released_by]) AS id"
        " WHERE billable_id = %s AND item = %s AND id IS NOT NULL",
        [billable_id, item],
    )
    return [row["id"] for row in cursor]


def _go_back(cursor: Cursor, billable_ids: Sequence[UUID]) -> None:
    """Set the progress of contracts and orders to the bills that stand."""
    found = _read(cursor, billable_ids)
    cursor.execute(
        "SELECT * FROM billed_intervals WHERE billable_id = ANY(%s) AND released_by IS NULL",
        [list(billable_ids)],
    )
    standing: defaultdict[UUID, list[tuple[str, Period]]] = defaultdict(list)
    for row in cursor:
        period = Period(first=row["interval_start"], last=row["interval_end"])
        standing[row["billable_id"]].append((row["item"], period))
    _save(cursor, [replace(b, progress=_moved({}, standing[b.billable_id])) for b in found])


def _advance(cursor: Cursor, billed: Iterable[BilledInterval]) -> None:
    """Move each contract's and order's progress, and with it the day on which something is due next."""
    reached: defaultdict[UUID, list[tuple[str, Period]]] = defaultdict(list)
    for billable_id, item, first, last, *_ in billed:
        reached[billable_id].append((item, Period(first=first, last=last)))
    found = _read(cursor, reached)
    moved = [replace(b, progress=_moved(b.progress, reached[b.billable_id])) for b in found]
    after = _with_usage(cursor, moved)
    cursor.execute(
        "UPDATE billables SET progress = new.progress, due_on = new.due_on"
        " FROM unnest(%s::uuid[], %s::jsonb[], %s::date[]) AS new (billable_id, progress, due_on)"
        " WHERE billables.billable_id = new.billable_id",
        [
            [b.billable_id for b in after],
            [_json(b.progress) for b in after],
            [next_due_on(b.terms, b.progress, b.usage) for b in after],
        ],
    )


def _moved(progress: Progress, billed: Iterable[tuple[str, Period]]) -> Progress:
    after = dict(progress)
    for item, period in billed:
        after[item] = billed_also(after.get(item, ()), period)
    return after


# -- calendars ----------------------------------------------------------------------------------


def redate(cursor: Cursor, before: Sellers, after: Sellers) -> None:
    """Let usage count to the days of the calendars that changed with the billing entities."""
    cursor.execute(
        "SELECT DISTINCT billable_id, coalesce(terms->'signed'->>'billingEntity', party->>'billingEntity') AS ident"
        " FROM usage JOIN billables USING (billable_id) JOIN customers USING (customer_id)"
        " WHERE document_id IS NULL"
    )
    idents = {row["billable_id"]: row["ident"] for row in cursor}
    _redate(cursor, [c for c, ident in idents.items() if before.time_zone(ident) != after.time_zone(ident)])


def _redate(cursor: Cursor, contract_ids: Collection[UUID]) -> None:
    _save(cursor, _read(cursor, contract_ids))


def _json(value: Any) -> Jsonb:
    return Jsonb(value, dumps=msgspec.json.encode)
