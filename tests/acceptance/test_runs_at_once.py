"""The same run requested ten times at once, over HTTP and with several workers, gives one set of documents."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from tests import examples
from tests.acceptance.server import KontorServer

CUSTOMERS = 12


def request(server: KontorServer, key: str) -> str:
    body = {"processingDate": "2026-02-28"}
    answer = server.done("POST", "/v1/billing-runs", body, headers={"Idempotency-Key": key})
    return str(answer["billingRunId"])


def outcomes(server: KontorServer, billing_run_id: str) -> list[dict[str, Any]]:
    server.completed(billing_run_id)
    items: list[dict[str, Any]] = server.read(f"/v1/billing-runs/{billing_run_id}/outcomes", limit=500)[
        "items"
    ]
    return [item for item in items if item["debtorIdent"].startswith("at-once-")]


def test_ten_requests_at_once_give_one_set_of_documents(kontor_server: KontorServer) -> None:
    server, key = kontor_server, str(uuid4())
    server.done("PUT", "/v1/billing-entities/main", examples.BILLING_ENTITY)
    for number in range(CUSTOMERS):
        debtor = f"at-once-{number}"
        server.done("POST", "/v1/customers", examples.erika(debtorIdent=debtor))
        server.done("POST", "/v1/contracts", examples.contract(debtorIdent=debtor, contractIdent=debtor))
    with ThreadPoolExecutor(20) as people:
        again = people.map(lambda _: request(server, key), range(10))
        of_their_own = people.map(lambda _: request(server, str(uuid4())), range(10))
        the_same, others = set(again), set(of_their_own)
    assert (len(the_same), len(others)) == (1, 10)
    found = [outcome for run_id in the_same | others for outcome in outcomes(server, run_id)]
    assert Counter(o["debtorIdent"] for o in found) == {f"at-once-{n}": 11 for n in range(CUSTOMERS)}
    created = [o for o in found if o["outcome"] == "DOCUMENTS_CREATED"]
    assert Counter(o["debtorIdent"] for o in created) == {f"at-once-{n}": 1 for n in range(CUSTOMERS)}
    assert {len(o["documents"]) for o in created} == {1}
