"""Requests for billing runs."""

from uuid import UUID

from pydantic import ConfigDict

from services.fields import Body, Day, Showable


class RequestBillingRun(Body):
    """`POST /v1/billing-runs`: without a customer the run is for all, without a date it bills up to now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"debtorIdent": "D-4711", "processingDate": "2026-02-28"},
                {"processingDate": "2026-02-28"},
            ]
        }
    )

    customer_id: UUID | None = None
    debtor_ident: Showable | None = None
    processing_date: Day | None = None
