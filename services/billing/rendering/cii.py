"""An invoice in the syntax CII (UN/CEFACT Cross Industry Invoice, D22B), as EN 16931-3-3 binds the terms to it."""

from collections.abc import Iterator
from datetime import date

from services.billing.rendering import business_terms as bt
from services.billing.rendering.datatypes import amount, number
from services.billing.rendering.xml import NOTHING, Xml, attributed, document, element, text, together

NAMESPACES = (
    'xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"'
    ' xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"'
    ' xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100"'
    ' xmlns:qdt="urn:un:unece:uncefact:data:standard:QualifiedDataType:100"'
)
DATE = "102"
"""UNTDID 2379: CCYYMMDD."""
INVOICED_OBJECT = "130"
"""UNTDID 1001: a document that identifies what is invoiced."""
VAT = "VAT"
VAT_ID, TAX_NUMBER = "VA", "FC"


def write(invoice: bt.Invoice) -> bytes:
    """The invoice as a file; the same invoice gives the same bytes."""
    return document(
        "rsm:CrossIndustryInvoice",
        NAMESPACES,
        _context(invoice),
        _header(invoice),
        element(
            "rsm:SupplyChainTradeTransaction",
            *map(_line, invoice.lines),
            _agreement(invoice),
            _delivery(invoice.delivery),
            _settlement(invoice),
        ),
    )


def _context(invoice: bt.Invoice) -> Xml:
    """BG-2."""
    return element(
        "rsm:ExchangedDocumentContext",
        element(
            "ram:BusinessProcessSpecifiedDocumentContextParameter",
            text("ram:ID", invoice.process),
        ),
        element("ram:GuidelineSpecifiedDocumentContextParameter", text("ram:ID", invoice.specification)),
    )


def _header(invoice: bt.Invoice) -> Xml:
    return element(
        "rsm:ExchangedDocument",
        text("ram:ID", invoice.number),
        text("ram:TypeCode", invoice.type_code),
        _day("ram:IssueDateTime", invoice.issued_on),
        *(
            element("ram:IncludedNote", text("ram:Content", note.text), text("ram:SubjectCode", note.subject))
            for note in invoice.notes
        ),
    )


# -- lines --------------------------------------------------------------------------------------


def _line(line: bt.Line) -> Xml:
    """BG-25."""
    return element(
        "ram:IncludedSupplyChainTradeLineItem",
        element(
            "ram:AssociatedDocumentLineDocument",
            text("ram:LineID", line.identifier),
            element("ram:IncludedNote", text("ram:Content", line.note)),
        ),
        element(
            "ram:SpecifiedTradeProduct",
            text("ram:SellerAssignedID", line.seller_item),
            text("ram:Name", line.name),
        ),
        element(
            "ram:SpecifiedLineTradeAgreement",
            element("ram:NetPriceProductTradePrice", text("ram:ChargeAmount", number(line.price))),
        ),
        element(
            "ram:SpecifiedLineTradeDelivery",
            attributed("ram:BilledQuantity", number(line.quantity), "unitCode", line.unit),
        ),
        _line_settlement(line),
    )


def _line_settlement(line: bt.Line) -> Xml:
    return element(
        "ram:SpecifiedLineTradeSettlement",
        element("ram:ApplicableTradeTax", text("ram:TypeCode", VAT), *_category(line.vat)),
        _period(line.period),
        *map(_adjustment, line.adjustments),
        element(
            "ram:SpecifiedTradeSettlementLineMonetarySummation",
            text("ram:LineTotalAmount", amount(line.net)),
        ),
        element(
            "ram:AdditionalReferencedDocument",
            text("ram:IssuerAssignedID", line.object_identifier.identifier),
            text("ram:TypeCode", INVOICED_OBJECT),
            text("ram:ReferenceTypeCode", line.object_identifier.scheme),
        ),
    )


# -- agreement: parties and references ----------------------------------------------------------


def _agreement(invoice: bt.Invoice) -> Xml:
    return element(
        "ram:ApplicableHeaderTradeAgreement",
        text("ram:BuyerReference", invoice.buyer_reference),
        _seller(invoice.seller),
        _buyer(invoice.buyer),
        element("ram:SellerOrderReferencedDocument", text("ram:IssuerAssignedID", invoice.sales_order)),
        element("ram:BuyerOrderReferencedDocument", text("ram:IssuerAssignedID", invoice.purchase_order)),
        element("ram:ContractReferencedDocument", text("ram:IssuerAssignedID", invoice.contract)),
    )


