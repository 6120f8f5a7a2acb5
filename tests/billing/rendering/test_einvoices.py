"""E-invoices: every term where the standard has it, valid by the official rules in all syntaxes, whatever is billed."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from uuid import UUID
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.billing.crediting import cancellation, credit
from services.billing.document import Draft
from services.billing.line_credit import LineCredit
from services.billing.rendering.datatypes import NotExpressible
from services.billing.rendering.einvoice import einvoice
from services.billing.rendering.en16931 import invoice_of
from services.billing.rendering.xrechnung import as_xrechnung
from services.messages import DocumentIssued
from services.money import ZERO
from services.values import (
    BankAccount,
    BilledUsage,
    DocumentAdjustment,
    DocumentFile,
    LineAdjustment,
    LineOrigin,
    PaymentMeans,
    PaymentMethod,
)
from tests.billing.rendering import kinds, samples
from tests.billing.rendering.test_xml import ANY_TEXT, FORBIDDEN
from tests.billing.rendering.validation import SYNTAXES, Validator, findings

SOLE_TRADER = replace(
    samples.NORDLICHT, vat_id=None, register_court=None, register_number=None, managing_directors=None
)
CATEGORIES = {
    "Z": (None, None),
    "E": ("VATEX-EU-132-1I", "Steuerfrei nach § 4 Nr. 21 UStG."),
    "AE": ("VATEX-EU-AE", "Steuerschuldnerschaft des Leistungsempfängers."),
    "K": ("VATEX-EU-IC", "Steuerfreie innergemeinschaftliche Lieferung."),
    "G": ("VATEX-EU-G", "Steuerfreie Ausfuhrlieferung."),
    "O": ("VATEX-EU-O", "Nicht im Inland steuerbare Leistung."),
}


def untaxed(category: str, **more: object) -> DocumentIssued:
    """An order without VAT, with an allowance and a charge on the document and on its line."""
    vat = {"tax_category": category, "tax_rate": ZERO}
    given = samples.document(
        [
            samples.order_line(
                1,
                "Ortungsbox",
                "3",
                "C62",
                "59.90",
                allowances=(LineAdjustment(reason="Rabatt", amount=Decimal("17.97"), percent=Decimal(10)),),
                charges=(LineAdjustment(reason="Gravur", amount=Decimal("9.00")),),
                **vat,
            )
        ],
        allowances=(DocumentAdjustment(reason="Treue", amount=Decimal("1.00"), **vat),),
        charges=(DocumentAdjustment(reason="Fracht", amount=Decimal("12.50"), **vat),),
        **more,
    )
    code, text = CATEGORIES[category]
    (tax,) = given.taxes
    return replace(given, taxes=(replace(tax, exemption_code=code, exemption_text=text),))


def paid_by(method: PaymentMethod, **more: object) -> DocumentIssued:
    return replace(samples.first_invoice(), payment_means=PaymentMeans(method=method, **more))


def with_totals(document: DocumentIssued, **more: Decimal) -> DocumentIssued:
    return replace(document, totals=replace(document.totals, **more))


def issued(draft: Draft) -> DocumentIssued:
    given = {name: getattr(draft, name) for name in Draft.__dataclass_fields__}
    return DocumentIssued(document_id=UUID(int=21), number="GS-2026-000001", **given)


def credited() -> Iterator[DocumentIssued]:
    """An order's credit notes: over units, an amount and all that is left, with shares of what was agreed for all of it."""
    invoice, when = samples.order_with_adjustments(), date(2026, 2, 10)
    asked = [LineCredit(1, quantity=Decimal(1)), LineCredit(3, amount=Decimal("4.90"))]
    first = issued(credit(invoice, [], asked, reason="Beschädigt", issue_date=when))
    yield first
    yield issued(cancellation(invoice, [first], reason="Storniert", issue_date=when))


