"""Plans, contracts, usage and orders over HTTP: the routes that upstream systems build on, their answers and refusals."""

from itertools import count
from typing import Any

import httpx
import pytest

from services.customer.commands.contracts import (
    AmendContract,
    CancelContract,
    PauseContract,
    ResumeContract,
    SignContract,
    TerminateContract,
)
from services.customer.commands.orders import CancelOrder, RecordOrder
from services.customer.commands.plans import CreatePlan, RevisePlan
from services.customer.commands.usage import RecordUsage
from services.fields import Body
from tests import examples
from tests.acceptance.server import KontorServer

Row = dict[str, Any]

_numbers = count(1)


def unique(prefix: str) -> str:
    """An ident that no other test uses."""
    return f"{prefix}-s{next(_numbers)}"


@pytest.fixture(scope="module")
def server(kontor_server: KontorServer) -> KontorServer:
    return kontor_server


@pytest.fixture
def plan(server: KontorServer) -> Row:
    return server.done("POST", "/v1/plans", examples.plan(planIdent=unique("P")))


@pytest.fixture
def customer(server: KontorServer) -> Row:
    return server.done("POST", "/v1/customers", examples.beispiel_gmbh(debtorIdent=unique("D")))


@pytest.fixture
def contract(server: KontorServer, customer: Row, plan: Row) -> Row:
    """A contract of this test alone, from its plan."""
    body = examples.plan_contract(
        debtorIdent=customer["debtorIdent"], contractIdent=unique("C"), planIdent=plan["planIdent"]
    )
    return server.done("POST", "/v1/contracts", body)


def refused(answer: httpx.Response, status: int, kind: str) -> Row:
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    problem: Row = answer.json()
    assert problem["type"] == f"https://kontor.example/problems/{kind}"
    return problem


def test_a_plan_is_created_and_gets_a_new_version(server: KontorServer) -> None:
    ident = unique("P")
    answer = server.post("/v1/plans", json=examples.plan(planIdent=ident))
    assert (answer.status_code, answer.headers["Location"], answer.headers["ETag"]) == (
        201,
        f"/v1/plans/{ident}",
        '"1"',
    )
    assert answer.json().keys() == {"planId", "planIdent", "planVersion", "version", "position"}
    body = examples.plan(planIdent=ident, name="Fleet Basic 2027")
    revised = server.put(f"/v1/plans/{ident}", json=body, headers={"If-Match": '"1"'})
    assert (revised.status_code, revised.headers["ETag"], revised.json()["planVersion"]) == (200, '"2"', 2)
    refused(server.put(f"/v1/plans/{ident}", json=body, headers={"If-Match": '"1"'}), 412, "stale-version")
    refused(server.put(f"/v1/plans/{unique('P')}", json=body | {"planIdent": None}), 404, "plan-not-found")
    refused(server.post("/v1/plans", json=body), 409, "plan-ident-taken")


def test_a_contract_is_amended_paused_resumed_and_ended(server: KontorServer, contract: Row) -> None:
    path = f"/v1/contracts/{contract['contractId']}"
    steps = [
        (
            "amendments",
            {"effectiveDate": "2026-03-01", "changes": [{"optionIdent": "base", "unitPrice": "11.99"}]},
        ),
        ("pause", {"from": "2026-04-01"}),
        ("resume", {"from": "2026-05-01"}),
        ("termination", {"kind": "ORDINARY", "noticeDate": "2026-05-02", "terminationDate": None}),
        ("cancellation", {"reason": "mistake"}),
    ]
    for version, (step, body) in enumerate(steps, 2):
        answer = server.post(f"{path}/{step}", json=body, headers={"If-Match": f'"{version - 1}"'})
        assert (answer.status_code, answer.headers["ETag"]) == (200, f'"{version}"'), answer.text
        assert answer.json().keys() >= {"contractId", "version", "position"}
    refused(server.post(f"{path}/pause", json={"from": "2026-04-01"}), 409, "contract-is-cancelled")


def test_refusals_of_a_contract_name_their_rule(server: KontorServer, contract: Row) -> None:
    path, before = f"/v1/contracts/{contract['contractId']}", server.heads()
    for step, body, status, kind in (
        ("resume", {"from": "2026-05-01"}, 409, "not-paused"),
        ("pause", {"from": "2026-01-01"}, 409, "outside-contract"),
        (
            "termination",
            {"noticeDate": "2026-05-02", "terminationDate": "2026-06-30"},
            409,
            "notice-too-short",
        ),
        ("termination", {"kind": "EXTRAORDINARY"}, 422, "invalid-fields"),
        ("amendments", {"effectiveDate": "2026-03-01"}, 422, "invalid-fields"),
        ("amendments", {"effectiveDate": "2026-03-01", "remove": ["setup"]}, 409, "charged-once"),
        ("amendments", {"effectiveDate": "2026-03-01", "remove": ["gps"]}, 422, "invalid-fields"),
    ):
        problem = refused(server.post(f"{path}/{step}", json=body), status, kind)
        assert problem["title"]
        assert bool(problem["errors"]) == (status == 422)
    nobody = "/v1/contracts/0199aaaa-0000-7000-8000-000000000000/pause"
    refused(server.post(nobody, json={"from": "2026-04-01"}), 404, "contract-not-found")
    refused(server.post("/v1/contracts/nobody/pause", json={"from": "2026-04-01"}), 422, "invalid-fields")
    assert server.heads() == before


def test_usage_is_accepted_once_in_a_batch_or_alone(server: KontorServer, contract: Row) -> None:
    entry = examples.usage(eventId=unique("u"), contractIdent=contract["contractIdent"])
    answer = server.post("/v1/usage", json={"events": [entry, entry | {"eventId": unique("u")}]})
    assert answer.status_code == 202
    assert answer.json().keys() == {"accepted", "duplicates", "position"}
    assert (answer.json()["accepted"], answer.json()["duplicates"]) == (2, 0)
    assert server.done("POST", "/v1/usage", entry)["duplicates"] == 1


def test_one_invalid_event_refuses_a_batch_by_its_path(server: KontorServer, contract: Row) -> None:
    entries = [
        examples.usage(eventId=unique("u"), contractIdent=contract["contractIdent"]) | change
        for change in ({}, {"optionIdent": "base"}, {}, {"contractIdent": "nothing"})
    ]
    before = server.heads()
    problem = refused(server.post("/v1/usage", json={"events": entries}), 422, "invalid-fields")
    assert [(e["field"], e["rejectedValue"]) for e in problem["errors"]] == [
        ("events[1].optionIdent", "base"),
        ("events[3].contractIdent", "nothing"),
    ]
    assert server.heads() == before


def test_an_order_is_cancelled(server: KontorServer, customer: Row) -> None:
    body = examples.order(debtorIdent=customer["debtorIdent"], orderIdent=unique("O"))
    path = f"/v1/orders/{server.done('POST', '/v1/orders', body)['orderId']}/cancellation"
    answer = server.post(path, json={"reason": "returned"}, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    refused(server.post(path, json={}), 409, "order-is-cancelled")


BODIES: list[type[Body]] = [
    CreatePlan,
    RevisePlan,
    SignContract,
    AmendContract,
    PauseContract,
    ResumeContract,
    TerminateContract,
    CancelContract,
    RecordUsage,
    RecordOrder,
    CancelOrder,
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_every_body_has_examples_that_are_valid(body: type[Body]) -> None:
    examples_of_body = body.model_json_schema()["examples"]
    assert examples_of_body
    for example in examples_of_body:
        body.model_validate(example)