def _seller(seller: bt.Seller) -> Xml:
    """BG-4 to BG-6."""
    return element(
        "ram:SellerTradeParty",
        text("ram:ID", seller.identifier),
        text("ram:Name", seller.name),
        text("ram:Description", seller.legal_information),
        element("ram:SpecifiedLegalOrganization", text("ram:ID", seller.registration)),
        _contact(seller.contact),
        _address(seller.address),
        _electronic_address(seller.electronic_address),
        _registration(seller.vat_id, VAT_ID),
        _registration(seller.tax_number, TAX_NUMBER),
    )


def _buyer(buyer: bt.Buyer) -> Xml:
    """BG-7 to BG-9."""
    return element(
        "ram:BuyerTradeParty",
        text("ram:ID", buyer.identifier),
        text("ram:Name", buyer.name),
        _contact(buyer.contact),
        _address(buyer.address),
        _electronic_address(buyer.electronic_address),
        _registration(buyer.vat_id, VAT_ID),
    )


def _contact(contact: bt.Contact) -> Xml:
    return element(
        "ram:DefinedTradeContact",
        text("ram:PersonName", contact.point),
        element("ram:TelephoneUniversalCommunication", text("ram:CompleteNumber", contact.telephone)),
        element("ram:EmailURIUniversalCommunication", text("ram:URIID", contact.email)),
    )


def _address(address: bt.Address) -> Xml:
    return element(
        "ram:PostalTradeAddress",
        text("ram:PostcodeCode", address.post_code),
        text("ram:LineOne", address.line_1),
        text("ram:LineTwo", address.line_2),
        text("ram:LineThree", address.line_3),
        text("ram:CityName", address.city),
        text("ram:CountryID", address.country),
        text("ram:CountrySubDivisionName", address.subdivision),
    )


def _electronic_address(address: bt.ElectronicAddress | None) -> Xml:
    if address is None:
        return NOTHING
    uri = attributed("ram:URIID", address.identifier, "schemeID", address.scheme)
    return element("ram:URIUniversalCommunication", uri)


def _registration(identifier: str | None, scheme: str) -> Xml:
    return element("ram:SpecifiedTaxRegistration", attributed("ram:ID", identifier, "schemeID", scheme))


# -- delivery -----------------------------------------------------------------------------------


def _delivery(delivery: bt.Delivery) -> Xml:
    """BG-13 and BG-15."""
    to = delivery.address
    return element(
        "ram:ApplicableHeaderTradeDelivery",
        element("ram:ShipToTradeParty", text("ram:Name", delivery.name), _address(to)) if to else NOTHING,
        element("ram:ActualDeliverySupplyChainEvent", _day("ram:OccurrenceDateTime", delivery.delivered_on)),
    )


# -- settlement: payment, VAT and sums ----------------------------------------------------------


def _settlement(invoice: bt.Invoice) -> Xml:
    payment, preceding = invoice.payment, invoice.preceding
    return element(
        "ram:ApplicableHeaderTradeSettlement",
        text("ram:CreditorReferenceID", payment.direct_debit.creditor if payment.direct_debit else None),
        text("ram:PaymentReference", payment.remittance),
        text("ram:InvoiceCurrencyCode", invoice.currency),
        _payment_means(payment),
        *map(_vat_breakdown, invoice.vat_breakdown),
        _period(invoice.delivery.period),
        *map(_adjustment, invoice.adjustments),
        _payment_terms(invoice),
        _totals(invoice.totals, invoice.currency),
        element(
            "ram:InvoiceReferencedDocument",
            text("ram:IssuerAssignedID", preceding.number),
            element("ram:FormattedIssueDateTime", _date("qdt:DateTimeString", preceding.issued_on)),
        )
        if preceding
        else NOTHING,
    )


