"""What makes a PDF/A-3 with attached XML a Factur-X and ZUGFeRD document: its XMP metadata say so (Factur-X 1.07, 6.2).

Typst cannot write them, so they are put into the metadata it wrote, and what lies behind them moves: the rest of the
file stays byte for byte as it is. Rewriting the whole file with a PDF library takes longer than setting it.
"""

import re

FILE_NAME = "factur-x.xml"

_NAMESPACE = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"

_PROPERTIES = {
    "DocumentFileName": (FILE_NAME, "The name of the embedded XML document"),
    "DocumentType": ("INVOICE", "The type of the hybrid document in capital letters, e.g. INVOICE or ORDER"),
    "Version": ("1.0", "The actual version of the standard applying to the embedded XML document"),
    "ConformanceLevel": ("EN 16931", "The conformance level of the embedded XML document"),
}
"""Value and description of each; credit notes and corrections are INVOICE too (Factur-X 1.07, 6.2.2)."""

_VALUES = (
    f'<rdf:Description rdf:about="" xmlns:fx="{_NAMESPACE}">'
    + "".join(f"<fx:{name}>{value}</fx:{name}>" for name, (value, _) in _PROPERTIES.items())
    + "</rdf:Description>"
)

_SCHEMA = (
    '<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>'
    f"<pdfaSchema:namespaceURI>{_NAMESPACE}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>"
    "<pdfaSchema:property><rdf:Seq>"
    + "".join(
        '<rdf:li rdf:parseType="Resource"><pdfaProperty:category>external</pdfaProperty:category>'
        f"<pdfaProperty:description>{description}</pdfaProperty:description>"
        f"<pdfaProperty:name>{name}</pdfaProperty:name>"
        "<pdfaProperty:valueType>Text</pdfaProperty:valueType></rdf:li>"
        for name, (_, description) in _PROPERTIES.items()
    )
    + "</rdf:Seq></pdfaSchema:property></rdf:li>"
)
"""The extension schema that PDF/A asks for where a property is none of its own (ISO 19005-3, 6.6.2.3)."""

_METADATA = re.compile(rb"<</Length (\d+)/Type/Metadata/Subtype/XML>>\nstream\n")
_SCHEMAS_END = b"</rdf:Bag></pdfaExtension:schemas>"
_DESCRIPTIONS_END = b"</rdf:RDF>"
_XREF_ENTRY_BYTES = 20


class UnknownMetadata(ValueError):
    """The PDF's metadata are not where this version of Typst puts them."""


def declared(pdf: bytes) -> bytes:
    """A PDF that Typst wrote as PDF/A-3, which now says that it has an invoice of profile EN 16931 attached."""
    found = _METADATA.search(pdf)
    if found is None:
        raise UnknownMetadata("no XMP metadata stream")
    end = found.end() + int(found[1])
    xmp = _completed(pdf[found.end() : end])
    head = b"<</Length %d/Type/Metadata/Subtype/XML>>\nstream\n" % len(xmp)
    return _moved(pdf, pdf[: found.start()] + head + xmp, end)


def _completed(xmp: bytes) -> bytes:
    if xmp.count(_SCHEMAS_END) != 1 or xmp.count(_DESCRIPTIONS_END) != 1:
        raise UnknownMetadata("no extension schemas in the XMP metadata")
    with_schema = xmp.replace(_SCHEMAS_END, _SCHEMA.encode() + _SCHEMAS_END)
    return with_schema.replace(_DESCRIPTIONS_END, _VALUES.encode() + _DESCRIPTIONS_END)


def _moved(pdf: bytes, new_start: bytes, old_end: int) -> bytes:
    """`new_start` in the place of `pdf[:old_end]`, with the cross-reference table that goes with it (ISO 32000-1, 7.5.4)."""
    by = len(new_start) - old_end
    trailer_at = pdf.rindex(b"trailer\n")
    table_at = int(pdf[pdf.rindex(b"startxref\n") :].split()[1])
    first_entry = pdf.index(b"\n", table_at + len(b"xref\n")) + 1
    entries = "".join(
        _entry_moved(pdf[at : at + _XREF_ENTRY_BYTES].decode(), old_end, by)
        for at in range(first_entry, trailer_at, _XREF_ENTRY_BYTES)
    )
    trailer = pdf[trailer_at:].replace(b"startxref\n%d\n" % table_at, b"startxref\n%d\n" % (table_at + by))
    return new_start + pdf[old_end:first_entry] + entries.encode() + trailer


def _entry_moved(entry: str, old_end: int, by: int) -> str:
    """`0000057364 00000 n` with the offset that an object behind `old_end` has now."""
    offset = int(entry[:10])
    return f"{offset + by:010}{entry[10:]}" if offset >= old_end else entry
