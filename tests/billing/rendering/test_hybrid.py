"""The PDF as validators and readers take it: PDF/A-3, PDF/UA-1, and a ZUGFeRD document with its XML attached."""

import io
import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace
from pypdf import PdfReader

from services.billing.rendering.einvoice import einvoice
from services.billing.rendering.factur_x import UnknownMetadata, declared
from services.billing.rendering.pdf import render
from services.messages import DocumentIssued
from services.values import DocumentFile
from tests.billing.rendering import samples
from tests.billing.rendering.kinds import KINDS, logo
from tests.java import java


@pytest.fixture(scope="module")
def documents() -> Mapping[str, DocumentIssued]:
    return {name: make() for name, make in KINDS.items()}


@pytest.fixture(scope="module")
def rendered(documents: Mapping[str, DocumentIssued]) -> Mapping[str, bytes]:
    """One of every kind, one that has a picture, and one that has no XML."""
    found = {name: render(document) for name, document in documents.items()}
    return found | {
        "with_logo": render(documents["credit_note"], logo()),
        "without_xml": render(three_decimals()),
    }


def three_decimals() -> DocumentIssued:
    """EN 16931 knows amounts of two decimals at most (BR-DEC)."""
    line = samples.line(1, "Setup", "1", "C62", "1250.125", currency="KWD")
    return samples.document([line], currency="KWD")


def test_every_kind_of_document_is_valid_pdf_a_accessible_and_zugferd(
    rendered: Mapping[str, bytes], tmp_path: Path
):
    for name, pdf in rendered.items():
        (tmp_path / f"{name}.pdf").write_bytes(pdf)
    found = java("pdf", *(tmp_path / f"{name}.pdf" for name in rendered))
    findings = dict(zip(rendered, map(json.loads, found.splitlines()), strict=True))
    no_invoice = findings["without_xml"].pop("ZUGFeRD")
    assert no_invoice != []
    findings["without_xml"]["ZUGFeRD"] = []
    assert findings == {name: {"PDF/A-3a": [], "PDF/UA-1": [], "ZUGFeRD": []} for name in rendered}


def test_what_en_16931_cannot_express_is_a_pdf_alone(rendered: Mapping[str, bytes]):
    reader = PdfReader(io.BytesIO(rendered["without_xml"]))
    assert not reader.attachments
    assert b"factur-x" not in rendered["without_xml"]


@pytest.mark.parametrize("name", KINDS)
def test_the_attached_xml_is_the_e_invoice_byte_for_byte(
    name: str, documents: Mapping[str, DocumentIssued], rendered: Mapping[str, bytes]
):
    reader = PdfReader(io.BytesIO(rendered[name]))
    assert reader.attachments == {"factur-x.xml": [einvoice(documents[name], DocumentFile.ZUGFERD)]}


def test_xml_that_is_stored_is_attached_as_it_is():
    xml = "<Invoice>as it was issued, über alles</Invoice>\n".encode()
    reader = PdfReader(io.BytesIO(render(samples.first_invoice(), xml=xml)))
    assert reader.attachments == {"factur-x.xml": [xml]}


def test_the_attachment_is_an_alternative_of_the_whole_document_with_its_dates(
    rendered: Mapping[str, bytes],
):
    root = PdfReader(io.BytesIO(rendered["invoice"])).trailer["/Root"]
    (attached,) = root["/AF"]
    file = attached.get_object()
    assert (file["/F"], file["/UF"], file["/AFRelationship"]) == (
        "factur-x.xml",
        "factur-x.xml",
        "/Alternative",
    )
    stream = file["/EF"]["/F"]
    assert stream["/Subtype"] == "/text/xml"
    assert stream["/Params"]["/ModDate"].startswith("D:20260131")


def test_the_metadata_declare_factur_x_and_keep_what_was_there(rendered: Mapping[str, bytes]):
    xmp = PdfReader(io.BytesIO(rendered["invoice"])).trailer["/Root"]["/Metadata"].get_data().decode()
    assert dict(re.findall(r"<fx:(\w+)>([^<]*)</fx:", xmp)) == {
        "DocumentFileName": "factur-x.xml",
        "DocumentType": "INVOICE",
        "Version": "1.0",
        "ConformanceLevel": "EN 16931",
    }
    assert "<pdfaSchema:namespaceURI>urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#<" in xmp
    assert "<pdfaid:part>3<" in xmp
    assert "<pdfuaid:part>1<" in xmp


@pytest.mark.parametrize("name", [*KINDS, "with_logo"])
def test_every_object_is_where_the_cross_reference_table_says(name: str, rendered: Mapping[str, bytes]):
    pdf = rendered[name]
    table = int(pdf[pdf.rindex(b"startxref\n") :].split()[1])
    assert pdf[table:].startswith(b"xref\n0 ")
    entries = re.findall(rb"(\d{10}) (\d{5}) ([nf])\r\n", pdf[table:])
    for number, (offset, generation, kind) in enumerate(entries):
        if kind == b"n":
            assert pdf[int(offset) :].startswith(b"%d %d obj\n" % (number, int(generation)))


def test_a_document_of_the_first_template_has_no_xml_in_it():
    first = replace(samples.first_invoice(), template_version=1)
    reader = PdfReader(io.BytesIO(render(first)))
    assert reader.attachments == {}
    assert "factur-x" not in reader.trailer["/Root"]["/Metadata"].get_data().decode()


@pytest.mark.parametrize("pdf", [b"%PDF-1.7", b"<</Length 3/Type/Metadata/Subtype/XML>>\nstream\n<x>"])
def test_metadata_that_are_not_typsts_are_not_guessed_at(pdf: bytes):
    with pytest.raises(UnknownMetadata):
        declared(pdf)
