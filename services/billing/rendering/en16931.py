"""What an issued document is in the terms of EN 16931-1: the one place that decides what every term holds.

The document as it was issued is all that is asked. Terms that nothing is known about are not stated.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache

from stdnum.de import leitweg

from services.billing.rendering import business_terms as bt
from services.billing.rendering import lines as printed
from services.billing.rendering.addresses import street
from services.billing.rendering.language import Language, language
from services.billing.rendering.payment import collected_by, is_payable, settled, terms
from services.code_lists import exemptions, units
from services.messages import DocumentIssued, DocumentType
from services.money import ZERO
from services.values import (
    Address,
    DocumentAdjustment,
    DocumentLine,
    LineAdjustment,
    PaymentMeans,
    PaymentMethod,
    Period,
    Seller,
)

EN16931 = "urn:cen.eu:en16931:2017"
"""BT-24 of what keeps to the standard and adds no rules; also that of the profile EN 16931 of ZUGFeRD and Factur-X."""

TYPE_CODES = {DocumentType.INVOICE: "380", DocumentType.CREDIT_NOTE: "381", DocumentType.CORRECTION: "384"}
"""UNTDID 1001: commercial invoice, credit note, corrected invoice."""

GENERAL_INFORMATION, REASON = "AAI", "ACD"
"""Subjects of notes (UNTDID 4451)."""

NOT_DEFINED, CREDIT_TRANSFER, CARD, SEPA_TRANSFER, SEPA_DEBIT, ONLINE_PAYMENT, CLEARING = (
    "1 30 54 58 59 68 97".split()
)
"""Payment means (UNTDID 4461)."""

OBJECT_SCHEMES = {"CONTRACT": "CT", "ORDER": "VN"}
"""UNTDID 1153: contract number, supplier's order number."""
DISCOUNT = "95"
"""UNTDID 5189; all that a contract's line is reduced by."""
MUTUALLY_DEFINED = "ZZ"
"""UN/ECE Rec 20: the unit of measure that stands for one which no list has."""
OUTSIDE_SCOPE, INTRA_COMMUNITY = "O", "K"
E_MAIL, LEITWEG_ID = "EM", "0204"
"""Schemes of electronic addresses (EAS)."""
COUNTRIES_BEHIND = {
    "XK": "1A",
    "AC": "SH",
    "TA": "SH",
    "CP": "FR",
    "CQ": "GG",
    "DG": "IO",
    "EA": "ES",
    "IC": "ES",
}
"""What stands in invoices for codes that ISO 3166-1 only reserves: Kosovo is 1A, the others are parts of countries."""
TOLERANCE = Decimal("0.02")
"""How far an allowance or charge may be from its percentage (PEPPOL-EN16931-R040)."""


def invoice_of(document: DocumentIssued) -> bt.Invoice:
    """The document in the terms of the standard."""
    words = language(document.language, document.template_version)
    is_outside_scope = any(tax.category == OUTSIDE_SCOPE for tax in document.taxes)
    contracts, orders = (_idents(document, kind) for kind in ("CONTRACT", "ORDER"))
    preceding = document.preceding_document
    return bt.Invoice(
        number=document.number,
        issued_on=document.issue_date,
        type_code=TYPE_CODES[document.type],
        currency=document.currency,
        due_on=document.due_date if is_payable(document) else None,
        buyer_reference=document.buyer.buyer_reference,
        contract=contracts[0] if len(contracts) == 1 else None,
        purchase_order=document.purchase_order,
        sales_order=orders[0] if len(orders) == 1 else None,
        payment_terms=_payment_terms(document, words),
        notes=tuple(_notes(document)),
        specification=EN16931,
        preceding=bt.PrecedingInvoice(number=preceding.number, issued_on=preceding.issue_date)
        if preceding
        else None,
        seller=_seller(document.seller, words, is_outside_scope),
        buyer=_buyer(document, is_outside_scope),
        delivery=_delivery(document),
        payment=_payment(document),
        adjustments=tuple(_adjustments(document)),
        totals=_totals(document),
        vat_breakdown=tuple(_breakdown(document)),
        lines=tuple(_line(line, words) for line in document.lines),
    )


def _idents(document: DocumentIssued, kind: str) -> list[str]:
    return list({line.origin.ident: None for line in document.lines if line.origin.type == kind})


# -- texts --------------------------------------------------------------------------------------


def _payment_terms(document: DocumentIssued, words: Language) -> str:
    """BT-20, in the words of the printed document."""
    if not is_payable(document):
        return settled(document, words)
    means = collected_by(document)
    if means:
        return _collected_on(document.due_date, means.method, words.tag, document.template_version)
    return _within(document.payment_term_days, words.tag, document.template_version)


@lru_cache(maxsize=1024)
def _collected_on(day: date, method: PaymentMethod, tag: str, template_version: int) -> str:
    words = language(tag, template_version)
    return words.say(f"payment.{method}", due_on=words.date(day))


@lru_cache(maxsize=1024)
def _within(days: int, tag: str, template_version: int) -> str:
    return terms(days, language(tag, template_version))


