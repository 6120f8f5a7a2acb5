"""The portal's pages: each reads the queries and renders a template; all changes go through the public API."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Protocol
from urllib.parse import parse_qs
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from projections.customer_overview import CustomerItem
from projections.portal.overview import Overview
from projections.portal.shell import LANGUAGE_COOKIE, Shell, own_address
from projections.views import CustomerFilter, Views
from services.errors import NotFound, Unavailable
from services.http import Principal, require

SESSION_COOKIE = "kontor_session"

_ROWS = 50
_ROWS_OF_SECTION = 10
_MAX_FORM_BYTES = 4096

Reader = Annotated[Principal, Depends(require("customers:read"))]
DocumentReader = Annotated[Principal, Depends(require("documents:read"))]
MinPosition = Annotated[int | None, Query(alias="minPosition")]
Cursor = Annotated[str | None, Query()]


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser: `secret` is the cookie's value."""

    secret: str
    expires_at: datetime


async def _posted_token(request: Request) -> str:
    body = await request.body()
    form = parse_qs(body[:_MAX_FORM_BYTES].decode("utf-8", "replace"))
    return form.get("token", [""])[0].strip()


class SignIn(Protocol):
    """Exchanges what a person has (a sign-in link's token or an API key) for a session."""

    def exchange(self, token: str) -> Session | None:
        """A new session, or None for a token that does not (or no longer) let anyone in."""

    def sign_out(self, secret: str) -> None:
        """End the session with this cookie value; one that does not exist is none to worry about."""


def router(views: Views, sign_in: SignIn) -> APIRouter:
    """All pages, the static files, and signing in and out."""
    shell = Shell()
    pages, door = Pages(views, shell), Door(sign_in, shell)
    routes = APIRouter(route_class=shell.route_class(), include_in_schema=False)
    for path, page in (
        ("/", pages.overview),
        ("/customers/{customer_id}", pages.customer),
        ("/billing-runs", pages.billing_runs),
        ("/billing-runs/{billing_run_id}", pages.billing_run),
        ("/documents", pages.documents),
        ("/documents/{document_id}", pages.document),
        ("/status", pages.status),
        ("/sign-in", door.enter),
        ("/static/{digest}/{name}", pages.static),
    ):
        routes.add_api_route(path, page, methods=["GET"], name=page.__name__)
    routes.add_api_route("/sign-in", door.enter_with_form, methods=["POST"])
    routes.add_api_route("/sign-out", door.leave, methods=["POST"])
    routes.add_api_route("/language/{language}", door.speak, methods=["POST"])
    return routes


