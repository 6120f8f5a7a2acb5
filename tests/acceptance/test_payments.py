"""Payments over HTTP: recorded once, shown at once on documents, customers and in lists, refused by name."""

from typing import Any

import httpx
import pytest

from tests import examples
from tests.acceptance.server import KontorServer

Row = dict[str, Any]


@pytest.fixture(scope="module")
def invoice(kontor_server: KontorServer) -> Row:
    """An invoice over 6.52 of a customer of its own."""
    kontor_server.done("PUT", "/v1/billing-entities/main", examples.BILLING_ENTITY)
    customer = kontor_server.done("POST", "/v1/customers", examples.beispiel_gmbh(debtorIdent="D-pays"))
    contract = examples.contract(debtorIdent="D-pays", contractIdent="C-pays", endDate="2026-01-31")
    kontor_server.done("POST", "/v1/contracts", contract)
    [document] = kontor_server.documents_of_run(debtorIdent="D-pays", processingDate="2026-01-31")
    assert document["customerId"] == customer["customerId"]
    return document


def pay(server: KontorServer, key: str | None = None, **body: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return server.post("/v1/payments", json={"paidOn": "2026-03-01", **body}, headers=headers)


def refused(answer: httpx.Response, status: int, kind: str) -> Row:
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    problem: Row = answer.json()
    assert problem["type"] == f"https://kontor.example/problems/{kind}"
    return problem


def test_payments_settle_a_document(kontor_server: KontorServer, invoice: Row) -> None:
    number, document_id = invoice["number"], invoice["documentId"]
    said = {"method": "SEPA", "reference": "Beispiel 1", "paymentIdent": "bank/1"}
    first = pay(kontor_server, "pay-1", number=number, amount="5.00", **said)
    answer = first.json()
    assert (first.status_code, first.headers["ETag"]) == (201, '"1"')
    assert first.headers["Location"] == f"/v1/payments/{answer['paymentId']}"
    assert answer["openAmount"] == "1.52"
    assert answer.keys() == {"paymentId", "documentId", "number", "openAmount", "version", "position"}
    again = pay(kontor_server, "pay-1", number=number, amount="5.00", **said)
    assert (again.status_code, again.json()) == (201, answer)
    refused(pay(kontor_server, "pay-1", number=number, amount="5.01", **said), 422, "idempotency-key-reused")
    refused(pay(kontor_server, number=number, amount="1.00", **said), 409, "payment-ident-taken")
    refund = pay(kontor_server, documentId=document_id, kind="REFUND", amount=1)
    assert refund.json()["openAmount"] == "2.52"
    refused(pay(kontor_server, number=number, kind="REFUND", amount="4.01"), 409, "refund-too-high")
    assert pay(kontor_server, number=number, amount="3").json()["openAmount"] == "-0.48"
    payment = kontor_server.read(f"/v1/payments/{answer['paymentId']}")
    assert (payment["amount"], payment["reference"], payment["recordedBy"]) == ("5.00", "Beispiel 1", "admin")
    document = kontor_server.read(f"/v1/documents/{document_id}")
    assert (document["paymentStatus"], document["totals"]["open"]) == ("PAID", "-0.48")
    assert [p["kind"] for p in document["payments"]] == ["PAYMENT", "REFUND", "PAYMENT"]
    assert kontor_server.read("/v1/payments", debtorIdent="D-pays")["total"] == 3
    assert kontor_server.read("/v1/documents", debtorIdent="D-pays", paymentStatus="PAID")["total"] == 1
    assert kontor_server.read("/v1/documents", debtorIdent="D-pays", overdue="true")["total"] == 0
    customer = kontor_server.read(f"/v1/customers/{invoice['customerId']}")
    assert customer["balance"] == [
        {"currency": "EUR", "amount": "-0.48", "open": "0.00", "overdue": "0.00", "credit": "0.48"}
    ]
    in_words = {
        f"/documents/{document_id}": ("Paid back", "SEPA", "Beispiel 1", "-€0.48", "to the customer"),
        f"/customers/{invoice['customerId']}": ("Payments", "Paid back", "€0.48 credit", "Payment recorded"),
    }
    for page, words in in_words.items():
        text = kontor_server.get(page, headers={"Accept-Language": "en"}).text
        assert [word for word in words if word not in text] == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"amount": "0"}, "amount"),
        ({"amount": "-1"}, "amount"),
        ({"amount": "0.001"}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"paidOn": "1. März"}, "paidOn"),
        ({"kind": "GIFT"}, "kind"),
        ({"documentId": "00000000-0000-7000-8000-000000000000", "number": None}, None),
        ({"number": "RE-1999-000001"}, None),
        ({"number": None}, ""),
    ],
)
def test_what_cannot_be_recorded_is_refused_by_its_field(
    kontor_server: KontorServer, invoice: Row, wrong: Row, field: str | None
) -> None:
    answer = pay(kontor_server, **({"number": invoice["number"], "amount": "1.00"} | wrong))
    if field is None:
        refused(answer, 404, "document-not-found")
    else:
        problem = refused(answer, 422, "invalid-fields")
        assert field in problem["errors"][0]["field"]
