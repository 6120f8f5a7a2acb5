"""All projections there are."""

from projections import (
    billing_runs,
    contracts,
    corrections,
    customer_detail,
    customer_overview,
    deliveries,
    documents,
    history,
    orders,
    payments,
    plans,
)
from projections.projection import Projection
from services.errors import NotFound

ALL: tuple[Projection, ...] = (
    customer_overview.PROJECTION,
    customer_detail.PROJECTION,
    plans.PROJECTION,
    contracts.PROJECTION,
    orders.PROJECTION,
    documents.PROJECTION,
    deliveries.PROJECTION,
    payments.PROJECTION,
    corrections.PROJECTION,
    billing_runs.PROJECTION,
    history.PROJECTION,
)


def named(name: str) -> Projection:
    """The projection of this name; raises NotFound, which names those there are."""
    for projection in ALL:
        if projection.name == name:
            return projection
    raise NotFound(f"There is no projection {name!r}; there are {', '.join(p.name for p in ALL)}.")
