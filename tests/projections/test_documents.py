"""Documents, whole and in lists."""

from datetime import date

import pytest

from infra.postgres.pool import Pool
from projections.views import Views
from services.messages import DocumentType
from services.values import DocumentFile, PaymentMeans, PaymentMethod
from tests.projections.logs import Logs, january
from tests.projections.reading import follow


def test_a_document_is_shown_whole_as_it_was_issued(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created("D-4711")
    contract_id = logs.contract_signed(customer_id)
    run = logs.run_requested()
    document_id = logs.document_issued(customer_id, run, ("CONTRACT", contract_id, january()), gross="11.89")
    follow(pool, logs)
    document = views.document(document_id)
    assert document is not None
    assert document["number"] == "RE-2026-000000"
    assert (document["status"], document["paymentStatus"]) == ("ISSUED", "OPEN")
    assert document["precedingDocument"] is None
    assert document["totals"] == {
        "lines": "9.99",
        "allowances": "0.00",
        "charges": "0.00",
        "net": "9.99",
        "tax": "1.90",
        "gross": "11.89",
        "prepaid": "0.00",
        "rounding": "0.00",
        "due": "11.89",
        "open": "11.89",
    }
    assert document["paymentMeans"] is None
    assert document["sha256"] == {"xml": None, "pdf": None}
    assert document["lines"][0] == {
        "line": 1,
        "name": "Base fee",
        "quantity": "1",
        "unit": "MON",
        "unitPrice": "9.99",
        "net": "9.99",
        "taxCategory": "S",
        "taxRate": "19",
        "origin": {"type": "CONTRACT", "ident": "C-1", "id": str(contract_id), "item": "base"},
        "period": {"from": "2026-01-15", "to": "2026-01-31"},
        "suppliedOn": None,
        "allowances": [],
        "charges": [],
        "usage": None,
        "credits": None,
    }
    assert document["seller"]["name"] == "Nordlicht Software GmbH"
    assert document["buyer"]["name"] == "Beispiel GmbH"


@pytest.mark.parametrize(("today", "status"), [(date(2026, 3, 14), "OPEN"), (date(2026, 3, 15), "OVERDUE")])
def test_a_document_is_overdue_after_its_due_date(pool: Pool, logs: Logs, today: date, status: str) -> None:
    document_id = logs.document_issued(logs.customer_created(), logs.run_requested())
    follow(pool, logs)
    views = Views(pool, logs.vault, today=lambda: today)
    document = views.document(document_id)
    assert document is not None
    assert document["paymentStatus"] == status
    assert views.documents()["items"][0]["paymentStatus"] == status


def test_a_list_shows_documents_without_their_lines_newest_first(
    pool: Pool, logs: Logs, views: Views
) -> None:
    one, other = logs.customer_created("D-1"), logs.customer_created("D-2")
    runs = [logs.run_requested(), logs.run_requested()]
    for n in range(4):
        logs.document_issued(one if n % 2 else other, runs[n // 2])
    logs.document_issued(one, runs[1], type=DocumentType.CREDIT_NOTE, number="G-1")
    follow(pool, logs)
    page = views.documents(limit=2)
    assert [d["number"] for d in page["items"]] == ["G-1", "RE-2026-000003"]
    assert page["total"] == 5
    assert "lines" not in page["items"][0]
    assert page["items"][0]["buyerName"] == "Beispiel GmbH"
    assert [d["totals"]["open"] for d in page["items"]] == ["-11.89", "11.89"]
    assert [d["number"] for d in views.documents(customer_id=other)["items"]] == [
        "RE-2026-000002",
        "RE-2026-000000",
    ]
    assert views.documents(billing_run_id=runs[0])["total"] == 2
    assert [d["debtorIdent"] for d in views.documents(number="RE-2026-000001")["items"]] == ["D-1"]


@pytest.mark.parametrize(
    ("files", "xml"),
    [
        ((DocumentFile.PDF, DocumentFile.ZUGFERD), "zugferd"),
        ((DocumentFile.PDF, DocumentFile.ZUGFERD, DocumentFile.XRECHNUNG), "xrechnung"),
        ((DocumentFile.PDF,), None),
    ],
)
def test_the_hashes_of_a_documents_files_are_shown(
    pool: Pool, logs: Logs, views: Views, files: tuple[DocumentFile, ...], xml: str | None
) -> None:
    customer_id = logs.customer_created()
    document_id = logs.document_issued(customer_id, logs.run_requested())
    logs.document_rendered(customer_id, document_id, *files)
    follow(pool, logs)
    document = views.document(document_id)
    assert document is not None
    assert document["sha256"] == {"xml": xml, "pdf": "pdf"}
    told = views.history(customer_id)["items"][0]
    assert (told["event"], told["summary"]) == ("billing.DocumentRendered", "RE-1")
    assert {"field": "sha256.PDF", "before": None, "after": "pdf"} in told["changes"]


def test_the_account_that_is_debited_is_shown_masked(pool: Pool, logs: Logs, views: Views) -> None:
    means = PaymentMeans(
        method=PaymentMethod.DIRECT_DEBIT, iban="DE89370400440532013000", mandate_reference="M-1"
    )
    customer_id = logs.customer_created()
    document_id = logs.document_issued(customer_id, logs.run_requested(), payment_means=means)
    follow(pool, logs)
    document = views.document(document_id)
    assert document is not None
    assert document["paymentMeans"] is not None
    assert document["paymentMeans"]["iban"] == "DE89 •••• 3000"
    assert document["paymentMeans"]["mandateReference"] == "M-1"


def test_documents_are_found_by_the_day_of_their_issue(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id, run = logs.customer_created(), logs.run_requested()
    for day in (27, 28):
        logs.document_issued(customer_id, run, issue_date=date(2026, 2, day))
    follow(pool, logs)
    last = date(2026, 2, 28)
    assert views.documents(issued_from=last)["total"] == 1
    assert views.documents(issued_until=last)["total"] == 2
    assert views.documents(issued_from=last, issued_until=date(2026, 2, 27))["total"] == 0


def test_the_buyer_of_an_erased_customer_stays_on_the_documents(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    document_id = logs.document_issued(customer_id, logs.run_requested())
    logs.erased(customer_id)
    follow(pool, logs)
    document = views.document(document_id)
    assert document is not None
    assert (document["buyer"]["name"], document["buyerName"]) == ("Beispiel GmbH", "Beispiel GmbH")
    assert document["buyer"]["address"]["company"] == "Beispiel GmbH"


def test_a_list_opens_all_buyers_with_one_look_up(pool: Pool, logs: Logs, views: Views) -> None:
    for n in range(4):
        logs.document_issued(logs.customer_created(f"D-{n}"), logs.run_requested())
    follow(pool, logs)
    looked_up = logs.vault.look_ups
    items = views.documents()["items"]
    assert [item["buyerName"] for item in items] == ["Beispiel GmbH"] * 4
    assert "buyer" not in items[0]
    assert logs.vault.look_ups == looked_up + 1
