"""The web application: puts the services' commands, the queries and the portal together."""

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import JSONResponse

from infra import problems
from infra.security import DatabaseAccess
from projections import api as queries
from projections.portal import pages
from projections.views import Views
from services.billing import api as billing
from services.billing.application import BillingApplication
from services.customer import api as customer
from services.customer.application import CustomerApplication

DESCRIPTION = """Customers, contracts and orders in; invoice documents out. Every accepted command is an event.

Send `Idempotency-Key` with every POST: the same key and body are carried out once and answered the same.
Reads take `minPosition` to see at least what a command answered with. Errors are problem documents (RFC 9457)."""


def create_app(
    customers: CustomerApplication, bills: BillingApplication, views: Views, access: DatabaseAccess
) -> FastAPI:
    """The API under /v1, its documentation at /docs, and the portal everywhere else."""
    app = FastAPI(title="Kontor", version="1", description=DESCRIPTION, redoc_url=None)
    app.state.access = access
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
