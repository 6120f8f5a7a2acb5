"""What can be billed: billing's own read model, per customer, of what is to be billed and what was.

Everything in these tables follows from messages of the customer log and of billing's own log, through
the functions here and nothing else; an audit applies the same messages to empty tables and compares.
All names are unqualified: the connection's search path says which schema is meant.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from services.billing.due import ORDER_ITEM, Billable, next_due_on
from services.billing.transaction import Cursor
from services.messages import (
    AddressAdded,
    AddressEdited,
    BillingEntityDefined,
    ContractSigned,
    CustomerCreated,
    CustomerEdited,
    Envelope,
    OrderRecorded,
)
from services.values import DocumentLine, with_address

Terms = ContractSigned | OrderRecorded
KINDS: dict[type[Terms], str] = {ContractSigned: "CONTRACT", OrderRecorded: "ORDER"}
TERMS = {kind: terms for terms, kind in KINDS.items()}


@dataclass(frozen=True, slots=True)
class Account:
    """A customer with everything of it that is due."""

    customer: CustomerCreated
    billables: Sequence[Billable]


# -- reading ------------------------------------------------------------------------------------


def accounts(cursor: Cursor, customer_ids: Sequence[UUID], by: date) -> list[Account]:
    """The customers in the order of `customer_ids`, each with its contracts and orders that are due by a day."""
    cursor.execute("SELECT customer_id, party FROM customers WHERE customer_id = ANY(%s)", [customer_ids])
    parties = {row["customer_id"]: msgspec.convert(row["party"], CustomerCreated) for row in cursor}
    cursor.execute("SELECT * FROM billables WHERE customer_id = ANY(%s) AND due_on <= %s", [customer_ids, by])
    due: defaultdict[UUID, list[Billable]] = defaultdict(list)
    for row in cursor:
        due[row["customer_id"]].append(_billable(row))
    return [Account(parties[customer_id], due[customer_id]) for customer_id in customer_ids]


def billing_entity(cursor: Cursor) -> BillingEntityDefined | None:
    """The seller: the billing entity that was defined first; None before there is one."""
    cursor.execute("SELECT entity FROM billing_entities ORDER BY defined_at LIMIT 1")
    row = cursor.fetchone()
    return msgspec.convert(row["entity"], BillingEntityDefined) if row else None


def _billable(row: DictRow) -> Billable:
    terms = msgspec.convert(row["terms"], TERMS[row["kind"]])
    return Billable(row["billable_id"], terms, msgspec.convert(row["progress"], dict[str, date]))


# -- following the customer log -----------------------------------------------------------------


def follow_customers(cursor: Cursor, envelopes: Iterable[Envelope]) -> None:
    """Take in messages of the customer log, in order."""
    changed = _Parties(cursor)
    added: list[Terms] = []
    for envelope in envelopes:
        match envelope.body:
            case CustomerCreated() as created:
                changed.put(created)
            case CustomerEdited() as edited:
                changed.put(_edited(changed.get(edited.customer_id), edited))
            case AddressAdded() | AddressEdited() as message:
                party = changed.get(message.customer_id)
                addresses = with_address(party.addresses, message.address)
                changed.put(msgspec.structs.replace(party, addresses=addresses))
            case ContractSigned() | OrderRecorded() as terms:
                added.append(terms)
            case _:
                pass
    changed.save()
    _add(cursor, added)


class _Parties:
    """The customers that a batch touches, read once, locked against a run, written once."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._parties: dict[UUID, CustomerCreated] = {}

    def get(self, customer_id: UUID) -> CustomerCreated:
        if customer_id not in self._parties:
            self._cursor.execute(
                "SELECT party FROM customers WHERE customer_id = %s FOR UPDATE", [customer_id]
            )
            row = self._cursor.fetchone()
            assert row is not None, f"customer {customer_id} is changed before it is created"
            self._parties[customer_id] = msgspec.convert(row["party"], CustomerCreated)
        return self._parties[customer_id]

    def put(self, party: CustomerCreated) -> None:
        self._parties[party.customer_id] = party

    def save(self) -> None:
        if self._parties:
            self._cursor.execute(
                "INSERT INTO customers SELECT * FROM unnest(%s::uuid[], %s::jsonb[])"
                " ON CONFLICT (customer_id) DO UPDATE SET party = excluded.party",
                [list(self._parties), [_json(party) for party in self._parties.values()]],
            )


