"""How a document is paid: what becomes of the amount due, and the details that go with the way it is paid."""

from collections.abc import Mapping
from decimal import Decimal

from services import masking
from services.billing.rendering.epc import transfer_code
from services.billing.rendering.language import Language
from services.billing.rendering.lines import View
from services.billing.rendering.totals import row
from services.messages import DocumentIssued, DocumentType
from services.values import PaymentMeans, PaymentMethod


def is_payable(document: DocumentIssued) -> bool:
    return document.type is not DocumentType.CREDIT_NOTE and document.totals.due > 0


def payment(document: DocumentIssued, words: Language) -> View:
    """How and when to pay; nothing but a sentence where there is nothing to pay."""
    if not is_payable(document):
        how = [settled(document, words)]
        reason = [words.say("payment.reason", reason=document.reason)] if document.reason else []
        return {"how": how, "sentences": [*how, *reason]}
    how = _how(document, words)
    return {
        "how": how,
        "sentences": how,
        "amount": row(_amount_label(document, words), words.money(document.totals.due, document.currency)),
        "dueOn": words.say("payment.due_on", due_on=words.date(document.due_date)),
        "rows": _rows(document, words),
        "code": _code(document, words),
    }


def iban_in_fours(iban: str) -> str:
    """`DE89 3704 0044 0532 0130 00`: the printed form of ISO 13616."""
    compact = iban.replace(" ", "")
    return " ".join(compact[start : start + 4] for start in range(0, len(compact), 4))


def settled(document: DocumentIssued, words: Language) -> str:
    """Why nothing is to be paid."""
    if document.type is DocumentType.CREDIT_NOTE:
        return words.say("payment.credited")
    if document.totals.due < 0:
        return words.say("payment.overpaid", amount=words.money(-document.totals.due, document.currency))
    return words.say("payment.paid" if document.totals.prepaid else "payment.nothing_due")


def collected_by(document: DocumentIssued) -> PaymentMeans | None:
    """The means by which the seller collects the amount; None where the buyer transfers it."""
    means = document.payment_means
    return means if means and means.method is not PaymentMethod.BANK_TRANSFER else None


def _how(document: DocumentIssued, words: Language) -> list[str]:
    due_on = words.date(document.due_date)
    if means := collected_by(document):
        return [words.say(f"payment.{means.method}", due_on=due_on)]
    sentence = "payment.transfer" if document.seller.bank_account else "payment.payable"
    return [words.say(sentence, due_on=due_on), terms(document.payment_term_days, words)]


def terms(days: int, words: Language) -> str:
    return words.counted("payment.within", Decimal(days)) if days else words.say("payment.at_once")


def _amount_label(document: DocumentIssued, words: Language) -> str:
    return words.say("payment.collected" if collected_by(document) else "payment.amount")


def _rows(document: DocumentIssued, words: Language) -> list[View]:
    means = collected_by(document)
    details = _means_details(means, document) if means else _bank_details(document)
    return [row(words.say(f"payment.{key}"), value) for key, value in details.items() if value]


def _bank_details(document: DocumentIssued) -> Mapping[str, str | None]:
    bank = document.seller.bank_account
    if not bank:
        return {}
    return {
        "payee": bank.account_holder or document.seller.name,
        "iban": iban_in_fours(bank.iban),
        "bic": bank.bic,
        "bank": bank.bank_name,
        "reference": document.number,
    }


def _means_details(means: PaymentMeans, document: DocumentIssued) -> Mapping[str, str | None]:
    """What a payer needs to find the debit: mandate and creditor (SEPA rulebook, pre-notification) in full,
    account and card by their ends only, as a letter may be opened by others."""
    return {
        "account_holder": means.account_holder_name,
        "account": masking.iban(means.iban) if means.iban else None,
        "mandate_reference": means.mandate_reference,
        "creditor_id": document.seller.creditor_id if means.method is PaymentMethod.DIRECT_DEBIT else None,
        "card": _card(means),
        "reference": document.number,
    }


def _card(means: PaymentMeans) -> str | None:
    ending = f"•••• {means.last_four}" if means.last_four else None
    return " ".join(part for part in (means.brand, ending) if part) or None


def _code(document: DocumentIssued, words: Language) -> View | None:
    """The code that a banking app reads a transfer from."""
    if collected_by(document):
        return None
    code = transfer_code(document)
    return (
        {**code, "caption": words.say("payment.code"), "alt": words.say("payment.code_alt")} if code else None
    )
