"""An invoice in the syntax UBL 2.1 (ISO/IEC 19845), as EN 16931-3-2 binds the terms to it."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from msgspec import Struct

from services.billing.rendering import business_terms as bt
from services.billing.rendering.datatypes import amount, number
from services.billing.rendering.xml import NOTHING, Xml, attributed, document, element, text, together

NAMESPACES = (
    'xmlns="urn:oasis:names:specification:ubl:schema:xsd:{root}-2"'
    ' xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"'
    ' xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"'
)
INVOICED_OBJECT = "130"
"""UNTDID 1001: a document that identifies what is invoiced."""
VAT, TAX_NUMBER = "VAT", "FC"
CREDITOR = "SEPA"
"""Scheme of BT-90, which UBL has among the seller's identifiers."""
CARD = "card"
"""Network of a card where that is not known; UBL wants one."""


class Root(Struct, frozen=True):
    """The names in which UBL's two kinds of document differ."""

    name: str
    type_code: str
    line: str
    quantity: str

    @property
    def namespaces(self) -> str:
        return NAMESPACES.format(root=self.name)


INVOICE = Root("Invoice", "cbc:InvoiceTypeCode", "cac:InvoiceLine", "cbc:InvoicedQuantity")
CREDIT_NOTE = Root("CreditNote", "cbc:CreditNoteTypeCode", "cac:CreditNoteLine", "cbc:CreditedQuantity")
CREDIT_NOTE_CODE = "381"
"""UNTDID 1001; every other type is an Invoice."""


def write(invoice: bt.Invoice) -> bytes:
    """The invoice as a file, an `Invoice` or a `CreditNote`; the same invoice gives the same bytes."""
    root = CREDIT_NOTE if invoice.type_code == CREDIT_NOTE_CODE else INVOICE
    currency = invoice.currency
    return document(
        root.name,
        root.namespaces,
        _header(invoice, root),
        _references(invoice),
        _seller(invoice.seller, invoice.payment.direct_debit),
        _buyer(invoice.buyer),
        _delivery(invoice.delivery),
        _payment_means(invoice.payment),
        element("cac:PaymentTerms", text("cbc:Note", invoice.payment_terms)),
        *(_adjustment(given, currency) for given in invoice.adjustments),
        _vat_breakdown(invoice),
        _totals(invoice.totals, currency),
        *(_line(line, root, currency) for line in invoice.lines),
    )


def _header(invoice: bt.Invoice, root: Root) -> Xml:
    return together(
        text("cbc:CustomizationID", invoice.specification),
        text("cbc:ProfileID", invoice.process),
        text("cbc:ID", invoice.number),
        _day("cbc:IssueDate", invoice.issued_on),
        _day("cbc:DueDate", invoice.due_on),
        text(root.type_code, invoice.type_code),
        *(text("cbc:Note", f"#{note.subject}#{note.text}") for note in invoice.notes),
        text("cbc:DocumentCurrencyCode", invoice.currency),
        text("cbc:BuyerReference", invoice.buyer_reference),
        _period(invoice.delivery.period),
    )


def _references(invoice: bt.Invoice) -> Xml:
    """BT-12 to BT-14 and BG-3. UBL has no place for a sales order (BT-14) without the buyer's purchase order."""
    preceding = invoice.preceding
    return together(
        element(
            "cac:OrderReference",
            text("cbc:ID", invoice.purchase_order),
            text("cbc:SalesOrderID", invoice.sales_order),
        )
        if invoice.purchase_order
        else NOTHING,
        element(
            "cac:BillingReference",
            element(
                "cac:InvoiceDocumentReference",
                text("cbc:ID", preceding.number),
                _day("cbc:IssueDate", preceding.issued_on),
            ),
        )
        if preceding
        else NOTHING,
        element("cac:ContractDocumentReference", text("cbc:ID", invoice.contract)),
    )


# -- parties ------------------------------------------------------------------------------------


