"""The timeline of a customer."""

from typing import Any
from uuid import UUID

from infra.postgres.pool import Pool
from projections.history import HistoryItem, changes
from projections.views import Views
from tests.projections.logs import Logs, january
from tests.projections.reading import follow


def events(views: Views, customer_id: UUID) -> list[HistoryItem]:
    return views.history(customer_id)["items"]


def changed(item: HistoryItem) -> dict[str, tuple[Any, Any]]:
    return {change["field"]: (change["before"], change["after"]) for change in item["changes"]}


def test_every_event_about_a_customer_is_told_newest_first(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created("D-4711")
    logs.customer_edited(customer_id, language="en")
    contract_id = logs.contract_signed(customer_id, "C-1")
    order_id = logs.order_recorded(customer_id, "O-1")
    run = logs.run_requested(customer_id)
    other = logs.customer_created("D-2")
    for _ in range(6):
        logs.run_started(logs.new_id(), 2)  # those of others, to come later in the billing log
    logs.run_started(run, 1, customer_id)
    logs.document_issued(customer_id, run, ("CONTRACT", contract_id, january()), ("ORDER", order_id, None))
    logs.customer_billed(run, customer_id)
    logs.run_completed(run)
    follow(pool, logs)
    told = [(item["event"].partition(".")[2], item["summary"]) for item in events(views, customer_id)]
    assert told == [
        ("BillingRunCompleted", None),
        ("CustomerBilled", None),
        ("DocumentIssued", "RE-2026-000007"),
        ("BillingRunStarted", None),
        ("BillingRunRequested", None),
        ("OrderRecorded", "O-1"),
        ("ContractSigned", "C-1"),
        ("CustomerEdited", None),
        ("CustomerCreated", "D-4711"),
    ]
    assert [item["event"] for item in events(views, other)] == ["customer.CustomerCreated"]


def test_an_edit_tells_before_and_after(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created(email="old@example.com")
    logs.customer_edited(customer_id, language="en", email=None, phone=None)
    follow(pool, logs)
    assert changed(events(views, customer_id)[0]) == {
        "language": ("de", "en"),
        "email": ("old@example.com", None),
    }


def test_addresses_are_named_by_their_place_in_the_list(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created(address={"default": True})
    address = logs.address_added(customer_id, company=None, city="Kiel")
    logs.address_edited(
        customer_id, logs.address(address_id=address.address_id, company=None, city="Ulm", default=True)
    )
    follow(pool, logs)
    edited, added, created = events(views, customer_id)
    assert changed(edited) == {
        "addresses[0].default": (True, False),
        "addresses[1].default": (False, True),
        "addresses[1].city": ("Kiel", "Ulm"),
    }
    assert changed(added)["addresses[1].city"] == (None, "Kiel")
    assert changed(created)["addresses[0].city"] == (None, "Hamburg")
    assert "addresses[0].addressId" not in changed(created)


def test_an_event_says_when_who_and_why(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    follow(pool, logs)
    [item] = events(views, customer_id)
    item["changes"] = []
    command_id = str(logs.customer.read(0, 1)[0].command_id)
    assert item == {
        "position": 1,
        "source": "customer",
        "at": "2026-01-01T08:01:00Z",
        "actor": "tester",
        "event": "customer.CustomerCreated",
        "subject": str(customer_id),
        "summary": "D-4711",
        "changes": [],
        "commandId": command_id,
        "correlationId": command_id,
        "causationId": None,
    }


def test_a_run_for_all_is_told_by_its_outcome_for_the_customer(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    run = logs.run_requested()
    logs.run_started(run, 1)
    logs.customer_billed(run, customer_id, logs.new_id())
    logs.run_completed(run)
    follow(pool, logs)
    told = {item["event"] for item in events(views, customer_id)}
    assert told == {"customer.CustomerCreated", "billing.CustomerBilled"}


def test_the_timeline_is_paged_over_both_logs(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    for n in range(6):
        logs.customer_edited(customer_id, language=f"l{n}")
        logs.document_issued(customer_id, logs.new_id())
    follow(pool, logs)
    whole = [(item["source"], item["position"]) for item in events(views, customer_id)]
    paged, cursor = [], None
    while True:
        page = views.history(customer_id, limit=4, cursor=cursor)
        assert page["total"] == 13
        paged += [(item["source"], item["position"]) for item in page["items"]]
        if (cursor := page["cursor"]) is None:
            break
    assert paged == whole
    assert len(set(paged)) == 13


def test_changes_are_told_by_field_path() -> None:
    before = {"a": 1, "items": [{"name": "x"}, {"name": "y"}], "gone": "g", "same": {"b": 2}}
    after = {"a": 2, "items": [{"name": "z"}], "same": {"b": 2}, "new": None}
    assert changes(before, after) == [
        {"field": "a", "before": 1, "after": 2},
        {"field": "items[0].name", "before": "x", "after": "z"},
        {"field": "items[1].name", "before": "y", "after": None},
        {"field": "gone", "before": "g", "after": None},
    ]
