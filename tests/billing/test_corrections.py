"""Cancelled and credited documents on the real database: what is billable again, what is not, and what is refused."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from infra.audit import replay_billing
from services.billing.application.corrections import LateUsageBilled
from services.billing.crediting import AlreadyCredited, CreditedBeyondBill, NotAnInvoice
from services.billing.document import DocumentNotFound
from services.billing.line_credit import LineCredit
from services.errors import IdempotencyKeyReused
from services.messages import DocumentIssued, DocumentType
from tests import examples
from tests.billing.test_changes import reprice
from tests.system import System

Lines = list[tuple[str, str]]


@pytest.fixture
def seller(system: System) -> Iterator[System]:
    """A seller and its customer D-4711; in the end, billing's tables are what the logs say."""
    system.define_seller()
    system.create_customer(examples.beispiel_gmbh())
    yield system
    system.work()
    assert replay_billing(system.database.owner_url, system.customer_feed, system.billing_feed) == []


def sign(seller: System, *items: examples.Row, **changes: Any) -> UUID:
    given = {"startDate": "2026-01-01", "items": list(items or [examples.base_fee()])} | changes
    return UUID(seller.sign_contract(examples.contract(**given))["contractId"])


def bill(seller: System, day: str) -> DocumentIssued:
    [document] = seller.bill(day).documents
    return document


def cancel(seller: System, document: DocumentIssued, asked: Any = None) -> dict[str, Any]:
    return seller.billing.cancel_document(document.document_id, "Wrong", asked or examples.asked())


def credit(seller: System, document: DocumentIssued, *lines: LineCredit) -> dict[str, Any]:
    return seller.billing.credit_document(document.document_id, lines, "Outage", examples.asked())


def issued(seller: System, answer: dict[str, Any]) -> DocumentIssued:
    return seller.billing.document(UUID(answer["documentId"]))


def billed(document: DocumentIssued) -> Lines:
    """First day and net of each line."""
    return [(str(line.days.first), f"{line.net:f}") for line in document.lines]


# -- cancelling ---------------------------------------------------------------------------------


def test_a_credit_note_has_a_number_of_its_own_range_and_names_the_invoice(seller: System) -> None:
    sign(seller)
    invoice = bill(seller, "2026-01-01")
    answer = cancel(seller, invoice)
    note = issued(seller, answer)
    assert (note.type, note.number, note.billing_run_id) == (DocumentType.CREDIT_NOTE, answer["number"], None)
    assert note.number.endswith("-2026-000001")
    assert note.number != invoice.number
    assert note.preceding_document
    assert note.preceding_document.number == invoice.number
    assert (note.reason, str(note.issue_date)) == ("Wrong", "2026-03-01")
    assert note.totals == invoice.totals
    assert seller.billing.document(invoice.document_id) == invoice


def test_cancelled_intervals_are_billed_again_by_the_next_run_and_only_once(seller: System) -> None:
    sign(seller)
    invoice = bill(seller, "2026-02-01")
    cancel(seller, invoice)
    assert billed(bill(seller, "2026-02-01")) == billed(invoice)
    assert seller.bill("2026-02-01").outcomes == {"D-4711": "NOTHING_DUE"}


def test_a_document_can_be_cancelled_and_billed_again_over_and_over(seller: System) -> None:
    sign(seller)
    for _ in range(3):
        cancel(seller, bill(seller, "2026-01-01"))
    assert billed(bill(seller, "2026-01-01")) == [("2026-01-01", "9.99")]


def test_only_what_the_cancelled_document_billed_is_billed_again(seller: System) -> None:
    sign(seller)
    january, _ = bill(seller, "2026-01-01"), bill(seller, "2026-02-01")
    cancel(seller, january)
    assert billed(bill(seller, "2026-03-01")) == [("2026-01-01", "9.99"), ("2026-03-01", "9.99")]


