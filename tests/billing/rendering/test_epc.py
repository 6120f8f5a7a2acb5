"""The code for banking apps: what it says, when there is one, and that a reader reads it off the printed page."""

import io
from decimal import Decimal

import pytest
import zxingcpp
from msgspec.structs import replace
from PIL import Image

from services.billing.rendering.epc import MAX_BYTES, transfer_text
from services.billing.rendering.pdf import pages
from services.billing.rendering.view import view
from services.messages import DocumentType
from tests.billing.rendering import samples
from tests.billing.rendering.kinds import direct_debit, prepaid_card
from tests.billing.rendering.samples import NORDLICHT


def with_bank(**changes: str | None):
    bank = replace(NORDLICHT.bank_account, **changes)
    return replace(samples.first_invoice(), seller=replace(NORDLICHT, bank_account=bank))


def test_the_code_fills_a_transfer_with_payee_account_amount_and_number():
    assert transfer_text(samples.german_b2b()).split("\n") == [
        "BCD",
        "002",
        "1",
        "SCT",
        "COBADEFFXXX",
        "Nordlicht Software GmbH",
        "DE89370400440532013000",
        "EUR4980.39",
        "",
        "",
        "RE-2026-000042",
    ]


def test_it_asks_for_what_is_still_due():
    document = replace(prepaid_card(), payment_means=None)
    assert "EUR49.90" in transfer_text(document).split("\n")


@pytest.mark.parametrize("holder", ["Nordlicht Software GmbH", "Müller & Söhne OHG", "Łódź Ελλάς 東京"])
def test_a_reader_reads_it_off_the_printed_page(holder):
    document = with_bank(account_holder=holder)
    with Image.open(io.BytesIO(pages(document, ppi=150)[0])) as page:
        (code,) = zxingcpp.read_barcodes(page.convert("L"), formats=zxingcpp.BarcodeFormat.QRCode)
    assert code.bytes.decode() == transfer_text(document)
    assert code.ec_level == "M"
    assert code.symbology_identifier == "]Q1", "no ECI: banking apps go by the charset that the code names"


def test_long_names_and_line_breaks_stay_within_the_standard():
    elements = transfer_text(with_bank(account_holder="Ä" * 100 + "\nEUR1.00", bic=None)).split("\n")
    assert len(elements) == 11
    assert (elements[4], elements[5]) == ("", "Ä" * 70)
    assert len("\n".join(elements).encode()) <= MAX_BYTES


@pytest.mark.parametrize(
    "document",
    [
        replace(samples.first_invoice(), currency="CHF"),
        replace(samples.first_invoice(), seller=replace(NORDLICHT, bank_account=None)),
        replace(samples.first_invoice(), type=DocumentType.CREDIT_NOTE),
        samples.document([samples.line(1, "Alles", "1", "C62", "840336134.45")]),
        samples.document([samples.line(1, "Nichts", "1", "C62", "0")]),
        direct_debit(),
        prepaid_card(),
    ],
    ids=["currency", "no account", "credit note", "too much", "nothing due", "direct debit", "card"],
)
def test_there_is_no_code_where_no_transfer_in_euro_pays_the_document(document):
    assert view(document)["payment"].get("code") is None


def test_the_largest_amount_still_has_one():
    document = samples.first_invoice()
    largest = replace(document, totals=replace(document.totals, gross=Decimal("999999999.99")))
    assert "EUR999999999.99" in transfer_text(largest)