def every_kind() -> Iterator[DocumentIssued]:
    """Documents that differ in what is stated, each with a number that tells what it is."""
    first, net = samples.first_invoice(), samples.NORDLICHT
    abroad = replace(
        samples.EMMA_CLARKE.address, country="XK", state="Prishtinë", post_office_box="P.O. Box 4"
    )
    documents = {
        **{name: make() for name, make in kinds.KINDS.items()},
        **{f"category {category}": untaxed(category) for category in CATEGORIES},
        "outside scope, sole trader": untaxed("O", seller=SOLE_TRADER),
        "300 lines": samples.many_lines(300),
        "two origins": samples.german_b2b(),
        "PayPal": paid_by(PaymentMethod.PAY_PAL),
        "card without digits": paid_by(PaymentMethod.CREDIT_CARD, brand="Visa"),
        "transfer as agreed": paid_by(PaymentMethod.BANK_TRANSFER),
        "no bank account": replace(first, seller=replace(net, bank_account=None)),
        "no BIC": replace(
            first, seller=replace(net, bank_account=BankAccount(iban="DE89370400440532013000"))
        ),
        "transfer of pounds": replace(first, currency="GBP"),
        "paid in full": with_totals(first, prepaid=first.totals.gross),
        "paid too much": with_totals(first, prepaid=Decimal("10.00")),
        "nothing to pay": samples.document([samples.line(1, "Probemonat", "1", "MON", "0")]),
        "yen": samples.document(
            [samples.line(1, "Setup", "3", "C62", "1250", currency="JPY")], currency="JPY"
        ),
        "round dinars": samples.document(
            [samples.line(1, "Setup", "1", "C62", "1000", currency="KWD")], currency="KWD"
        ),
        "negative price": samples.document(
            [
                samples.line(1, "Basis", "1", "MON", "20.00"),
                samples.line(2, "Erstattung", "2", "MON", "-3.50"),
            ]
        ),
        "unit that no list has": samples.document([samples.line(1, "Fass", "1", "QQ", "9.00")]),
        "Kosovo": replace(first, buyer=replace(samples.EMMA_CLARKE, address=abroad)),
        "seller's own texts": replace(
            first, seller=replace(net, introduction="Guten Tag,\nwie vereinbart:", closing="#SKONTO#\n#REG#")
        ),
        "late usage": samples.document(
            [
                replace(samples.line(1, "km", "1", "KMT", "0"), usage=BilledUsage(through=7)),
                replace(samples.line(2, "km", "5", "KMT", "0.2"), usage=BilledUsage(through=9, late=1)),
            ]
        ),
    }
    documents |= {f"credit note {n}": note for n, note in enumerate(credited(), 1)}
    return (replace(document, number=name) for name, document in documents.items())


def test_every_kind_of_document_is_a_valid_e_invoice_in_every_syntax(official_rules: Validator) -> None:
    assert findings(official_rules, every_kind()) == []


def test_the_rules_find_what_is_wrong(official_rules: Validator) -> None:
    """So that it means something when they find nothing."""
    first = samples.first_invoice()
    wrong = with_totals(first, gross=Decimal("6.53"))
    nameless = replace(first, lines=(replace(first.lines[0], name=""),))
    found = {
        (file, finding.rule)
        for file in SYNTAXES
        for finding in official_rules.findings(file, einvoice(wrong, file))
    }
    assert found >= {(file, "BR-CO-15") for file in SYNTAXES}
    assert "BR-25" in {f.rule for f in official_rules.findings(SYNTAXES[1], einvoice(nameless, SYNTAXES[1]))}
    assert [f.rule for f in official_rules.findings(SYNTAXES[0], b"<a>")] == ["XML"]


# -- what the terms hold ------------------------------------------------------------------------


def test_an_invoice_says_who_bills_whom_for_what() -> None:
    invoice = invoice_of(kinds.public_buyer())
    assert (invoice.number, invoice.type_code, invoice.currency) == ("RE-2026-000042", "380", "EUR")
    assert (invoice.issued_on, invoice.due_on) == (date(2026, 1, 31), date(2026, 3, 2))
    assert invoice.payment_terms == "Zahlbar innerhalb von 30 Tagen ohne Abzug."
    assert invoice.buyer_reference == "01054056-12345-78"
    assert (invoice.contract, invoice.sales_order, invoice.purchase_order) == (
        "C-2026-0117",
        "O-2026-0881",
        "2026/V-0815",
    )
    seller, buyer = invoice.seller, invoice.buyer
    assert (seller.registration, seller.vat_id, seller.tax_number) == (
        "HRB 135790",
        "DE136695976",
        "48/721/02468",
    )
    assert seller.legal_information == (
        "Amtsgericht Hamburg HRB 135790, Geschäftsführung: Dr. Frauke Petersen, Jan Brandt"
    )
    assert seller.contact.point == "Team Abrechnung"
    assert (buyer.name, buyer.identifier, buyer.contact.point) == ("Stadt Husum", "100064", "Momme Hansen")
    assert (buyer.address.line_1, buyer.address.line_2) == ("Zingel 10", "Fachbereich Ordnung und Verkehr")


