"""A document of every kind: what the documentation shows, and what validators and recorded hashes judge."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from io import BytesIO
from uuid import UUID

from msgspec.structs import replace
from PIL import Image, ImageDraw

from services.messages import DocumentIssued, DocumentType
from services.money import ZERO
from services.values import (
    Address,
    AddressType,
    Buyer,
    DocumentReference,
    EInvoiceFormat,
    PaymentMeans,
    PaymentMethod,
    Seller,
)
from tests.billing.rendering.samples import (
    ALSTER_MOBIL,
    JANUARY,
    NORDLICHT,
    document,
    german_b2b,
    hostile,
    line,
    many_lines,
    order_line,
    order_with_adjustments,
)

NORDLICHT_SUPPORT = replace(NORDLICHT, contact_name="Team Abrechnung", creditor_id="DE98ZZZ09999999999")

HAFEN_LOGISTIEK = Buyer(
    name="Hafen & Kade Logistiek B.V.",
    address=Address(
        address_id=UUID(int=13),
        address_type=AddressType.INVOICE,
        country="NL",
        company="Hafen & Kade Logistiek B.V.",
        department="Accounts Payable",
        street="Wilhelminakade",
        street_number="909",
        postal_code="3072 AP",
        city="Rotterdam",
    ),
    account_number="100058",
    vat_id="NL123456782B90",
    contact_person="Sanne de Wit",
    email="ap@hafen-kade.example",
)

STADT_HUSUM = Buyer(
    name="Stadt Husum",
    address=Address(
        address_id=UUID(int=14),
        address_type=AddressType.INVOICE,
        country="DE",
        company="Stadt Husum",
        department="Fachbereich Ordnung und Verkehr",
        street="Zingel",
        street_number="10",
        postal_code="25813",
        city="Husum",
    ),
    account_number="100064",
    contact_person="Momme Hansen",
    email="rechnung@husum.example",
    buyer_reference="01054056-12345-78",
)

WERKSTATT = Seller(
    name="Klangwerkstatt Elena Vogt e.K.",
    street="Am Deich 3",
    postal_code="25813",
    city="Husum",
    country="DE",
    tax_number="15/237/04711",
    email="hallo@klangwerkstatt.example",
    phone="+49 4841 555 210",
    bank_account=NORDLICHT.bank_account,
    accent_color="#2d6a4f",
    introduction="Vielen Dank für Ihren Besuch in der Werkstatt.",
    closing="Ich freue mich, wenn Ihr Instrument wieder klingt wie am ersten Tag.",
)

CORRECTED = DocumentReference(document_id=UUID(int=9), number="RE-2026-000031", issue_date=date(2026, 1, 5))


def credit_note() -> DocumentIssued:
    return replace(
        order_with_adjustments(),
        number="GS-2026-000004",
        type=DocumentType.CREDIT_NOTE,
        preceding_document=CORRECTED,
        reason="Drei Ortungsboxen wurden beschädigt geliefert und zurückgenommen",
    )


def correction() -> DocumentIssued:
    return document(
        [
            line(1, "Flotte Basis, Grundgebühr", "1", "MON", "39.00", period=JANUARY),
            line(2, "Fahrzeug aktiv", "98", "C62", "4.90", period=JANUARY),
        ],
        number="RK-2026-000002",
        type=DocumentType.CORRECTION,
        preceding_document=CORRECTED,
        reason="Vertrag C-2026-0117 wurde rückwirkend geändert",
    )


def reverse_charge() -> DocumentIssued:
    """Services to a business in another member state, in English."""
    untaxed = {"tax_rate": ZERO, "tax_category": "AE", "period": JANUARY}
    issued = document(
        [
            line(1, "Fleet Basic, base fee", "1", "MON", "49.00", **untaxed),
            line(2, "Vehicle online", "64", "C62", "4.90", **untaxed),
            line(3, "Telematics data volume", "21.5", "E34", "1.20", **untaxed),
        ],
        language="en",
        seller=NORDLICHT_SUPPORT,
        buyer=HAFEN_LOGISTIEK,
        debtor_ident="D-5820",
        purchase_order="4500012345",
    )
    return _exempt(issued, "VATEX-EU-AE")


def intra_community() -> DocumentIssued:
    """Goods to a business in another member state, sent to its warehouse."""
    untaxed = {"tax_rate": ZERO, "tax_category": "K"}
    warehouse = replace(
        HAFEN_LOGISTIEK.address,
        address_id=UUID(int=15),
        address_type=AddressType.SHIPPING,
        department="Warehouse 4",
        street="Waalhaven Oostzijde",
        street_number="81",
        postal_code="3087 BM",
    )
    issued = document(
        [order_line(1, "Tracker NL-2", "24", "C62", "59.90", **untaxed)],
        language="en",
        buyer=HAFEN_LOGISTIEK,
        debtor_ident="D-5820",
        deliver_to=warehouse,
        supply_date=date(2026, 1, 20),
    )
    text = "Intra-Community supply, exempt from VAT (Article 138 of Directive 2006/112/EC)."
    return _exempt(issued, "VATEX-EU-IC", text)


def small_business() -> DocumentIssued:
    """A seller under the small-business rule charges no VAT; its texts, its colour."""
    untaxed = {"tax_rate": ZERO, "tax_category": "E"}
    issued = document(
        [
            order_line(1, "Generalüberholung Konzertgitarre", "1", "C62", "240.00", **untaxed),
            order_line(2, "Satz Saiten, handgewickelt", "2", "SET", "18.50", **untaxed),
        ],
        seller=WERKSTATT,
        number="2026-0017",
    )
    return _exempt(issued, None, "Kein Ausweis von Umsatzsteuer (§ 19 UStG).")


def public_buyer() -> DocumentIssued:
    """A buyer who wants XRechnung, with its Leitweg-ID."""
    return document(
        [
            line(1, "Flotte Kommunal, Grundgebühr", "1", "MON", "129.00", period=JANUARY),
            line(2, "Fahrzeug aktiv", "37", "C62", "3.90", period=JANUARY),
            order_line(3, "Einweisung der Leitstelle", "4", "HUR", "95.00"),
        ],
        seller=NORDLICHT_SUPPORT,
        buyer=STADT_HUSUM,
        debtor_ident="D-6001",
        purchase_order="2026/V-0815",
        e_invoice=EInvoiceFormat.XRECHNUNG,
        payment_term_days=30,
        due_date=date(2026, 3, 2),
    )


def direct_debit() -> DocumentIssued:
    means = PaymentMeans(
        method=PaymentMethod.DIRECT_DEBIT,
        account_holder_name="Alster Mobil GmbH",
        iban="DE02120300000000202051",
        mandate_reference="NL-2025-00417",
        mandate_date=date(2025, 3, 1),
    )
    return replace(german_b2b(), seller=NORDLICHT_SUPPORT, payment_means=means)


def prepaid_card() -> DocumentIssued:
    """An order at gross prices of which a part was paid in the shop; the rest is charged to a card."""
    means = PaymentMeans(method=PaymentMethod.CREDIT_CARD, brand="Visa", last_four="4242")
    issued = document(
        [
            order_line(1, "Ortungsbox NL-2", "1", "C62", "50.34"),
            order_line(2, "Kabelsatz", "1", "SET", "8.39"),
        ],
        buyer=replace(ALSTER_MOBIL, vat_id=None),
        payment_means=means,
    )
    totals = replace(issued.totals, prepaid=Decimal("20.00"), rounding=Decimal("0.01"))
    return replace(issued, totals=totals)


def _exempt(issued: DocumentIssued, code: str | None, text: str | None = None) -> DocumentIssued:
    (tax,) = issued.taxes
    given = replace(tax, exemption_code=code, exemption_text=text or tax.exemption_text)
    return replace(issued, taxes=(given,))


def logo() -> bytes:
    """A picture as a seller might upload it: PNG, wider than high, with transparency."""
    picture = Image.new("RGBA", (640, 200), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    draw.polygon([(20, 170), (100, 20), (180, 170)], fill=(31, 58, 95, 255))
    draw.polygon([(110, 170), (170, 70), (230, 170)], fill=(90, 140, 190, 200))
    draw.rectangle([(270, 84), (610, 96)], fill=(31, 58, 95, 255))
    draw.rectangle([(270, 120), (500, 128)], fill=(90, 140, 190, 255))
    written = BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()


KINDS: Mapping[str, Callable[[], DocumentIssued]] = {
    "invoice": german_b2b,
    "invoice_120_lines": many_lines,
    "credit_note": credit_note,
    "correction": correction,
    "reverse_charge": reverse_charge,
    "intra_community": intra_community,
    "small_business": small_business,
    "public_buyer": public_buyer,
    "direct_debit": direct_debit,
    "prepaid_card": prepaid_card,
    "hostile": hostile,
}
"""The newest template's; every one is valid by the rules of EN 16931."""
