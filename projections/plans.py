"""Plans with all their versions."""

from typing import Any
from uuid import UUID

from msgspec import to_builtins
from psycopg import Connection
from psycopg.rows import DictRow
from typing_extensions import TypedDict

from projections.paging import Filters, Page, newest_first, one
from projections.projection import Projection, Row, Rows, Table
from services.as_json import full
from services.messages import Envelope, PlanCreated, PlanRevised
from services.values import Item

PLANS = Table("plans", ("plan_id",))
VERSIONS = Table("plan_versions", ("plan_id", "plan_version"), append_only=True)

PROJECTION = Projection("plans", 1, PLANS, VERSIONS)

Json = dict[str, Any]


@PROJECTION.on(PlanCreated, PlanRevised, loads={PLANS: lambda message: (message.plan_id,)})
def defined(rows: Rows, message: PlanCreated, envelope: Envelope) -> None:
    fresh = {
        "plan_id": message.plan_id,
        "plan_ident": message.plan_ident,
        "position": envelope.position,
        "created_at": envelope.occurred_at,
    }
    row = rows.ensure(PLANS, fresh)
    row["plan_version"] = message.plan_version
    row["version"] = envelope.version
    version = {
        "plan_id": message.plan_id,
        "plan_version": message.plan_version,
        "plan": {
            "name": message.name,
            "currency": message.currency,
            "options": [_option(item) for item in message.options],
        },
        "created_at": envelope.occurred_at,
    }
    rows.append(VERSIONS, version)


def _option(item: Item) -> Json:
    option: Json = full(item)
    return {"optionIdent": option.pop("itemIdent"), **option}


class PlanVersion(TypedDict):
    planVersion: int
    createdAt: str


class PlanItem(TypedDict):
    """A plan in one of its versions, in a list the newest; `version` is what an edit names in `If-Match`."""

    planId: str
    planIdent: str
    planVersion: int
    name: str
    currency: str
    options: list[Json]
    version: int
    createdAt: str
    updatedAt: str


class Plan(PlanItem):
    """A plan in one of its versions, and which versions there are."""

    versions: list[PlanVersion]


_PLANS = newest_first(
    "p.*, v.plan_version AS shown_version, v.plan, v.created_at AS updated_at",
    "plans p JOIN plan_versions v USING (plan_id)",
    "p.position",
)


def plans(conn: Connection[DictRow], *, limit: int = 50, cursor: str | None = None) -> Page[PlanItem]:
    """Plans in their newest version, the newest plan first."""
    filters = Filters()
    filters.add("v.plan_version = p.plan_version")
    return _PLANS.page(conn, filters, limit, cursor, _item)


def plan(conn: Connection[DictRow], plan_ident: str, plan_version: int | None = None) -> Plan | None:
    """A plan in a version, or (None) in its newest."""
    filters = Filters()
    filters.add("p.plan_ident = %(plan_ident)s", plan_ident=plan_ident)
    if plan_version is None:
        filters.add("v.plan_version = p.plan_version")
    filters.add("v.plan_version = %(plan_version)s", plan_version=plan_version)
    found = one(_PLANS.page(conn, filters, 1, None, _item)["items"])
    return Plan(**found, versions=_versions(conn, UUID(found["planId"]))) if found else None


def _versions(conn: Connection[DictRow], plan_id: UUID) -> list[PlanVersion]:
    rows = conn.execute(
        "SELECT plan_version, created_at FROM plan_versions WHERE plan_id = %s ORDER BY plan_version DESC",
        [plan_id],
    )
    return [
        PlanVersion(planVersion=row["plan_version"], createdAt=to_builtins(row["created_at"])) for row in rows
    ]


def _item(row: Row) -> PlanItem:
    return PlanItem(
        planId=str(row["plan_id"]),
        planIdent=row["plan_ident"],
        planVersion=row["shown_version"],
        name=row["plan"]["name"],
        currency=row["plan"]["currency"],
        options=row["plan"]["options"],
        version=row["version"],
        createdAt=to_builtins(row["created_at"]),
        updatedAt=to_builtins(row["updated_at"]),
    )
