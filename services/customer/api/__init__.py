"""The customer service's commands over HTTP."""

from fastapi import APIRouter

from services.customer.api import (
    addresses,
    billing_runs,
    contracts,
    customers,
    orders,
    payment_accounts,
    plans,
    usage,
)
from services.customer.application import CustomerApplication


def router(application: CustomerApplication) -> APIRouter:
    """Routes under /v1 that change customers, plans, contracts and orders, record usage and request billing runs."""
    api = APIRouter(prefix="/v1")
    for part in (customers, addresses, payment_accounts, plans, contracts, usage, orders, billing_runs):
        api.include_router(part.router(application))
    return api