def _edited(party: CustomerCreated, edit: CustomerEdited) -> CustomerCreated:
    changes = msgspec.structs.asdict(edit.changes)
    return msgspec.structs.replace(party, **{k: v for k, v in changes.items() if v is not msgspec.UNSET})


def _add(cursor: Cursor, added: Sequence[Terms]) -> None:
    if added:
        cursor.execute(
            "INSERT INTO billables (billable_id, customer_id, kind, terms, due_on)"
            " SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::jsonb[], %s::date[])",
            [
                [id_of(terms) for terms in added],
                [terms.customer_id for terms in added],
                [KINDS[type(terms)] for terms in added],
                [_json(terms) for terms in added],
                [next_due_on(terms, {}) for terms in added],
            ],
        )


def id_of(terms: Terms) -> UUID:
    """Id of the contract or order."""
    return terms.contract_id if isinstance(terms, ContractSigned) else terms.order_id


# -- following billing's own log ----------------------------------------------------------------


def mark_billed(cursor: Cursor, documents: Iterable[tuple[UUID, Sequence[DocumentLine]]]) -> None:
    """Record what documents, given as id and lines, bill.

    A second bill of an interval violates the primary key of billed_intervals.
    """
    billed = [
        interval for document_id, lines in documents for interval in _billed_intervals(document_id, lines)
    ]
    if not billed:
        return
    cursor.execute(
        "INSERT INTO billed_intervals"
        " (billable_id, item, interval_start, interval_end, document_id, line)"
        " SELECT * FROM unnest(%s::uuid[], %s::text[], %s::date[], %s::date[], %s::uuid[], %s::int[])",
        [list(column) for column in zip(*billed, strict=True)],
    )
    _advance(cursor, billed)


BilledInterval = tuple[UUID, str, date, date, UUID, int]


def _billed_intervals(document_id: UUID, lines: Sequence[DocumentLine]) -> list[BilledInterval]:
    """One per line of a contract; an order is billed as a whole, marked at its first line."""
    found = []
    orders = set()
    for line in lines:
        if line.origin.type == "ORDER" and line.origin.id in orders:
            continue
        orders.add(line.origin.id)
        item = ORDER_ITEM if line.origin.type == "ORDER" else line.origin.item
        first, last = (line.period.first, line.period.last) if line.period else (line.supplied_on,) * 2
        assert first is not None
        assert last is not None
        found.append((line.origin.id, item, first, last, document_id, line.line))
    return found


def _advance(cursor: Cursor, billed: Iterable[BilledInterval]) -> None:
    """Move each contract's and order's progress, and with it the day on which something is due next."""
    reached: defaultdict[UUID, dict[str, date]] = defaultdict(dict)
    for billable_id, item, _, last, _, _ in billed:
        reached[billable_id][item] = max(last, reached[billable_id].get(item, last))
    cursor.execute("SELECT * FROM billables WHERE billable_id = ANY(%s) FOR UPDATE", [list(reached)])
    after = {
        b.billable_id: (b, {**b.progress, **reached[b.billable_id]})
        for b in map(_billable, cursor.fetchall())
    }
    cursor.execute(
        "UPDATE billables SET progress = new.progress, due_on = new.due_on"
        " FROM unnest(%s::uuid[], %s::jsonb[], %s::date[]) AS new (billable_id, progress, due_on)"
        " WHERE billables.billable_id = new.billable_id",
        [
            list(after),
            [_json(progress) for _, progress in after.values()],
            [next_due_on(billable.terms, progress) for billable, progress in after.values()],
        ],
    )


def define_entity(cursor: Cursor, entity: BillingEntityDefined, position: int) -> None:
    """Take in a billing entity; `position` in billing's log tells which one was first."""
    cursor.execute(
        "INSERT INTO billing_entities VALUES (%s, %s, %s)"
        " ON CONFLICT (billing_entity_id) DO UPDATE SET entity = excluded.entity",
        [entity.billing_entity_id, position, _json(entity)],
    )


def _json(value: Any) -> Jsonb:
    return Jsonb(value, dumps=msgspec.json.encode)
