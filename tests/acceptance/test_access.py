"""Who may call what: every route names its scope, and a portal's cookie counts for our own pages alone."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts

from infra.runtime import Runtime
from infra.settings import Settings
from infra.web import create_app
from services.http import SCOPES, require
from tests import examples
from tests.acceptance.server import KontorServer

# Pages for those who are not signed in yet, and what they are made of.
OPEN_PATHS = {
    "/sign-in",
    "/sign-out",
    "/language/{language}",
    "/static/{digest}/{name}",
    "/health/live",
    "/health/ready",
}
ID = str(UUID(int=7))


@pytest.fixture(scope="module")
def web(kontor_server: KontorServer) -> Iterator[FastAPI]:
    """The web application, put together here on the same data."""
    with ExitStack() as exits:
        runtime = exits.enter_context(Runtime.open(Settings(data_dir=kontor_server.data_dir)))
        yield create_app(runtime.customer, runtime.billing, runtime.views, runtime.access)


def routes(web: FastAPI) -> list[RouteContext]:
    """All routes but those of the API's description, which names nothing that is not public."""
    found = [route for route in iter_route_contexts(web.routes) if hasattr(route, "dependant")]
    assert len(found) > 20
    return found


def scopes(dependant: Dependant) -> set[str]:
    """The scopes that a route asks for, by whichever of its dependencies."""
    own = {dependant.call.scope} if isinstance(dependant.call, require) else set()
    return own.union(*(scopes(each) for each in dependant.dependencies))


def keys(server: KontorServer) -> dict[str, dict[str, str]]:
    """Headers with an API key for each scope alone."""
    for scope in SCOPES:
        server.sql(
            "INSERT INTO kontor.api_keys (key_hash, name, scopes) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            hashlib.sha256(f"key-for-{scope}".encode()).digest(),
            scope,
            [scope],
        )
    return {scope: server.bearer(f"key-for-{scope}") for scope in SCOPES}


def test_every_route_names_one_scope(web):
    for route in routes(web):
        assert len(scopes(route.dependant)) == (route.path not in OPEN_PATHS), route.path


def test_every_route_of_the_api_is_closed_without_a_token(web, kontor_server):
    with httpx.Client(base_url=kontor_server.url) as stranger:
        for method, path, _ in calls(web):
            answer = stranger.request(method, path, json={})
            assert answer.status_code == 401, (method, path)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert answer.headers["Content-Type"] == "application/problem+json"
            wrong = stranger.request(method, path, json={}, headers=kontor_server.bearer("wrong"))
            assert wrong.status_code == 401, (method, path)


def test_every_route_of_the_api_opens_to_its_scope_alone(web, kontor_server):
    before, by_scope = kontor_server.heads(), keys(kontor_server)
    with httpx.Client(base_url=kontor_server.url) as caller:
        for method, path, needed in calls(web):
            for scope, header in by_scope.items():
                status = caller.request(method, path, json={}, headers=header).status_code
                allowed = scope in (needed, "admin")
                assert (status != 403) == allowed, (method, path, scope, status)
                assert status not in (401, 500)
    # A run for all customers needs no more than an empty body.
    assert kontor_server.heads()[0] - before[0] <= 2


def calls(web: FastAPI) -> list[tuple[str, str, str]]:
    """Method, path and scope of every route of the API, with an id that nobody has."""
    found = []
    for route in routes(web):
        if route.path.startswith("/v1/"):
            [scope] = scopes(route.dependant)
            path = "/".join(ID if part.startswith("{") else part for part in route.path.split("/"))
            found += [(method, path, scope) for method in sorted(route.methods)]
    assert {scope for _, _, scope in found} >= {
        "customers:read",
        "customers:write",
        "billing:run",
        "documents:read",
    }
    return found


# -- the portal's cookie ------------------------------------------------------------------------


@pytest.fixture
def browser(kontor_server: KontorServer) -> Iterator[httpx.Client]:
    """Somebody who followed the sign-in link."""
    with httpx.Client(base_url=kontor_server.url, follow_redirects=True) as browser:
        assert browser.get(kontor_server.sign_in_link).status_code == 200
        yield browser


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "{url}"},
    ],
    ids=str,
)
def test_a_foreign_page_cannot_use_the_session_of_its_visitor(kontor_server, browser, headers):
    before = kontor_server.heads()
    sent = {name: value.format(url=kontor_server.url) for name, value in headers.items()}
    answer = browser.post("/v1/customers", json=examples.erika(debtorIdent="evil"), headers=sent)
    assert answer.status_code == 401
    assert kontor_server.heads() == before


@pytest.mark.parametrize("header", ["Origin", "Sec-Fetch-Site"])
def test_our_own_page_can_use_it(kontor_server, browser, header):
    value = {"Origin": kontor_server.url, "Sec-Fetch-Site": "same-origin"}[header]
    body = examples.erika(debtorIdent=f"portal-{header}")
    assert browser.post("/v1/customers", json=body, headers={header: value}).status_code == 201


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(kontor_server):
    answer = httpx.get(kontor_server.sign_in_link)
    cookie = answer.headers["Set-Cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=" in cookie