def _notes(document: DocumentIssued) -> Iterator[bt.Note]:
    """BG-1: what the seller says to all, on invoices; and why there is a credit note or correction."""
    seller = document.seller
    said = (seller.introduction, seller.closing) if document.type is DocumentType.INVOICE else ()
    for text in filter(None, said):
        yield bt.Note(subject=GENERAL_INFORMATION, text=text)
    if document.reason:
        yield bt.Note(subject=REASON, text=document.reason)


# -- parties ------------------------------------------------------------------------------------


def _seller(seller: Seller, words: Language, is_outside_scope: bool) -> bt.Seller:
    """BG-4. VAT-IDs do not belong on what is outside the scope of VAT (BR-O-02)."""
    vat_id = None if is_outside_scope else seller.vat_id
    register = " ".join(filter(None, (seller.register_court, seller.register_number)))
    directors = seller.managing_directors
    if directors:
        directors = words.say("footer.managing_directors", value=directors)
    return bt.Seller(
        name=seller.name,
        identifier=_identifier(seller, vat_id),
        registration=seller.register_number,
        vat_id=vat_id,
        tax_number=seller.tax_number,
        legal_information=", ".join(filter(None, (register, directors))) or None,
        electronic_address=_mailbox(seller.email),
        address=bt.Address(
            line_1=seller.street, city=seller.city, post_code=seller.postal_code, country=seller.country
        ),
        contact=bt.Contact(
            point=seller.contact_name or seller.name, telephone=seller.phone, email=seller.email
        ),
    )


def _identifier(seller: Seller, vat_id: str | None) -> str | None:
    """BT-29 where nothing else tells sellers apart (BR-CO-26)."""
    if vat_id or seller.register_number:
        return None
    return seller.tax_number or seller.vat_id or seller.creditor_id


def _buyer(document: DocumentIssued, is_outside_scope: bool) -> bt.Buyer:
    buyer, address = document.buyer, document.buyer.address
    person = " ".join(filter(None, (address.academic_title, address.first_name, address.last_name)))
    point = buyer.contact_person or person or address.department
    return bt.Buyer(
        name=buyer.name,
        identifier=buyer.account_number,
        vat_id=None if is_outside_scope else buyer.vat_id,
        electronic_address=_leitweg(buyer.buyer_reference) or _mailbox(buyer.email),
        address=_address(address, without=(buyer.name, point)),
        contact=bt.Contact(point=point if point != buyer.name else None, email=buyer.email),
    )


def _leitweg(reference: str | None) -> bt.ElectronicAddress | None:
    if reference and leitweg.is_valid(reference):
        return bt.ElectronicAddress(scheme=LEITWEG_ID, identifier=reference)
    return None


def _mailbox(email: str | None) -> bt.ElectronicAddress | None:
    return bt.ElectronicAddress(scheme=E_MAIL, identifier=email) if email else None


def _address(address: Address, without: Sequence[str | None]) -> bt.Address:
    """Street and place; in the two lines below whatever else stands on a letter and is not said elsewhere."""
    more = [x for x in (address.name, address.department, address.address_addition) if x and x not in without]
    return bt.Address(
        line_1=street(address),
        line_2=more[0] if more else None,
        line_3=", ".join(more[1:]) or None,
        city=address.city,
        post_code=address.postal_code,
        subdivision=address.state,
        country=COUNTRIES_BEHIND.get(address.country, address.country),
    )


# -- delivery and payment -----------------------------------------------------------------------


def _delivery(document: DocumentIssued) -> bt.Delivery:
    """BG-13. Of an intra-community supply it is always said where it went (BR-IC-12)."""
    supplied = printed.supplied(document)
    to = document.deliver_to
    if to is None and any(tax.category == INTRA_COMMUNITY for tax in document.taxes):
        to = document.buyer.address
    return bt.Delivery(
        name=to.name or document.buyer.name if to else None,
        delivered_on=document.supply_date or (supplied.last if supplied else document.issue_date),
        period=bt.Period(start=supplied.first, end=supplied.last) if supplied else None,
        address=_address(to, without=(to.name,)) if to else None,
    )


def _payment(document: DocumentIssued) -> bt.PaymentInstructions:
    """BG-16. What a credit note gives is set off, and paid out as seller and buyer agree."""
    if document.type is DocumentType.CREDIT_NOTE:
        return bt.PaymentInstructions(code=CLEARING, remittance=document.number)
    means = collected_by(document)
    return _collected(document, means) if means else _transfer(document)


def _transfer(document: DocumentIssued) -> bt.PaymentInstructions:
    bank = document.seller.bank_account
    if bank is None:
        return bt.PaymentInstructions(code=NOT_DEFINED, remittance=document.number)
    return bt.PaymentInstructions(
        code=SEPA_TRANSFER if document.currency == "EUR" else CREDIT_TRANSFER,
        remittance=document.number,
        transfer=bt.CreditTransfer(
            account=bank.iban,
            account_name=bank.account_holder or document.seller.name,
            service_provider=bank.bic,
        ),
    )