def _seller(seller: bt.Seller, debit: bt.DirectDebit | None) -> Xml:
    """BG-4 to BG-6."""
    creditor = attributed("cbc:ID", debit.creditor, "schemeID", CREDITOR) if debit else NOTHING
    return element(
        "cac:AccountingSupplierParty",
        element(
            "cac:Party",
            _electronic_address(seller.electronic_address),
            element("cac:PartyIdentification", text("cbc:ID", seller.identifier)),
            element("cac:PartyIdentification", creditor),
            _address("cac:PostalAddress", seller.address),
            _registration(seller.vat_id, VAT),
            _registration(seller.tax_number, TAX_NUMBER),
            element(
                "cac:PartyLegalEntity",
                text("cbc:RegistrationName", seller.name),
                text("cbc:CompanyID", seller.registration),
                text("cbc:CompanyLegalForm", seller.legal_information),
            ),
            _contact(seller.contact),
        ),
    )


def _buyer(buyer: bt.Buyer) -> Xml:
    """BG-7 to BG-9."""
    return element(
        "cac:AccountingCustomerParty",
        element(
            "cac:Party",
            _electronic_address(buyer.electronic_address),
            element("cac:PartyIdentification", text("cbc:ID", buyer.identifier)),
            _address("cac:PostalAddress", buyer.address),
            _registration(buyer.vat_id, VAT),
            element("cac:PartyLegalEntity", text("cbc:RegistrationName", buyer.name)),
            _contact(buyer.contact),
        ),
    )


def _electronic_address(address: bt.ElectronicAddress | None) -> Xml:
    if address is None:
        return NOTHING
    return attributed("cbc:EndpointID", address.identifier, "schemeID", address.scheme)


def _address(name: str, address: bt.Address) -> Xml:
    return element(
        name,
        text("cbc:StreetName", address.line_1),
        text("cbc:AdditionalStreetName", address.line_2),
        text("cbc:CityName", address.city),
        text("cbc:PostalZone", address.post_code),
        text("cbc:CountrySubentity", address.subdivision),
        element("cac:AddressLine", text("cbc:Line", address.line_3)),
        element("cac:Country", text("cbc:IdentificationCode", address.country)),
    )


def _registration(identifier: str | None, scheme: str) -> Xml:
    if not identifier:
        return NOTHING
    return element("cac:PartyTaxScheme", text("cbc:CompanyID", identifier), _scheme(scheme))


def _scheme(scheme: str) -> Xml:
    return element("cac:TaxScheme", text("cbc:ID", scheme))


def _contact(contact: bt.Contact) -> Xml:
    return element(
        "cac:Contact",
        text("cbc:Name", contact.point),
        text("cbc:Telephone", contact.telephone),
        text("cbc:ElectronicMail", contact.email),
    )


# -- delivery and payment -----------------------------------------------------------------------


def _delivery(delivery: bt.Delivery) -> Xml:
    """BG-13 and BG-15."""
    to = delivery.address
    return element(
        "cac:Delivery",
        _day("cbc:ActualDeliveryDate", delivery.delivered_on),
        element("cac:DeliveryLocation", _address("cac:Address", to)) if to else NOTHING,
        element("cac:DeliveryParty", element("cac:PartyName", text("cbc:Name", delivery.name))),
    )


def _payment_means(payment: bt.PaymentInstructions) -> Xml:
    """BG-16 to BG-19."""
    transfer, card, debit = payment.transfer, payment.card, payment.direct_debit
    return element(
        "cac:PaymentMeans",
        attributed("cbc:PaymentMeansCode", payment.code, "name", payment.text),
        text("cbc:PaymentID", payment.remittance),
        element(
            "cac:CardAccount",
            text("cbc:PrimaryAccountNumberID", card.number),
            text("cbc:NetworkID", card.network or CARD),
            text("cbc:HolderName", card.holder),
        )
        if card
        else NOTHING,
        _account(transfer) if transfer else NOTHING,
        element(
            "cac:PaymentMandate",
            text("cbc:ID", debit.mandate),
            element("cac:PayerFinancialAccount", text("cbc:ID", debit.account)),
        )
        if debit
        else NOTHING,
    )


def _account(transfer: bt.CreditTransfer) -> Xml:
    return element(
        "cac:PayeeFinancialAccount",
        text("cbc:ID", transfer.account),
        text("cbc:Name", transfer.account_name),
        element("cac:FinancialInstitutionBranch", text("cbc:ID", transfer.service_provider)),
    )


