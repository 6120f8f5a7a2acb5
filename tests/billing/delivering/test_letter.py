"""The e-mail with a document: its words, its headers, its files."""

from datetime import UTC, date, datetime
from decimal import Decimal
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTPUTF8, default
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from services.billing.delivering import letter as letters
from services.billing.delivering.addresses import InvalidAddress
from services.billing.delivering.letter import Attachment, NoSender, Sender, letter
from services.billing.rendering.language import available
from services.messages import DocumentIssued, DocumentType
from services.values import DocumentReference, EInvoiceFormat, PaymentMeans, PaymentMethod
from tests.billing.rendering import samples

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
PDF = Attachment("RE-2026-000017.pdf", "application/pdf", b"%PDF-1.7 \x00\xff")


def invoice(**changes: Any) -> DocumentIssued:
    return replace(samples.german_b2b(), **changes)


def credit_note() -> DocumentIssued:
    about = DocumentReference(document_id=UUID(int=1), number="RE-2026-000011", issue_date=date(2026, 2, 1))
    return invoice(type=DocumentType.CREDIT_NOTE, preceding_document=about)


def written(document: DocumentIssued, **changes: Any) -> EmailMessage:
    """The letter as it arrives."""
    given: dict[str, Any] = {"sender": Sender(), "recipient": "re@kunde.example", "request": 0, "now": NOW}
    message = letter(document, [PDF], **(given | changes))
    arrived = message_from_bytes(message.as_bytes(policy=SMTPUTF8), policy=default)
    assert isinstance(arrived, EmailMessage)
    return arrived


def words(message: EmailMessage) -> str:
    body = message.get_body()
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n").replace("\xa0", " ")


def test_a_german_letter() -> None:
    assert words(written(invoice())) == GERMAN


def test_an_english_letter() -> None:
    message = written(invoice(language="en"))
    assert words(message).startswith("Hello,\n\nplease find attached invoice ")
    assert "Please transfer " in words(message)


def test_a_language_without_words_gets_an_english_letter_with_english_numbers() -> None:
    assert words(written(invoice(language="fi"))) == words(written(invoice(language="en")))


def test_every_language_of_documents_has_the_same_words_for_letters() -> None:
    known = letters._words_by_tag()
    assert set(known) == available()
    assert len({str(_keys(of)) for of in known.values()}) == 1


def test_the_headers_say_who_writes_to_whom_about_what() -> None:
    document = invoice()
    message = written(document)
    assert message["From"] == "Nordlicht Software GmbH <rechnung@nordlicht.example>"
    assert message["To"] == "re@kunde.example"
    assert message["Subject"] == f"Nordlicht Software GmbH: Rechnung {document.number} vom 31.01.2026"
    assert message["Date"] == "Sun, 01 Mar 2026 09:30:00 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    assert "Reply-To" not in message


def test_answers_go_to_the_billing_entity_where_another_address_sends() -> None:
    message = written(invoice(), sender=Sender("noreply@mail.example", "Billing"))
    assert message["From"] == "Billing <noreply@mail.example>"
    assert message["Reply-To"] == "rechnung@nordlicht.example"


def test_nobody_writes_where_no_address_is_known() -> None:
    document = invoice()
    with pytest.raises(NoSender):
        written(replace(document, seller=replace(document.seller, email=None)))


def test_every_attempt_of_a_request_has_the_same_message_id() -> None:
    document = invoice()
    first, later = written(document), written(document, now=datetime(2026, 3, 2, tzinfo=UTC))
    assert first["Message-ID"] == later["Message-ID"]
    assert first["Message-ID"].endswith(".0@nordlicht.example>")
    assert written(document, request=1)["Message-ID"] != first["Message-ID"]


def test_the_file_is_attached_under_the_documents_number() -> None:
    [attached] = written(invoice()).iter_attachments()
    assert attached.get_filename() == PDF.name
    assert attached.get_content_type() == "application/pdf"
    assert attached.get_content() == PDF.content


def test_a_number_with_a_slash_is_a_file_name_all_the_same() -> None:
    message = letter(
        invoice(),
        [Attachment("RE/Ü-1.pdf", "application/pdf", b"")],
        sender=Sender(),
        recipient="re@kunde.example",
        request=0,
        now=NOW,
    )
    [attached] = message.iter_attachments()
    assert attached.get_filename() == "RE-Ü-1.pdf"


@pytest.mark.parametrize("name", ["Nord\r\nBcc: x@evil.example", "Nord\nlicht", 'A "B", C <d@e.f>'])
def test_no_text_becomes_a_header(name: str) -> None:
    document = invoice()
    message = written(replace(document, seller=replace(document.seller, name=name)))
    assert "Bcc" not in message
    [sender] = message["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (" ".join(name.split()), "rechnung@nordlicht.example")


@pytest.mark.parametrize(
    "address",
    ["a@b.example\r\nBcc: x@evil.example", "a b@c.example", "@c.example", "a", "a@", "a@-.ü", "[erased]"],
)
def test_no_letter_goes_to_what_is_no_address(address: str) -> None:
    with pytest.raises(InvalidAddress):
        written(invoice(), recipient=address)


@pytest.mark.parametrize(
    ("method", "sentence"),
    [
        (PaymentMethod.DIRECT_DEBIT, "buchen wir von Ihrem Konto ab"),
        (PaymentMethod.CREDIT_CARD, "buchen wir von Ihrer Kreditkarte ab"),
        (PaymentMethod.PAY_PAL, "ziehen wir über PayPal ein"),
    ],
)
def test_a_letter_says_how_it_is_paid(method: PaymentMethod, sentence: str) -> None:
    text = words(written(invoice(payment_means=PaymentMeans(method=method))))
    assert sentence in text
    assert "überweisen" not in text


def test_nothing_is_to_be_paid_where_nothing_is_due() -> None:
    document = invoice()
    paid = replace(document.totals, prepaid=document.totals.gross)
    assert "überweisen" not in words(written(replace(document, totals=paid)))


def test_an_amount_that_was_rounded_is_the_same_wherever_it_is_said() -> None:
    document = invoice()
    rounded = replace(document.totals, rounding=Decimal("0.01"))
    text = words(written(replace(document, totals=rounded)))
    assert "über 4.980,40 € als PDF-Datei" in text
    assert "Bitte überweisen Sie 4.980,40 €" in text


def test_a_credit_note_names_its_invoice_and_asks_for_nothing() -> None:
    text = words(written(credit_note()))
    assert "anbei erhalten Sie die Rechnungskorrektur" in text
    assert "Sie bezieht sich auf die Rechnung" in text
    assert "überweisen" not in text


def test_an_xrechnung_is_announced() -> None:
    assert "XRechnung" in words(written(invoice(e_invoice=EInvoiceFormat.XRECHNUNG)))


def _keys(of: Any) -> Any:
    return {name: _keys(inner) for name, inner in sorted(of.items())} if isinstance(of, dict) else None


GERMAN = """\
Guten Tag,

anbei erhalten Sie die Rechnung RE-2026-000042 vom 31.01.2026 über 4.980,39 € als PDF-Datei.

Bitte überweisen Sie 4.980,39 € bis zum 14.02.2026.

Mit freundlichen Grüßen

Nordlicht Software GmbH
Kaiserkai 47, 20457 Hamburg
rechnung@nordlicht.example
www.nordlicht.example
Telefon +49 40 5550 1230
Amtsgericht Hamburg, HRB 135790
Vertreten durch Dr. Frauke Petersen, Jan Brandt
USt-IdNr. DE136695976
"""
