"""The portal's page of a document: what it says of paying, delivery and files, whatever the query answers."""

import html
import re
from typing import Any

import pytest
from starlette.requests import Request

from projections.portal.shell import Shell
from services.http import Principal

Json = dict[str, Any]

SENDER = Principal("erika", frozenset({"documents:read", "billing:run"}))
READER = Principal("otto", frozenset({"documents:read"}))

ADDRESS = {
    "company": "Beispiel GmbH",
    "street": "Alsterufer",
    "streetNumber": "1",
    "postalCode": "20354",
    "city": "Hamburg",
    "country": "DE",
}
WAREHOUSE = ADDRESS | {"company": "Lager Süd", "postalCode": "1010", "city": "Wien", "country": "AT"}
AMOUNTS = {
    "net": "9.99",
    "gross": "11.89",
    "prepaid": "0.00",
    "rounding": "0.00",
    "due": "11.89",
    "open": "11.89",
}
DIRECT_DEBIT = {
    "method": "DIRECT_DEBIT",
    "accountHolderName": "Beispiel GmbH",
    "iban": "DE89 •••• 3000",
    "mandateReference": "M-2026-17",
    "mandateDate": "2026-01-02",
}
NOT_SENT = {
    "status": "NONE",
    "recipient": None,
    "attempts": 0,
    "lastAttemptAt": None,
    "nextAttemptAt": None,
    "failure": None,
    "answer": None,
}
ANSWER = "550 <nobody@example.com>: User unknown"


def issued(**different: Any) -> Json:
    """An invoice about 11.89 as the query answers it, but for the fields that are `different`."""
    return {
        "documentId": "0198a1b2-0000-7000-8000-000000000001",
        "number": "RE-2026-000001",
        "type": "INVOICE",
        "issueDate": "2026-02-28",
        "dueDate": "2026-03-14",
        "currency": "EUR",
        "language": "de",
        "customerId": "0198a1b2-0000-7000-8000-000000000002",
        "debtorIdent": "D-4711",
        "seller": {"name": "Nordlicht Software GmbH", "bankAccount": {"iban": "DE89370400440532013000"}},
        "buyer": {"name": "Beispiel GmbH", "address": ADDRESS, "email": "rechnung@example.com"},
        "lines": [],
        "taxes": [],
        "allowances": [],
        "charges": [],
        "totals": AMOUNTS,
        "paymentStatus": "OPEN",
        "paymentMeans": None,
        "deliverTo": None,
        "eInvoice": "ZUGFERD",
        "delivery": NOT_SENT,
        "sha256": {"pdf": None, "xml": None},
        "payments": [],
        "credits": [],
        "precedingDocument": None,
    } | different


def delivered(status: str, **fields: Any) -> Json:
    return issued(delivery=NOT_SENT | {"status": status, "recipient": "rechnung@example.com"} | fields)


@pytest.fixture(scope="module")
def shell() -> Shell:
    return Shell()


def page_of(shell: Shell, document: Json, viewer: Principal = SENDER, language: str = "en") -> str:
    """The page as it is sent."""
    scope = {
        "type": "http",
        "path": f"/documents/{document['documentId']}",
        "query_string": b"",
        "headers": [(b"accept-language", language.encode())],
        "server": ("kontor.test", 80),
        "scheme": "http",
    }
    page = shell.page(Request(scope), "document.html", viewer=viewer, document=document)
    return bytes(page.body).decode()


def read_in(page: str) -> str:
    """What people read: the text of the content, its spaces as single ones."""
    content = page[page.index('<main id="content"') : page.index("</main>")]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", content)).split())


def test_the_rows_below_the_gross_total_lead_to_what_is_to_be_paid(shell: Shell) -> None:
    totals = AMOUNTS | {"prepaid": "10.00", "rounding": "0.01", "due": "1.90"}
    text = read_in(page_of(shell, issued(totals=totals)))
    assert "Gross €11.89 Already paid -€10.00 Rounding €0.01 Amount due €1.90" in text
    text = read_in(page_of(shell, issued(totals=totals, type="CREDIT_NOTE")))
    assert "Rounding €0.01 Amount credited €1.90" in text


def test_nothing_is_said_of_what_is_zero(shell: Shell) -> None:
    text = read_in(page_of(shell, issued()))
    assert "Gross €11.89 Payments" in text
    assert not any(word in text for word in ("Already paid", "Rounding", "Amount due", "Delivered to"))