# -- VAT and sums -------------------------------------------------------------------------------


def _vat_breakdown(invoice: bt.Invoice) -> Xml:
    """BT-110 and BG-23."""
    currency = invoice.currency
    return element(
        "cac:TaxTotal",
        _amount("cbc:TaxAmount", invoice.totals.vat, currency),
        *(
            element(
                "cac:TaxSubtotal",
                _amount("cbc:TaxableAmount", vat.taxable, currency),
                _amount("cbc:TaxAmount", vat.tax, currency),
                element(
                    "cac:TaxCategory",
                    text("cbc:ID", vat.category),
                    text("cbc:Percent", number(vat.rate)),
                    text("cbc:TaxExemptionReasonCode", vat.exemption_code),
                    text("cbc:TaxExemptionReason", vat.exemption_reason),
                    _scheme(VAT),
                ),
            )
            for vat in invoice.vat_breakdown
        ),
    )


def _totals(totals: bt.Totals, currency: str) -> Xml:
    """BG-22."""
    return element(
        "cac:LegalMonetaryTotal",
        _amount("cbc:LineExtensionAmount", totals.lines, currency),
        _amount("cbc:TaxExclusiveAmount", totals.net, currency),
        _amount("cbc:TaxInclusiveAmount", totals.gross, currency),
        _amount("cbc:AllowanceTotalAmount", totals.allowances, currency),
        _amount("cbc:ChargeTotalAmount", totals.charges, currency),
        _amount("cbc:PrepaidAmount", totals.paid, currency),
        _amount("cbc:PayableRoundingAmount", totals.rounding, currency),
        _amount("cbc:PayableAmount", totals.due, currency),
    )


# -- lines --------------------------------------------------------------------------------------


def _line(line: bt.Line, root: Root, currency: str) -> Xml:
    """BG-25."""
    about = line.object_identifier
    return element(
        root.line,
        text("cbc:ID", line.identifier),
        text("cbc:Note", line.note),
        attributed(root.quantity, number(line.quantity), "unitCode", line.unit),
        _amount("cbc:LineExtensionAmount", line.net, currency),
        _period(line.period),
        element(
            "cac:DocumentReference",
            attributed("cbc:ID", about.identifier, "schemeID", about.scheme),
            text("cbc:DocumentTypeCode", INVOICED_OBJECT),
        ),
        *(_adjustment(given, currency) for given in line.adjustments),
        element(
            "cac:Item",
            text("cbc:Name", line.name),
            element("cac:SellersItemIdentification", text("cbc:ID", line.seller_item)),
            element("cac:ClassifiedTaxCategory", *_category(line.vat)),
        ),
        element("cac:Price", attributed("cbc:PriceAmount", number(line.price), "currencyID", currency)),
    )


# -- what stands in several places --------------------------------------------------------------


def _adjustment(given: bt.Adjustment, currency: str) -> Xml:
    """BG-20, BG-21, BG-27 and BG-28."""
    return element(
        "cac:AllowanceCharge",
        text("cbc:ChargeIndicator", "true" if given.is_charge else "false"),
        text("cbc:AllowanceChargeReasonCode", given.reason_code),
        text("cbc:AllowanceChargeReason", given.reason),
        text("cbc:MultiplierFactorNumeric", number(given.percent)),
        _amount("cbc:Amount", given.amount, currency),
        _amount("cbc:BaseAmount", given.base, currency),
        element("cac:TaxCategory", *_category(given.vat)) if given.vat else NOTHING,
    )


def _category(vat: bt.Vat) -> Iterator[Xml]:
    yield text("cbc:ID", vat.category)
    yield text("cbc:Percent", number(vat.rate))
    yield _scheme(VAT)


def _amount(name: str, value: Decimal | None, currency: str) -> Xml:
    return attributed(name, amount(value), "currencyID", currency)


def _period(period: bt.Period | None) -> Xml:
    """BG-14 and BG-26."""
    if period is None:
        return NOTHING
    return element("cac:InvoicePeriod", _day("cbc:StartDate", period.start), _day("cbc:EndDate", period.end))


def _day(name: str, day: date | None) -> Xml:
    return text(name, day.isoformat()) if day else NOTHING
