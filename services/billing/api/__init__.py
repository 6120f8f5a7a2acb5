"""Billing over HTTP: its commands, and what is answered from its own log."""

from fastapi import APIRouter

from services.billing.api import (
    billing_entities,
    billing_runs,
    corrections,
    deliveries,
    documents,
    explanations,
    logos,
    payments,
)
from services.billing.application import BillingApplication


def router(application: BillingApplication) -> APIRouter:
    """Routes under /v1 that change what billing decides, and answer from its own log."""
    api = APIRouter(prefix="/v1", tags=["billing"])
    for part in (
        billing_runs,
        documents,
        deliveries,
        explanations,
        corrections,
        payments,
        billing_entities,
        logos,
    ):
        api.include_router(part.router(application))
    return api
