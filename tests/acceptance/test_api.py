"""The API as upstream systems build on it: its bodies and answers, repeated and refused requests, who may call."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests import examples
from tests.acceptance.server import KontorServer

Row = dict[str, Any]

ENTITY = examples.BILLING_ENTITY
_numbers = count(1)


def unique(prefix: str) -> str:
    """An ident that no other test uses."""
    return f"{prefix}-{next(_numbers)}"


@pytest.fixture(scope="module")
def server(kontor_server: KontorServer) -> KontorServer:
    """Kontor with a seller."""
    kontor_server.done("PUT", "/v1/billing-entities/main", ENTITY)
    return kontor_server


@pytest.fixture
def customer(server: KontorServer) -> Row:
    """A customer of this test alone, as its creation was answered."""
    return server.done("POST", "/v1/customers", examples.beispiel_gmbh(debtorIdent=unique("D")))


def is_problem(answer: httpx.Response, status: int, kind: str) -> Row:
    """The problem document that an answer must be."""
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    problem = answer.json()
    assert problem.keys() == {"type", "title", "status", "detail", "errors"}
    assert problem["type"] == f"https://kontor.example/problems/{kind}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    return problem


# -- bodies and answers -------------------------------------------------------------------------


def test_a_customer_is_created_as_in_the_examples_and_read_back(server):
    body = examples.beispiel_gmbh(debtorIdent=unique("D"))
    answer = server.post("/v1/customers", json=body)
    created = answer.json()
    assert answer.status_code == 201
    assert created.keys() == {"customerId", "debtorIdent", "accountNumber", "version", "position"}
    assert created["debtorIdent"] == body["debtorIdent"]
    assert created["version"] == 1
    assert answer.headers["Location"] == f"/v1/customers/{created['customerId']}"
    assert answer.headers["ETag"] == '"1"'

    found = server.get(answer.headers["Location"], params={"minPosition": created["position"]})
    assert found.headers["ETag"] == '"1"'
    addresses = found.json().pop("addresses")
    sent = {name: value for name, value in body.items() if name != "addresses"}
    assert found.json() | sent == found.json()
    assert [a | b for a, b in zip(addresses, body["addresses"], strict=True)] == addresses
    assert found.json()["accountNumber"] == created["accountNumber"]


def test_a_customer_without_a_debtor_ident_is_known_by_its_account_number(server):
    created = server.done("POST", "/v1/customers", examples.erika(debtorIdent=None))
    assert created["debtorIdent"] == created["accountNumber"]


def test_an_edit_changes_only_what_is_sent(server, customer):
    path = f"/v1/customers/{customer['customerId']}"
    before = server.read(path, minPosition=customer["position"])
    edit = {
        "language": "en",
        "contractorReferences": [{"system": "shop", "ident": "42"}],
        "contactPerson": "Max Muster",
        "email": "neu@example.com",
        "vatId": None,
        "groupDocumentsBy": "CONTRACT",
    }
    answer = server.patch(path, json=edit)
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    assert answer.json().keys() == {"customerId", "version", "position"}
    after = server.read(path, minPosition=answer.json()["position"])
    assert after == before | edit | {"version": 2, "updatedAt": after["updatedAt"]}


def test_an_address_is_added_and_replaced(server, customer):
    path = f"/v1/customers/{customer['customerId']}"
    answer = server.post(f"{path}/addresses", json=examples.shipping_address(city="Altona"))
    added = answer.json()
    assert (answer.status_code, answer.headers["ETag"], added["version"]) == (201, '"2"', 2)
    assert added.keys() >= {"addressId", "version", "position"}
    assert answer.headers["Location"] == f"{path}/addresses/{added['addressId']}"

    answer = server.put(answer.headers["Location"], json=examples.shipping_address(city="Bremen"))
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"3"')
    found = server.read(path, minPosition=answer.json()["position"])
    cities = {a["addressId"]: a["city"] for a in found["addresses"]}
    assert cities[added["addressId"]] == "Bremen"


def test_a_contract_is_signed_with_items_of_its_own(server, customer):
    items = [examples.setup_fee(), examples.base_fee()]
    body = examples.contract(debtorIdent=customer["debtorIdent"], contractIdent=unique("C"), items=items)
    answer = server.post("/v1/contracts", json=body)
    signed = answer.json()
    assert (answer.status_code, answer.headers["ETag"]) == (201, '"1"')
    assert signed.keys() == {"contractId", "contractIdent", "customerId", "version", "position"}
    assert signed["customerId"] == customer["customerId"]
    assert answer.headers["Location"] == f"/v1/contracts/{signed['contractId']}"

    found = server.read(answer.headers["Location"], minPosition=signed["position"])
    sent = {name: value for name, value in body.items() if name != "items"}
    assert found | sent == found
    assert [a | b for a, b in zip(found["items"], items, strict=True)] == found["items"]


def test_an_order_is_recorded_and_billed_with_its_rebate_and_freight(server, customer):
    body = examples.order(debtorIdent=customer["debtorIdent"], orderIdent=unique("O"))
    answer = server.post("/v1/orders", json=body)
    recorded = answer.json()
    assert (answer.status_code, answer.headers["ETag"]) == (201, '"1"')
    assert recorded.keys() == {"orderId", "orderIdent", "customerId", "version", "position"}
    assert answer.headers["Location"] == f"/v1/orders/{recorded['orderId']}"
    assert server.read(answer.headers["Location"], minPosition=recorded["position"])["status"] == "OPEN"

    [document] = server.documents_of_run(debtorIdent=customer["debtorIdent"], processingDate="2026-02-28")
    # 3 × 59.90 − 10 % + 12.50 freight, 19 % on top
    assert document["totals"] | {"lines": "161.73", "charges": "12.50", "net": "174.23"} == document["totals"]
    assert (document["totals"]["tax"], document["totals"]["gross"]) == ("33.10", "207.33")
    order = server.read(f"/v1/orders/{recorded['orderId']}")
    assert order["status"] == "BILLED"
    assert [d["number"] for d in order["documents"]] == [document["number"]]


def test_an_order_to_be_billed_immediately_is_billed_at_once(server, customer):
    body = examples.order(
        debtorIdent=customer["debtorIdent"], orderIdent=unique("O"), billingTime="IMMEDIATELY"
    )
    recorded = server.done("POST", "/v1/orders", body)
    assert server.completed(recorded["billingRunId"])["documents"]["count"] == 1


def test_a_billing_run_is_accepted_carried_out_and_answers_with_outcomes_and_documents(server, customer):
    debtor = customer["debtorIdent"]
    server.done("POST", "/v1/contracts", examples.contract(debtorIdent=debtor, contractIdent=unique("C")))
    answer = server.post("/v1/billing-runs", json={"debtorIdent": debtor, "processingDate": "2026-02-28"})
    requested = answer.json()
    assert answer.status_code == 202
    assert requested.keys() == {"billingRunId", "position"}
    assert answer.headers["Location"] == f"/v1/billing-runs/{requested['billingRunId']}"

    run = server.completed(requested["billingRunId"])
    assert run["status"] == "COMPLETED"
    assert run["processingDate"] == "2026-02-28"
    assert run["customers"].items() >= {"total": 1, "done": 1, "failed": 0}.items()
    assert (run["documents"]["count"], run["documents"]["net"], run["documents"]["gross"]) == (
        1,
        "15.47",
        "18.41",
    )
    assert run["startedAt"] <= run["finishedAt"]

    outcomes = server.read(f"/v1/billing-runs/{requested['billingRunId']}/outcomes")
    [outcome] = outcomes["items"]
    assert outcomes["total"] == 1
    assert (outcome["debtorIdent"], outcome["outcome"], outcome["reason"]) == (
        debtor,
        "DOCUMENTS_CREATED",
        None,
    )
    [document_id] = outcome["documents"]
    document = server.read(f"/v1/documents/{document_id}")
    assert document["number"].startswith("RE-2026-")
    assert (document["type"], document["status"], document["paymentStatus"]) == (
        "INVOICE",
        "ISSUED",
        "OVERDUE",
    )
    assert (document["issueDate"], document["dueDate"]) == ("2026-02-28", "2026-03-14")
    assert document["lines"][0]["period"] == {"from": "2026-01-15", "to": "2026-01-31"}
    assert [line["net"] for line in document["lines"]] == ["5.48", "9.99"]
    assert document["totals"]["open"] == document["totals"]["gross"] == "18.41"
    listed = server.read("/v1/documents", debtorIdent=debtor)
    assert ([d["number"] for d in listed["items"]], listed["total"]) == ([document["number"]], 1)


def test_a_billing_entity_is_defined_and_defined_again(server):
    first = server.done("PUT", "/v1/billing-entities/main", ENTITY)
    assert first.keys() == {"ident", "version", "position"}
    moved = ENTITY | {"seller": ENTITY["seller"] | {"street": "Jungfernstieg 7"}}
    assert server.done("PUT", "/v1/billing-entities/main", moved)["position"] > first["position"]
    server.done("PUT", "/v1/billing-entities/main", ENTITY)


def test_billing_entities_are_listed_as_they_can_be_sent_again(server):
    idents = [entity["ident"] for entity in server.read("/v1/billing-entities")["items"]]
    assert idents[0] == "main"
    shown = server.read("/v1/billing-entities/main")
    assert (shown["default"], shown["seller"]["vatId"], shown["seller"]["creditorId"]) == (
        True, "DE136695976", "DE98ZZZ09999999999")  # fmt: skip
    assert shown["numberRanges"]["CREDIT_NOTE"] == {
        "prefix": "RE-GS",
        "digits": 6,
        "next": None,
        "year": None,
    }
    again = {name: value for name, value in shown.items() if name != "ident"}
    server.done("PUT", "/v1/billing-entities/main", again)
    assert server.read("/v1/billing-entities/main") == shown
    is_problem(server.get("/v1/billing-entities/nobody"), 404, "billing-entity-not-found")


def test_a_customer_is_billed_by_the_billing_entity_that_it_names(server):
    ident, debtor = unique("entity"), unique("D")
    taken = server.put(f"/v1/billing-entities/{ident}", json=ENTITY)
    is_problem(taken, 409, "prefix-taken")
    server.done("PUT", f"/v1/billing-entities/{ident}", ENTITY | {"numberPrefix": unique("AT")})
    customer = server.done(
        "POST", "/v1/customers", examples.beispiel_gmbh(debtorIdent=debtor, billingEntity=ident)
    )
    path = f"/v1/customers/{customer['customerId']}"
    assert server.read(path, minPosition=customer["position"])["billingEntity"] == ident
    contract = server.done(
        "POST", "/v1/contracts", examples.contract(debtorIdent=debtor, contractIdent=debtor)
    )
    shown = server.read(f"/v1/contracts/{contract['contractId']}", minPosition=contract["position"])
    assert shown["billingEntity"] is None
    edited = server.done("PATCH", path, {"billingEntity": ""})
    assert server.read(path, minPosition=edited["position"])["billingEntity"] is None


# -- read your own writes -----------------------------------------------------------------------


def test_a_reader_sees_at_least_the_position_it_names(server, customer):
    path = f"/v1/customers/{customer['customerId']}"
    for turn in range(20):
        edited = server.done("PATCH", path, {"contactPerson": f"Person {turn}"})
        assert server.read(path, minPosition=edited["position"])["contactPerson"] == f"Person {turn}"


def test_a_position_that_is_not_reached_in_time_is_503_with_retry_after(server):
    answer = server.get("/v1/customers", params={"minPosition": 10**12})
    is_problem(answer, 503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


# -- the same request again ---------------------------------------------------------------------


def commands(customer: Row) -> dict[str, tuple[str, str, Row]]:
    """One body for every POST, new at each call."""
    debtor, path = customer["debtorIdent"], f"/v1/customers/{customer['customerId']}"
    return {
        "customer": ("POST", "/v1/customers", examples.beispiel_gmbh(debtorIdent=unique("D"))),
        "edit": ("PATCH", path, {"contactPerson": unique("Person")}),
        "address": ("POST", f"{path}/addresses", examples.shipping_address()),
        "contract": (
            "POST",
            "/v1/contracts",
            examples.contract(debtorIdent=debtor, contractIdent=unique("C")),
        ),
        "order": ("POST", "/v1/orders", examples.order(debtorIdent=debtor, orderIdent=unique("O"))),
        "run": ("POST", "/v1/billing-runs", {"debtorIdent": debtor, "processingDate": "2025-12-31"}),
    }


COMMANDS = ["customer", "edit", "address", "contract", "order", "run"]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_same_command_twice_is_done_once_and_answered_the_same(server, customer, name):
    method, path, body = commands(customer)[name]
    key = {"Idempotency-Key": uuid4().hex}
    first = server.http.request(method, path, json=body, headers=key)
    customer_head, _ = server.heads()
    again = server.http.request(method, path, json=dict(reversed(body.items())), headers=key)
    assert first.is_success
    assert server.heads()[0] == customer_head
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert [again.headers.get(name) for name in ("Location", "ETag")] == [
        first.headers.get(name) for name in ("Location", "ETag")
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_same_key_with_another_body_is_refused(server, customer, name):
    method, path, body = commands(customer)[name]
    key = {"Idempotency-Key": uuid4().hex}
    server.done(method, path, body, headers=key)
    head, _ = server.heads()
    _, _, other = commands(customer)[name]
    changed = other | ({"processingDate": "2025-11-30"} if name == "run" else {})
    changed |= {"city": "Kiel"} if name == "address" else {}
    problem = is_problem(
        server.http.request(method, path, json=changed, headers=key), 422, "idempotency-key-reused"
    )
    assert problem["errors"][0]["field"] == "Idempotency-Key"
    assert server.heads()[0] == head


def test_the_same_command_sent_eight_times_at_once_is_done_once(server, customer):
    path, key = f"/v1/customers/{customer['customerId']}/addresses", {"Idempotency-Key": uuid4().hex}
    before, _ = server.heads()
    with ThreadPoolExecutor(8) as threads:
        answers = list(
            threads.map(lambda _: server.post(path, json=examples.shipping_address(), headers=key), range(8))
        )
    assert {(a.status_code, a.content) for a in answers} == {(201, answers[0].content)}
    assert server.heads()[0] == before + 1


def test_a_refused_command_can_be_corrected_under_the_same_key(server):
    key = {"Idempotency-Key": uuid4().hex}
    body = examples.beispiel_gmbh(debtorIdent=unique("D"))
    assert server.post("/v1/customers", json=body | {"vatId": "DE1"}, headers=key).status_code == 422
    assert server.post("/v1/customers", json=body, headers=key).status_code == 201


def test_a_taken_ident_is_refused_by_the_rule_it_breaks(server, customer):
    body = examples.beispiel_gmbh(debtorIdent=customer["debtorIdent"])
    problem = is_problem(server.post("/v1/customers", json=body), 409, "debtor-ident-taken")
    assert customer["debtorIdent"] in problem["detail"]


# -- editing what one has seen ------------------------------------------------------------------


def test_an_edit_of_a_version_that_is_no_longer_current_is_refused(server, customer):
    path = f"/v1/customers/{customer['customerId']}"
    assert server.patch(path, json={"language": "en"}, headers={"If-Match": '"1"'}).status_code == 200
    head = server.heads()
    for edit in (
        lambda: server.patch(path, json={"language": "fr"}, headers={"If-Match": '"1"'}),
        lambda: server.post(
            f"{path}/addresses", json=examples.shipping_address(), headers={"If-Match": '"1"'}
        ),
    ):
        is_problem(edit(), 412, "stale-version")
    assert server.heads() == head
    assert server.patch(path, json={"language": "fr"}, headers={"If-Match": '"2"'}).status_code == 200


def test_an_if_match_that_is_no_etag_of_ours_is_explained(server, customer):
    answer = server.patch(
        f"/v1/customers/{customer['customerId']}", json={"language": "en"}, headers={"If-Match": '"abc"'}
    )
    assert is_problem(answer, 422, "invalid-fields")["errors"][0]["field"] == "If-Match"


# -- refusals -----------------------------------------------------------------------------------

LONG = "x" * 256
REFUSED_CUSTOMERS = {
    "a city that is too long": (
        {"addresses": [examples.invoice_address(city=LONG)]},
        "addresses[0].city",
        LONG,
    ),
    "no such country": (
        {"addresses": [examples.invoice_address(), examples.shipping_address(country="XX")]},
        "addresses[1].country",
        "XX",
    ),
    "wrong check digits": ({"vatId": "DE123456789"}, "vatId", "DE123456789"),
    "a debtor ident with a space": ({"debtorIdent": "D 1"}, "debtorIdent", "D 1"),
    "an unknown type": ({"customerType": "ALIEN"}, "customerType", "ALIEN"),
    "an unknown field": ({"iban": "DE89"}, "iban", "DE89"),
    "no address": ({"addresses": []}, "addresses", None),
    "no invoice address": ({"addresses": [examples.shipping_address()]}, "addresses", None),
    "a business without a company": (
        {"addresses": [examples.invoice_address(company=" ")]},
        "addresses[0].company",
        None,
    ),
    "e-mail delivery without an e-mail": (
        {"preferredDocumentDelivery": "EMAIL", "email": None},
        "email",
        None,
    ),
    "a character that no document can show": (
        {"contactPerson": "Erika\0Beispiel"},
        "contactPerson",
        "Erika\0Beispiel",
    ),
    "a property that is a list": ({"properties": {"fleet": [1]}}, "properties.fleet", None),
    "a property key with a capital": ({"properties": {"Fleet": 1}}, "properties.Fleet", "Fleet"),
}


@pytest.mark.parametrize("name", REFUSED_CUSTOMERS)
def test_a_customer_is_refused_for(server, name):
    changes, field, rejected = REFUSED_CUSTOMERS[name]
    before = server.heads()
    answer = server.post("/v1/customers", json=examples.beispiel_gmbh(debtorIdent=unique("D")) | changes)
    errors = is_problem(answer, 422, "invalid-fields")["errors"]
    assert [(e["field"], e["rejectedValue"]) for e in errors] == [(field, rejected)]
    assert all(e["message"] for e in errors)
    assert server.heads() == before


REFUSED_CONTRACTS = {
    "an end before the start": ({"endDate": "2026-01-14"}, "endDate", "2026-01-14"),
    "a date that is a number": ({"startDate": 20260115}, "startDate", 20260115),
    "a start that is a mistake": ({"startDate": "9999-12-31"}, "startDate", "9999-12-31"),
    "no items": ({"items": []}, "items", None),
    "an item twice": (
        {"items": [examples.base_fee(), examples.base_fee()]},
        "items[1].itemIdent",
        "base",
    ),
    "a price that is no number": (
        {"items": [examples.base_fee(unitPrice="cheap")]},
        "items[0].unitPrice",
        "cheap",
    ),
    "a currency that is none": ({"currency": "EURO"}, "currency", "EURO"),
    "calendar alignment of five months": (
        {"items": [examples.base_fee(billingInterval={"count": 5, "unit": "MONTH"})]},
        "items[0].billingInterval",
        "5 MONTH",
    ),
    "an address of somebody else": (
        {"invoiceAddressId": "0199aaaa-0000-7000-8000-000000000000"},
        "invoiceAddressId",
        "0199aaaa-0000-7000-8000-000000000000",
    ),
}


@pytest.mark.parametrize("name", REFUSED_CONTRACTS)
def test_a_contract_is_refused_for(server, customer, name):
    changes, field, rejected = REFUSED_CONTRACTS[name]
    before = server.heads()
    body = examples.contract(debtorIdent=customer["debtorIdent"], contractIdent=unique("C")) | changes
    errors = is_problem(server.post("/v1/contracts", json=body), 422, "invalid-fields")["errors"]
    assert [(e["field"], e["rejectedValue"]) for e in errors] == [(field, rejected)]
    assert server.heads() == before


REFUSED_LINES = {
    "a negative quantity": ({"quantity": "-1"}, "lines[0].quantity", "-1"),
    "an allowance by amount and percent": (
        {"allowances": [{"reason": "Rebate", "amount": "1.00", "percent": "10"}]},
        "lines[0].allowances[0]",
        None,
    ),
    "an explicit tax of category S without a rate": (
        {"tax": {"category": "S", "rate": "0"}},
        "lines[0].tax",
        None,
    ),
}


@pytest.mark.parametrize("name", REFUSED_LINES)
def test_an_order_is_refused_for(server, customer, name):
    changes, field, rejected = REFUSED_LINES[name]
    before = server.heads()
    lines = [examples.order()["lines"][0] | changes]
    body = examples.order(debtorIdent=customer["debtorIdent"], orderIdent=unique("O"), lines=lines)
    errors = is_problem(server.post("/v1/orders", json=body), 422, "invalid-fields")["errors"]
    assert [(e["field"], e["rejectedValue"]) for e in errors] == [(field, rejected)]
    assert server.heads() == before


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'{"debtorIdent": "D"', b"{'debtorIdent': 1}", b"{,}"])
def test_a_body_that_is_no_json_is_400(server, body):
    before = server.heads()
    answer = server.post("/v1/customers", content=body, headers={"Content-Type": "application/json"})
    is_problem(answer, 400, "malformed-json")
    assert server.heads() == before


def test_a_body_that_never_ends_is_cut_off(server):
    before = server.heads()
    answer = server.post("/v1/customers", content=(b" " * 1024**2 for _ in range(20)))
    is_problem(answer, 413, "http-413")
    assert server.heads() == before


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"7", b'"text"'])
def test_a_body_that_is_no_object_is_explained(server, body):
    answer = server.post("/v1/customers", content=body, headers={"Content-Type": "application/json"})
    assert is_problem(answer, 422, "invalid-fields")["errors"][0]["field"] == "body"


def test_whoever_is_not_there_is_404(server, customer):
    before, nobody = server.heads(), uuid4()
    customer_path = f"/v1/customers/{customer['customerId']}"
    for answer in (
        server.patch(f"/v1/customers/{nobody}", json={"language": "en"}),
        server.post(f"/v1/customers/{nobody}/addresses", json=examples.shipping_address()),
        server.put(f"{customer_path}/addresses/{nobody}", json=examples.shipping_address()),
        server.post("/v1/contracts", json=examples.contract(debtorIdent="nobody")),
        server.post("/v1/orders", json=examples.order(debtorIdent="nobody")),
        server.post("/v1/billing-runs", json={"debtorIdent": "nobody"}),
        server.post("/v1/billing-runs", json={"customerId": str(nobody)}),
        server.get(f"/v1/customers/{nobody}"),
        server.get(f"/v1/customers/{nobody}/history"),
        server.get(f"/v1/contracts/{nobody}"),
        server.get(f"/v1/orders/{nobody}"),
        server.get(f"/v1/billing-runs/{nobody}"),
        server.get(f"/v1/billing-runs/{nobody}/outcomes"),
        server.get(f"/v1/documents/{nobody}"),
        server.get(f"/v1/documents/{nobody}/pdf"),
    ):
        assert answer.status_code == 404, (answer.request.url, answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert server.heads() == before


def test_two_names_of_different_customers_are_refused(server, customer):
    other = server.done("POST", "/v1/customers", examples.erika(debtorIdent=unique("D")))
    body = {"customerId": customer["customerId"], "debtorIdent": other["debtorIdent"]}
    errors = is_problem(server.post("/v1/billing-runs", json=body), 422, "invalid-fields")["errors"]
    assert [e["field"] for e in errors] == ["debtorIdent"]


@pytest.mark.parametrize("sent", ["9.99", 9.99, "9.990", "999E-2"])
def test_an_amount_is_a_string_or_an_exact_number(server, customer, sent):
    items = [examples.base_fee(unitPrice=sent)]
    body = examples.contract(debtorIdent=customer["debtorIdent"], contractIdent=unique("C"), items=items)
    signed = server.done("POST", "/v1/contracts", body)
    stored = server.read(f"/v1/contracts/{signed['contractId']}", minPosition=signed["position"])
    assert stored["items"][0]["unitPrice"] in ("9.99", "9.990")


def test_an_amount_is_never_shown_with_an_exponent(server, customer):
    items = [examples.base_fee(unitPrice="1E+3")]
    body = examples.contract(debtorIdent=customer["debtorIdent"], contractIdent=unique("C"), items=items)
    signed = server.done("POST", "/v1/contracts", body)
    stored = server.read(f"/v1/contracts/{signed['contractId']}", minPosition=signed["position"])
    assert stored["items"][0]["unitPrice"] == "1000"


def test_what_may_be_called_on_a_path_is_told(server):
    answer = server.http.request("DELETE", "/v1/customers")
    is_problem(answer, 405, "http-405")
    assert answer.headers["Allow"]
