"""The table of billing entities, and the lock that keeps their calendars and number ranges as they are."""

import msgspec
from psycopg.types.json import Jsonb

from services.billing.sellers import Sellers
from services.billing.transaction import Cursor
from services.messages import BillingEntityDefined


def keep(cursor: Cursor) -> None:
    """Let nobody change a billing entity until the transaction ends: days are counted in their calendars."""
    cursor.execute("LOCK TABLE billing_entities IN SHARE MODE")


def change(cursor: Cursor) -> None:
    """Wait until nobody bills or takes in messages, and let nobody until the transaction ends."""
    cursor.execute("LOCK TABLE billing_entities IN SHARE ROW EXCLUSIVE MODE")


def read(cursor: Cursor) -> Sellers:
    """All billing entities; the default is the one that was last said to be, else the one that was defined first."""
    cursor.execute("SELECT entity FROM billing_entities ORDER BY is_default DESC, defined_at")
    return Sellers([msgspec.convert(row["entity"], BillingEntityDefined) for row in cursor])


def define(cursor: Cursor, entity: BillingEntityDefined, position: int) -> None:
    """Take in a billing entity; `position` in billing's log tells which one was first."""
    if entity.default:
        cursor.execute("UPDATE billing_entities SET is_default = false WHERE is_default")
    cursor.execute(
        "INSERT INTO billing_entities (billing_entity_id, defined_at, entity, is_default) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (billing_entity_id) DO UPDATE SET entity = excluded.entity, is_default = excluded.is_default",
        [
            entity.billing_entity_id,
            position,
            Jsonb(entity, dumps=msgspec.json.encode),
            entity.default,
        ],
    )
