"""Plans with all their versions."""

from decimal import Decimal

from infra.postgres.pool import Pool
from projections.views import Views
from tests.projections.logs import Logs, kilometres, monthly
from tests.projections.reading import follow


def test_a_plan_shows_its_options_as_they_were_sent(pool: Pool, logs: Logs, views: Views) -> None:
    plan_id = logs.plan_created("fleet-basic")
    follow(pool, logs)
    plan = views.plan("fleet-basic")
    assert plan is not None
    base, setup, km = plan.pop("options")
    assert plan == {
        "planId": str(plan_id),
        "planIdent": "fleet-basic",
        "planVersion": 1,
        "name": "Fleet Basic",
        "currency": "EUR",
        "version": 1,
        "createdAt": "2026-01-01T08:01:00Z",
        "updatedAt": "2026-01-01T08:01:00Z",
        "versions": [{"planVersion": 1, "createdAt": "2026-01-01T08:01:00Z"}],
    }
    assert (base["optionIdent"], base["unitPrice"], "itemIdent" in base) == ("base", "9.99", False)
    assert setup["kind"] == "ONE_TIME"
    assert km["pricing"] == {
        "model": "GRADUATED",
        "includedQuantity": "100",
        "tiers": [{"upTo": "1000", "unitPrice": "0.20"}, {"upTo": None, "unitPrice": "0.15"}],
    }


def test_every_version_of_a_plan_stays_readable(pool: Pool, logs: Logs, views: Views) -> None:
    plan_id = logs.plan_created(name="Old", options=(monthly("base", "9.99"),))
    logs.plan_revised(plan_id, name="New", options=(monthly("base", "11.99"), kilometres()))
    follow(pool, logs)
    newest, first = views.plan("fleet-basic"), views.plan("fleet-basic", 1)
    assert newest is not None
    assert first is not None
    assert (newest["planVersion"], newest["name"], newest["version"]) == (2, "New", 2)
    assert (first["planVersion"], first["name"], first["version"]) == (1, "Old", 2)
    assert Decimal(first["options"][0]["unitPrice"]) == Decimal("9.99")
    assert [version["planVersion"] for version in newest["versions"]] == [2, 1]
    assert first["createdAt"] == newest["createdAt"]
    assert views.plan("fleet-basic", 3) is None
    assert views.plan("nonsense") is None


def test_plans_are_listed_in_their_newest_version_newest_plan_first(
    pool: Pool, logs: Logs, views: Views
) -> None:
    first = logs.plan_created("a", name="A 1")
    for ident in ("b", "c"):
        logs.plan_created(ident, name=ident)
    logs.plan_revised(first, "a", name="A 2")
    follow(pool, logs)
    page = views.plans(limit=2)
    rest = views.plans(limit=2, cursor=page["cursor"])
    assert [plan["name"] for plan in page["items"] + rest["items"]] == ["c", "b", "A 2"]
    assert (page["total"], rest["cursor"]) == (3, None)