def _collected(document: DocumentIssued, means: PaymentMeans) -> bt.PaymentInstructions:
    """By direct debit, card or online; a card of which no digit is known is an online payment."""
    if means.method is PaymentMethod.DIRECT_DEBIT:
        debit = bt.DirectDebit(
            mandate=means.mandate_reference, creditor=document.seller.creditor_id, account=means.iban
        )
        return bt.PaymentInstructions(code=SEPA_DEBIT, remittance=document.number, direct_debit=debit)
    if means.method is PaymentMethod.CREDIT_CARD and means.last_four:
        card = bt.PaymentCard(number=means.last_four, holder=means.account_holder_name, network=means.brand)
        return bt.PaymentInstructions(code=CARD, remittance=document.number, card=card)
    name = "PayPal" if means.method is PaymentMethod.PAY_PAL else means.brand
    return bt.PaymentInstructions(code=ONLINE_PAYMENT, text=name, remittance=document.number)


# -- sums ---------------------------------------------------------------------------------------


def _totals(document: DocumentIssued) -> bt.Totals:
    totals = document.totals
    return bt.Totals(
        lines=totals.lines,
        allowances=totals.allowances if document.allowances else None,
        charges=totals.charges if document.charges else None,
        net=totals.net,
        vat=totals.tax,
        gross=totals.gross,
        paid=totals.prepaid or None,
        rounding=totals.rounding or None,
        due=totals.due,
    )


def _breakdown(document: DocumentIssued) -> Iterator[bt.VatBreakdown]:
    for tax in document.taxes:
        yield bt.VatBreakdown(
            taxable=tax.taxable,
            tax=tax.tax,
            category=tax.category,
            rate=tax.rate,
            exemption_reason=tax.exemption_text,
            exemption_code=tax.exemption_code if tax.exemption_code in exemptions() else None,
        )


def _vat(category: str, rate: Decimal) -> bt.Vat:
    return bt.Vat(category=category, rate=None if category == OUTSIDE_SCOPE else rate)


def _adjustments(document: DocumentIssued) -> Iterator[bt.Adjustment]:
    """BG-20 and BG-21. A percentage was one of an order's lines."""
    if not document.allowances and not document.charges:
        return
    bases = dict.fromkeys(_idents(document, "ORDER"), ZERO)
    for line in document.lines:
        if line.origin.ident in bases and line.origin.type == "ORDER":
            bases[line.origin.ident] += line.net
    for given, is_charge in ((document.allowances, False), (document.charges, True)):
        for one in given:
            vat = _vat(one.tax_category, one.tax_rate)
            yield _adjustment(one, is_charge, tuple(bases.values()), vat=vat)


def _adjustment(
    given: LineAdjustment | DocumentAdjustment,
    is_charge: bool,
    bases: Sequence[Decimal],
    vat: bt.Vat | None = None,
    reason_code: str | None = None,
) -> bt.Adjustment:
    """With its percentage where that is exactly one of these amounts: a part that is credited or prorated is not."""
    base = None
    if given.percent is not None:
        exact = (b for b in bases if abs(b * given.percent / 100 - given.amount) <= TOLERANCE)
        base = next(exact, None)
    return bt.Adjustment(
        is_charge=is_charge,
        amount=given.amount,
        base=base,
        percent=None if base is None else given.percent,
        vat=vat,
        reason=given.reason,
        reason_code=reason_code,
    )


# -- lines --------------------------------------------------------------------------------------


def _line(line: DocumentLine, words: Language) -> bt.Line:
    """BG-25. A price is never negative (BR-27): what is given back is a negative quantity."""
    sign = -1 if line.unit_price < 0 else 1
    origin = line.origin
    is_contract = origin.type == "CONTRACT"
    days = line.period or (
        Period(first=line.supplied_on, last=line.supplied_on) if line.supplied_on else None
    )
    return bt.Line(
        identifier=str(line.line),
        note=_remark(line, words),
        object_identifier=bt.ObjectIdentifier(scheme=OBJECT_SCHEMES[origin.type], identifier=origin.ident),
        quantity=line.quantity * sign,
        unit=line.unit if line.unit in units() else MUTUALLY_DEFINED,
        net=line.net,
        period=bt.Period(start=days.first, end=days.last) if days else None,
        adjustments=_line_adjustments(line, is_contract) if line.allowances or line.charges else (),
        price=line.unit_price * sign,
        vat=_vat(line.tax_category, line.tax_rate),
        name=line.name,
        seller_item=origin.item if is_contract else None,
    )


def _remark(line: DocumentLine, words: Language) -> str | None:
    """BT-127: what is included in the price of something else, and what was reported late."""
    if not line.usage:
        return None
    said = ["line.included"] if not line.unit_price else []
    said += ["line.late"] if line.usage.late else []
    return ", ".join(words.say(key) for key in said) or None


def _line_adjustments(line: DocumentLine, is_contract: bool) -> tuple[bt.Adjustment, ...]:
    reduced, added = (sum((x.amount for x in given), ZERO) for given in (line.allowances, line.charges))
    base = (line.net + reduced - added,)
    code = DISCOUNT if is_contract else None
    return (
        *(_adjustment(allowance, False, base, reason_code=code) for allowance in line.allowances),
        *(_adjustment(charge, True, base) for charge in line.charges),
    )
