"""The queries over HTTP."""

from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import TypeAdapter

from infra import problems
from infra.postgres.pool import Pool
from projections import api
from projections.views import Views
from services.http import NotSignedIn, Principal
from services.values import ContractorReference
from tests.projections.logs import Logs, january
from tests.projections.reading import follow
from tests.served import served

UNKNOWN = UUID(int=99)
PATHS = (
    "/v1/customers",
    f"/v1/customers/{UNKNOWN}",
    f"/v1/customers/{UNKNOWN}/history",
    "/v1/plans",
    f"/v1/plans/{UNKNOWN}",
    "/v1/contracts",
    f"/v1/contracts/{UNKNOWN}",
    f"/v1/contracts/{UNKNOWN}/coverage",
    "/v1/orders",
    f"/v1/orders/{UNKNOWN}",
    "/v1/documents",
    f"/v1/documents/{UNKNOWN}",
    "/v1/payments",
    f"/v1/payments/{UNKNOWN}",
    "/v1/correction-proposals",
    f"/v1/correction-proposals/{UNKNOWN}",
    "/v1/billing-runs",
    f"/v1/billing-runs/{UNKNOWN}",
    f"/v1/billing-runs/{UNKNOWN}/outcomes",
)
LISTS = [path for path in PATHS if str(UNKNOWN) not in path]
SINGLE = [path for path in PATHS if str(UNKNOWN) in path]


class BearerScopes:
    """Lets everybody in with the scopes that they name as their token."""

    def principal(self, request: Request) -> Principal:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not token:
            raise NotSignedIn
        return Principal("tester", frozenset(token.split(",")))


@pytest.fixture
def app(views: Views) -> FastAPI:
    app = FastAPI()
    app.state.access = BearerScopes()
    problems.install(app)
    app.include_router(api.router(views))
    return app


@pytest.fixture
def client(app: FastAPI) -> Iterator[httpx.Client]:
    headers = {"Authorization": "Bearer customers:read,documents:read"}
    with served(app) as url, httpx.Client(base_url=url, headers=headers) as client:
        yield client


def test_every_query_needs_a_scope_and_is_refused_before_it_waits(app: FastAPI, client: httpx.Client) -> None:
    for path in PATHS:
        asked = f"{path}?minPosition=1000"
        assert client.get(asked, headers={"Authorization": ""}).status_code == 401
        assert client.get(asked, headers={"Authorization": "Bearer billing:run"}).status_code == 403
    paths = {path.replace(str(UNKNOWN), "{}") for path in PATHS}
    routes = {_generic(route.path) for route in api.router(Views.__new__(Views)).routes}
    assert routes == paths


def _generic(path: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))


@pytest.mark.parametrize("path", LISTS)
def test_a_list_of_nothing_is_an_empty_page(client: httpx.Client, path: str) -> None:
    assert client.get(path).json() == {"items": [], "total": 0, "cursor": None}


@pytest.mark.parametrize("path", SINGLE)
def test_what_is_not_there_is_a_problem_that_says_so(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert str(UNKNOWN) in answer.json()["detail"]


def test_what_the_views_have_not_come_to_yet_is_not_called_missing(client: httpx.Client, logs: Logs) -> None:
    customer_id = logs.customer_created("D-1")
    answer = client.get(f"/v1/customers/{customer_id}")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "ask again" in answer.json()["detail"]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=501", "limit=x", "cursor=x", "sort=search", "customerType=X", "createdFrom=yesterday",
     "minPosition=-1", "q=" + "x" * 201, "hasOpenAmount=maybe", "format=xml", "q=%00abc",
     "billingStop=maybe", "property=%00", "property=a:%00", "contractorReference=%00"],
)  # fmt: skip
def test_what_no_query_can_mean_is_refused_by_name(client: httpx.Client, query: str) -> None:
    answer = client.get(f"/v1/customers?{query}")
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]


