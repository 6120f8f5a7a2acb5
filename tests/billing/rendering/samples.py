"""Issued documents of Nordlicht Software GmbH, Hamburg, as its customers would get them."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from uuid import UUID

from msgspec.structs import replace

from services.billing.document import TEMPLATE_VERSION
from services.messages import DocumentIssued, DocumentType
from services.money import ZERO, rounded
from services.values import (
    Address,
    AddressType,
    BankAccount,
    Buyer,
    DocumentAdjustment,
    DocumentLine,
    DocumentTotals,
    LineAdjustment,
    LineOrigin,
    Period,
    Seller,
    TaxSubtotal,
)

NORDLICHT = Seller(
    name="Nordlicht Software GmbH",
    street="Kaiserkai 47",
    postal_code="20457",
    city="Hamburg",
    country="DE",
    vat_id="DE136695976",
    tax_number="48/721/02468",
    register_court="Amtsgericht Hamburg",
    register_number="HRB 135790",
    managing_directors="Dr. Frauke Petersen, Jan Brandt",
    email="rechnung@nordlicht.example",
    phone="+49 40 5550 1230",
    website="www.nordlicht.example",
    bank_account=BankAccount(
        iban="DE89370400440532013000", bic="COBADEFFXXX", bank_name="Hanseatische Handelsbank"
    ),
)

ALSTER_MOBIL = Buyer(
    name="Alster Mobil GmbH",
    address=Address(
        address_id=UUID(int=11),
        address_type=AddressType.INVOICE,
        country="DE",
        company="Alster Mobil GmbH",
        department="Rechnungsprüfung",
        street="Ballindamm",
        street_number="8",
        postal_code="20095",
        city="Hamburg",
    ),
    account_number="100017",
    vat_id="DE129273398",
    contact_person="Erika Beispiel",
)

EMMA_CLARKE = Buyer(
    name="Emma Clarke",
    address=Address(
        address_id=UUID(int=12),
        address_type=AddressType.INVOICE,
        country="GB",
        first_name="Emma",
        last_name="Clarke",
        street="Lupus Street",
        street_number="113",
        postal_code="SW1V 3EN",
        city="London",
    ),
    account_number="100042",
)

_EXEMPTIONS = {
    "AE": {
        "de": "Steuerschuldnerschaft des Leistungsempfängers.",
        "en": "Reverse charge: VAT is owed by the recipient of the service.",
    },
    "G": {"de": "Steuerfreie Ausfuhrlieferung.", "en": "VAT-exempt export of goods."},
    "O": {
        "de": "Nicht im Inland steuerbare Leistung.",
        "en": "Service outside the scope of domestic VAT.",
    },
}


def line(number: int, name: str, quantity: str, unit: str, unit_price: str, **more: object) -> DocumentLine:
    """A line with its net computed; origin, VAT and currency as in most samples unless said otherwise."""
    currency = str(more.pop("currency", "EUR"))
    given = DocumentLine(
        line=number,
        name=name,
        quantity=Decimal(quantity),
        unit=unit,
        unit_price=Decimal(unit_price),
        net=rounded(Decimal(quantity) * Decimal(unit_price), currency),
        tax_category="S",
        tax_rate=Decimal(19),
        origin=LineOrigin(type="CONTRACT", ident="C-2026-0117", id=UUID(int=31), item=f"item-{number}"),
    )
    changed = replace(given, **more)
    reduced = sum((a.amount for a in changed.allowances), ZERO)
    added = sum((c.amount for c in changed.charges), ZERO)
    return replace(changed, net=changed.net - reduced + added)


def order_line(
    number: int, name: str, quantity: str, unit: str, unit_price: str, **more: object
) -> DocumentLine:
    origin = LineOrigin(type="ORDER", ident="O-2026-0881", id=UUID(int=32), item=str(number))
    supplied = {"origin": origin, "supplied_on": date(2026, 1, 20)}
    return line(number, name, quantity, unit, unit_price, **(supplied | more))


def document(lines: Iterable[DocumentLine], **more: object) -> DocumentIssued:
    """A German invoice to Alster Mobil over `lines`, its VAT and totals as billing computes them."""
    lines = tuple(lines)
    given = DocumentIssued(
        document_id=UUID(int=1),
        number="RE-2026-000042",
        type=DocumentType.INVOICE,
        billing_run_id=UUID(int=2),
        billing_entity_id=UUID(int=3),
        customer_id=UUID(int=4),
        debtor_ident="D-4711",
        issue_date=date(2026, 1, 31),
        due_date=date(2026, 2, 14),
        currency="EUR",
        language="de",
        seller=NORDLICHT,
        buyer=ALSTER_MOBIL,
        lines=lines,
        taxes=(),
        totals=DocumentTotals(lines=ZERO, allowances=ZERO, charges=ZERO, net=ZERO, tax=ZERO, gross=ZERO),
        payment_term_days=14,
        supply_date=date(2026, 1, 31),
        template_version=TEMPLATE_VERSION,
    )
    return with_totals(replace(given, **more))


def with_totals(document: DocumentIssued) -> DocumentIssued:
    """The document with VAT by category and rate, highest rate first, and its totals."""
    taxable = sorted(
        [(line.tax_category, line.tax_rate, line.net) for line in document.lines]
        + [(a.tax_category, a.tax_rate, -a.amount) for a in document.allowances]
        + [(c.tax_category, c.tax_rate, c.amount) for c in document.charges],
        key=lambda part: (-part[1], part[0]),
    )
    taxes = [
        _subtotal(category, rate, sum((part[2] for part in parts), ZERO), document)
        for (category, rate), parts in groupby(taxable, key=lambda part: part[:2])
    ]
    of_lines = sum((line.net for line in document.lines), ZERO)
    allowances = sum((a.amount for a in document.allowances), ZERO)
    charges = sum((c.amount for c in document.charges), ZERO)
    net = of_lines - allowances + charges
    vat = sum((tax.tax for tax in taxes), ZERO)
    totals = DocumentTotals(
        lines=of_lines, allowances=allowances, charges=charges, net=net, tax=vat, gross=net + vat
    )
    return replace(document, taxes=tuple(taxes), totals=totals)


def _subtotal(category: str, rate: Decimal, taxable: Decimal, document: DocumentIssued) -> TaxSubtotal:
    return TaxSubtotal(
        category=category,
        rate=rate,
        taxable=taxable,
        tax=rounded(taxable * rate / 100, document.currency),
        exemption_text=_EXEMPTIONS.get(category, {}).get(document.language),
    )


JANUARY = Period(first=date(2026, 1, 1), last=date(2026, 1, 31))
HALF_OF_JANUARY = Period(first=date(2026, 1, 15), last=date(2026, 1, 31))


def first_invoice() -> DocumentIssued:
    """The acceptance example: 9.99 a month from 15 January, prorated to 5.48."""
    return document([line(1, "Flotte Basis, Grundgebühr", "1", "MON", "5.48", period=HALF_OF_JANUARY)])


def german_b2b() -> DocumentIssued:
    """A fleet's month: fees in advance, usage, a one-off delivery and a reduced rate, from two sources."""
    february = Period(first=date(2026, 2, 1), last=date(2026, 2, 28))
    year = Period(first=date(2026, 2, 1), last=date(2027, 1, 31))
    return document(
        [
            line(1, "Flotte Basis, Grundgebühr", "1", "MON", "49.00", period=february),
            line(2, "Fahrzeug aktiv", "112", "C62", "4.90", period=february),
            line(3, "Datenvolumen Telematik", "38.75", "E34", "1.20", period=JANUARY),
            line(4, "Gefahrene Kilometer über Freimenge", "18450.5", "KMT", "0.0125", period=JANUARY),
            line(
                5,
                "Premium-Support, Reaktionszeit 4 Stunden an sieben Tagen der Woche",
                "1",
                "ANN",
                "1188.00",
                period=year,
            ),
            order_line(6, "Vor-Ort-Einweisung der Disponenten", "6.5", "HUR", "95.00"),
            order_line(7, "Ortungsbox NL-2 mit Magnethalterung", "24", "C62", "59.90"),
            order_line(8, "Handbuch „Telematik in der Praxis“", "3", "C62", "24.90", tax_rate=Decimal(7)),
        ],
        purchase_order="PO-88120",
        buyer=replace(ALSTER_MOBIL, buyer_reference="04011000-12345-03"),
    )


