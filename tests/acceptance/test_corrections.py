"""Corrections over HTTP: cancel and credit documents, accept and decline what backdated changes propose."""

from itertools import count
from typing import Any

import pytest

from tests import examples
from tests.acceptance.server import KontorServer, eventually

Row = dict[str, Any]

_numbers = count(1)


@pytest.fixture(scope="module")
def server(kontor_server: KontorServer) -> KontorServer:
    kontor_server.done("PUT", "/v1/billing-entities/main", examples.BILLING_ENTITY)
    return kontor_server


@pytest.fixture
def contract(server: KontorServer) -> Row:
    """A monthly contract since 1 January, with a customer of its own."""
    debtor, ident = f"D-x{next(_numbers)}", f"C-x{next(_numbers)}"
    server.done("POST", "/v1/customers", examples.beispiel_gmbh(debtorIdent=debtor))
    body = examples.contract(debtorIdent=debtor, contractIdent=ident, startDate="2026-01-01")
    return {"debtorIdent": debtor, **server.done("POST", "/v1/contracts", body)}


@pytest.fixture
def invoice(server: KontorServer, contract: Row) -> Row:
    """The document for January and February."""
    return billed(server, contract["debtorIdent"])


def billed(server: KontorServer, debtor: str, day: str = "2026-02-28") -> Row:
    """The document of a run for one customer."""
    [document] = server.documents_of_run(debtorIdent=debtor, processingDate=day)
    return document


def test_a_cancelled_document_names_its_credit_note_and_is_billed_again(
    server: KontorServer, contract: Row, invoice: Row
) -> None:
    path = f"/v1/documents/{invoice['documentId']}"
    note = server.done("POST", f"{path}/cancellation", {"reason": "Wrong company"})
    shown = server.read(f"/v1/documents/{note['documentId']}", minPosition=note["position"])
    assert (shown["type"], shown["precedingDocument"]["number"]) == ("CREDIT_NOTE", invoice["number"])
    assert shown["totals"]["gross"] == invoice["totals"]["gross"]
    assert server.read(path)["paymentStatus"] == "CREDITED"
    again = billed(server, contract["debtorIdent"])
    assert again["totals"]["gross"] == invoice["totals"]["gross"]


def test_a_document_cannot_be_cancelled_twice(server: KontorServer, invoice: Row) -> None:
    path = f"/v1/documents/{invoice['documentId']}/cancellation"
    server.done("POST", path, {"reason": "Wrong company"})
    answer = server.post(path, json={"reason": "Wrong company"})
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (409, "already-credited")


def test_an_amount_of_a_line_is_credited(server: KontorServer, invoice: Row) -> None:
    path = f"/v1/documents/{invoice['documentId']}"
    body = {"lines": [{"line": 1, "amount": "2.50"}], "reason": "Outage"}
    note = server.done("POST", f"{path}/credit", body)
    shown = server.read(path, minPosition=note["position"])
    assert shown["totals"]["open"] == "20.80"  # 23.78 − 2.98


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({"line": 9}, "lines[0].line"),
        ({"line": 1, "amount": "-1"}, "lines[0].amount"),
        ({"line": 1, "amount": "0.001"}, "lines[0].amount"),
        ({"line": 1, "amount": "1", "quantity": "1"}, "lines[0]"),
    ],
)
def test_a_wrong_credit_names_the_field(server: KontorServer, invoice: Row, line: Row, field: str) -> None:
    path = f"/v1/documents/{invoice['documentId']}/credit"
    answer = server.post(path, json={"lines": [line], "reason": "Outage"})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def proposal_for(server: KontorServer, contract: Row) -> Row:
    """What follows from a price that was 11.99 in February already."""
    changes = [{"itemIdent": "base", "unitPrice": "11.99"}]
    amendment = {"effectiveDate": "2026-02-01", "changes": changes}
    server.done("POST", f"/v1/contracts/{contract['contractId']}/amendments", amendment)
    wanted = {"status": "OPEN", "debtorIdent": contract["debtorIdent"]}
    [proposal] = eventually(lambda: server.read("/v1/correction-proposals", **wanted)["items"])
    return server.read(f"/v1/correction-proposals/{proposal['proposalId']}")


def test_a_proposal_is_shown_as_a_difference_and_issued_when_it_is_accepted(
    server: KontorServer, contract: Row, invoice: Row
) -> None:
    proposal = proposal_for(server, contract)
    [change] = proposal["changes"]
    assert (proposal["net"], proposal["gross"], change["net"]) == ("2.00", "2.38", "2.00")
    assert [line["net"] for line in change["before"]] == ["9.99"]
    assert [line["net"] for line in change["after"]] == ["11.99"]
    assert change["before"][0]["document"]["number"] == invoice["number"]
    path = f"/v1/correction-proposals/{proposal['proposalId']}"
    accepted = server.done("POST", f"{path}/acceptance", {})
    decided = server.read(path, minPosition=accepted["position"])
    assert decided["status"] == "ACCEPTED"
    assert decided["decision"]["documents"] == [d["documentId"] for d in accepted["documents"]]
    answer = server.post(f"{path}/decline", json={"reason": "too late"})
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (409, "correction-closed")


def test_a_declined_proposal_says_why(server: KontorServer, contract: Row, invoice: Row) -> None:
    path = f"/v1/correction-proposals/{proposal_for(server, contract)['proposalId']}"
    declined = server.done("POST", f"{path}/decline", {"reason": "goodwill"})
    decided = server.read(path, minPosition=declined["position"])
    assert (decided["status"], decided["decision"]["reason"]) == ("DECLINED", "goodwill")
    history = server.read(f"/v1/customers/{invoice['customerId']}/history")["items"]
    assert [h["event"] for h in history][:2] == ["billing.CorrectionDeclined", "billing.CorrectionProposed"]


def test_a_credit_note_is_printed_with_the_invoice_that_it_corrects(
    server: KontorServer, invoice: Row
) -> None:
    note = server.done("POST", f"/v1/documents/{invoice['documentId']}/cancellation", {"reason": "Wrong"})
    answer = server.get(f"/v1/documents/{note['documentId']}/pdf")
    assert (answer.status_code, answer.content[:5]) == (200, b"%PDF-")