def test_a_line_names_the_contract_or_order_it_comes_from() -> None:
    of_contract, _, of_order = invoice_of(kinds.public_buyer()).lines
    assert (of_contract.object_identifier.scheme, of_contract.object_identifier.identifier) == (
        "CT",
        "C-2026-0117",
    )
    assert (of_order.object_identifier.scheme, of_order.object_identifier.identifier) == ("VN", "O-2026-0881")
    assert (of_contract.seller_item, of_order.seller_item) == ("item-1", None)
    assert of_order.period
    assert of_order.period.start == of_order.period.end == date(2026, 1, 20)


def test_several_contracts_are_named_on_their_lines_only() -> None:
    origins = [LineOrigin(type="CONTRACT", ident=ident, id=UUID(int=1), item="x") for ident in "AB"]
    document = samples.document(samples.line(n, "x", "1", "C62", "1", origin=origins[n - 1]) for n in (1, 2))
    assert invoice_of(document).contract is None
    assert [line.object_identifier.identifier for line in invoice_of(document).lines] == ["A", "B"]


def test_a_seller_that_takes_no_name_of_a_person_is_asked_by_its_own() -> None:
    assert invoice_of(samples.first_invoice()).seller.contact.point == "Nordlicht Software GmbH"


def test_a_leitweg_id_is_where_an_invoice_goes_to_else_the_e_mail_address() -> None:
    town = replace(kinds.STADT_HUSUM, buyer_reference="04011000-1234512345-06")
    to_town = invoice_of(replace(kinds.public_buyer(), buyer=town)).buyer
    to_business = invoice_of(kinds.reverse_charge()).buyer
    assert to_town.electronic_address
    assert to_town.electronic_address.scheme == "0204"
    assert to_business.electronic_address
    assert (to_business.electronic_address.scheme, to_business.electronic_address.identifier) == (
        "EM",
        "ap@hafen-kade.example",
    )


def test_outside_the_scope_of_vat_no_vat_id_and_no_rate_is_stated() -> None:
    invoice = invoice_of(untaxed("O", seller=SOLE_TRADER))
    assert invoice.seller.vat_id is invoice.buyer.vat_id is None
    assert invoice.seller.identifier == "48/721/02468"
    assert {line.vat.rate for line in invoice.lines} == {None}
    assert {given.vat.rate for given in invoice.adjustments if given.vat} == {None}


def test_an_intra_community_supply_says_where_it_went() -> None:
    to_warehouse = invoice_of(kinds.intra_community()).delivery
    assert to_warehouse.address
    assert to_warehouse.address.line_1 == "Waalhaven Oostzijde 81"
    at_home = invoice_of(replace(kinds.intra_community(), deliver_to=None)).delivery
    assert at_home.address
    assert (at_home.name, at_home.address.country) == ("Hafen & Kade Logistiek B.V.", "NL")


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (samples.first_invoice(), "58"),
        (replace(samples.first_invoice(), currency="GBP"), "30"),
        (replace(samples.first_invoice(), seller=replace(samples.NORDLICHT, bank_account=None)), "1"),
        (kinds.direct_debit(), "59"),
        (kinds.prepaid_card(), "54"),
        (paid_by(PaymentMethod.PAY_PAL), "68"),
        (kinds.credit_note(), "97"),
    ],
)
def test_how_it_is_paid_is_a_code(document: DocumentIssued, code: str) -> None:
    assert invoice_of(document).payment.code == code
    assert invoice_of(document).payment.remittance == document.number


def test_a_direct_debit_names_mandate_creditor_and_account() -> None:
    payment = invoice_of(kinds.direct_debit()).payment
    assert payment.transfer is None
    debit = payment.direct_debit
    assert debit
    assert (debit.mandate, debit.creditor, debit.account) == (
        "NL-2025-00417",
        "DE98ZZZ09999999999",
        "DE02120300000000202051",
    )


def test_what_was_paid_and_rounded_leads_to_the_amount_due() -> None:
    totals = invoice_of(kinds.prepaid_card()).totals
    assert (totals.gross, totals.paid, totals.rounding, totals.due) == tuple(
        map(Decimal, ("69.89", "20.00", "0.01", "49.90"))
    )


def test_a_credit_note_names_its_invoice_and_why_and_asks_for_nothing() -> None:
    invoice = invoice_of(kinds.credit_note())
    assert invoice.type_code == "381"
    assert invoice.preceding
    assert (invoice.preceding.number, invoice.preceding.issued_on) == ("RE-2026-000031", date(2026, 1, 5))
    assert [(note.subject, note.text) for note in invoice.notes] == [
        ("ACD", "Drei Ortungsboxen wurden beschädigt geliefert und zurückgenommen")
    ]
    assert invoice.due_on is None
    assert invoice.payment_terms == "Der Betrag wird Ihnen gutgeschrieben."
    assert invoice_of(kinds.correction()).type_code == "384"


