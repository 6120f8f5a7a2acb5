"""The e-mail that a document goes out with: who writes to whom, in which words, with which files."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any

from services.billing.delivering.addresses import mailbox, one_line
from services.billing.delivery import Delivery
from services.billing.rendering.language import FALLBACK, Language, language
from services.messages import DocumentIssued, DocumentType
from services.values import EInvoiceFormat, PaymentMethod, Seller

_TEXTS = Path(__file__).parent / "texts"


class NoSender(ValueError):
    """Nobody is there to send it: neither settings nor billing entity name an address."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes where that is not the billing entity under its own name and address."""

    address: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with the letter."""

    name: str
    media_type: str
    """`application/pdf`, `application/xml`."""
    content: bytes


def letter(
    document: DocumentIssued,
    attachments: Sequence[Attachment],
    *,
    sender: Sender,
    recipient: str,
    request: int,
    now: datetime,
) -> EmailMessage:
    """The e-mail (RFC 5322) with a document, in its language; all attempts of a request have the same Message-ID.

    Raises NoSender, InvalidAddress.
    """
    seller, spoken = document.seller, _spoken(document)
    writes_from = sender.address or seller.email
    if writes_from is None:
        raise NoSender("neither the settings nor the billing entity name an e-mail address to send from")
    message = EmailMessage(policy=SMTP)
    message["From"] = mailbox(writes_from, sender.name or seller.name)
    message["To"] = mailbox(recipient)
    if seller.email and seller.email != writes_from:
        message["Reply-To"] = mailbox(seller.email)
    message["Subject"] = one_line(f"{seller.name}: {_said(spoken, 'subject', document)}")
    message["Date"] = format_datetime(now)
    message["Message-ID"] = _message_id(document, request, seller.email or writes_from)
    message["Auto-Submitted"] = "auto-generated"  # nobody is to answer by a robot (RFC 3834)
    message.set_content("\n\n".join(_paragraphs(document, spoken)) + "\n", cte="quoted-printable")
    message["Content-Language"] = spoken.tag
    for file in attachments:
        kind, _, subtype = file.media_type.partition("/")
        message.add_attachment(file.content, maintype=kind, subtype=subtype, filename=_file_name(file.name))
    # `=_` is in no quoted-printable or base64 text (RFC 2045, section 6.7).
    message.set_boundary(f"=_{Delivery.id_of(document.document_id).hex}")
    return message


def _message_id(document: DocumentIssued, request: int, address: str) -> str:
    """Made of the document and the request, so that whoever gets one twice can tell."""
    return f"<{Delivery.id_of(document.document_id)}.{request}@{mailbox(address).domain}>"


def _file_name(name: str) -> str:
    """A name without what separates folders."""
    return one_line(name).replace("/", "-").replace("\\", "-")


# -- words --------------------------------------------------------------------------------------


def _spoken(document: DocumentIssued) -> Language:
    """The language of the document with the words of letters too, or English where there are none in it."""
    spoken = language(document.language)
    words = _words_by_tag()
    if spoken.tag not in words:
        spoken = language(FALLBACK)
    return replace(spoken, words={**spoken.words, **words[spoken.tag]})


@cache
def _words_by_tag() -> Mapping[str, Mapping[str, Any]]:
    return {
        path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(_TEXTS.glob("*.toml"))
    }


def _paragraphs(document: DocumentIssued, spoken: Language) -> Iterator[str]:
    yield spoken.say("letter.greeting")
    yield " ".join(_sentences(document, spoken))
    if payment := _payment(document, spoken):
        yield payment
    yield spoken.say("letter.farewell")
    yield "\n".join(_signature(document.seller, spoken))


def _sentences(document: DocumentIssued, spoken: Language) -> Iterator[str]:
    yield _said(spoken, "letter.enclosed", document)
    if preceding := document.preceding_document:
        key = f"letter.about.{document.type.value}"
        yield spoken.say(key, number=preceding.number, issued_on=spoken.date(preceding.issue_date))
    if document.e_invoice is EInvoiceFormat.XRECHNUNG:
        yield spoken.say("letter.xrechnung")


def _payment(document: DocumentIssued, spoken: Language) -> str | None:
    """What there is to pay, and how; None where nothing is."""
    due = document.totals.due
    if document.type is DocumentType.CREDIT_NOTE or due <= 0:
        return None
    means = document.payment_means
    method = means.method if means else PaymentMethod.BANK_TRANSFER
    return spoken.say(
        f"letter.payment.{method.value}",
        due=spoken.money(due, document.currency),
        due_on=spoken.date(document.due_date),
    )


def _said(spoken: Language, key: str, document: DocumentIssued) -> str:
    return spoken.say(
        f"{key}.{document.type.value}",
        number=document.number,
        issued_on=spoken.date(document.issue_date),
        amount=spoken.money(document.totals.owed, document.currency),
    )


def _signature(seller: Seller, spoken: Language) -> Iterator[str]:
    """What a business letter has to say of who writes it, also by e-mail (§ 35a GmbHG, § 37a HGB)."""
    yield seller.name
    yield f"{seller.street}, {seller.postal_code} {seller.city}"
    yield from filter(None, (seller.email, seller.website))
    if seller.phone:
        yield spoken.say("sender.phone", value=seller.phone)
    if seller.register_court and seller.register_number:
        yield spoken.say("sender.register", court=seller.register_court, number=seller.register_number)
    if seller.managing_directors:
        yield spoken.say("sender.managing_directors", value=seller.managing_directors)
    if seller.vat_id:
        yield spoken.say("sender.vat_id", value=seller.vat_id)
