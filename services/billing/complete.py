"""What an e-invoice has to say: checked before a document is issued, so that whoever lacks it is told what to enter where.

The rules are those of EN 16931-1 (BR-…) for every document, and those of XRechnung (BR-DE-…) for whoever asks for one.
"""

from collections.abc import Iterator

from stdnum.de import leitweg

from services.billing.document import Draft
from services.errors import KontorError
from services.messages import DocumentIssued, DocumentType
from services.values import Address, EInvoiceFormat, PaymentMethod

NEED_VAT_ID = {"K": "BR-IC-02", "G": "BR-G-02"}
"""Categories for which a tax number of the seller is not enough."""
NEED_TAX_ID = {"S": "BR-S-02", "Z": "BR-Z-02", "E": "BR-E-02", "AE": "BR-AE-02"}
NEED_BUYERS_VAT_ID = {"K": "BR-IC-02", "AE": "BR-AE-02"}
OUTSIDE_SCOPE = "O"
PHONE_DIGITS_MIN = 3
"""BR-DE-27."""


class Incomplete(KontorError):
    """A document that lacks what an e-invoice has to say is not issued."""

    def __init__(self, missing: list[str]) -> None:
        super().__init__(
            f"Something is missing for the document: {'; '.join(missing)}. Enter it, then run again."
        )


def check_complete(draft: Draft, billing_entity: str) -> None:
    """Raise Incomplete with all that is missing of seller (the billing entity of this ident) and buyer."""
    missing = [*_of_taxes(draft, billing_entity), *_of_payment(draft, billing_entity)]
    if draft.e_invoice is EInvoiceFormat.XRECHNUNG:
        missing += missing_for_xrechnung(draft, billing_entity)
    if missing:
        raise Incomplete(missing)


def missing_for_xrechnung(document: Draft | DocumentIssued, billing_entity: str) -> list[str]:
    """What XRechnung asks for beyond EN 16931 and the document does not say."""
    return [
        *_of_transfer(document, billing_entity),
        *_of_seller(document, billing_entity),
        *_of_buyer(document),
    ]


def _of_taxes(draft: Draft, entity: str) -> Iterator[str]:
    """§ 14 (4) no. 2 UStG asks for the seller's tax id too; what is outside the scope of VAT shows none (BR-O-02)."""
    seller, categories = draft.seller, {tax.category for tax in draft.taxes}
    for category in sorted(categories & NEED_VAT_ID.keys()):
        if not seller.vat_id:
            yield f"a vatId of the billing entity {entity!r} ({NEED_VAT_ID[category]})"
    for category in sorted(categories & NEED_TAX_ID.keys()):
        if not (seller.vat_id or seller.tax_number):
            yield f"a vatId or taxNumber of the billing entity {entity!r} ({NEED_TAX_ID[category]})"
    idents = (seller.vat_id, seller.tax_number, seller.register_number, seller.creditor_id)
    if OUTSIDE_SCOPE in categories and not any(idents):
        yield f"a vatId, taxNumber or registerNumber of the billing entity {entity!r} (BR-CO-26)"
    for category in sorted(categories & NEED_BUYERS_VAT_ID.keys()):
        if not draft.buyer.vat_id:
            yield f"the customer's vatId ({NEED_BUYERS_VAT_ID[category]})"


def _of_payment(draft: Draft, entity: str) -> Iterator[str]:
    means, seller = draft.payment_means, draft.seller
    if means and means.method is PaymentMethod.DIRECT_DEBIT and not seller.creditor_id:
        yield (
            f"a creditorId of the billing entity {entity!r}, by which it collects the customer's direct debit"
            " (BR-DE-30)"
        )


def _of_transfer(document: Draft | DocumentIssued, entity: str) -> Iterator[str]:
    is_invoice = document.type is DocumentType.INVOICE
    if (
        is_invoice
        and document.totals.due > 0
        and not document.payment_means
        and not document.seller.bank_account
    ):
        yield f"a bankAccount of the billing entity {entity!r} to be paid to (BR-DE-23)"


def _of_seller(document: Draft | DocumentIssued, entity: str) -> Iterator[str]:
    """Whom to ask; who has no contactName is asked by its name (BR-DE-5)."""
    seller = document.seller
    if sum(character.isdigit() for character in seller.phone or "") < PHONE_DIGITS_MIN:
        yield f"a phone of the billing entity {entity!r} with at least {PHONE_DIGITS_MIN} digits (BR-DE-6, BR-DE-27)"
    if not seller.email:
        yield f"an email of the billing entity {entity!r} (BR-DE-7, PEPPOL-EN16931-R020)"


def _of_buyer(document: Draft | DocumentIssued) -> Iterator[str]:
    buyer = document.buyer
    if not buyer.buyer_reference:
        yield "a buyerReference in the customer's eInvoicing, such as its Leitweg-ID (BR-DE-15)"
    if not (buyer.email or leitweg.is_valid(buyer.buyer_reference or "")):
        yield "an email of the customer, or a Leitweg-ID as its buyerReference (PEPPOL-EN16931-R010)"
    yield from _of_address(buyer.address, "invoice address", ("BR-DE-8", "BR-DE-9"))
    if document.deliver_to:
        yield from _of_address(document.deliver_to, "shipping address", ("BR-DE-10", "BR-DE-11"))


def _of_address(address: Address, kind: str, rules: tuple[str, str]) -> Iterator[str]:
    of_city, of_postal_code = rules
    if not address.city:
        yield f"a city in the customer's {kind} ({of_city})"
    if not address.postal_code:
        yield f"a postalCode in the customer's {kind} ({of_postal_code})"