def test_a_direct_debit_names_account_and_mandate(shell: Shell) -> None:
    text = read_in(page_of(shell, issued(paymentMeans=DIRECT_DEBIT)))
    means = "Payment method Direct debit DE89 •••• 3000 Beispiel GmbH Mandate M-2026-17 , 2 Jan 2026"
    assert means in text


def test_a_card_is_named_by_its_last_digits(shell: Shell) -> None:
    card = dict.fromkeys(DIRECT_DEBIT) | {"method": "CREDIT_CARD", "brand": "Visa", "lastFour": "4242"}
    assert "Payment method Credit card Visa •••• 4242 E-invoice" in read_in(
        page_of(shell, issued(paymentMeans=card))
    )


def test_without_another_agreement_it_is_transferred_to_the_seller(shell: Shell) -> None:
    text = read_in(page_of(shell, issued()))
    assert "Payment method Bank transfer to DE89 3704 0044 0532 0130 00" in text
    assert "Payment method" not in read_in(page_of(shell, issued(type="CREDIT_NOTE")))
    assert "Payment method" not in read_in(page_of(shell, issued(totals=AMOUNTS | {"due": "0.00"})))


def test_goods_that_went_elsewhere_name_the_address(shell: Shell) -> None:
    text = read_in(page_of(shell, issued(deliverTo=WAREHOUSE)))
    assert "Delivered to Lager Süd, Alsterufer 1, 1010 Wien, Austria" in text


@pytest.mark.parametrize(
    ("format_", "offered"),
    [
        ("ZUGFERD", ["zugferd", "xrechnung", "xrechnung-ubl"]),
        ("XRECHNUNG", ["xrechnung", "xrechnung-ubl", "zugferd"]),
    ],
)
def test_the_e_invoice_is_offered_in_every_syntax_the_customer_s_own_first(
    shell: Shell, format_: str, offered: list[str]
) -> None:
    assert re.findall(r"/xml\?format=([\w-]+)\"", page_of(shell, issued(eInvoice=format_))) == offered


def test_checksums_are_shown_once_they_are_recorded(shell: Shell) -> None:
    assert "SHA-256" not in read_in(page_of(shell, issued()))
    text = read_in(page_of(shell, issued(sha256={"pdf": "a" * 64, "xml": "b" * 64})))
    assert f"Checksums (SHA-256) PDF {'a' * 64}" in text
    assert f"ZUGFeRD (CII) {'b' * 64}" in text


def test_a_delivery_says_what_became_of_it_and_why(shell: Shell) -> None:
    assert "E-mail Send This document is not sent by e-mail." in read_in(page_of(shell, issued()))
    document = delivered(
        "RETRYING",
        attempts=2,
        failure="REFUSED",
        answer=ANSWER,
        lastAttemptAt="2026-03-01T10:04:05Z",
        nextAttemptAt="2026-03-01T10:09:05Z",
    )
    text = read_in(page_of(shell, document, language="de"))
    assert "E-Mail Neuer Versuch folgt Erneut senden Empfänger rechnung@example.com" in text
    assert f"Grund Der Mailserver hat die E-Mail abgelehnt {ANSWER}" in text
    assert "Letzter Versuch 01.03.2026, 10:04 UTC · 2 Versuche" in text
    assert "Nächster Versuch 01.03.2026, 10:09 UTC" in text


def test_without_a_mail_server_it_says_so_and_asks_nobody_to_send(shell: Shell) -> None:
    page = page_of(shell, delivered("NOT_CONFIGURED"))
    assert "Not set up Nothing is sent: no mail server is set up. KONTOR_SMTP_HOST" in read_in(page)
    assert sending(issued()) not in page


def test_only_who_may_bill_may_send(shell: Shell) -> None:
    document = delivered("SENT", attempts=1)
    assert sending(document) in page_of(shell, document)
    assert sending(document) not in page_of(shell, document, READER)


def sending(document: Json) -> str:
    return f'data-send="POST /v1/documents/{document["documentId"]}/delivery"'


def test_only_a_document_that_waits_to_be_sent_is_followed(shell: Shell) -> None:
    assert "data-under-way" in page_of(shell, delivered("WAITING"))
    assert "data-under-way" not in page_of(shell, delivered("RETRYING"))
