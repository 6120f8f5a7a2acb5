"""What a document says, line by line and sum by sum, without Typst."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from msgspec.structs import replace

from services.billing.rendering.language import available
from services.billing.rendering.lines import aligned
from services.billing.rendering.view import iban_in_fours, view
from services.messages import DocumentType
from services.money import ZERO
from services.values import BilledUsage, DocumentReference, LineOrigin, PaymentMeans, PaymentMethod
from tests.billing.rendering import kinds, samples


def info(document):
    return {row["label"]: row["value"] for row in view(document)["info"]}


def lines(document):
    return [line for group in view(document)["groups"] for line in group["lines"]]


def plain(text):
    return text.replace("\u00a0", " ")


def rows(shown):
    """Label, base and value of rows, as a reader reads them."""
    return [plain(" ".join(filter(None, (r["label"], r.get("base"), r["value"])))) for r in shown]


def test_the_information_block_names_what_a_reader_asks_for_first():
    assert info(samples.german_b2b()) == {
        "Rechnungsnummer": "RE-2026-000042",
        "Rechnungsdatum": "31.01.2026",
        "Leistungszeitraum": "01.01.2026 – 31.01.2027",
        "Fällig am": "14.02.2026",
        "Kundennummer": "100017",
        "Debitor": "D-4711",
        "Ihre USt-IdNr.": "DE129273398",
        "Ihre Referenz": "04011000-12345-03",
        "Bestellnummer": "PO-88120",
    }


def test_a_debtor_ident_that_is_the_account_number_is_not_said_twice():
    assert "Debtor" not in info(samples.english_exempt())


def test_a_single_source_stands_in_the_information_block_and_several_head_their_lines():
    one, several = samples.first_invoice(), samples.german_b2b()
    assert info(one)["Vertrag"] == "C-2026-0117"
    assert [group["origin"] for group in view(one)["groups"]] == [None]
    assert [group["origin"] for group in view(several)["groups"]] == [
        "Vertrag C-2026-0117",
        "Auftrag O-2026-0881",
    ]
    assert "Vertrag" not in info(several)


def test_lines_stay_in_their_order_when_sources_alternate():
    a, b = (LineOrigin(type="CONTRACT", ident=ident, id=UUID(int=1), item="x") for ident in "AB")
    document = samples.document(
        samples.line(n, f"{n}", "1", "C62", "1", origin=origin) for n, origin in enumerate((a, b, a), 1)
    )
    assert [group["origin"] for group in view(document)["groups"]] == ["Vertrag A", "Vertrag B", "Vertrag A"]
    assert [line["position"] for line in lines(document)] == ["1", "2", "3"]


def test_a_line_says_what_was_supplied_how_much_at_which_price_and_rate():
    (shown,) = lines(samples.first_invoice())
    assert shown["name"] == "Flotte Basis, Grundgebühr"
    assert (shown["quantity"]["text"], shown["unit"]) == ("1", "Monat")
    assert (shown["unitPrice"]["text"], shown["net"]) == ("5,48", "5,48")
    assert plain(shown["taxRate"]) == "19 %"
    assert shown["details"] == ["15.01.2026 – 31.01.2026"]


def test_a_day_of_supply_that_all_lines_share_is_said_once_for_the_document():
    alone, mixed = samples.fourteen_lines(), samples.german_b2b()
    assert info(alone)["Leistungsdatum"] == "20.01.2026"
    assert not any(line["details"] for line in lines(alone))
    assert lines(mixed)[6]["details"] == ["Leistungsdatum 20.01.2026"]


def test_a_document_without_dates_on_its_lines_says_its_own():
    document = samples.document([samples.line(1, "Setup", "1", "C62", "49.00")])
    assert info(document)["Leistungsdatum"] == "31.01.2026"


def test_usage_says_what_is_included_and_what_came_late():
    included = replace(samples.line(1, "Kilometer", "100", "KMT", "0.00"), usage=BilledUsage(through=7))
    late = replace(samples.line(2, "Kilometer", "50", "KMT", "0.20"), usage=BilledUsage(through=9, late=1))
    shown = lines(samples.document([included, late]))
    assert [line["details"][-1] for line in shown] == ["inklusive", "nachträglich gemeldet"]


def test_allowances_and_charges_explain_a_line_and_the_document():
    document = samples.order_with_adjustments()
    first = lines(document)[0]
    assert [plain(detail) for detail in first["details"]] == [
        "abzüglich Mengenrabatt 10 %: −17,97 €",
        "zuzüglich Gravur: 9,00 €",
    ]
    assert first["net"] == "170,73"
    assert rows(view(document)["totals"]) == [
        "Summe der Positionen 233,13 €",
        "abzüglich Treuerabatt 5 % (19 %) −10,41 €",
        "zuzüglich Fracht (19 %) 12,50 €",
        "Nettobetrag 235,22 €",
        "Umsatzsteuer 19 % auf 210,32 € 39,96 €",
        "Umsatzsteuer 7 % auf 24,90 € 1,74 €",
    ]
    assert rows([view(document)["gross"]]) == ["Gesamtbetrag 276,92 €"]


def test_exemptions_print_their_legal_text_once_and_mark_the_lines_they_are_for():
    shown = view(samples.english_exempt())
    assert [(note["mark"], note["text"]) for note in shown["notes"]] == [
        ("1", "Service outside the scope of domestic VAT."),
        ("2", "VAT-exempt export of goods."),
        ("3", "Reverse charge: VAT is owed by the recipient of the service."),
    ]
    assert [line["mark"] for line in lines(samples.english_exempt())] == ["1", "2", "3"]
    assert {row["label"]: row["mark"] for row in shown["totals"] if "mark" in row} == {
        "Reverse charge": "3",
        "Export": "2",
        "Outside the scope of VAT": "1",
    }


def test_the_payment_block_has_all_that_a_transfer_needs():
    payment = view(samples.first_invoice())["payment"]
    assert payment["sentences"] == [
        "Bitte überweisen Sie den Betrag bis zum 14.02.2026.",
        "Zahlbar innerhalb von 14 Tagen ohne Abzug.",
    ]
    assert rows([payment["amount"], *payment["rows"]]) == [
        "Zu zahlen 6,52 €",
        "Empfänger Nordlicht Software GmbH",
        "IBAN DE89 3704 0044 0532 0130 00",
        "BIC COBADEFFXXX",
        "Bank Hanseatische Handelsbank",
        "Verwendungszweck RE-2026-000042",
    ]


@pytest.mark.parametrize(
    ("days", "terms"),
    [(0, "Payable at once, net."), (1, "Payable within 1 day, net."), (30, "Payable within 30 days, net.")],
)
def test_payment_terms_are_counted(days, terms):
    document = replace(samples.english_exempt(), payment_term_days=days)
    assert view(document)["payment"]["sentences"][1] == terms


def test_a_seller_without_bank_account_asks_for_the_amount_only():
    document = replace(samples.first_invoice(), seller=replace(samples.NORDLICHT, bank_account=None))
    payment = view(document)["payment"]
    assert payment["sentences"][0] == "Der Betrag ist fällig am 14.02.2026."
    assert payment["rows"] == []
    assert len(view(document)["footer"]) == 3


def test_where_nothing_is_to_be_paid_no_payment_is_asked_for():
    free = samples.document([samples.line(1, "Probemonat", "1", "MON", "0")])
    credit = replace(samples.first_invoice(), type=DocumentType.CREDIT_NOTE)
    assert view(free)["payment"] == {"how": [nothing := "Es ist nichts zu zahlen."], "sentences": [nothing]}
    assert view(credit)["payment"] == {
        "how": [credited := "Der Betrag wird Ihnen gutgeschrieben."],
        "sentences": [credited],
    }
    assert "Fällig am" not in info(free)


def test_a_credit_note_is_never_called_gutschrift():
    credit = replace(samples.first_invoice(), type=DocumentType.CREDIT_NOTE)
    assert view(credit)["title"] == "Rechnungskorrektur Nr. RE-2026-000042"
    assert "Gutschrift" not in str(view(credit))


def test_a_credit_note_names_the_invoice_that_it_corrects_and_says_why():
    invoice = DocumentReference(
        document_id=UUID(int=1), number="RE-2026-000041", issue_date=date(2026, 1, 31)
    )
    credit = replace(
        samples.first_invoice(),
        type=DocumentType.CREDIT_NOTE,
        preceding_document=invoice,
        reason="Falscher Preis",
    )
    assert info(credit)["Zu Rechnung"] == "RE-2026-000041, 31.01.2026"
    assert view(credit)["subject"] == ["zu Rechnung RE-2026-000041 vom 31.01.2026", "Grund: Falscher Preis"]
    corrected = view(replace(credit, type=DocumentType.CORRECTION, language="en"))
    assert corrected["subject"][0] == "replaces invoice RE-2026-000041 of 31 Jan 2026"


def test_goods_that_went_elsewhere_say_where():
    (where,) = view(kinds.intra_community())["subject"]
    assert where == (
        "Delivered to: Hafen & Kade Logistiek B.V., Warehouse 4, Waalhaven Oostzijde 81, 3087 BM Rotterdam, Netherlands"
    )


def test_a_direct_debit_is_announced_with_mandate_creditor_and_the_ends_of_the_account():
    payment = view(kinds.direct_debit())["payment"]
    assert payment["how"] == ["Wir ziehen den Betrag am 14.02.2026 per SEPA-Lastschrift von Ihrem Konto ein."]
    assert rows([payment["amount"], *payment["rows"]]) == [
        "Wird abgebucht 4.980,39 €",
        "Kontoinhaber Alster Mobil GmbH",
        "Konto DE02 •••• 2051",
        "Mandatsreferenz NL-2025-00417",
        "Gläubiger-ID DE98ZZZ09999999999",
        "Verwendungszweck RE-2026-000042",
    ]


def test_what_was_paid_before_and_what_rounding_makes_of_it_lead_to_what_is_due():
    document = kinds.prepaid_card()
    assert rows(view(document)["settled"]) == [
        "bereits gezahlt −20,00 €",
        "Rundung 0,01 €",
        "Offener Betrag 49,90 €",
    ]
    payment = view(document)["payment"]
    assert rows([payment["amount"], *payment["rows"]])[:2] == [
        "Wird abgebucht 49,90 €",
        "Karte Visa •••• 4242",
    ]
    assert view(samples.german_b2b())["settled"] == []


def test_a_credit_note_that_gives_back_a_rounded_cent_says_what_is_credited():
    document = kinds.prepaid_card()
    totals = replace(document.totals, prepaid=Decimal("0.00"))
    credit_note = replace(document, type=DocumentType.CREDIT_NOTE, totals=totals)
    assert rows(view(credit_note)["settled"]) == ["Rundung 0,01 €", "Wird gutgeschrieben 69,90 €"]


@pytest.mark.parametrize(
    ("prepaid", "sentence"),
    [
        ("69.90", "Der Betrag ist bereits bezahlt."),
        ("70.00", "Es wurden 0,10 € mehr bezahlt, die wir Ihnen gutschreiben."),
    ],
)
def test_what_is_paid_already_is_not_asked_for(prepaid, sentence):
    document = kinds.prepaid_card()
    paid = replace(document, totals=replace(document.totals, prepaid=Decimal(prepaid)))
    assert [plain(text) for text in view(paid)["payment"]["how"]] == [sentence]


def test_paypal_and_a_transfer_that_was_agreed_on_say_how():
    methods = {
        method: view(replace(samples.first_invoice(), payment_means=PaymentMeans(method=method)))["payment"]
        for method in (PaymentMethod.PAY_PAL, PaymentMethod.BANK_TRANSFER)
    }
    assert methods[PaymentMethod.PAY_PAL]["how"] == ["Wir buchen den Betrag am 14.02.2026 über PayPal ab."]
    assert methods[PaymentMethod.BANK_TRANSFER] == view(samples.first_invoice())["payment"]


def test_every_line_knows_what_the_lines_so_far_come_to():
    carried = [line["carried"] for line in lines(samples.order_with_adjustments())]
    assert carried == ["170,73", "208,23", "233,13"]


@pytest.mark.parametrize("language", sorted(available()))
@pytest.mark.parametrize("kind", list(DocumentType))
def test_every_kind_of_document_can_be_said_in_every_language(kind, language):
    for sample in (samples.german_b2b, samples.english_exempt, samples.order_with_adjustments):
        assert view(replace(sample(), type=kind, language=language))["title"]


@pytest.mark.parametrize(
    ("name", "wordmark", "legal_form"),
    [
        ("Nordlicht Software GmbH", "Nordlicht Software", "GmbH"),
        ("Müller & Söhne GmbH & Co. KG", "Müller & Söhne", "GmbH & Co. KG"),
        ("Kontor UG (haftungsbeschränkt)", "Kontor", "UG (haftungsbeschränkt)"),
        ("Acme, Inc.", "Acme", "Inc."),
        ("Elena Vogt e.K.", "Elena Vogt", "e.K."),
        ("Stadtwerke Husum", "Stadtwerke Husum", ""),
        ("GmbH", "GmbH", ""),
    ],
)
def test_the_wordmark_sets_the_legal_form_apart(name, wordmark, legal_form):
    seller = view(replace(samples.first_invoice(), seller=replace(samples.NORDLICHT, name=name)))["seller"]
    assert (seller["wordmark"], seller["legalForm"]) == (wordmark, legal_form)


def test_the_footer_has_company_contact_bank_and_register():
    company, contact, bank, register = view(samples.first_invoice())["footer"]
    assert company == ["Nordlicht Software GmbH", "Kaiserkai 47", "20457 Hamburg"]
    assert contact == ["Tel. +49 40 5550 1230", "rechnung@nordlicht.example", "www.nordlicht.example"]
    assert bank == ["Hanseatische Handelsbank", "IBAN DE89 3704 0044 0532 0130 00", "BIC COBADEFFXXX"]
    assert register == [
        "Amtsgericht Hamburg HRB 135790",
        "Geschäftsführung: Dr. Frauke Petersen, Jan Brandt",
        "USt-IdNr. DE136695976",
        "Steuernummer 48/721/02468",
    ]


def test_decimal_signs_of_a_column_line_up():
    shown = aligned(["1", "18.450,5", "38,75"], ",")
    assert [number["text"] + number["pad"] for number in shown] == ["1,00", "18.450,50", "38,75"]
    assert [number["pad"] for number in aligned(["1", "24"], ",")] == ["", ""]


def test_an_iban_is_printed_in_fours():
    assert iban_in_fours("NO9386011117947") == iban_in_fours("NO93 8601 1117 947") == "NO93 8601 1117 947"


@pytest.mark.parametrize(
    ("currency", "price", "gross"), [("JPY", "1250", "1.488 ¥"), ("KWD", "1250.125", "1.487,649 KWD")]
)
def test_amounts_have_the_decimals_of_their_currency(currency, price, gross):
    document = samples.document(
        [samples.line(1, "Setup", "1", "C62", price, currency=currency)], currency=currency
    )
    assert plain(view(document)["gross"]["value"]) == gross
    assert document.totals.tax > ZERO
    assert Decimal(price) == document.lines[0].net