def _payment_means(payment: bt.PaymentInstructions) -> Xml:
    """BG-16 to BG-19."""
    transfer, card, debit = payment.transfer, payment.card, payment.direct_debit
    return element(
        "ram:SpecifiedTradeSettlementPaymentMeans",
        text("ram:TypeCode", payment.code),
        text("ram:Information", payment.text),
        element(
            "ram:ApplicableTradeSettlementFinancialCard",
            text("ram:ID", card.number),
            text("ram:CardholderName", card.holder),
        )
        if card
        else NOTHING,
        element("ram:PayerPartyDebtorFinancialAccount", text("ram:IBANID", debit.account if debit else None)),
        _account(transfer) if transfer else NOTHING,
    )


def _account(transfer: bt.CreditTransfer) -> Xml:
    return together(
        element(
            "ram:PayeePartyCreditorFinancialAccount",
            text("ram:IBANID", transfer.account),
            text("ram:AccountName", transfer.account_name),
        ),
        element(
            "ram:PayeeSpecifiedCreditorFinancialInstitution", text("ram:BICID", transfer.service_provider)
        ),
    )


def _vat_breakdown(vat: bt.VatBreakdown) -> Xml:
    """BG-23."""
    return element(
        "ram:ApplicableTradeTax",
        text("ram:CalculatedAmount", amount(vat.tax)),
        text("ram:TypeCode", VAT),
        text("ram:ExemptionReason", vat.exemption_reason),
        text("ram:BasisAmount", amount(vat.taxable)),
        text("ram:CategoryCode", vat.category),
        text("ram:ExemptionReasonCode", vat.exemption_code),
        text("ram:RateApplicablePercent", number(vat.rate)),
    )


def _payment_terms(invoice: bt.Invoice) -> Xml:
    debit = invoice.payment.direct_debit
    return element(
        "ram:SpecifiedTradePaymentTerms",
        text("ram:Description", invoice.payment_terms),
        _day("ram:DueDateDateTime", invoice.due_on),
        text("ram:DirectDebitMandateID", debit.mandate if debit else None),
    )


def _totals(totals: bt.Totals, currency: str) -> Xml:
    """BG-22."""
    return element(
        "ram:SpecifiedTradeSettlementHeaderMonetarySummation",
        text("ram:LineTotalAmount", amount(totals.lines)),
        text("ram:ChargeTotalAmount", amount(totals.charges)),
        text("ram:AllowanceTotalAmount", amount(totals.allowances)),
        text("ram:TaxBasisTotalAmount", amount(totals.net)),
        attributed("ram:TaxTotalAmount", amount(totals.vat), "currencyID", currency),
        text("ram:RoundingAmount", amount(totals.rounding)),
        text("ram:GrandTotalAmount", amount(totals.gross)),
        text("ram:TotalPrepaidAmount", amount(totals.paid)),
        text("ram:DuePayableAmount", amount(totals.due)),
    )


# -- what stands in several places --------------------------------------------------------------


def _adjustment(given: bt.Adjustment) -> Xml:
    """BG-20, BG-21, BG-27 and BG-28."""
    vat = given.vat
    return element(
        "ram:SpecifiedTradeAllowanceCharge",
        element("ram:ChargeIndicator", text("udt:Indicator", "true" if given.is_charge else "false")),
        text("ram:CalculationPercent", number(given.percent)),
        text("ram:BasisAmount", amount(given.base)),
        text("ram:ActualAmount", amount(given.amount)),
        text("ram:ReasonCode", given.reason_code),
        text("ram:Reason", given.reason),
        element("ram:CategoryTradeTax", text("ram:TypeCode", VAT), *_category(vat)) if vat else NOTHING,
    )


def _category(vat: bt.Vat) -> Iterator[Xml]:
    yield text("ram:CategoryCode", vat.category)
    yield text("ram:RateApplicablePercent", number(vat.rate))


def _period(period: bt.Period | None) -> Xml:
    """BG-14 and BG-26."""
    if period is None:
        return NOTHING
    return element(
        "ram:BillingSpecifiedPeriod",
        _day("ram:StartDateTime", period.start),
        _day("ram:EndDateTime", period.end),
    )


def _day(name: str, day: date | None) -> Xml:
    return element(name, _date("udt:DateTimeString", day)) if day else NOTHING


def _date(name: str, day: date) -> Xml:
    return attributed(name, day.isoformat().replace("-", ""), "format", DATE)
