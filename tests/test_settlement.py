"""What became of a document's amount: open amounts, and the status with its day."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.messages import DocumentType, PaymentRecorded, RefundRecorded
from services.money import ZERO
from services.settlement import PaymentStatus, Settlement
from services.values import DocumentReference, DocumentTotals

DUE = date(2026, 3, 14)
REFERENCE = DocumentReference(document_id=UUID(int=1), number="RE-2026-000001", issue_date=date(2026, 2, 28))


def told(kind: type[PaymentRecorded | RefundRecorded], amount: Decimal) -> PaymentRecorded | RefundRecorded:
    return kind(
        payment_id=UUID(int=1),
        document_id=UUID(int=2),
        number="RE-2026-000001",
        customer_id=UUID(int=3),
        amount=amount,
        currency="EUR",
        paid_on=date(2026, 3, 1),
    )


def settlement(
    owed: str, paid: str = "0", refunded: str = "0", credited: str = "0", prepaid: str = "0"
) -> Settlement:
    return Settlement(
        owed=Decimal(owed),
        prepaid=Decimal(prepaid),
        paid=Decimal(paid),
        refunded=Decimal(refunded),
        credited=Decimal(credited),
    )


def totals(gross: Decimal, prepaid: Decimal = ZERO, rounding: Decimal = ZERO) -> DocumentTotals:
    return DocumentTotals(
        lines=gross,
        allowances=ZERO,
        charges=ZERO,
        net=gross,
        tax=ZERO,
        gross=gross,
        prepaid=prepaid,
        rounding=rounding,
    )


@pytest.mark.parametrize(
    ("found", "open_amount", "status"),
    [
        (settlement("100"), "100", "OPEN"),
        (settlement("100", paid="40"), "60", "PARTIALLY_PAID"),
        (settlement("100", paid="40", refunded="40"), "100", "OPEN"),
        (settlement("100", paid="100"), "0", "PAID"),
        (settlement("100", paid="130"), "-30", "PAID"),
        (settlement("100", credited="30"), "70", "OPEN"),
        (settlement("100", paid="70", credited="30"), "0", "PAID"),
        (settlement("100", credited="100"), "0", "CREDITED"),
        (settlement("100", paid="100", credited="100"), "-100", "CREDITED"),
        (settlement("100", paid="100", refunded="100", credited="100"), "0", "CREDITED"),
        (settlement("0"), "0", "PAID"),
        (settlement("100", prepaid="100"), "0", "PAID"),
        (settlement("100", prepaid="40"), "60", "PARTIALLY_PAID"),
        (settlement("100", prepaid="40", paid="60"), "0", "PAID"),
        (settlement("100", prepaid="130"), "-30", "PAID"),
        (settlement("100", prepaid="100", credited="100"), "-100", "CREDITED"),
        (settlement("-30"), "-30", "OPEN"),
        (settlement("-30", refunded="10"), "-20", "PARTIALLY_PAID"),
        (settlement("-30", refunded="30"), "0", "PAID"),
        (settlement("-30", credited="-30"), "0", "CREDITED"),
    ],
)
def test_status_and_open_amount_follow_from_what_was_paid_and_credited(
    found: Settlement, open_amount: str, status: str
) -> None:
    assert (found.open, found.status) == (Decimal(open_amount), status)


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (settlement("100"), "OVERDUE"),
        (settlement("100", paid="40"), "OVERDUE"),
        (settlement("100", paid="100"), "PAID"),
        (settlement("100", prepaid="99"), "OVERDUE"),
        (settlement("100", prepaid="100"), "PAID"),
        (settlement("100", credited="100"), "CREDITED"),
        (settlement("-30"), "OPEN"),
        (settlement("0"), "PAID"),
    ],
)
def test_what_is_open_after_its_due_date_is_overdue(found: Settlement, status: str) -> None:
    assert found.status_on(date(2026, 3, 15), DUE) == status
    assert found.status_on(DUE, DUE) == found.status


def test_a_credit_note_that_names_an_invoice_is_settled_and_one_that_names_none_gives_its_amount() -> None:
    amount = Decimal("11.89")
    assert Settlement.of(DocumentType.CREDIT_NOTE, totals(amount), REFERENCE).open == ZERO
    assert Settlement.of(DocumentType.CREDIT_NOTE, totals(amount)).open == -amount
    assert Settlement.of(DocumentType.INVOICE, totals(amount)).open == amount


@pytest.mark.parametrize("kind", [DocumentType.INVOICE, DocumentType.CREDIT_NOTE])
def test_what_is_open_of_a_new_document_is_its_amount_due(kind: DocumentType) -> None:
    of_document = totals(Decimal("9.98"), prepaid=Decimal("5.00"), rounding=Decimal("0.01"))
    found = Settlement.of(kind, of_document)
    assert (abs(found.open), abs(found.owed)) == (Decimal("4.99"), Decimal("9.99"))
    assert (found.open > 0) == (kind is DocumentType.INVOICE)


def test_what_was_paid_before_can_be_paid_back() -> None:
    assert settlement("100", prepaid="130").refundable == 130
    assert settlement("100", prepaid="100", refunded="100").refundable == 0


amounts = st.decimals("0.01", "500", places=2)
changes = st.lists(st.tuples(st.sampled_from(["payment", "refund", "credit"]), amounts), max_size=12)


@given(
    gross=st.decimals("0", "1000", places=2),
    prepaid=st.just(ZERO) | st.decimals("0", "1100", places=2),
    changes=changes,
)
def test_whatever_is_paid_refunded_and_credited_adds_up_to_the_gross_total(
    gross: Decimal, prepaid: Decimal, changes: list[tuple[str, Decimal]]
) -> None:
    found = Settlement.of(DocumentType.INVOICE, totals(gross, prepaid))
    for what, amount in changes:
        if what == "credit":
            found = found.after_credit(min(amount, gross - found.credited))
        elif what == "payment":
            found = found.after(told(PaymentRecorded, amount))
        elif amount <= found.refundable:
            found = found.after(told(RefundRecorded, amount))
    assert found.open + found.prepaid + found.paid - found.refunded + found.credited == gross
    assert 0 <= found.refundable == found.prepaid + found.received
    assert _is_consistent(found)


def _is_consistent(found: Settlement) -> bool:
    overdue = found.status_on(date(2026, 3, 15), DUE) is PaymentStatus.OVERDUE
    match found.status:
        case PaymentStatus.OPEN:
            return overdue and found.open > 0 and not found.paid_by_now
        case PaymentStatus.PARTIALLY_PAID:
            return overdue and found.open > 0 and found.paid_by_now > 0
        case PaymentStatus.PAID:
            return not overdue and found.open <= 0
        case PaymentStatus.CREDITED:
            return not overdue and found.credited == found.owed and found.open == -found.paid_by_now
        case PaymentStatus.OVERDUE:
            return False
