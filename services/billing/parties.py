"""The table of customers as billing knows them, and the lock under which one is billed or changed."""

from collections.abc import Iterable, Mapping
from typing import get_args
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from services.billing.party import Party, PartyChange
from services.billing.transaction import Cursor
from services.messages import CustomerCreated, Envelope

CHANGES = get_args(PartyChange)


def read(cursor: Cursor, customer_ids: Iterable[UUID]) -> dict[UUID, Party]:
    """Customers by id."""
    cursor.execute(
        "SELECT customer_id, party FROM customers WHERE customer_id = ANY(%s)", [list(customer_ids)]
    )
    return {row["customer_id"]: msgspec.convert(row["party"], Party) for row in cursor}


def find(cursor: Cursor, debtor_ident: str) -> UUID | None:
    """The customer with a debtor ident."""
    cursor.execute("SELECT customer_id FROM customers WHERE party->>'debtorIdent' = %s", [debtor_ident])
    row = cursor.fetchone()
    return row["customer_id"] if row else None


def billing_entities(cursor: Cursor, customer_ids: Iterable[UUID]) -> dict[UUID, str | None]:
    """By customer, the ident of the billing entity that it names."""
    cursor.execute(
        "SELECT customer_id, party->>'billingEntity' AS ident FROM customers WHERE customer_id = ANY(%s)",
        [list(customer_ids)],
    )
    return {row["customer_id"]: row["ident"] for row in cursor}


def lock(cursor: Cursor, customer_ids: Iterable[UUID]) -> None:
    """Wait until no run bills these customers, and let none until the transaction ends.

    Everything that changes rows of a customer holds this lock, so that none of them ever waits for another in turn.
    """
    cursor.execute(
        "SELECT FROM customers WHERE customer_id = ANY(%s) ORDER BY customer_id FOR UPDATE",
        [sorted(set(customer_ids))],
    )


def follow(cursor: Cursor, envelopes: Iterable[Envelope]) -> None:
    """Take in messages of the customer log, in order; the customers that they change are locked."""
    bodies = [e.body for e in envelopes if isinstance(e.body, CustomerCreated | PartyChange)]
    parties = read(cursor, {body.customer_id for body in bodies if not isinstance(body, CustomerCreated)})
    for body in bodies:
        if isinstance(body, CustomerCreated):
            parties[body.customer_id] = Party.of(body)
        else:
            parties[body.customer_id] = parties[body.customer_id].after(body)
    _save(cursor, parties)


def _save(cursor: Cursor, parties: Mapping[UUID, Party]) -> None:
    if parties:
        cursor.execute(
            "INSERT INTO customers SELECT * FROM unnest(%s::uuid[], %s::jsonb[])"
            " ON CONFLICT (customer_id) DO UPDATE SET party = excluded.party",
            [list(parties), [Jsonb(p, dumps=msgspec.json.encode) for p in parties.values()]],
        )