def fourteen_lines() -> DocumentIssued:
    return document(order_line(n, f"Ersatzteil Nr. {n:02}", str(n), "C62", f"{n}.95") for n in range(1, 15))


def many_lines(count: int = 120) -> DocumentIssued:
    """One order with so many lines that the table flows over pages."""
    parts = ("Ortungsbox NL-2", "Kabelsatz", "Magnethalterung", "SIM-Karte Industrie", "Einbauservice")
    units = ("C62", "SET", "C62", "C62", "HUR")
    lines = (
        order_line(
            n, f"{parts[n % 5]}, Fahrzeug HH-NL {1000 + n}", str(n % 4 + 1), units[n % 5], f"{n % 7 + 3}.90"
        )
        for n in range(1, count + 1)
    )
    return document(lines)


def english_exempt() -> DocumentIssued:
    """To a consumer abroad, with three reasons not to charge VAT; amounts in pounds."""
    untaxed = {"tax_rate": ZERO, "currency": "GBP"}
    return document(
        [
            line(1, "Cloud subscription", "1", "MON", "29.00", period=JANUARY, tax_category="O", **untaxed),
            order_line(2, "Tracker NL-2", "2", "C62", "54.50", tax_category="G", **untaxed),
            order_line(3, "Remote training", "1.5", "HUR", "80.00", tax_category="AE", **untaxed),
        ],
        language="en",
        currency="GBP",
        buyer=EMMA_CLARKE,
        debtor_ident="100042",
    )


