"""Requests for billing runs."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from services.fields import Body, Day, Showable

Position = Annotated[int, Field(ge=0)]


class RequestBillingRun(Body):
    """`POST /v1/billing-runs`: without a customer the run is for all, without a date it bills up to now.

    With `onlyIfUnchangedSince`, the position that a preview answered, nothing is billed where anything about the
    customers was recorded after it. With `acceptUnusual` amounts far beyond the usual ones are billed too.
    """

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
    only_if_unchanged_since: Position | None = None
    accept_unusual: bool = False


class RetryBillingRun(Body):
    """`POST /v1/billing-runs/{id}/retry`: bill the customers again for which that run failed, and nobody else."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"acceptUnusual": True}]})

    accept_unusual: bool = False
