"""An issued document as e-invoice: EN 16931 in the syntax that a file of it has."""

from services.billing.rendering import cii, ubl
from services.billing.rendering.en16931 import invoice_of
from services.billing.rendering.xrechnung import as_xrechnung
from services.messages import DocumentIssued
from services.values import DocumentFile


def einvoice(document: DocumentIssued, file: DocumentFile) -> bytes:
    """The document as ZUGFERD, XRECHNUNG or XRECHNUNG_UBL, in UTF-8; the same document gives the same bytes.

    Raises NotExpressible where an amount has three decimals, which no e-invoice can have.
    """
    invoice = invoice_of(document)
    match file:
        case DocumentFile.ZUGFERD:
            return cii.write(invoice)
        case DocumentFile.XRECHNUNG:
            return cii.write(as_xrechnung(invoice))
        case DocumentFile.XRECHNUNG_UBL:
            return ubl.write(as_xrechnung(invoice))
        case DocumentFile.PDF:
            raise ValueError("a PDF is not written as XML")
