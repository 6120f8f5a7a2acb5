"""Explanations of issued documents on the real database: by what was known then, whatever happened since."""

from uuid import UUID, uuid4

import pytest

from services.billing.document import DocumentNotFound
from services.billing.explaining import LineNotFound
from services.billing.rendering.explanation import told
from services.billing.rendering.language import language
from services.customer.commands.contracts import AmendContract
from services.customer.commands.customers import AddressBody, EditCustomer
from services.messages import DocumentIssued
from tests import examples
from tests.system import System


@pytest.fixture
def seller(system: System) -> System:
    system.define_seller()
    return system


def texts(system: System, document: DocumentIssued, number: int = 1) -> dict[str, str]:
    """The last text of each rule, in English; the last step comes to the line's net."""
    explanation = system.billing.explanation(document.document_id, number)
    assert explanation.steps[-1].result == document.lines[number - 1].net
    steps = told(explanation.steps, document.currency, language("en"))
    return {step["rule"]: step["text"] for step in steps}


def events(system: System, document: DocumentIssued, rule: str, number: int = 1) -> list[str]:
    explanation = system.billing.explanation(document.document_id, number)
    return [name for step in explanation.steps if step.rule == rule for name in step.events]


def drive(system: System, day: str, quantity: str) -> None:
    system.record_usage(
        examples.usage(eventId=str(uuid4()), occurredAt=f"{day}T08:00:00Z", quantity=quantity)
    )


def test_what_came_later_does_not_change_an_explanation(seller: System) -> None:
    customer_id = UUID(seller.create_customer(examples.beispiel_gmbh())["customerId"])
    contract_id = UUID(seller.sign_contract(examples.contract())["contractId"])
    [document] = seller.bill("2026-01-31").documents
    before = texts(seller, document)
    assert before["PRORATION"] == "9.99 × 17 of 31 days = 5.478… → 5.48"

    change = {"effectiveDate": "2026-01-15", "changes": [{"itemIdent": "base", "unitPrice": "19.99"}]}
    seller.customer.amend_contract(contract_id, AmendContract.model_validate(change), examples.asked())
    body = {"vatId": None, "customerType": "AFFILIATED"}
    seller.customer.edit_customer(customer_id, EditCustomer.model_validate(body), examples.asked())
    in_zurich = AddressBody.model_validate(examples.invoice_address(country="CH", default=True))
    seller.customer.add_address(customer_id, in_zurich, examples.asked())
    seller.define_seller(small_business=True)
    seller.work()

    assert texts(seller, document) == before


def test_the_events_behind_a_step_are_those_of_the_log(seller: System) -> None:
    seller.create_customer(examples.beispiel_gmbh())
    seller.sign_contract(examples.contract())
    [document] = seller.bill("2026-01-31").documents
    by_name = {f"{e.topic} {e.position}": e.subject for e in seller.customer_events()}
    [signed] = events(seller, document, "ORIGIN")
    assert by_name[signed] == document.lines[0].origin.id


def test_late_usage_is_explained_beside_what_was_billed_before(seller: System) -> None:
    seller.create_customer(examples.beispiel_gmbh())
    seller.sign_contract(examples.contract(startDate="2026-01-01", items=[examples.kilometres()]))
    drive(seller, "2026-01-10", "900")
    [first] = seller.bill("2026-01-31").documents
    drive(seller, "2026-01-20", "500")
    [late] = seller.bill("2026-02-28").documents
    drive(seller, "2026-01-21", "600")

    assert texts(seller, first)["USAGE"] == "Used 1 Jan 2026 – 31 Jan 2026: 900 km (entries: 1)"
    assert texts(seller, first, 2)["TIER"] == "800 km of these are above 100 km and up to 1,000 km: 0.20 each"
    assert texts(seller, late)["USAGE"].endswith(
        "besides 900 km that are billed: 500 km more (entries: 1), 1,400 km in all"
    )
    assert texts(seller, late, 2)["TIER"] == "400 km of these are above 1,000 km: 0.15 each"
    assert len(events(seller, late, "USAGE")) == 1


def test_usage_that_was_cancelled_and_billed_again_is_explained_on_both_documents(seller: System) -> None:
    seller.create_customer(examples.beispiel_gmbh())
    seller.sign_contract(examples.contract(startDate="2026-01-01", items=[examples.kilometres()]))
    drive(seller, "2026-01-10", "900")
    [first] = seller.bill("2026-01-31").documents
    seller.billing.cancel_document(first.document_id, "wrong address", examples.asked())
    [again] = seller.bill("2026-01-31").documents
    note = next(document for document in seller.documents() if document.preceding_document)

    assert texts(seller, again) == texts(seller, first)
    assert "USAGE" in texts(seller, again)
    assert texts(seller, note)["CREDIT"] == (
        f"Takes back line 1 of {first.number} of 31 Jan 2026, which is to be billed again: wrong address"
    )


def test_there_is_nothing_to_explain_where_there_is_no_line(seller: System) -> None:
    seller.create_customer(examples.beispiel_gmbh())
    seller.sign_contract(examples.contract())
    [document] = seller.bill("2026-01-31").documents
    with pytest.raises(LineNotFound):
        seller.billing.explanation(document.document_id, 2)
    with pytest.raises(DocumentNotFound):
        seller.billing.explanation(uuid4(), 1)
