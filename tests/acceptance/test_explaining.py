"""Over HTTP: why a line is what it is, in the reader's language, and what of a contract is billed."""

from typing import Any
from uuid import UUID

import pytest

from tests import examples
from tests.acceptance.server import KontorServer

Row = dict[str, Any]


@pytest.fixture(scope="module")
def invoice(kontor_server: KontorServer) -> Row:
    """The first invoice of a customer and contract of its own: 5.48."""
    kontor_server.done("PUT", "/v1/billing-entities/main", examples.BILLING_ENTITY)
    kontor_server.done("POST", "/v1/customers", examples.beispiel_gmbh(debtorIdent="D-asks"))
    contract = examples.contract(debtorIdent="D-asks", contractIdent="C-asks")
    kontor_server.done("POST", "/v1/contracts", contract)
    [document] = kontor_server.documents_of_run(debtorIdent="D-asks", processingDate="2026-01-31")
    return document


def proration(server: KontorServer, invoice: Row, query: str = "", **headers: str) -> tuple[str, str]:
    """The language of the answer, and its step of that name."""
    path = f"/v1/documents/{invoice['documentId']}/lines/1/explanation{query}"
    answer = server.get(path, headers=headers).json()
    [step] = [step for step in answer["steps"] if step["rule"] == "PRORATION"]
    return answer["language"], step["text"]


def test_a_line_is_explained_in_the_language_that_is_asked_for(
    kontor_server: KontorServer, invoice: Row
) -> None:
    english = ("en", "9.99 × 17 of 31 days = 5.478… → 5.48")
    german = ("de", "9,99 × 17 von 31 Tagen = 5,478… → 5,48")
    assert proration(kontor_server, invoice) == german  # the document's
    assert proration(kontor_server, invoice, "?language=en") == english
    assert proration(kontor_server, invoice, **{"Accept-Language": "fr, en-GB;q=0.8, de;q=0.5"}) == english
    assert proration(kontor_server, invoice, "?language=de", **{"Accept-Language": "en"}) == german


def test_an_explanation_ends_with_the_line_s_net_and_names_events_of_the_history(
    kontor_server: KontorServer, invoice: Row
) -> None:
    answer = kontor_server.read(f"/v1/documents/{invoice['documentId']}/lines/1/explanation", language="en")
    assert (answer["number"], answer["line"]) == (invoice["number"], 1)
    assert answer["steps"][-1] | {"text": ""} == {"rule": "NET", "text": "", "result": "5.48", "events": []}
    history = kontor_server.read(f"/v1/customers/{invoice['customerId']}/history")["items"]
    known = {f"{event['event']} {event['position']}" for event in history}
    [origin] = [step for step in answer["steps"] if step["rule"] == "ORIGIN"]
    assert len(origin["events"]) == 1
    assert set(origin["events"]) <= known


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v1/documents/{id}/lines/2/explanation", "line-not-found"),
        (f"/v1/documents/{UUID(int=7)}/lines/1/explanation", "document-not-found"),
        (f"/v1/contracts/{UUID(int=7)}/coverage", "not-found"),
    ],
)
def test_there_is_no_answer_about_what_is_not_there(
    kontor_server: KontorServer, invoice: Row, path: str, kind: str
) -> None:
    answer = kontor_server.get(path.format(id=invoice["documentId"]))
    assert answer.status_code == 404
    assert answer.json()["type"] == f"https://kontor.example/problems/{kind}"


def test_a_contract_shows_what_is_billed_of_it(kontor_server: KontorServer, invoice: Row) -> None:
    [contract] = kontor_server.read("/v1/contracts", contractIdent="C-asks")["items"]
    coverage = kontor_server.read(f"/v1/contracts/{contract['contractId']}/coverage")
    [item] = coverage["items"]
    [interval] = item["intervals"]
    assert (coverage["contractIdent"], item["itemIdent"]) == ("C-asks", "base")
    assert (item["billedThrough"], item["gaps"], item["overlaps"]) == ("2026-01-31", [], [])
    assert (interval["from"], interval["to"]) == ("2026-01-15", "2026-01-31")
    assert interval["documentNumber"] == invoice["number"]
