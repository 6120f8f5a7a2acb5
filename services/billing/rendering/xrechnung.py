"""XRechnung 3.0 (KoSIT), Germany's rules on EN 16931: what an invoice that keeps to them says otherwise.

What else they ask for (the seller's contact, the buyer's electronic address, post codes) is asked before a document
is issued.
"""

from msgspec import structs

from services.billing.rendering.business_terms import Invoice

XRECHNUNG = "urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0"
"""BT-24 (BR-DE-21)."""
BILLING = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
"""BT-23: an invoice or credit note that nothing is answered to (PEPPOL-EN16931-R001)."""


def as_xrechnung(invoice: Invoice) -> Invoice:
    """The invoice as XRechnung. A buyer without a reference of its own is referred to by what is known of it (BR-DE-15)."""
    return structs.replace(
        invoice,
        process=BILLING,
        specification=XRECHNUNG,
        buyer_reference=invoice.buyer_reference or invoice.purchase_order or invoice.buyer.identifier,
    )
