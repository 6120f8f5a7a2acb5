"""Billing runs before and while they are at work: what one would issue, and cancelling one."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from services.as_json import full
from services.billing.application import BillingApplication
from services.billing.application.previews import Preview, Wanted
from services.billing.document import Draft
from services.billing.issuing import Billed, kind_of
from services.events import Asked
from services.fields import Body, Day, OptionalText, Showable
from services.http import Principal, asking, problems, require
from services.masking import masked

Billing = Annotated[Asked, Depends(asking("billing:run"))]


class PreviewBillingRun(Body):
    """`POST /v1/billing-runs/preview`: whom and how far, as for a run; nothing is stored."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"debtorIdent": "D-4711", "processingDate": "2026-02-28"}]}
    )

    customer_id: UUID | None = None
    debtor_ident: Showable | None = None
    processing_date: Day | None = None
    accept_unusual: bool = False


class CancelBillingRun(Body):
    """`POST /v1/billing-runs/{id}/cancellation`"""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "wrong processing date"}]})

    reason: OptionalText = None


WITHOUT_REASON = CancelBillingRun()


def router(application: BillingApplication) -> APIRouter:
    api = APIRouter()

    @api.post("/billing-runs/preview", responses=problems(404, 409, 422))
    def preview_billing_run(
        body: PreviewBillingRun, _: Annotated[Principal, Depends(require("billing:run"))]
    ) -> dict[str, Any]:
        """The documents that a run would issue now, without numbers, and the position in the log that they are as of.

        A run with `onlyIfUnchangedSince` of that position issues exactly these, or nothing.
        """
        return _plain(application.preview(Wanted(**body.model_dump())))

    @api.post("/billing-runs/{billing_run_id}/cancellation", responses=problems(404, 409, 422))
    def cancel_billing_run(
        billing_run_id: UUID, asked: Billing, body: CancelBillingRun = WITHOUT_REASON
    ) -> dict[str, Any]:
        """Stop a run before its next customers. What it has issued stays; who has no outcome yet gets none."""
        return application.cancel_run(billing_run_id, body.reason, asked)

    return api


def _plain(preview: Preview) -> dict[str, Any]:
    return {
        "position": preview.position,
        "documents": [_document(draft) for billed in preview.customers for _, draft in billed.drafts],
        "outcomes": [_outcome(billed) for billed in preview.customers],
    }


def _document(draft: Draft) -> dict[str, Any]:
    fields = {to_camel(name): full(getattr(draft, name)) for name in Draft.__dataclass_fields__}
    means = fields["paymentMeans"]
    return fields | {
        "status": "PREVIEW",
        "buyerName": draft.buyer.name,
        "totals": fields["totals"] | {"due": full(draft.totals.due)},
        "paymentMeans": means and {name: masked(name, value) for name, value in means.items()},
    }


def _outcome(billed: Billed) -> dict[str, Any]:
    return {
        "customerId": str(billed.account.customer.customer_id),
        "debtorIdent": billed.account.customer.debtor_ident,
        "outcome": kind_of(billed).value,
        "reason": billed.reason,
    }