def test_a_percentage_is_stated_where_it_gives_the_amount() -> None:
    document = samples.order_with_adjustments()
    allowance, charge = invoice_of(document).adjustments
    assert (allowance.percent, allowance.base) == (None, None)
    assert charge.percent is None
    on_line, _ = invoice_of(document).lines[0].adjustments
    assert (on_line.percent, on_line.base) == (Decimal(10), Decimal("179.70"))
    whole = replace(document.allowances[0], amount=Decimal("11.66"))
    (stated, _) = invoice_of(replace(document, allowances=(whole,))).adjustments
    assert (stated.percent, stated.base) == (Decimal(5), Decimal("233.13"))


def test_a_price_is_never_negative() -> None:
    document = samples.document([samples.line(1, "Erstattung", "2", "MON", "-3.50")])
    (line,) = invoice_of(document).lines
    assert (line.quantity, line.price, line.net) == (Decimal(-2), Decimal("3.50"), Decimal("-7.00"))


def test_amounts_with_three_decimals_cannot_be_expressed() -> None:
    line = samples.line(1, "Setup", "1", "C62", "1250.125", currency="KWD")
    for file in SYNTAXES:
        with pytest.raises(NotExpressible):
            einvoice(samples.document([line], currency="KWD"), file)


def test_xrechnung_refers_to_the_buyer_by_what_is_known_of_it() -> None:
    without = invoice_of(samples.first_invoice())
    assert as_xrechnung(without).buyer_reference == "100017"
    assert as_xrechnung(invoice_of(samples.german_b2b())).buyer_reference == "04011000-12345-03"


# -- syntax -------------------------------------------------------------------------------------


def texts(document: DocumentIssued, file: DocumentFile) -> list[str]:
    return [text for text in ElementTree.fromstring(einvoice(document, file)).itertext() if text.strip()]


@pytest.mark.parametrize("file", SYNTAXES)
def test_the_same_document_gives_the_same_bytes(file: DocumentFile) -> None:
    for make in kinds.KINDS.values():
        assert einvoice(make(), file) == einvoice(make(), file)


def test_a_pdf_is_no_syntax() -> None:
    with pytest.raises(ValueError, match="PDF"):
        einvoice(samples.first_invoice(), DocumentFile.PDF)


def test_credit_notes_have_a_root_of_their_own_in_ubl() -> None:
    roots = [
        ElementTree.fromstring(einvoice(make(), DocumentFile.XRECHNUNG_UBL)).tag.rpartition("}")[2]
        for make in (samples.first_invoice, kinds.credit_note, kinds.correction)
    ]
    assert roots == ["Invoice", "CreditNote", "Invoice"]


def test_both_syntaxes_say_the_same() -> None:
    """What stands in one stands in the other, but for codes that one has as attributes and a sales order alone."""
    for make in (kinds.direct_debit, kinds.prepaid_card, samples.order_with_adjustments):
        cii, ubl = (
            {re.sub(r"^(\d{4})-(\d\d)-(\d\d)$", r"\1\2\3", text) for text in texts(make(), file)}
            for file in (DocumentFile.XRECHNUNG, DocumentFile.XRECHNUNG_UBL)
        )
        assert cii - ubl <= {"CT", "VN", "102", "O-2026-0881"}
        assert ubl - cii <= {"Visa", "FC"}


@settings(max_examples=60, deadline=None)
@given(st.lists(ANY_TEXT, min_size=9, max_size=9), st.sampled_from(SYNTAXES))
def test_any_text_in_any_field_is_read_again(given: list[str], file: DocumentFile) -> None:
    name, item, city, person, court, intro, reference, reason, number = (f"x{text}x" for text in given)
    document = untaxed("AE")
    document = replace(
        document,
        number=number,
        purchase_order=reference,
        seller=replace(document.seller, register_court=court, introduction=intro),
        buyer=replace(
            document.buyer,
            name=name,
            contact_person=person,
            address=replace(document.buyer.address, city=city),
        ),
        lines=(replace(document.lines[0], name=item),),
        allowances=(replace(document.allowances[0], reason=reason),),
    )
    said = "\n".join(texts(document, file))
    for text in (name, item, city, person, court, intro, reference, reason, number):
        assert FORBIDDEN.sub("", text) in said