def order_with_adjustments() -> DocumentIssued:
    """Allowances and charges on lines and on the document, at two rates."""
    rebate = LineAdjustment(reason="Mengenrabatt", amount=Decimal("17.97"), percent=Decimal(10))
    engraving = LineAdjustment(reason="Gravur", amount=Decimal("9.00"))
    return document(
        [
            order_line(1, "Ortungsbox NL-2", "3", "C62", "59.90", allowances=(rebate,), charges=(engraving,)),
            order_line(2, "Kabelsatz", "3", "SET", "12.50"),
            order_line(3, "Handbuch", "1", "C62", "24.90", tax_rate=Decimal(7)),
        ],
        allowances=(
            DocumentAdjustment(
                reason="Treuerabatt",
                amount=Decimal("10.41"),
                percent=Decimal(5),
                tax_category="S",
                tax_rate=Decimal(19),
            ),
        ),
        charges=(
            DocumentAdjustment(
                reason="Fracht", amount=Decimal("12.50"), tax_category="S", tax_rate=Decimal(19)
            ),
        ),
        payment_term_days=30,
        due_date=date(2026, 1, 31) + timedelta(days=30),
    )


INJECTIONS = (
    "#panic(1) <&\"'#$*_@\\ `raw` = Titel",
    "*fett* _kursiv_ $x^2$ @ref <label> // Kommentar /* */",
    '"); #read("invoice.typ") #("',
    "{page} {pages} {number} {0} %s \\u{41} &amp; ]] [[",
)
SCRIPTS = (
    "Łódź Ğümüş Ñandú",
    "Αθήνα Ελλάς",
    "Санкт-Петербург",
    "🚀 Rakete 👩‍👩‍👧",
    "東京株式会社",
    "שלום",
    "مرحبا",
)


def hostile() -> DocumentIssued:
    """Names of every script and with every sign that means something to some machine, and very long ones."""
    names = [*INJECTIONS, *SCRIPTS, "Donaudampfschifffahrtsgesellschaft" * 7, "sehr lange Bezeichnung " * 11]
    company = f"{INJECTIONS[0]} Große Käsetheken-, Wurst- und Feinkosthandels­gesellschaft " + "x" * 120
    address = replace(
        ALSTER_MOBIL.address,
        company=company,
        department="Abteilung " * 12,
        address_addition="Hinterhaus, 3. Stock links, bei Müller-Lüdenscheidt klingeln",
        city="Sankt Peter-Ording 🏖",
    )
    return document(
        [order_line(n, name.strip(), "1", "C62", "10.00") for n, name in enumerate(names, 1)],
        buyer=replace(ALSTER_MOBIL, name=company, address=address),
        purchase_order=INJECTIONS[1],
    )
