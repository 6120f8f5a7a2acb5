"""The web application: puts the services' commands, the queries and the portal together."""

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra import problems
from infra.openapi import Api
from infra.security import DatabaseAccess
from projections import api as queries
from projections.portal import pages
from projections.views import Views
from services.billing import api as billing
from services.billing.application import BillingApplication
from services.customer import api as customer
from services.customer.application import CustomerApplication

BODY_MAX_BYTES = 16 * 1024 * 1024
"""An order of 10,000 lines has about 3 MB."""

DESCRIPTION = """Customers, contracts and orders in; invoice documents out. Every accepted command is an event.

Send `Idempotency-Key` with every POST: the same key and body are carried out once and answered the same.
Reads take `minPosition` to see at least what a command answered with. Errors are problem documents (RFC 9457)."""


class BodyLimit:
    """Refuses a body beyond BODY_MAX_BYTES while it arrives, so that nobody can fill the memory."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > BODY_MAX_BYTES:
                raise HTTPException(413, f"The body is larger than {BODY_MAX_BYTES} bytes; send it in parts.")
            return message

        await self._app(scope, counted, send)


def create_app(
    customers: CustomerApplication, bills: BillingApplication, views: Views, access: DatabaseAccess
) -> FastAPI:
    """The API under /v1, its documentation at /docs, and the portal everywhere else."""
    app = Api(title="Kontor", version="1", description=DESCRIPTION, redoc_url=None)
    app.state.access = access
    app.add_middleware(BodyLimit)
    problems.install(app)
    app.include_router(customer.router(customers))
    app.include_router(billing.router(bills))
    app.include_router(queries.router(views))
    app.include_router(_health(views))
    app.include_router(pages.router(views, access))
    return app


def _health(views: Views) -> APIRouter:
    api = APIRouter(prefix="/health", include_in_schema=False)

    @api.get("/live")
    def live() -> Response:
        """The process answers."""
        return JSONResponse({"status": "live"})

    @api.get("/ready")
    def ready() -> Response:
        """The process reaches the database, and the projections can be read."""
        views.status()
        return JSONResponse({"status": "ready"})

    return api
