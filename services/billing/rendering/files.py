"""The files of a document: which ones are recorded, and how each is made."""

from collections.abc import Mapping
from hashlib import sha256

from services.billing.rendering import pdf
from services.billing.rendering.datatypes import NotExpressible
from services.billing.rendering.einvoice import einvoice
from services.messages import DocumentIssued
from services.values import DocumentFile, EInvoiceFormat, RenderedFile

_USUAL_XML: Mapping[EInvoiceFormat, DocumentFile] = {
    EInvoiceFormat.ZUGFERD: DocumentFile.ZUGFERD,
    EInvoiceFormat.XRECHNUNG: DocumentFile.XRECHNUNG,
}


def usual_xml(document: DocumentIssued) -> DocumentFile:
    """The XML in the syntax that the customer asked for."""
    return _USUAL_XML[document.e_invoice]


def made(document: DocumentIssued, file: DocumentFile, logo: bytes | None, attached: bytes | None) -> bytes:
    """The bytes of a file. `logo` is the picture that the document's seller names, `attached` the XML that belongs into
    its PDF, as it is stored; written anew where it is not.

    Raises NotExpressible where there can be no XML.
    """
    if file is DocumentFile.PDF:
        return pdf.render(document, logo, attached)
    return einvoice(document, file)


def recorded(document: DocumentIssued, logo: bytes | None) -> dict[DocumentFile, bytes]:
    """The files that are recorded: the PDF and, where there can be any, the XML in it and the one asked for."""
    xmls = _xmls(document)
    return {DocumentFile.PDF: pdf.render(document, logo, xmls.get(DocumentFile.ZUGFERD)), **xmls}


def _xmls(document: DocumentIssued) -> dict[DocumentFile, bytes]:
    """What was issued by an older template is a PDF alone, and so is what EN 16931 cannot express."""
    if document.template_version < pdf.FIRST_HYBRID_VERSION:
        return {}
    try:
        return {
            file: einvoice(document, file)
            for file in dict.fromkeys((DocumentFile.ZUGFERD, usual_xml(document)))
        }
    except NotExpressible:
        return {}


def described(file: DocumentFile, content: bytes) -> RenderedFile:
    """What a file is known by."""
    return RenderedFile(file=file, sha256=sha256(content).hexdigest(), size_bytes=len(content))
