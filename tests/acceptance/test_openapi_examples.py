"""Every example in the API's description can be sent as it is, and is answered as described."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.postgres.embedded import Server
from infra.runtime import Runtime
from infra.settings import Settings
from infra.web import create_app
from projections.runner import Runner
from tests import examples
from tests.acceptance.server import KontorServer
from tests.database import fresh_database
from tests.served import served

Row = dict[str, Any]

KONTORS_AT_ONCE = 4
PATIENCE_SECONDS = 10
WRITING = ("post", "put", "patch", "delete")
TOKEN = "secret-of-the-examples"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}

preparing_routes = threading.Lock()
"""FastAPI works on the routes' parameters in place, when an app is made and once more when it is first asked for
something; two threads must not do that at once."""


@pytest.fixture(scope="module")
def description(kontor_server: KontorServer) -> Row:
    """The description of the API as a running server gives it."""
    return kontor_server.read("/openapi.json")


def bodies(description: Row) -> Iterator[tuple[str, str, Row, list[Any]]]:
    """Method, path, operation and examples of everything that takes a body, but for pictures."""
    for path, item in description["paths"].items():
        for method in WRITING:
            if "application/json" in item.get(method, {}).get("requestBody", {}).get("content", ()):
                yield method.upper(), path, item[method], examples_of(item[method], description)


def examples_of(operation: Row, description: Row) -> list[Any]:
    """Where OpenAPI 3.1 has them: at the body, or in its JSON schema."""
    media = operation["requestBody"]["content"]["application/json"]
    schema = media["schema"]
    while "$ref" in schema:
        schema = description["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    named = [example["value"] for example in media.get("examples", {}).values()]
    return named or schema.get("examples", [])


@contextmanager
def kontor_of_the_examples(postgres: Server, directory: Path) -> Iterator[tuple[httpx.Client, Row]]:
    """A Kontor in which there is what the examples are about, and the ids of it by the names that paths have for them."""
    with fresh_database(postgres) as database:
        settings = Settings(database_url=database.owner_url, data_dir=directory)
        with Runtime.open(settings) as runtime:
            runtime.access.ensure_admin_key(TOKEN)
            with preparing_routes:
                app = create_app(runtime.customer, runtime.billing, runtime.views, runtime.access)
            projecting = Runner(runtime.projections_pool, runtime.feeds, runtime.vault)
            projecting.start()
            try:
                with served(app) as url, httpx.Client(base_url=url, headers=HEADERS) as client:
                    with preparing_routes:
                        assert client.get("/v1/no-such-route").status_code == 404
                    yield client, peopled(client) | billed(runtime, client)
            finally:
                projecting.stop()


def peopled(client: httpx.Client) -> Row:
    def done(method: str, path: str, body: Row) -> Row:
        answer = client.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    done("PUT", "/v1/billing-entities/main", examples.BILLING_ENTITY)
    customer = done("POST", "/v1/customers", examples.beispiel_gmbh())
    path = f"/v1/customers/{customer['customerId']}"
    known = customer | done("POST", f"{path}/addresses", examples.shipping_address())
    known |= done("POST", f"{path}/payment-accounts", examples.direct_debit())
    known |= done("POST", "/v1/plans", examples.plan())
    known |= done("POST", "/v1/contracts", examples.plan_contract())
    known |= done("POST", "/v1/orders", examples.order(orderIdent="O-0"))
    return known | {"key": "fleet_size", "ident": "north"}


def billed(runtime: Runtime, client: httpx.Client) -> Row:
    """A document of a customer who is in no other example, a correction of it, a run that failed for it, and one that
    nobody took up yet."""

    def done(path: str, body: Row) -> Row:
        answer = client.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def run(processing_date: str) -> str:
        asked = done("/v1/billing-runs", {"processingDate": processing_date, **debtor})
        while runtime.billing.follow(runtime.customer_feed) or runtime.billing.bill_some():
            pass
        runtime.views.take_in(PATIENCE_SECONDS)
        return asked["billingRunId"]

    debtor = {"debtorIdent": "D-billed"}
    done("/v1/customers", examples.erika(**debtor))
    contract = done("/v1/contracts", examples.contract(contractIdent="C-billed", **debtor))
    billing_run = run("2026-01-31")
    far_dearer = {
        "effectiveDate": "2026-02-01",
        "changes": [{"itemIdent": "base", "unitPrice": "9990.00"}],
    }
    done(f"/v1/contracts/{contract['contractId']}/amendments", far_dearer)
    failed_run = run("2026-02-28")
    backdated = {"effectiveDate": "2026-01-20", "changes": [{"itemIdent": "base", "unitPrice": "8.99"}]}
    done(f"/v1/contracts/{contract['contractId']}/amendments", backdated)
    while runtime.billing.follow(runtime.customer_feed) or runtime.billing.look_for_corrections():
        pass
    runtime.views.take_in(PATIENCE_SECONDS)
    waiting_run = done("/v1/billing-runs", {"processingDate": "2026-03-31", **debtor})["billingRunId"]
    [document] = client.get("/v1/documents", params=debtor).json()["items"]
    [proposal] = client.get("/v1/correction-proposals", params=debtor).json()["items"]
    return {
        "documentId": document["documentId"],
        "proposalId": proposal["proposalId"],
        "billingRunId": billing_run,
        "retry": failed_run,
        "cancellation": waiting_run,
    }


def filled(path: str, known: Row) -> str:
    """The path with the ids of what is there: `{contract_id}` is that of the contract."""
    if path.startswith("/v1/billing-runs/") and (run := known.get(path.rpartition("/")[2])):
        return path.replace("{billing_run_id}", run)
    steps = [known[camel_case(s[1:-1])] if s.startswith("{") else s for s in path.split("/")]
    return "/".join(steps)


def camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def test_every_body_has_an_example(description):
    assert [f"{method} {path}" for method, path, _, found in bodies(description) if not found] == []


def test_every_example_is_accepted_by_a_fresh_kontor(description, postgres, tmp_path):
    def refused(number: int, method: str, path: str, operation: Row, example: Any) -> str | None:
        with kontor_of_the_examples(postgres, tmp_path / str(number)) as (client, known):
            if path.endswith("/resume"):
                paused = client.post(
                    filled(path.replace("/resume", "/pause"), known), json={"from": "2026-04-01"}
                )
                assert paused.is_success, paused.text
            answer = client.request(method, filled(path, known), json=example)
        accepted = answer.is_success and str(answer.status_code) in operation["responses"]
        return None if accepted else f"{method} {path} {example}: {answer.status_code} {answer.text}"

    sent = [
        (method, path, operation, example)
        for method, path, operation, found in bodies(description)
        for example in found
    ]
    with ThreadPoolExecutor(KONTORS_AT_ONCE) as threads:
        answers = threads.map(lambda numbered: refused(numbered[0], *numbered[1]), enumerate(sent))
        assert [each for each in answers if each] == []