def test_one_time_items_and_usage_of_a_cancelled_document_are_billed_again(seller: System) -> None:
    sign(seller, examples.setup_fee(), examples.base_fee(), examples.kilometres())
    seller.record_usage(examples.usage())
    invoice = bill(seller, "2026-02-28")
    cancel(seller, invoice)
    again = bill(seller, "2026-02-28")
    assert (billed(again), again.totals) == (billed(invoice), invoice.totals)


def test_a_cancelled_order_document_bills_the_order_again_with_its_freight(seller: System) -> None:
    seller.record_order(examples.order())
    invoice = bill(seller, "2026-02-28")
    cancel(seller, invoice)
    again = bill(seller, "2026-02-28")
    assert (again.totals, again.charges) == (invoice.totals, invoice.charges)


def test_of_an_order_on_two_documents_each_is_billed_again_with_what_it_had(seller: System) -> None:
    """Freight is an amount, and goes with the dearest line; what is outside the scope of VAT stands alone."""
    lines = [
        {"name": "Tracker", "quantity": "3", "unitPrice": "59.90"},
        {"name": "Fee", "quantity": "1", "unitPrice": "5.00", "tax": {"category": "O", "rate": "0"}},
    ]
    seller.record_order(examples.order(lines=lines))
    documents = seller.bill("2026-02-28").documents
    for document in documents:
        cancel(seller, document)
        assert bill(seller, "2026-02-28").totals == document.totals


def test_terms_that_changed_meanwhile_hold_for_what_is_billed_again(seller: System) -> None:
    contract_id = sign(seller)
    invoice = bill(seller, "2026-01-01")
    reprice(seller, contract_id, "2026-01-16", "19.99")
    assert seller.bill("2026-01-31").outcomes == {"D-4711": "NOTHING_DUE"}
    cancel(seller, invoice)
    assert [net for _, net in billed(bill(seller, "2026-01-31"))] == ["4.83", "10.32"]


def test_a_document_is_cancelled_once(seller: System) -> None:
    sign(seller)
    invoice = bill(seller, "2026-01-01")
    cancel(seller, invoice)
    with pytest.raises(AlreadyCredited):
        cancel(seller, invoice)


def test_a_credit_note_cannot_be_cancelled(seller: System) -> None:
    sign(seller)
    note = issued(seller, cancel(seller, bill(seller, "2026-01-01")))
    with pytest.raises(NotAnInvoice):
        cancel(seller, note)


def test_there_must_be_such_a_document(seller: System) -> None:
    with pytest.raises(DocumentNotFound):
        seller.billing.cancel_document(uuid4(), "Wrong", examples.asked())


def test_usage_that_came_late_is_cancelled_before_the_usage_that_it_is_billed_on_top_of(
    seller: System,
) -> None:
    sign(seller, examples.kilometres())
    seller.record_usage(examples.usage(quantity="900"))
    first = bill(seller, "2026-02-28")
    seller.record_usage(examples.usage(eventId="u-2", quantity="500"))
    late = bill(seller, "2026-03-31")
    with pytest.raises(LateUsageBilled, match=late.number):
        cancel(seller, first)
    cancel(seller, late)
    cancel(seller, first)
    again = bill(seller, "2026-03-31")
    assert again.totals.net == first.totals.net + late.totals.net == Decimal("240.00")


def test_a_document_of_an_erased_customer_can_be_cancelled(
    seller: System,
) -> None:
    """The documents' key outlives the customer's: what was issued can be corrected until its retention ends."""
    customer_id = UUID(seller.create_customer(examples.erika())["customerId"])
    order_id = seller.record_order(examples.order(debtorIdent="D-0815"))["orderId"]
    invoice = bill(seller, "2026-02-28")
    seller.customer.erase_customer(customer_id, examples.asked())
    seller.work()
    note = issued(seller, cancel(seller, invoice))
    assert note.buyer.name == invoice.buyer.name == "Erika Mustermann"
    assert note.lines[0].origin.id == UUID(order_id)


# -- crediting ----------------------------------------------------------------------------------