class Pages:
    """The pages of those who are signed in."""

    def __init__(self, views: Views, shell: Shell) -> None:
        self._views = views
        self._shell = shell

    def overview(self, request: Request, viewer: Reader, min_position: MinPosition = None) -> Response:
        overview = Overview.of(request.query_params)
        late = self._is_late(min_position)
        customers = self._views.customers(overview.filter())
        return self._shell.page(
            request, "overview.html", viewer=viewer, overview=overview, customers=customers, late=late
        )

    def customer(
        self, request: Request, viewer: Reader, customer_id: UUID, min_position: MinPosition = None
    ) -> Response:
        late = self._is_late(min_position)
        customer = self._views.customer(customer_id)
        if customer is None:
            raise NotFound(f"There is no customer {customer_id}.")
        return self._shell.page(
            request,
            "customer.html",
            viewer=viewer,
            customer=customer,
            figures=self._figures_of(customer["debtorIdent"]),
            late=late,
            **self._sections_of(customer_id, viewer, request),
        )

    def _figures_of(self, debtor_ident: str) -> CustomerItem | None:
        """The customer's row of the overview: what is open, how many contracts, the last document."""
        rows = self._views.customers(CustomerFilter(debtor_ident=debtor_ident, limit=1))["items"]
        return rows[0] if rows else None

    def _sections_of(self, customer_id: UUID, viewer: Principal, request: Request) -> dict[str, Any]:
        """The newest of all of a customer's that the viewer may see; each section turns its own pages."""
        query, views = request.query_params, self._views

        def page(section: str) -> dict[str, Any]:
            return {"limit": _ROWS_OF_SECTION, "cursor": query.get(section)}

        may_see_documents = viewer.may("documents:read")
        return {
            "contracts": views.contracts(customer_id=customer_id, **page("contracts")),
            "orders": views.orders(customer_id=customer_id, **page("orders")),
            "documents": may_see_documents and views.documents(customer_id=customer_id, **page("documents")),
            "payments": may_see_documents and views.payments(customer_id=customer_id, **page("payments")),
            "billing_runs": views.billing_runs(customer_id=customer_id, **page("billingRuns")),
            "history": views.history(customer_id, **page("history")),
        }

    def billing_runs(
        self,
        request: Request,
        viewer: Reader,
        cursor: Cursor = None,
        min_position: MinPosition = None,
    ) -> Response:
        late = self._is_late(min_position)
        runs = self._views.billing_runs(limit=_ROWS, cursor=cursor)
        return self._shell.page(request, "billing_runs.html", viewer=viewer, runs=runs, late=late)

    def billing_run(
        self,
        request: Request,
        viewer: Reader,
        billing_run_id: UUID,
        cursor: Cursor = None,
        min_position: MinPosition = None,
    ) -> Response:
        late = self._is_late(min_position)
        run = self._views.billing_run(billing_run_id)
        if run is None:
            raise NotFound(f"There is no billing run {billing_run_id}.")
        outcomes = self._views.outcomes(billing_run_id, limit=_ROWS, cursor=cursor)
        return self._shell.page(
            request, "billing_run.html", viewer=viewer, run=run, outcomes=outcomes, late=late
        )

    def documents(
        self,
        request: Request,
        viewer: DocumentReader,
        number: Annotated[str, Query()] = "",
        cursor: Cursor = None,
    ) -> Response:
        documents = self._views.documents(number=number.strip().upper() or None, limit=_ROWS, cursor=cursor)
        return self._shell.page(request, "documents.html", viewer=viewer, documents=documents, number=number)

    def document(
        self, request: Request, viewer: DocumentReader, document_id: UUID, min_position: MinPosition = None
    ) -> Response:
        late = self._is_late(min_position)
        document = self._views.document(document_id)
        if document is None:
            raise NotFound(f"There is no document {document_id}.")
        return self._shell.page(request, "document.html", viewer=viewer, document=document, late=late)

    def status(self, request: Request, viewer: Reader) -> Response:
        return self._shell.page(request, "status.html", viewer=viewer, **self._views.status())

    def static(self, digest: str, name: str) -> Response:
        return self._shell.assets.answer(digest, name)

    def _is_late(self, min_position: int | None) -> bool:
        """Whether the page cannot show the viewer's own last change yet; it says so rather than fail."""
        try:
            self._views.wait_for(min_position)
        except Unavailable:
            return True
        return False


class Door:
    """Signing in and out, and the choice of language: what works without being signed in."""

    def __init__(self, sign_in: SignIn, shell: Shell) -> None:
        self._sign_in = sign_in
        self._shell = shell

    def enter(self, request: Request, token: str | None = None) -> Response:
        """The sign-in page, or with the token of a sign-in link straight on to the portal."""
        return self._exchange(request, token) if token else self._ask(request)

    def enter_with_form(self, request: Request, token: Annotated[str, Depends(_posted_token)]) -> Response:
        return self._exchange(request, token)

    def leave(self, request: Request) -> Response:
        self._sign_in.sign_out(request.cookies.get(SESSION_COOKIE, ""))
        response = RedirectResponse("/sign-in", 303)
        response.delete_cookie(SESSION_COOKIE)
        return response

    def speak(self, language: str, next: str | None = None) -> Response:  # noqa: A002 - as in the address
        """Remember the viewer's language and show the page they came from in it."""
        response = RedirectResponse(own_address(next), 303)
        if self._shell.knows(language):
            response.set_cookie(LANGUAGE_COOKIE, language, max_age=365 * 86400, httponly=True, samesite="lax")
        return response

    def _exchange(self, request: Request, token: str) -> Response:
        session = self._sign_in.exchange(_token_in(token))
        if session is None:
            return self._ask(request, refused=True)
        response = RedirectResponse(own_address(request.query_params.get("next")), 303)
        response.set_cookie(
            SESSION_COOKIE,
            session.secret,
            expires=session.expires_at,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return response

    def _ask(self, request: Request, *, refused: bool = False) -> Response:
        status = 401 if refused else 200
        return self._shell.page(request, "sign_in.html", viewer=None, status=status, refused=refused)


def _token_in(text: str) -> str:
    """The token, also when somebody pasted the whole sign-in link."""
    return text.rpartition("token=")[2].partition("&")[0]
