"""What was collected before a document is issued: on it, in what is owed, and never twice."""

import re
from decimal import Decimal
from importlib.resources import files
from typing import Any
from uuid import UUID

import pytest

from infra.audit import replay_billing
from infra.postgres.pool import connect
from services.billing.receivable import Payment, PaymentKind, RefundTooHigh
from services.customer.commands.customers import EditCustomer
from services.messages import DocumentIssued
from services.money import ZERO
from services.values import DocumentDelivery
from tests import examples
from tests.system import System


@pytest.fixture
def shop(system: System) -> System:
    system.define_seller()
    system.create_customer(examples.erika())
    return system


def bought(prepaid: str, ident: str = "O-1", **changes: Any) -> examples.Row:
    """A cable at 9.99 gross."""
    cable = {"name": "Cable", "grossUnitPrice": "9.99"}
    given = {"debtorIdent": "D-0815", "orderIdent": ident, "lines": [cable], "charges": []}
    return examples.order(prepaidAmount=prepaid, **given | changes)


def billed(system: System, day: str = "2026-01-31") -> DocumentIssued:
    [document] = system.bill(day).documents
    return document


def open_amount(system: System, document: DocumentIssued) -> Decimal:
    """By billing's read model."""
    with connect(system.database.owner_url, schema="billing") as conn:
        [row] = conn.execute(
            "SELECT owed - prepaid - credited - paid + refunded AS open FROM receivables WHERE document_id = %s",
            [document.document_id],
        ).fetchall()
    return Decimal(row["open"])


def refund(system: System, document: DocumentIssued, amount: str) -> dict[str, Any]:
    said = Payment(PaymentKind.REFUND, Decimal(amount), document.issue_date)
    return system.billing.record_payment(said, examples.asked(), number=document.number)


def is_as_the_logs_say(system: System) -> bool:
    return replay_billing(system.database.owner_url, system.customer_feed, system.billing_feed) == []


def test_what_was_prepaid_is_not_owed_any_more(shop: System) -> None:
    """All of it, a part, more than that, and nothing."""
    for month, (prepaid, due) in enumerate(
        [("9.99", "0.00"), ("5", "4.99"), ("10.00", "-0.01"), ("0", "9.99")], 1
    ):
        shop.record_order(bought(prepaid, f"O-{month}", orderDate=f"2026-0{month}-20"))
        document = billed(shop, f"2026-0{month}-28")
        totals = document.totals
        assert (totals.gross, totals.rounding) == (Decimal("9.98"), Decimal("0.01"))
        assert totals.prepaid == Decimal(prepaid)
        assert totals.due == open_amount(shop, document) == Decimal(due)
    assert is_as_the_logs_say(shop)


def test_what_was_prepaid_is_on_the_first_document_and_not_on_the_one_that_bills_again(shop: System) -> None:
    """The money stays with the invoice that is cancelled: it is to the customer's credit there."""
    shop.record_order(bought("9.99"))
    first = billed(shop)
    shop.billing.cancel_document(first.document_id, "wrong address", examples.asked())
    again = billed(shop, "2026-02-28")
    assert (again.totals.prepaid, again.totals.due) == (ZERO, Decimal("9.99"))
    assert (open_amount(shop, first), open_amount(shop, again)) == (Decimal("-9.99"), Decimal("9.99"))
    assert is_as_the_logs_say(shop)


def test_what_was_prepaid_can_be_paid_back_once_it_is_credited(shop: System) -> None:
    shop.record_order(bought("9.99"))
    document = billed(shop)
    shop.billing.cancel_document(document.document_id, "returned", examples.asked())
    with pytest.raises(RefundTooHigh):
        refund(shop, document, "10.00")
    assert refund(shop, document, "9.99")["openAmount"] == "0.00"


def test_of_two_documents_of_one_order_the_one_with_what_is_principally_supplied_says_it(
    shop: System,
) -> None:
    """What is outside the scope of VAT has a document of its own."""
    outside = {"category": "O", "rate": "0"}
    lines = [
        {"name": "Permit", "unitPrice": "40.00", "tax": outside},
        {"name": "Tracker", "unitPrice": "100.00"},
    ]
    shop.record_order(bought("159.00", lines=lines))
    documents = shop.bill("2026-01-31").documents
    assert {(d.taxes[0].category, d.totals.prepaid) for d in documents} == {
        ("S", Decimal("159.00")),
        ("O", ZERO),
    }


# -- as it was before ---------------------------------------------------------------------------


def test_how_customers_from_before_want_their_documents_is_taken_in(shop: System) -> None:
    by_mail = {"preferredDocumentDelivery": "EMAIL", "email": "rechnung@example.com"}
    ids = [
        UUID(shop.create_customer(examples.erika(debtorIdent=f"D-{n}", **wish))["customerId"])
        for n, wish in enumerate([by_mail, by_mail, {"email": "rechnung@example.com"}])
    ]
    for customer_id, wish in zip(ids[1:], ["NONE", "EMAIL"], strict=True):
        edit = EditCustomer.model_validate({"preferredDocumentDelivery": wish, "language": "en"})
        shop.customer.edit_customer(customer_id, edit, examples.asked())
    shop.customer.edit_customer(ids[0], EditCustomer.model_validate({"language": "en"}), examples.asked())
    shop.work()
    migration = files("infra.postgres") / "migrations" / "0015_document_content.sql"
    [statement] = re.findall(r"UPDATE customers.*?;", migration.read_text("utf-8"), re.DOTALL)
    with connect(shop.database.owner_url, schema="billing") as conn:
        conn.execute("UPDATE customers SET party = party - 'preferredDocumentDelivery'")
        conn.execute(statement)
        rows = conn.execute("SELECT customer_id, party FROM customers").fetchall()
    wishes = {row["customer_id"]: row["party"].get("preferredDocumentDelivery") for row in rows}
    assert [wishes[customer_id] for customer_id in ids] == [
        DocumentDelivery.EMAIL,
        None,
        DocumentDelivery.EMAIL,
    ]
    assert is_as_the_logs_say(shop)
