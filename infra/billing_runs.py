"""Billing runs from the command line: request one, and follow it to its end."""

import getpass
import logging
import time
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from infra.runtime import Runtime
from infra.terminal import Report
from projections.billing_runs import BillingRunItem
from services.customer.commands.billing_runs import RequestBillingRun
from services.events import Asked, Context
from services.ids import new_id

POLL_SECONDS = 0.25
# A run that nobody takes up for so long needs a hint.
PATIENCE_SECONDS = 10.0

_log = logging.getLogger(__name__)


def request(runtime: Runtime, debtor_ident: str | None, processing_date: date | None) -> dict[str, Any]:
    """Request a run for one customer or for all; answers billingRunId and position, as the API does."""
    command_id = new_id()
    context = Context(command_id, f"cli:{getpass.getuser()}", datetime.now(UTC), command_id)
    body = RequestBillingRun(debtor_ident=debtor_ident, processing_date=processing_date)
    return runtime.customer.request_billing_run(body, Asked(context))


def complete(runtime: Runtime, billing_run_id: str, report: Report) -> BillingRunItem:
    """Wait until the run is over; the run as `GET /v1/billing-runs/{id}` shows it."""
    hint_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        run = runtime.views.billing_run(UUID(billing_run_id))
        if run and run["finishedAt"]:
            return run
        if run and run["status"] == "RUNNING":
            customers = run["customers"]
            report("customers", customers["done"], customers["total"] or 0)
        elif time.monotonic() > hint_at:
            _log.warning("nobody takes up the run yet; is `kontor serve` or `kontor billing` running?")
            hint_at = float("inf")
        time.sleep(POLL_SECONDS)
