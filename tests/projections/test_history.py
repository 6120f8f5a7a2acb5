"""The timeline of a customer."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from infra.postgres.pool import Pool
from projections.history import HistoryItem, changes
from projections.views import Views
from services.messages import DocumentNotSent, SendFailure
from services.values import ItemChange, TerminationKind
from tests.projections.logs import Logs, january, kilometres
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


def test_payment_accounts_are_told_with_the_iban_masked(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    account = logs.payment_account_added(customer_id, gateway_token="tok_secret")
    logs.payment_account_removed(customer_id, account)
    follow(pool, logs)
    removed, added, _ = events(views, customer_id)
    assert changed(added)["paymentAccounts[0].iban"] == (None, "DE89 •••• 3000")
    assert changed(added)["paymentAccounts[0].accountHolderName"] == (None, "Erika Muster")
    assert changed(removed)["paymentAccounts[0].iban"] == ("DE89 •••• 3000", None)
    assert "tok_secret" not in str([removed, added])
    assert "paymentAccounts[0].paymentAccountId" not in changed(added)


def test_properties_and_the_billing_stop_are_told_before_and_after(
    pool: Pool, logs: Logs, views: Views
) -> None:
    customer_id = logs.customer_created(properties={"fleet_size": 12})
    logs.property_set(customer_id, "fleet_size", 13)
    logs.property_removed(customer_id, "fleet_size")
    logs.billing_stopped(customer_id, "dispute")
    logs.billing_stop_lifted(customer_id)
    follow(pool, logs)
    lifted, stopped, removed, set_, _ = (changed(item) for item in events(views, customer_id))
    assert set_ == {"properties.fleet_size": (12, 13)}
    assert removed == {"properties.fleet_size": (13, None)}
    assert stopped["billingStop.reason"] == (None, "dispute")
    assert lifted["billingStop.reason"] == ("dispute", None)


def test_a_removed_address_is_told_with_what_moved_up(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    address = logs.address_added(customer_id, city="Kiel", company=None)
    logs.address_removed(customer_id, address.address_id)
    follow(pool, logs)
    assert changed(events(views, customer_id)[0])["addresses[1].city"] == ("Kiel", None)


def test_an_amendment_tells_the_items_before_and_after_it(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id)
    price = ItemChange(item_ident="base", unit_price=Decimal("11.99"))
    logs.contract_amended(contract_id, customer_id, date(2026, 3, 1), price, removed=("setup",))
    follow(pool, logs)
    amended, signed, _ = events(views, customer_id)
    assert changed(signed)["items.base.unitPrice"] == (None, "9.99")
    told = changed(amended)
    assert told["effectiveOn"] == (None, "2026-03-01")
    assert told["items.base.unitPrice"] == ("9.99", "11.99")
    assert told["items.setup.name"] == ("Setup", None)
    assert "items.base.name" not in told
    assert amended["summary"] == "C-1"


def test_what_becomes_of_a_contract_is_told_under_its_ident(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id, "C-1")
    logs.contract_paused(contract_id, customer_id, date(2026, 4, 1))
    logs.contract_resumed(contract_id, customer_id, date(2026, 5, 1))
    logs.contract_terminated(contract_id, customer_id, date(2026, 6, 30))
    logs.contract_terminated(
        contract_id, customer_id, date(2026, 5, 31), TerminationKind.EXTRAORDINARY, "fraud"
    )
    other = logs.contract_signed(customer_id, "C-2", starts_on=date(2026, 1, 1))
    logs.contract_cancelled(other, customer_id, "never wanted")
    follow(pool, logs)
    cancelled, _, again, terminated, resumed, paused, *_ = events(views, customer_id)
    assert changed(paused) == {"pausedFrom": (None, "2026-04-01")}
    assert changed(resumed) == {"resumedFrom": (None, "2026-05-01")}
    assert changed(terminated)["terminatesOn"] == (None, "2026-06-30")
    assert changed(again) == {
        "terminationKind": ("ORDINARY", "EXTRAORDINARY"),
        "terminatesOn": ("2026-06-30", "2026-05-31"),
        "reason": (None, "fraud"),
    }
    assert changed(cancelled) == {"status": ("ACTIVE", "CANCELLED"), "reason": (None, "never wanted")}
    assert [item["summary"] for item in (cancelled, again, paused)] == ["C-2", "C-1", "C-1"]


def test_usage_is_told_as_a_sum_of_each_item(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id, items=(kilometres(),))
    used = [(f"2026-02-03T08:{minute:02}:00Z", "1.5") for minute in range(60)]
    logs.usage_recorded(contract_id, customer_id, *used)
    follow(pool, logs)
    told = events(views, customer_id)[0]
    assert changed(told) == {"entries": (None, 60), "usage.km": (None, "90.0")}
    assert told["summary"] == "C-1"


def test_a_cancelled_order_is_told_under_its_ident(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    order_id = logs.order_recorded(customer_id, "O-1")
    logs.order_cancelled(order_id, customer_id, "returned")
    follow(pool, logs)
    told = events(views, customer_id)[0]
    assert changed(told) == {"status": ("OPEN", "CANCELLED"), "reason": (None, "returned")}
    assert told["summary"] == "O-1"


def test_the_timeline_of_an_erased_customer_says_what_changed_but_not_to_what(
    pool: Pool, logs: Logs, views: Views
) -> None:
    customer_id = logs.customer_created(email="old@example.com", properties={"fleet_size": 12})
    logs.customer_edited(customer_id, email="new@example.com", language="en")
    logs.property_set(customer_id, "fleet_size", 13)
    follow(pool, logs)
    looked_up = logs.vault.look_ups
    assert changed(events(views, customer_id)[1])["email"] == ("old@example.com", "new@example.com")
    assert logs.vault.look_ups == looked_up + 1, "one look-up for a page"
    logs.erased(customer_id)
    follow(pool, logs)
    erased, property_set, edited, _ = events(views, customer_id)
    assert changed(edited) == {"email": ("[erased]", "[erased]"), "language": ("de", "en")}
    assert changed(property_set) == {"properties.fleet_size": ("[erased]", "[erased]")}
    assert changed(erased) == {"erased": (None, True)}


def test_the_same_value_again_is_no_change(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created(email="same@example.com")
    logs.customer_edited(customer_id, email="same@example.com", language="en")
    follow(pool, logs)
    assert changed(events(views, customer_id)[0]) == {"language": ("de", "en")}


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


def test_e_mails_with_a_document_are_told_under_its_number(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    document_id = logs.document_issued(customer_id, logs.run_requested())
    failed = {"attempt": 1, "failure": SendFailure.REFUSED, "answer": "550 unknown"}
    logs.delivery_told(DocumentNotSent, customer_id, document_id, **failed)
    follow(pool, logs)
    item = events(views, customer_id)[0]
    assert (item["event"], item["summary"]) == ("billing.DocumentNotSent", "RE-2026-000000")
    told = changed(item)
    assert told["recipient"] == (None, "rechnung@example.com")
    assert (told["failure"], told["answer"]) == ((None, "REFUSED"), (None, "550 unknown"))


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