def test_a_credited_amount_is_not_billed_again(seller: System) -> None:
    sign(seller)
    invoice = bill(seller, "2026-01-01")
    note = issued(seller, credit(seller, invoice, LineCredit(1, amount=Decimal("2.50"))))
    assert (note.totals.net, note.totals.gross) == (Decimal("2.50"), Decimal("2.98"))
    assert seller.bill("2026-01-31").outcomes == {"D-4711": "NOTHING_DUE"}


def test_a_line_that_is_to_be_billed_again_is(seller: System) -> None:
    sign(seller)
    invoice = bill(seller, "2026-02-01")
    credit(seller, invoice, LineCredit(2, bill_again=True))
    assert billed(bill(seller, "2026-02-28")) == [("2026-02-01", "9.99")]


def test_several_credit_notes_never_credit_more_than_was_billed(seller: System) -> None:
    sign(seller)
    invoice = bill(seller, "2026-01-01")
    for _ in range(3):
        credit(seller, invoice, LineCredit(1, amount=Decimal(3)))
    with pytest.raises(CreditedBeyondBill, match=r"0\.99 is left"):
        credit(seller, invoice, LineCredit(1, amount=Decimal(1)))
    rest = issued(seller, cancel(seller, invoice))
    assert rest.totals.net == Decimal("0.99")
    assert sum(d.totals.gross for d in seller.documents()[1:]) == invoice.totals.gross


def test_what_is_refused_takes_no_number(seller: System) -> None:
    sign(seller)
    invoice = bill(seller, "2026-02-01")
    first = credit(seller, invoice, LineCredit(1))
    with pytest.raises(CreditedBeyondBill):
        credit(seller, invoice, LineCredit(1))
    second = credit(seller, invoice, LineCredit(2))
    assert [first["number"][-1], second["number"][-1]] == ["1", "2"]


# -- once ---------------------------------------------------------------------------------------


def test_the_same_command_again_gets_the_first_answer(seller: System) -> None:
    sign(seller)
    invoice, asked = bill(seller, "2026-01-01"), examples.asked()
    assert cancel(seller, invoice, asked) == cancel(seller, invoice, asked)
    assert len(seller.documents()) == 2


def test_the_same_key_for_another_credit_is_refused(seller: System) -> None:
    sign(seller)
    invoice, asked = bill(seller, "2026-01-01"), examples.asked()
    cancel(seller, invoice, asked)
    other = type(asked)(asked.context, b"another body")
    with pytest.raises(IdempotencyKeyReused):
        cancel(seller, invoice, other)


def test_of_ten_cancellations_at_once_one_is_done(seller: System) -> None:
    sign(seller)
    invoice = bill(seller, "2026-01-01")

    def attempt(_: int) -> bool:
        try:
            cancel(seller, invoice)
        except AlreadyCredited:
            return False
        return True

    with ThreadPoolExecutor(10) as threads:
        assert sum(threads.map(attempt, range(10))) == 1
    assert len(seller.documents()) == 2


# -- money that goes back -----------------------------------------------------------------------


def test_a_run_by_which_money_goes_back_on_balance_issues_a_credit_note(seller: System) -> None:
    tiers = [{"upTo": "1000", "unitPrice": "0.20"}, {"upTo": None, "unitPrice": "0.10"}]
    sign(seller, examples.kilometres(pricing={"model": "VOLUME", "tiers": tiers}))
    seller.record_usage(examples.usage(quantity="1000"))
    invoice = bill(seller, "2026-02-28")
    seller.record_usage(examples.usage(eventId="u-2", quantity="1"))
    note = bill(seller, "2026-03-31")
    assert (invoice.totals.net, invoice.type) == (Decimal("200.00"), DocumentType.INVOICE)
    assert (note.totals.net, note.type) == (Decimal("99.90"), DocumentType.CREDIT_NOTE)
    assert [(line.quantity, line.net) for line in note.lines] == [
        (Decimal("1000"), Decimal("200.00")),
        (Decimal("-1001"), Decimal("-100.10")),
    ]
    assert (note.preceding_document, note.totals.gross) == (None, Decimal("118.88"))
    assert seller.bill("2026-03-31").outcomes == {"D-4711": "NOTHING_DUE"}
