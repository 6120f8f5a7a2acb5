"""The use case of previews: what a run would issue, by the same pure functions, and nothing is stored."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.billing import billables, billing_entities, feed_positions, parties, run_queue
from services.billing.application.following import Following
from services.billing.due import cutoff_of
from services.billing.issuing import Billed, Scope, bill_all
from services.billing.transaction import Cursor
from services.errors import NotFound, Refused
from services.processing import check_not_far_ahead

CUSTOMERS_MAX = 1000


class CustomerNotFound(NotFound):
    """There is no such customer."""


class TooManyCustomers(Refused):
    """A preview for all customers is possible as long as few of them have something due."""


class RunAtWork(Refused):
    """What a run is about to bill cannot be previewed."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would do: documents but for their numbers, or why a customer gets none."""

    position: int
    """In the customer log: everything up to it is known, and nothing after it."""
    customers: list[Billed]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom and how far a preview is about, as for a run; without a customer all that have something due."""

    customer_id: UUID | None = None
    debtor_ident: str | None = None
    processing_date: date | None = None
    accept_unusual: bool = False


class Previews(Following):
    """Looking at what a run would do."""

    def preview(self, wanted: Wanted) -> Preview:
        """What a run requested now would issue, seen at one moment after everything that is stored by now.

        Raises CustomerNotFound, TooManyCustomers, RunAtWork, InvalidFields; Unavailable where billing is behind.
        """
        check_not_far_ahead(wanted.processing_date, self._clock())
        self._catch_up()
        with self._snapshot() as cursor:
            position = feed_positions.reached(cursor, self._customers.source)
            scope = self._scope_of(cursor, wanted)
            sellers = billing_entities.read(cursor)
            last_day = sellers.last_day(scope.cutoff)
            accounts = billables.accounts(cursor, _customers(cursor, wanted, scope, last_day), last_day)
        return Preview(position, bill_all(accounts, sellers, scope, self._new_id, self.keyring))

    def _scope_of(self, cursor: Cursor, wanted: Wanted) -> Scope:
        cutoff = cutoff_of(wanted.processing_date or self._clock(), billing_entities.read(cursor).time_zone())
        for_all = wanted.customer_id is None and wanted.debtor_ident is None
        return Scope(cutoff, for_all, None if wanted.accept_unusual else self._unusual_multiple)


def _customers(cursor: Cursor, wanted: Wanted, scope: Scope, last_day: date) -> list[UUID]:
    customer_id = None if scope.for_all else _named(cursor, wanted)
    if run_queue.has_waiting(cursor, customer_id):
        raise RunAtWork("A run is billing right now; ask again when it is over.")
    if customer_id:
        return [customer_id]
    found = billables.due_customers(cursor, last_day, CUSTOMERS_MAX + 1)
    if len(found) > CUSTOMERS_MAX:
        raise TooManyCustomers(f"More than {CUSTOMERS_MAX} customers have something due; name one of them.")
    return found


def _named(cursor: Cursor, wanted: Wanted) -> UUID:
    customer_id = parties.find(cursor, wanted.debtor_ident) if wanted.debtor_ident else wanted.customer_id
    if (
        customer_id is None
        or (wanted.customer_id and wanted.customer_id != customer_id)
        or customer_id not in parties.read(cursor, [customer_id])
    ):
        raise CustomerNotFound(f"There is no customer {wanted.debtor_ident or wanted.customer_id}.")
    return customer_id