@pytest.mark.parametrize("path", [*LISTS, f"/v1/customers/{UNKNOWN}"])
def test_a_read_waits_for_the_position_it_must_see(
    client: httpx.Client, pool: Pool, logs: Logs, path: str
) -> None:
    logs.customer_created(customer_id=UNKNOWN)
    follow(pool, logs)
    assert client.get(f"{path}?minPosition=1").status_code == 200


def test_a_position_that_is_not_reached_is_unavailable(client: httpx.Client) -> None:
    answer = client.get("/v1/customers?minPosition=1")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


def test_customers_are_filtered_sorted_and_paged(client: httpx.Client, pool: Pool, logs: Logs) -> None:
    for n in range(5):
        logs.customer_created(f"D-{n}", address={"country": "AT" if n == 3 else "DE"})
    follow(pool, logs)
    query = "q=beisp&customerType=B2B&country=DE&sort=debtorIdent&limit=3&createdFrom=2026-01-01"
    first = client.get(f"/v1/customers?{query}").json()
    second = client.get(f"/v1/customers?{query}&cursor={first['cursor']}").json()
    idents = [item["debtorIdent"] for item in first["items"] + second["items"]]
    assert idents == ["D-0", "D-1", "D-2", "D-4"]
    assert (first["total"], second["cursor"]) == (4, None)
    assert client.get("/v1/customers?debtorIdent=D-3").json()["items"][0]["country"] == "AT"


@pytest.mark.parametrize(
    ("query", "headers"), [("format=csv", {}), ("", {"Accept": "text/csv"}), ("format=csv", {"Accept": "application/json"})]
)  # fmt: skip
def test_the_overview_comes_as_csv_when_asked_for(
    client: httpx.Client, pool: Pool, logs: Logs, query: str, headers: dict[str, str]
) -> None:
    logs.customer_created("D-1", address={"company": "=HYPERLINK(1)"})
    follow(pool, logs)
    answer = client.get(f"/v1/customers?{query}", headers=headers)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text.splitlines()[1].split(",")[1:3] == ["D-1", "'=HYPERLINK(1)"]


def test_customers_are_found_by_reference_property_and_billing_stop(
    client: httpx.Client, pool: Pool, logs: Logs
) -> None:
    reference = ContractorReference(system="crm", ident="0017")
    logs.customer_created("D-1", contractor_references=(reference,))
    logs.customer_created("D-2", properties={"segment": "mobility"})
    logs.billing_stopped(logs.customer_created("D-3"))
    follow(pool, logs)
    for query, found in (
        ("contractorReference=crm:0017", "D-1"),
        ("property=segment:mobility", "D-2"),
        ("billingStop=true", "D-3"),
    ):
        items = client.get(f"/v1/customers?{query}").json()["items"]
        assert [item["debtorIdent"] for item in items] == [found], query


def test_a_contract_is_answered_as_of_a_day_and_a_plan_in_a_version(
    client: httpx.Client, pool: Pool, logs: Logs
) -> None:
    contract_id = logs.contract_signed(logs.customer_created("D-1"))
    plan_id = logs.plan_created("fleet-basic")
    logs.plan_revised(plan_id, "fleet-basic", name="Fleet Basic 2")
    follow(pool, logs)
    assert client.get(f"/v1/contracts/{contract_id}?on=2026-01-14").json()["status"] == "PENDING"
    assert client.get(f"/v1/contracts/{contract_id}?on=soon").status_code == 422
    newest = client.get("/v1/plans/fleet-basic")
    assert (newest.json()["name"], newest.headers["etag"]) == ("Fleet Basic 2", '"2"')
    assert client.get("/v1/plans/fleet-basic?planVersion=1").json()["name"] == "Fleet Basic"
    assert client.get("/v1/plans/fleet-basic?planVersion=3").status_code == 404
    assert client.get("/v1/plans/fleet-basic?planVersion=0").status_code == 422


