"""Documents by e-mail as a client sees them, on a Kontor without a mail server."""

from tests import examples
from tests.acceptance.server import KontorServer


def test_without_a_mail_server_a_document_says_that_it_waits_for_one(kontor_server: KontorServer) -> None:
    kontor_server.done("PUT", "/v1/billing-entities/main", examples.BILLING_ENTITY)
    wishes = {"debtorIdent": "D-mail", "preferredDocumentDelivery": "EMAIL", "eInvoicing": None}
    kontor_server.done("POST", "/v1/customers", examples.beispiel_gmbh(**wishes))
    contract = examples.contract(debtorIdent="D-mail", contractIdent="C-mail", endDate="2026-01-31")
    kontor_server.done("POST", "/v1/contracts", contract)
    [document] = kontor_server.documents_of_run(debtorIdent="D-mail", processingDate="2026-01-31")
    assert document["delivery"]["status"] == "NOT_CONFIGURED"
    assert document["delivery"]["recipient"] == "rechnung@example.com"
    assert not kontor_server.children("mail")

    path, key = f"/v1/documents/{document['documentId']}/delivery", {"Idempotency-Key": "mail-1"}
    asked = kontor_server.post(path, json={"recipient": "neu@example.com"}, headers=key)
    assert asked.status_code == 202
    again = kontor_server.post(path, json={"recipient": "neu@example.com"}, headers=key)
    assert again.json() == asked.json()
    wanted = {"minPosition": asked.json()["position"]}
    delivery = kontor_server.read(f"/v1/documents/{document['documentId']}", **wanted)["delivery"]
    assert (delivery["status"], delivery["recipient"]) == ("NOT_CONFIGURED", "neu@example.com")
    invalid = kontor_server.post(path, json={"recipient": "neu@example.com\r\nBcc: x@example.com"})
    assert invalid.status_code == 422
