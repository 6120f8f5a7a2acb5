"""What can be billed: billing's own read model, per customer, of what is to be billed and what was.

Everything in these tables follows from messages of the customer log and of billing's own log, through
the functions here and nothing else; an audit applies the same messages to empty tables and compares.
All names are unqualified: the connection's search path says which schema is meant.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from services.billing import parties, usage_records
from services.billing.due import (
    Billable,
    Progress,
    Terms,
    billed_also,
    late_intervals,
    next_due_on,
)
from services.billing.party import Party
from services.billing.transaction import Cursor
from services.billing.usage import Usage, is_measured
from services.messages import (
    BillingEntityDefined,
    ContractSigned,
    Envelope,
    OrderCancelled,
    OrderRecorded,
    UsageRecorded,
)
from services.terms import ContractChange, ContractTerms
from services.values import DocumentLine, Period

KINDS: dict[type[Terms], str] = {ContractTerms: "CONTRACT", OrderRecorded: "ORDER"}
TERMS = {kind: terms for terms, kind in KINDS.items()}

DEFAULT_TIME_ZONE = "Europe/Berlin"
"""Calendar before any billing entity is defined; until then nothing is billed."""


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
    for billable in _with_billed_usage(cursor, _with_usage(cursor, [_billable(row) for row in rows])):
        due[owners[billable.billable_id]].append(billable)
    return [Account(customers[customer_id], due[customer_id]) for customer_id in customer_ids]


def billing_entity(cursor: Cursor) -> BillingEntityDefined | None:
    """The seller: the billing entity that was defined first; None before there is one."""
    cursor.execute("SELECT entity FROM billing_entities ORDER BY defined_at LIMIT 1")
    row = cursor.fetchone()
    return msgspec.convert(row["entity"], BillingEntityDefined) if row else None


def time_zone(cursor: Cursor) -> ZoneInfo:
    """The seller's calendar."""
    entity = billing_entity(cursor)
    return ZoneInfo(entity.time_zone if entity else DEFAULT_TIME_ZONE)


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
    used, zone = usage_records.unbilled(cursor, measured), time_zone(cursor)
    return [replace(b, usage=Usage(used[b.billable_id], zone)) if b.billable_id in used else b for b in found]


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

    A second bill of an interval violates the primary key of billed_intervals.
    """
    issued = list(documents)
    billed = [interval for document_id, lines in issued for interval in _billed_intervals(document_id, lines)]
    if not billed:
        return
    cursor.execute(
        "INSERT INTO billed_intervals"
        " (billable_id, item, interval_start, interval_end, late, document_id, line)"
        " SELECT * FROM unnest(%s::uuid[], %s::text[], %s::date[], %s::date[], %s::int[], %s::uuid[], %s::int[])",
        [list(column) for column in zip(*billed, strict=True)],
    )
    usage_records.mark_billed(cursor, issued)
    _advance(cursor, billed)


BilledInterval = tuple[UUID, str, date, date, int, UUID, int]


def _billed_intervals(document_id: UUID, lines: Sequence[DocumentLine]) -> list[BilledInterval]:
    """One per line; the usage of an interval is billed as a whole and marked at its first line."""
    found = []
    wholes = set()
    for line in lines:
        if line.usage:
            whole = (line.origin.id, line.origin.item, line.usage)
            if whole in wholes:
                continue
            wholes.add(whole)
        first, last = (line.period.first, line.period.last) if line.period else (line.supplied_on,) * 2
        assert first is not None
        assert last is not None
        late = line.usage.late if line.usage else 0
        found.append((line.origin.id, line.origin.item, first, last, late, document_id, line.line))
    return found


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


# -- the seller ---------------------------------------------------------------------------------


def keep_entity(cursor: Cursor) -> None:
    """Let nobody change the seller until the transaction ends: days are counted in its calendar."""
    cursor.execute("LOCK TABLE billing_entities IN SHARE MODE")


def change_entity(cursor: Cursor) -> None:
    """Wait until nobody bills or takes in messages, and let nobody until the transaction ends."""
    cursor.execute("LOCK TABLE billing_entities IN SHARE ROW EXCLUSIVE MODE")


def define_entity(cursor: Cursor, entity: BillingEntityDefined, position: int) -> None:
    """Take in a billing entity; `position` in billing's log tells which one was first."""
    before = time_zone(cursor)
    cursor.execute(
        "INSERT INTO billing_entities VALUES (%s, %s, %s)"
        " ON CONFLICT (billing_entity_id) DO UPDATE SET entity = excluded.entity",
        [entity.billing_entity_id, position, _json(entity)],
    )
    if time_zone(cursor) != before:
        _save(cursor, _read(cursor, usage_records.with_unbilled(cursor)))


def _json(value: Any) -> Jsonb:
    return Jsonb(value, dumps=msgspec.json.encode)
