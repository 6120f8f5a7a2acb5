"""What a document says, as ready strings: the pure function from the issued document to the template's view."""

import re
from collections.abc import Iterator

from services.billing.rendering import lines, totals
from services.billing.rendering.addresses import place, recipient
from services.billing.rendering.language import Language, language
from services.billing.rendering.lines import View
from services.billing.rendering.payment import iban_in_fours, is_payable, payment
from services.billing.rendering.totals import row
from services.messages import DocumentIssued, DocumentType
from services.values import Seller

DEFAULT_ACCENT_COLOR = "#1f3a5f"

_LEGAL_FORM = re.compile(
    r"(?P<name>.+?),? "
    r"(?P<form>(?:g?GmbH|AG|SE|UG|KG|OHG|eG|Ltd|Limited|LLC|Inc|B\.?V|S\.?A|SAS|Oy|AB|ApS|A/S)\.?"
    r"(?: \(haftungsbeschränkt\))?(?: & Co\.? (?:KG|KGaA|OHG))?|e\. ?[KGV]\.)"
)


def view(document: DocumentIssued) -> View:
    """Everything the template prints, formatted in the document's language; keys are camelCase.

    One view serves all versions of the template: keys are added, and what is under one stays as it is.
    """
    words = language(document.language, document.template_version)
    exemptions = totals.exemptions(document)
    marks = totals.marks(exemptions)
    return {
        "language": words.tag,
        "accent": document.seller.accent_color or DEFAULT_ACCENT_COLOR,
        "title": words.say(f"title.{document.type}", number=document.number),
        "running": words.say(
            f"running.{document.type}", number=document.number, issued_on=words.date(document.issue_date)
        ),
        "page": words.say("footer.page", page="{page}", pages="{pages}"),
        "seller": _seller(document.seller),
        "recipient": recipient(document.buyer, document.seller, words),
        "info": _info(document, words),
        "labels": {**words.section("lines"), "currency": document.currency},
        "subject": list(_subject(document, words)),
        "introduction": _said_by_seller(document, document.seller.introduction),
        "groups": lines.groups(document, words, marks),
        "totals": totals.rows(document, words, marks),
        "gross": row(words.say("totals.gross"), words.money(document.totals.gross, document.currency)),
        "settled": totals.settled(document, words),
        "notes": totals.notes(exemptions),
        "payment": payment(document, words),
        "closing": _said_by_seller(document, document.seller.closing),
        "footer": _footer(document, words),
    }


def _said_by_seller(document: DocumentIssued, text: str | None) -> list[str]:
    """The seller's own text, line by line; it is written for invoices."""
    return text.splitlines() if text and document.type is DocumentType.INVOICE else []


# -- letter -------------------------------------------------------------------------------------


def _seller(seller: Seller) -> View:
    """The wordmark sets the legal form apart from the name."""
    split = _LEGAL_FORM.fullmatch(seller.name)
    return {
        "name": seller.name,
        "wordmark": split["name"] if split else seller.name,
        "legalForm": split["form"] if split else "",
        "senderLine": " · ".join((seller.name, seller.street, f"{seller.postal_code} {seller.city}")),
    }


def _info(document: DocumentIssued, words: Language) -> list[View]:
    """The information block: only what the document has."""
    buyer = document.buyer
    rows = {
        f"number.{document.type}": document.number,
        f"issued_on.{document.type}": words.date(document.issue_date),
        **dict(_supply(document, words)),
        "due_on": words.date(document.due_date) if is_payable(document) else None,
        "preceding_document": _preceding(document, words),
        "account_number": buyer.account_number,
        "debtor_ident": document.debtor_ident if document.debtor_ident != buyer.account_number else None,
        "buyer_vat_id": buyer.vat_id,
        "buyer_reference": buyer.buyer_reference,
        "purchase_order": document.purchase_order,
        "contact": document.seller.contact_name,
    }
    shown = [row(words.say(f"info.{key}"), value) for key, value in rows.items() if value]
    origins = lines.origins(document)
    return [*shown, row(*lines.origin(*origins[0], words))] if len(origins) == 1 else shown


def _preceding(document: DocumentIssued, words: Language) -> str | None:
    """The invoice that is corrected, by number and date (§ 31 (5) UStDV)."""
    preceding = document.preceding_document
    return f"{preceding.number}, {words.date(preceding.issue_date)}" if preceding else None


def _subject(document: DocumentIssued, words: Language) -> Iterator[str]:
    """Lines below the title: which invoice this is about and why, and where the goods went."""
    if preceding := document.preceding_document:
        issued_on = words.date(preceding.issue_date)
        yield words.say(f"subject.preceding.{document.type}", number=preceding.number, issued_on=issued_on)
    if document.reason:
        yield words.say("subject.reason", reason=document.reason)
    if address := document.deliver_to:
        country = words.country(address.country) if address.country != document.seller.country else None
        lines = (address.name, address.department, address.address_addition, *place(address), country)
        yield words.say("subject.deliver_to", address=", ".join(line for line in lines if line))


def _supply(document: DocumentIssued, words: Language) -> Iterator[tuple[str, str]]:
    if supplied := lines.supplied(document):
        key = "supply_date" if supplied.first == supplied.last else "supply_period"
        yield key, words.period(supplied)


def _footer(document: DocumentIssued, words: Language) -> list[list[str]]:
    """Company, contact, bank, register and tax: only what the seller has."""
    seller = document.seller
    columns = (
        _company(document, words),
        [_said("phone", seller.phone, words), seller.email, seller.website],
        _bank(seller, words),
        [
            " ".join(part for part in (seller.register_court, seller.register_number) if part),
            _said("managing_directors", seller.managing_directors, words),
            _said("vat_id", seller.vat_id, words),
            _said("tax_number", seller.tax_number, words),
        ],
    )
    shown = ([line for line in column if line] for column in columns)
    return [column for column in shown if column]


def _company(document: DocumentIssued, words: Language) -> list[str | None]:
    seller = document.seller
    country = words.country(seller.country) if document.buyer.address.country != seller.country else None
    return [seller.name, seller.street, f"{seller.postal_code} {seller.city}", country]


def _bank(seller: Seller, words: Language) -> list[str | None]:
    bank = seller.bank_account
    if not bank:
        return []
    return [bank.bank_name, _said("iban", iban_in_fours(bank.iban), words), _said("bic", bank.bic, words)]


def _said(key: str, value: str | None, words: Language) -> str | None:
    return words.say(f"footer.{key}", value=value) if value else None
