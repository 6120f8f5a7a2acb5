"""Payments and refunds: what they do to a document's open amount, and what is refused."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal
from importlib.resources import files
from typing import Any
from uuid import UUID, uuid4

import pytest

from infra.audit import replay_billing
from infra.postgres.pool import connect
from services.billing.document import DocumentNotFound
from services.billing.receivable import (
    CreditNoteNotPaid,
    Owed,
    Payment,
    PaymentIdentTaken,
    PaymentKind,
    Receivable,
    RefundTooHigh,
)
from services.errors import IdempotencyKeyReused, InvalidFields
from services.messages import DocumentIssued, PaymentRecorded, RefundRecorded
from services.money import ZERO
from services.personal_data import opened
from services.settlement import Settlement
from tests import examples
from tests.system import System

GROSS = Decimal("100.00")


def owed(amount: str = "100.00", credited: str = "0", currency: str = "EUR") -> Owed:
    settlement = Settlement(owed=Decimal(amount), credited=Decimal(credited))
    return Owed(uuid4(), "RE-2026-000001", uuid4(), currency, settlement)


def receivable_of(document: Owed, *payments: Payment) -> Receivable:
    receivable = Receivable.of(document.document_id, examples.NOW)
    for payment in payments:
        receivable.record(document, payment, payment_id=uuid4(), now=examples.NOW)
    return receivable


def open_amount(document: Owed, *payments: Payment) -> Decimal:
    return receivable_of(document, *payments).settlement(document).open


def payment(amount: str, kind: PaymentKind = PaymentKind.PAYMENT, **said: Any) -> Payment:
    return Payment(kind, Decimal(amount), date(2026, 3, 1), **said)


def refund(amount: str) -> Payment:
    return payment(amount, PaymentKind.REFUND)


# -- rules --------------------------------------------------------------------------------------


def test_a_payment_lowers_the_open_amount_and_a_refund_raises_it() -> None:
    assert open_amount(owed(), payment("60"), refund("10")) == Decimal("50.00")


def test_what_is_paid_beyond_the_open_amount_is_to_the_customers_credit() -> None:
    assert open_amount(owed(), payment("60"), payment("60")) == Decimal("-20.00")


def test_no_more_is_paid_back_than_was_paid_and_not_paid_back_before() -> None:
    assert open_amount(owed(), payment("60"), refund("60")) == GROSS
    with pytest.raises(RefundTooHigh, match=r"At most 0\.01 EUR"):
        receivable_of(owed(), payment("60"), refund("59.99"), refund("0.02"))
    with pytest.raises(RefundTooHigh):
        receivable_of(owed(), refund("0.01"))


def test_a_credited_invoice_that_was_paid_can_be_paid_back_and_one_that_was_not_cannot() -> None:
    credited = owed(credited="100.00")
    assert open_amount(credited, payment("100"), refund("100")) == ZERO
    with pytest.raises(RefundTooHigh):
        receivable_of(credited, refund("1"))


def test_a_credit_note_is_paid_out_but_never_paid() -> None:
    gives = owed("-30.00")
    assert open_amount(gives, refund("20")) == Decimal("-10.00")
    with pytest.raises(RefundTooHigh):
        receivable_of(gives, refund("30.01"))
    with pytest.raises(CreditNoteNotPaid):
        receivable_of(gives, payment("30"))


def test_a_credit_note_that_names_an_invoice_gave_its_amount_to_it() -> None:
    settled = replace(owed(), settlement=Settlement(owed=-GROSS, credited=-GROSS))
    assert open_amount(settled) == ZERO
    with pytest.raises(RefundTooHigh):
        receivable_of(settled, refund("1"))


@pytest.mark.parametrize(
    ("amount", "currency"), [("0.001", "EUR"), ("0.5", "JPY"), ("0.0001", "KWD"), ("0", "EUR"), ("-1", "EUR")]
)
def test_an_amount_is_positive_and_has_at_most_the_decimals_of_its_currency(
    amount: str, currency: str
) -> None:
    with pytest.raises(InvalidFields):
        receivable_of(owed(currency=currency), payment(amount))


def test_an_amount_is_recorded_with_the_decimals_of_its_currency() -> None:
    [event] = receivable_of(owed(), payment("10")).pending_events
    assert str(vars(event)["amount"]) == "10.00"


# -- on the database ----------------------------------------------------------------------------


@pytest.fixture
def billed(system: System) -> tuple[System, DocumentIssued]:
    """One invoice over 6.52."""
    system.define_seller()
    system.create_customer(examples.beispiel_gmbh())
    system.sign_contract(examples.contract(endDate="2026-02-28"))
    [document] = system.bill("2026-01-31").documents
    assert document.totals.gross == Decimal("6.52")
    return system, document


def test_payments_and_refunds_are_told_with_all_that_was_said_of_them(
    billed: tuple[System, DocumentIssued],
) -> None:
    system, document = billed
    said = payment("5", method="SEPA", reference="Erika Beispiel RE 1", payment_ident="bank/1")
    first = system.billing.record_payment(said, examples.asked(), number=document.number)
    assert first == {
        "paymentId": first["paymentId"],
        "documentId": str(document.document_id),
        "number": document.number,
        "openAmount": "1.52",
        "version": 1,
        "position": system.billing_feed.head(),
    }
    second = system.billing.record_payment(refund("1.5"), examples.asked(), document_id=document.document_id)
    assert (second["openAmount"], second["version"]) == ("3.02", 2)
    paid, paid_back = [e.body for e in system.billing_events()[-2:]]
    assert isinstance(paid, PaymentRecorded)
    assert isinstance(paid_back, RefundRecorded)
    assert "Erika" not in str(paid)
    [paid] = opened([(paid.customer_id, paid)], system.vault)
    assert paid == PaymentRecorded(
        payment_id=UUID(first["paymentId"]),
        document_id=document.document_id,
        number=document.number,
        customer_id=document.customer_id,
        amount=Decimal("5.00"),
        currency="EUR",
        paid_on=date(2026, 3, 1),
        method="SEPA",
        reference="Erika Beispiel RE 1",
        payment_ident="bank/1",
    )


def test_the_same_command_is_recorded_once_and_answered_the_same(
    billed: tuple[System, DocumentIssued],
) -> None:
    system, document = billed
    asked = examples.asked()
    said = payment("5", payment_ident="bank/1")
    first = system.billing.record_payment(said, asked, number=document.number)
    assert system.billing.record_payment(said, asked, number=document.number) == first
    with pytest.raises(IdempotencyKeyReused):
        system.billing.record_payment(said, replace(asked, request_hash=b"other"), number=document.number)
    assert len([e for e in system.billing_events() if isinstance(e.body, PaymentRecorded)]) == 1


def test_a_payment_ident_is_recorded_once(billed: tuple[System, DocumentIssued]) -> None:
    system, document = billed
    said = payment("5", payment_ident="bank/1")
    system.billing.record_payment(said, examples.asked(), number=document.number)
    with pytest.raises(PaymentIdentTaken, match="bank/1"):
        system.billing.record_payment(said, examples.asked(), number=document.number)


def test_payments_at_the_same_moment_are_all_recorded(billed: tuple[System, DocumentIssued]) -> None:
    system, document = billed
    with ThreadPoolExecutor(8) as threads:
        answers = list(
            threads.map(
                lambda _: system.billing.record_payment(
                    payment("0.5"), examples.asked(), number=document.number
                ),
                range(12),
            )
        )
    assert sorted(a["version"] for a in answers) == list(range(1, 13))
    assert min(Decimal(a["openAmount"]) for a in answers) == Decimal("0.52")


def test_a_document_that_does_not_exist_is_not_paid(billed: tuple[System, DocumentIssued]) -> None:
    system, document = billed
    with pytest.raises(DocumentNotFound):
        system.billing.record_payment(payment("1"), examples.asked(), document_id=uuid4())
    with pytest.raises(DocumentNotFound):
        system.billing.record_payment(payment("1"), examples.asked(), number="RE-2026-999999")
    with pytest.raises(InvalidFields):
        system.billing.record_payment(
            payment("1"), examples.asked(), document_id=document.document_id, number="RE-2026-999999"
        )


def test_payments_are_recorded_for_documents_of_an_erased_customer(
    billed: tuple[System, DocumentIssued],
) -> None:
    """The open amount stays, and so does the key of the documents."""
    system, document = billed
    system.bill("2026-02-28")
    system.customer.erase_customer(document.customer_id, examples.asked())
    said = payment("6.52", reference="late")
    answer = system.billing.record_payment(said, examples.asked(), number=document.number)
    assert answer["openAmount"] == "0.00"


def test_a_paid_invoice_that_is_cancelled_is_to_the_customers_credit_until_it_is_paid_back(
    billed: tuple[System, DocumentIssued],
) -> None:
    system, document = billed
    system.billing.record_payment(payment("6.52"), examples.asked(), number=document.number)
    note = system.billing.cancel_document(document.document_id, "mistake", examples.asked())
    with pytest.raises(CreditNoteNotPaid):
        system.billing.record_payment(payment("1"), examples.asked(), number=note["number"])
    with pytest.raises(RefundTooHigh):
        system.billing.record_payment(refund("1"), examples.asked(), number=note["number"])
    part = system.billing.record_payment(refund("6"), examples.asked(), number=document.number)
    assert part["openAmount"] == "-0.52"
    rest = system.billing.record_payment(refund("0.52"), examples.asked(), number=document.number)
    assert rest["openAmount"] == "0.00"


def test_documents_issued_before_there_were_receivables_are_taken_in(
    billed: tuple[System, DocumentIssued],
) -> None:
    system, document = billed
    migration = files("infra.postgres") / "migrations" / "0010_receivables.sql"
    [statement] = re.findall(r"INSERT INTO billing\.receivables.*?;", migration.read_text("utf-8"), re.DOTALL)
    with connect(system.database.owner_url) as conn:
        conn.execute("DELETE FROM billing.receivables")
        conn.execute(statement)
    assert replay_billing(system.database.owner_url, system.customer_feed, system.billing_feed) == []
    answer = system.billing.record_payment(payment("1"), examples.asked(), number=document.number)
    assert answer["openAmount"] == "5.52"


def test_what_is_owed_follows_from_the_log(billed: tuple[System, DocumentIssued]) -> None:
    system, document = billed
    system.bill("2026-02-28")
    for said in (payment("5"), refund("1"), payment("100")):
        system.billing.record_payment(said, examples.asked(), number=document.number)
    assert replay_billing(system.database.owner_url, system.customer_feed, system.billing_feed) == []
    with system.billing_pool.connection() as conn:
        row = conn.execute(
            "SELECT owed, paid, refunded, credited FROM receivables WHERE document_id = %s",
            [document.document_id],
        ).fetchone()
    assert row == {"owed": Decimal("6.52"), "paid": Decimal(105), "refunded": Decimal(1), "credited": ZERO}
