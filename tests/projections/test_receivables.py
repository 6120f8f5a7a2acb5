"""What of the documents is paid: on the documents, in lists, on the customer and in history."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from infra.postgres.pool import Pool
from projections.customer_overview import CustomerFilter
from projections.replay import replay
from projections.views import Views
from tests.database import Database
from tests.projections.logs import Logs
from tests.projections.reading import follow

BEFORE_DUE, AFTER_DUE = date(2026, 3, 14), date(2026, 3, 15)


@pytest.fixture
def customer_id(logs: Logs) -> UUID:
    return logs.customer_created()


@pytest.fixture
def invoice_id(logs: Logs, customer_id: UUID) -> UUID:
    """Over 100.00, due on 14 March."""
    return logs.document_issued(customer_id, logs.run_requested(), gross="100.00")


def test_a_document_shows_what_was_paid_and_credited_and_what_is_open(
    pool: Pool, logs: Logs, views: Views, customer_id: UUID, invoice_id: UUID
) -> None:
    said = {"method": "SEPA", "reference": "Erika RE 0", "payment_ident": "bank/1"}
    paid = logs.payment_recorded(customer_id, invoice_id, "60.00", **said)
    logs.payment_recorded(customer_id, invoice_id, "10.00", back=True)
    credit = logs.credit_note_issued(customer_id, invoice_id, "30.00")
    follow(pool, logs)
    document = views.document(invoice_id)
    assert document is not None
    assert (document["paymentStatus"], document["totals"]["open"]) == ("PARTIALLY_PAID", "20.00")
    assert document["settled"] == {"paid": "60.00", "refunded": "10.00", "credited": "30.00"}
    assert [(p["kind"], p["amount"]) for p in document["payments"]] == [
        ("PAYMENT", "60.00"),
        ("REFUND", "10.00"),
    ]
    assert document["payments"][0] == {
        "paymentId": str(paid),
        "kind": "PAYMENT",
        "documentId": str(invoice_id),
        "number": "RE-2026-000000",
        "customerId": str(customer_id),
        "amount": "60.00",
        "currency": "EUR",
        "paidOn": "2026-03-01",
        "method": "SEPA",
        "reference": "Erika RE 0",
        "paymentIdent": "bank/1",
        "recordedAt": "2026-01-01T08:02:00Z",
        "recordedBy": "tester",
    }
    assert document["credits"] == [
        {"documentId": str(credit), "number": "GS-2026-000003", "issueDate": "2026-02-28", "amount": "30.00"}
    ]


def test_a_credit_note_is_settled_by_the_invoice_that_it_names(
    pool: Pool, logs: Logs, views: Views, customer_id: UUID, invoice_id: UUID
) -> None:
    credit = logs.credit_note_issued(customer_id, invoice_id, "100.00")
    gives = logs.credit_note_issued(customer_id, None, "5.00")
    follow(pool, logs)
    found = {d["documentId"]: d for d in views.documents()["items"]}
    assert {key: (d["totals"]["open"], d["paymentStatus"]) for key, d in found.items()} == {
        str(invoice_id): ("0.00", "CREDITED"),
        str(credit): ("0.00", "CREDITED"),
        str(gives): ("-5.00", "OPEN"),
    }
    named = found[str(credit)]["precedingDocument"]
    assert named is not None
    assert named["documentId"] == str(invoice_id)


def test_documents_are_found_by_their_payment_status_of_the_day(
    pool: Pool, logs: Logs, customer_id: UUID, invoice_id: UUID
) -> None:
    run = logs.run_requested()
    partly, paid, credited, late = (
        logs.document_issued(customer_id, run, gross="100.00", due_date=date(2026, 3, due))
        for due in (20, 1, 1, 2)
    )
    logs.payment_recorded(customer_id, partly, "1.00")
    logs.payment_recorded(customer_id, paid, "100.00")
    logs.credit_note_issued(customer_id, credited, "100.00")
    follow(pool, logs)

    def found(day: date, **wanted: Any) -> set[UUID]:
        items = Views(pool, logs.vault, today=lambda: day).documents(**wanted)["items"]
        return {UUID(item["documentId"]) for item in items if item["type"] == "INVOICE"}

    assert found(BEFORE_DUE, payment_status="OPEN") == {invoice_id}
    assert found(AFTER_DUE, payment_status="OPEN") == set()
    assert found(BEFORE_DUE, payment_status="OVERDUE") == found(BEFORE_DUE, overdue=True) == {late}
    assert found(AFTER_DUE, overdue=True) == {late, invoice_id}
    assert found(AFTER_DUE, payment_status="PARTIALLY_PAID") == {partly}
    assert found(AFTER_DUE, payment_status="PARTIALLY_PAID", overdue=True) == set()
    assert found(AFTER_DUE, payment_status="PAID") == {paid}
    assert found(AFTER_DUE, payment_status="CREDITED") == {credited}
    assert found(AFTER_DUE, overdue=False) == {partly, paid, credited}


def test_a_list_by_payment_status_is_counted_and_paged(
    pool: Pool, logs: Logs, views: Views, customer_id: UUID
) -> None:
    run = logs.run_requested()
    invoices = [logs.document_issued(customer_id, run) for _ in range(5)]
    for invoice in invoices[:2]:
        logs.payment_recorded(customer_id, invoice, "11.89")
    follow(pool, logs)
    first = views.documents(payment_status="OPEN", limit=2)
    assert (first["total"], len(first["items"])) == (3, 2)
    second = views.documents(payment_status="OPEN", limit=2, cursor=first["cursor"])
    assert [d["documentId"] for d in second["items"]] == [str(invoices[2])]


def test_a_customers_balance_tells_what_is_open_overdue_and_to_its_credit(
    pool: Pool, logs: Logs, customer_id: UUID, invoice_id: UUID
) -> None:
    run = logs.run_requested()
    over_paid = logs.document_issued(customer_id, run, gross="10.00")
    logs.payment_recorded(customer_id, over_paid, "40.00")
    logs.document_issued(customer_id, run, gross="7.00", currency="CHF", due_date=date(2026, 4, 1))
    logs.document_issued(customer_id, run, gross="500", currency="JPY", number="paid")
    follow(pool, logs)
    customer = Views(pool, logs.vault, today=lambda: AFTER_DUE).customer(customer_id)
    assert customer is not None
    assert customer["balance"] == [
        {"currency": "CHF", "amount": "7.00", "open": "7.00", "overdue": "0.00", "credit": "0.00"},
        {"currency": "EUR", "amount": "70.00", "open": "100.00", "overdue": "100.00", "credit": "30.00"},
        {"currency": "JPY", "amount": "500", "open": "500", "overdue": "500", "credit": "0"},
    ]


def test_the_overview_shows_what_is_open_on_balance(
    pool: Pool, logs: Logs, views: Views, customer_id: UUID, invoice_id: UUID
) -> None:
    def overview() -> tuple[list[str], bool]:
        follow(pool, logs)
        [item] = views.customers(CustomerFilter())["items"]
        open_only = views.customers(CustomerFilter(has_open_amount=True))["items"]
        return [amount["amount"] for amount in item["openAmounts"]], bool(open_only)

    assert overview() == (["100.00"], True)
    logs.payment_recorded(customer_id, invoice_id, "60.00")
    assert overview() == (["40.00"], True)
    logs.payment_recorded(customer_id, invoice_id, "10.00", back=True)
    logs.credit_note_issued(customer_id, invoice_id, "50.00")
    assert overview() == ([], False)


def test_payments_are_listed_newest_first_by_customer_document_and_ident(
    pool: Pool, logs: Logs, views: Views, customer_id: UUID, invoice_id: UUID
) -> None:
    other = logs.customer_created("D-2")
    of_other = logs.document_issued(other, logs.run_requested())
    first = logs.payment_recorded(customer_id, invoice_id, "1.00", payment_ident="bank/1")
    second = logs.payment_recorded(other, of_other, "2.00")
    third = logs.payment_recorded(customer_id, invoice_id, "1.00", back=True)
    follow(pool, logs)

    def found(**wanted: Any) -> list[str]:
        return [p["paymentId"] for p in views.payments(**wanted)["items"]]

    assert found() == [str(third), str(second), str(first)]
    assert found(customer_id=customer_id) == [str(third), str(first)]
    assert found(document_id=of_other) == [str(second)]
    assert found(payment_ident="bank/1") == [str(first)]
    payment = views.payment(third)
    assert payment is not None
    assert payment["kind"] == "REFUND"


def test_history_tells_of_payments(
    pool: Pool, logs: Logs, views: Views, customer_id: UUID, invoice_id: UUID
) -> None:
    logs.payment_recorded(customer_id, invoice_id, "1.00", reference="Erika RE 0")
    follow(pool, logs)
    item = views.history(customer_id)["items"]
    [told] = [i for i in item if i["event"] == "billing.PaymentRecorded"]
    assert told["summary"] == "RE-2026-000000"
    assert {c["field"]: c["after"] for c in told["changes"]} == {
        "number": "RE-2026-000000",
        "amount": "1.00",
        "currency": "EUR",
        "paidOn": "2026-03-01",
        "reference": "Erika RE 0",
    }


def test_what_is_open_stays_when_the_customer_is_erased(
    pool: Pool, logs: Logs, views: Views, customer_id: UUID, invoice_id: UUID
) -> None:
    logs.payment_recorded(customer_id, invoice_id, "60.00", reference="Erika RE 0")
    logs.erased(customer_id)
    follow(pool, logs)
    customer, document = views.customer(customer_id), views.document(invoice_id)
    assert customer is not None
    assert document is not None
    assert customer["balance"][0]["amount"] == document["totals"]["open"] == "40.00"
    assert document["payments"][0]["reference"] == "Erika RE 0"


def test_a_rebuild_gives_the_same_settlements(
    database: Database, pool: Pool, logs: Logs, customer_id: UUID, invoice_id: UUID
) -> None:
    logs.payment_recorded(customer_id, invoice_id, "60.00", reference="Erika")
    follow(pool, logs)
    logs.credit_note_issued(customer_id, invoice_id, "50.00")
    logs.payment_recorded(customer_id, invoice_id, "10", back=True)
    follow(pool, logs)
    assert replay(database.owner_url, logs.feeds, logs.vault) == []
