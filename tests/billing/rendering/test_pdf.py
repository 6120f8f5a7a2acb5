"""The rendered document: its text, its pages, its bytes, and what no name can do to it."""

import io
import re
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from pypdf import PdfReader

from services.billing.rendering.fonts import REPLACEMENT, displayable
from services.billing.rendering.language import language
from services.billing.rendering.pdf import render
from services.messages import DocumentType
from tests.billing.rendering import samples


def pages(document):
    texts = (page.extract_text() for page in PdfReader(io.BytesIO(render(document))).pages)
    return [text.replace("\u00a0", " ").replace("\u200b", "") for text in texts]


def compact(text):
    """Without white space: where a line breaks is the template's affair."""
    return "".join(text.split()).replace("\u200b", "")


def test_everything_that_the_law_asks_for_is_on_the_document():
    text = "\n".join(pages(samples.german_b2b()))
    required = {
        "seller, no. 1": ["Nordlicht Software GmbH", "Kaiserkai 47", "20457 Hamburg"],
        "buyer, no. 1": ["Alster Mobil GmbH", "Ballindamm 8", "20095 Hamburg"],
        "tax ids, no. 2": ["USt-IdNr. DE136695976", "Steuernummer 48/721/02468", "DE129273398"],
        "date of issue, no. 3": ["Rechnungsdatum 31.01.2026"],
        "number, no. 4": ["Rechnung Nr. RE-2026-000042"],
        "quantity and kind, no. 5": ["112 Stück", "Gefahrene Kilometer über Freimenge", "18.450,5 km"],
        "date of supply, no. 6": ["01.02.2026 – 28.02.2026", "Leistungsdatum 20.01.2026"],
        "price by rate, no. 7": [
            "0,0125",
            "Umsatzsteuer 19 % auf 4.118,03 €",
            "Umsatzsteuer 7 % auf 74,70 €",
        ],
        "rate and tax, no. 8": ["782,43 €", "5,23 €"],
        "to pay": ["Gesamtbetrag", "4.980,39 €", "fällig am 14.02.2026", "DE89 3704 0044 0532 0130 00"],
        "references": ["Vertrag C-2026-0117", "Auftrag O-2026-0881", "PO-88120", "100017", "D-4711"],
    }
    missing = {rule: [t for t in texts if t not in text] for rule, texts in required.items()}
    assert not any(missing.values()), missing


def test_the_sellers_own_texts_are_on_its_invoices_line_by_line_and_on_nothing_else():
    document = samples.german_b2b()
    seller = replace(document.seller, introduction="Guten Tag,\nwie vereinbart:", closing="*Danke* #sehr")
    invoice = replace(document, seller=seller)
    text = "\n".join(pages(invoice))
    assert "Guten Tag,\nwie vereinbart:" in text
    assert "*Danke* #sehr" in text
    credit_note = "\n".join(pages(replace(invoice, type=DocumentType.CREDIT_NOTE)))
    assert "vereinbart" not in credit_note


def test_the_reason_for_charging_no_vat_is_on_the_document():
    (text,) = pages(samples.english_exempt())
    assert "Reverse charge: VAT is owed by the recipient of the service." in text
    assert "VAT-exempt export of goods." in text
    assert "Service outside the scope of domestic VAT." in text


def test_a_short_document_is_one_page():
    assert len(pages(samples.first_invoice())) == len(pages(samples.fourteen_lines())) == 1


def test_a_long_table_flows_over_pages_with_its_head_and_page_x_of_y():
    texts = pages(samples.many_lines(130))
    assert len(texts) > 2
    for number, text in enumerate(texts, 1):
        assert f"Seite {number} von {len(texts)}" in text
        assert "Pos. Bezeichnung Menge Einheit Einzelpreis USt. Betrag EUR" in text
        assert "USt-IdNr. DE136695976" in text
    assert all("Rechnung RE-2026-000042 vom 31.01.2026" in text for text in texts[1:])
    assert "Fahrzeug HH-NL 1130" in texts[-1]


def test_sums_are_carried_from_page_to_page():
    document = samples.many_lines()
    texts = pages(document)
    carried = [re.findall(r"Übertrag ([\d.]+,\d\d)", text) for text in texts]
    assert [len(sums) for sums in carried] == [1, 2, 1, 0]
    for page, (before, after) in enumerate(pairwise(texts), 1):
        lines = [int(number) for number in re.findall(r"Fahrzeug HH-NL 1(\d{3})", "".join(texts[:page]))]
        if not re.search("Fahrzeug HH-NL", after):
            break
        expected = language("de").price(sum(line.net for line in document.lines[: max(lines)]), "EUR")
        assert (carried[page - 1][-1], carried[page][0]) == (expected, expected)
        assert before.index("Übertrag") < before.index("Seite")


def test_a_table_on_one_page_carries_nothing():
    assert not any("Übertrag" in text for text in pages(samples.fourteen_lines()))


def test_it_is_pdf_a_and_accessible_and_says_what_it_is():
    reader = PdfReader(io.BytesIO(render(samples.english_exempt())))
    xmp = reader.trailer["/Root"]["/Metadata"].get_data().decode()
    assert "<pdfaid:part>3<" in xmp
    assert "<pdfaid:conformance>A<" in xmp
    assert "<pdfuaid:part>1<" in xmp
    assert reader.trailer["/Root"]["/Lang"] == "en"
    assert reader.metadata.title == "Invoice No. RE-2026-000042 · Nordlicht Software GmbH"
    assert reader.metadata.author == "Nordlicht Software GmbH"


def test_threads_render_side_by_side_with_the_same_result():
    documents = [replace(samples.first_invoice(), number=f"RE-2026-{n:06}") for n in range(12)]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(render, documents)) == [render(document) for document in documents]


def test_data_is_never_markup():
    text = compact("".join(pages(samples.hostile())))
    for string in samples.INJECTIONS:
        assert compact(string) in text


def test_names_of_every_script_are_set():
    text = compact("".join(pages(samples.hostile())))
    for name in ("Łódź", "Ğümüş", "Αθήνα", "Санкт-Петербург", "Rakete", "東京株式会社"):
        assert compact(name) in text
    assert REPLACEMENT not in text


def test_names_too_long_for_their_place_are_complete_all_the_same():
    document = samples.hostile()
    text = compact("".join(pages(document)))
    assert "Donaudampfschifffahrtsgesellschaft" * 7 in text
    assert compact(document.buyer.name.replace("\u00ad", "")) in text


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=60), st.text(max_size=60))
def test_no_name_keeps_a_document_from_being_rendered(name, company):
    document = samples.document([samples.order_line(1, name, "1", "C62", "10.00")])
    buyer = replace(document.buyer, name=company)
    assert render(replace(document, buyer=buyer)).startswith(b"%PDF")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("Zeile 1\nZeile 2\t3", "Zeile 1 Zeile 2 3"),
        ("a\u0000b", "a b"),
        ("\ue000 und \U0001ffff", f"{REPLACEMENT} und {REPLACEMENT}"),
        ("rechts\u202enach links", "rechtsnach links"),
        ("Cafe\u0301", "Café"),
        ("x\u0bc1", "x"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
    ],
)
def test_what_cannot_be_printed_is_replaced_or_left_out(given, shown):
    assert displayable(given) == shown