def test_what_belongs_to_a_customer_is_listed_by_its_ident(
    client: httpx.Client, pool: Pool, logs: Logs
) -> None:
    for ident in ("1", "2"):
        customer_id = logs.customer_created(f"D-{ident}")
        contract_id = logs.contract_signed(customer_id, f"C-{ident}")
        logs.order_recorded(customer_id, f"O-{ident}")
        run = logs.run_requested(customer_id)
        logs.document_issued(customer_id, run, ("CONTRACT", contract_id, january()))
    follow(pool, logs)
    for path in ("contracts", "orders", "documents", "billing-runs"):
        page = client.get(f"/v1/{path}?debtorIdent=D-2").json()
        assert [item["debtorIdent"] for item in page["items"]] == ["D-2"], path
        assert client.get(f"/v1/{path}?debtorIdent=nobody").json()["total"] == 0
        assert client.get(f"/v1/{path}?debtorIdent=D-2&customerId={UNKNOWN}").json()["total"] == 0
    assert client.get("/v1/contracts?contractIdent=C-1").json()["total"] == 1
    assert client.get("/v1/orders?orderIdent=O-1").json()["total"] == 1
    assert client.get("/v1/documents?number=RE-2026-000001").json()["items"][0]["debtorIdent"] == "D-2"


def test_single_things_are_answered_whole(client: httpx.Client, pool: Pool, logs: Logs) -> None:
    customer_id = logs.customer_created("D-1")
    logs.customer_edited(customer_id, language="en")
    contract_id, order_id = logs.contract_signed(customer_id), logs.order_recorded(customer_id)
    run = logs.run_requested(customer_id)
    document_id = logs.document_issued(customer_id, run, ("CONTRACT", contract_id, january()))
    logs.customer_billed(run, customer_id, document_id)
    follow(pool, logs)
    answer = client.get(f"/v1/customers/{customer_id}")
    assert (answer.json()["language"], answer.headers["etag"]) == ("en", '"2"')
    assert client.get(f"/v1/contracts/{contract_id}").json()["billedThrough"] == "2026-01-31"
    assert client.get(f"/v1/orders/{order_id}").json()["status"] == "OPEN"
    assert client.get(f"/v1/documents/{document_id}").json()["lines"][0]["period"]["from"] == "2026-01-15"
    assert client.get(f"/v1/billing-runs/{run}").json()["customers"]["done"] == 1
    assert client.get(f"/v1/billing-runs/{run}/outcomes").json()["items"][0]["documents"] == [
        str(document_id)
    ]
    assert client.get(f"/v1/customers/{customer_id}/history?limit=2").json()["total"] == 7


def test_answers_are_as_the_description_says(
    client: httpx.Client, app: FastAPI, pool: Pool, logs: Logs, views: Views
) -> None:
    """The declared models only document: so they are held against real answers here."""
    customer_id = logs.customer_created("D-1")
    logs.plan_created("fleet-basic")
    contract_id, order_id = logs.contract_signed(customer_id), logs.order_recorded(customer_id)
    logs.usage_recorded(contract_id, customer_id, ("2026-02-03T08:00:00Z", "250.5"))
    run = logs.run_requested(customer_id)
    document_id = logs.document_issued(customer_id, run, ("ORDER", order_id, None))
    logs.customer_billed(run, customer_id, document_id)
    payment_id = logs.payment_recorded(customer_id, document_id, "5.00")
    proposal_id = logs.correction_proposed(customer_id)
    follow(pool, logs)
    ids = {
        "payment_id": payment_id,
        "proposal_id": proposal_id,
        "plan_ident": "fleet-basic",
        "customer_id": customer_id,
        "contract_id": contract_id,
        "order_id": order_id,
        "document_id": document_id,
        "billing_run_id": run,
    }
    for route in api.router(views).routes:
        found = client.get(route.path.format(**ids))
        assert found.status_code == 200, route.path
        described = TypeAdapter(route.response_model)
        assert described.dump_python(described.validate_python(found.json())) == found.json(), route.path
        assert found.json() != {"items": [], "total": 0, "cursor": None}
    description = client.get("/openapi.json").json()
    assert "CustomerItem" in description["components"]["schemas"]
    assert "text/csv" in description["paths"]["/v1/customers"]["get"]["responses"]["200"]["content"]
