"""Schemathesis sends every command of the API what its description allows, and what it does not.

Whatever comes: no 5xx, an answer as described, a problem document if it is a refusal, and nothing stored of what was refused.
The same is sent each time, so running the test again repeats a failure; it names the request as a curl command.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, Config, GenerationMode, Response
from schemathesis.config import OutputConfig, SanitizationConfig
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from infra.postgres.pool import connect
from tests import examples
from tests.acceptance.server import KontorServer, eventually, serving
from tests.acceptance.test_openapi_examples import WRITING, camel_case, examples_of

Row = dict[str, Any]
Connection = Any

REQUESTS_OF_EACH = 40
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
STORED = """
SELECT (SELECT count(*) FROM customer.events) AS events, (SELECT count(*) FROM customer.commands) AS commands,
       (SELECT count(*) FROM customer.idents) AS idents,
       (SELECT count(*) FROM vault.keys WHERE purpose = 'customer') AS keys,
       (SELECT count(*) FROM billing.events WHERE topic LIKE 'billing.BillingEntity%') AS sellers
"""
NAMES_OF_NEW_THINGS = {
    "POST /v1/customers": "debtorIdent",
    "POST /v1/plans": "planIdent",
    "POST /v1/contracts": "contractIdent",
    "POST /v1/orders": "orderIdent",
}
_numbers = count(1)

OURS = "ours"
"""The billing entity that no request names."""


@pytest.fixture(scope="module")
def server() -> Iterator[KontorServer]:
    """A Kontor for Schemathesis alone."""
    with serving() as server:
        server.done("PUT", "/v1/billing-entities/main", examples.BILLING_ENTITY)
        # What requests make of the one that they name must not keep the others from billing.
        server.done("PUT", f"/v1/billing-entities/{OURS}", examples.BILLING_ENTITY | {"numberPrefix": "OURS"})
        yield server


@pytest.fixture(scope="module")
def operations(server: KontorServer) -> list[APIOperation]:
    """Everything that writes."""
    shown = OutputConfig(
        sanitization=SanitizationConfig(enabled=False)
    )  # to repeat a request, all of it is needed
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json", config=Config(output=shown))
    found = [result.ok() for result in schema.get_all_operations()]
    return [operation for operation in found if operation.method.lower() in WRITING]


def something_to_change(server: KontorServer) -> Row:
    """A customer with a plan, a contract, an order and a payment account of its own: their ids and idents by field."""
    number = next(_numbers)
    names = {"debtorIdent": f"D-{number}", "planIdent": f"P-{number}", "contractIdent": f"C-{number}"}
    customer = server.done(
        "POST", "/v1/customers", examples.beispiel_gmbh(debtorIdent=f"D-{number}", billingEntity=OURS)
    )
    path = f"/v1/customers/{customer['customerId']}"
    known = names | customer
    known |= server.done("POST", f"{path}/addresses", examples.shipping_address())
    known |= server.done("POST", f"{path}/payment-accounts", examples.direct_debit())
    known |= server.done("POST", "/v1/plans", examples.plan(planIdent=f"P-{number}"))
    known |= server.done("POST", "/v1/contracts", examples.plan_contract(**names))
    order = examples.order(orderIdent=f"O-{number}", debtorIdent=f"D-{number}")
    known |= server.done("POST", "/v1/orders", order)
    return known | {"key": "fleet_size", "ident": "main"} | something_billed(server, known)


def something_billed(server: KontorServer, known: Row) -> Row:
    """The ids of the customer's document, of the run that issued it and of a proposal to correct it."""
    debtor = known["debtorIdent"]
    asked = {"debtorIdent": debtor, "processingDate": "2026-01-31"}
    run = server.done("POST", "/v1/billing-runs", asked)["billingRunId"]
    eventually(lambda: server.read(f"/v1/billing-runs/{run}")["status"] == "COMPLETED")
    backdated = {"effectiveDate": "2026-01-20", "changes": [{"optionIdent": "base", "unitPrice": "8.99"}]}
    server.done("POST", f"/v1/contracts/{known['contractId']}/amendments", backdated)
    eventually(lambda: server.read("/v1/correction-proposals", debtorIdent=debtor)["items"])
    document, *_ = server.read("/v1/documents", debtorIdent=debtor)["items"]
    [proposal] = server.read("/v1/correction-proposals", debtorIdent=debtor)["items"]
    return {
        "billingRunId": run,
        "documentId": document["documentId"],
        "proposalId": proposal["proposalId"],
    }


@st.composite
def requests(draw: Callable[..., Any], operation: APIOperation, known: Row, bodies: list[Row]) -> Case:
    """A request as the description allows it or not, mostly about what exists, some of them nearly an example."""
    about_known = draw(st.integers(0, 4)) > 0
    nearly_right = about_known and draw(st.booleans())
    paths = {p.name: known[camel_case(p.name)] for p in operation.path_parameters} if about_known else None
    mode = draw(st.sampled_from(list(GenerationMode)))
    case: Case = draw(operation.as_strategy(mode, path_parameters=paths))
    if nearly_right:
        case.headers.clear()
    if about_known and isinstance(case.body, dict):
        generated = case.body
        if nearly_right and bodies:
            field = draw(st.sampled_from([None, *generated]))
            case.body = draw(st.sampled_from(bodies)) | ({field: generated[field]} if field else {})
        case.body = naming(case.body, known, NAMES_OF_NEW_THINGS.get(operation.label))
    return case


def naming(body: Any, known: Row, new: str | None) -> Any:
    """The body with what it names replaced by what exists, and a name of its own for what it makes."""
    match body:
        case dict():
            found = {k: known.get(k, naming(v, known, None)) if k != new else v for k, v in body.items()}
            return found | ({new: f"new-{next(_numbers)}"} if new in found else {})
        case list():
            return [naming(each, known, None) for each in body]
    return body


def test_no_command_breaks_its_description_or_leaves_anything_of_what_is_refused(
    server, operations, subtests
):
    description = server.read("/openapi.json")
    with closing(connect(server.database.owner_url)) as connection:
        for operation in operations:
            known = something_to_change(server)
            takes = operation.definition.raw.get("requestBody", {}).get("content", {})
            bodies = examples_of(operation.definition.raw, description) if "application/json" in takes else []
            with subtests.test(operation.label):
                send_requests(server, connection, operation, requests(operation, known, bodies))


def send_requests(server: KontorServer, connection: Connection, operation: APIOperation, cases: Any) -> None:
    @settings(
        max_examples=REQUESTS_OF_EACH,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def send(case: Case) -> None:
        before = connection.execute(STORED).fetchone()
        answer = case.call(base_url=server.url, headers=server.bearer(server.admin_token))
        case.validate_response(answer, checks=CHECKS)
        if answer.status_code >= 400:
            is_problem(case, answer)
            assert connection.execute(STORED).fetchone() == before, f"stored of {case.as_curl_command()}"

    send()


def is_problem(case: Case, answer: Response) -> None:
    sent = case.as_curl_command()
    assert answer.status_code < 500, f"{sent}\n{answer.text}"
    assert answer.headers["content-type"] == ["application/problem+json"], sent
    problem = answer.json()
    assert problem["status"] == answer.status_code, sent
    assert problem["type"].startswith("https://kontor.example/problems/"), sent
    assert problem["title"], sent
    assert problem["detail"], sent
