"""All questions that the views answer, as the HTTP API and the portal ask them."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from uuid import UUID

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg_pool import ConnectionPool

from projections import (
    billing_runs,
    contracts,
    corrections,
    coverage,
    customer_detail,
    customer_overview,
    documents,
    history,
    orders,
    payments,
    plans,
    status,
)
from projections.billing_runs import BillingRunItem, OutcomeItem
from projections.contracts import Contract, ContractItem
from projections.corrections import Proposal, ProposalItem
from projections.coverage import Coverage
from projections.customer_detail import CustomerDetail
from projections.customer_overview import CustomerFilter, CustomerItem
from projections.documents import Document, DocumentItem
from projections.history import HistoryItem
from projections.orders import OrderItem
from projections.paging import Page
from projections.payments import PaymentItem
from projections.plans import Plan, PlanItem
from services.errors import Unavailable
from services.messages import Feed
from services.personal_data import Vault

__all__ = ["CustomerFilter", "Views"]

T = TypeVar("T")

CUSTOMER = "customer"
PATIENCE_SECONDS = 2.0
CATCH_UP_SECONDS = 1.0
_LOOK_AGAIN_SECONDS = 0.01


def today_in_utc() -> date:
    return datetime.now(UTC).date()


class Views:
    """The queries. Answers are JSON-ready: camelCase keys, amounts as strings, dates and instants in ISO 8601.

    Personal data are opened with the keys of the `vault`. What depends on the day, such as a contract's status, is
    as of `today()`. With the `feeds`, `status` knows how far each projection is behind. `mail_configured`: whether
    documents that wait to be sent by e-mail wait for a mailer, or for settings that name a mail server.
    """

    def __init__(
        self,
        pool: ConnectionPool[Connection[DictRow]],
        vault: Vault,
        feeds: Mapping[str, Feed] | None = None,
        today: Callable[[], date] = today_in_utc,
        *,
        mail_configured: bool = True,
    ) -> None:
        self._pool = pool
        self._vault = vault
        self._feeds = feeds or {}
        self._today = today
        self._mail_configured = mail_configured

    def wait_for(self, position: int | None) -> None:
        """Return when all projections have seen what a command answered with `position`; raises Unavailable after 2 s.

        Each service counts the events of its own log, and the position does not tell which one it is of: every
        log is waited for up to that position, or up to its end where that comes first.
        """
        if position is None:
            return
        heads = {source: feed.head() for source, feed in self._feeds.items()}
        is_there = any(head >= position for head in heads.values())
        targets = {s: min(position, head) for s, head in heads.items()} if is_there else {CUSTOMER: position}
        if not self._saw(targets, PATIENCE_SECONDS):
            raise Unavailable(f"The views have not come to position {position} yet; ask again in a moment.")

    def _saw(self, targets: Mapping[str, int], timeout_seconds: float) -> bool:
        """Wait until all projections have seen each log up to its position; False when the time is over before."""
        give_up_at = time.monotonic() + timeout_seconds
        while any(self._seen(source) < position for source, position in targets.items()):
            if time.monotonic() > give_up_at:
                return False
            time.sleep(_LOOK_AGAIN_SECONDS)
        return True

    def _seen(self, source: str) -> int:
        with self._pool.connection() as conn:
            row = conn.execute(
                "SELECT coalesce(min(position), 0) AS position FROM positions WHERE source = %s", [source]
            ).fetchone()
        return int(row["position"]) if row else 0

    def _found(self, find: Callable[[Connection[DictRow]], T | None]) -> T | None:
        """What there is by an id; before the answer is nothing, everything that is stored by now is taken in.

        So nobody is told that what they have just made does not exist. Raises Unavailable where that takes long.
        """
        with self._pool.connection() as conn:
            found = find(conn)
        if found is None and self._feeds:
            caught_up = self.take_in(CATCH_UP_SECONDS)
            with self._pool.connection() as conn:
                found = find(conn)
            if found is None and not caught_up:
                raise Unavailable(
                    "The views are behind and may not have come to it yet; ask again in a moment."
                )
        return found

    def take_in(self, timeout_seconds: float) -> bool:
        """Wait until the views have taken in all that is stored now; False when the time is over before."""
        return self._saw({source: feed.head() for source, feed in self._feeds.items()}, timeout_seconds)

    def customers(self, wanted: CustomerFilter) -> Page[CustomerItem]:
        with self._pool.connection() as conn:
            return customer_overview.customers(conn, wanted, self._today())

    def find_customer(self, debtor_ident: str) -> UUID | None:
        return self._found(lambda conn: customer_overview.find_customer(conn, debtor_ident))

    def customer(self, customer_id: UUID) -> CustomerDetail | None:
        return self._found(
            lambda conn: customer_detail.customer(conn, customer_id, self._today(), self._vault)
        )

    def history(self, customer_id: UUID, limit: int = 50, cursor: str | None = None) -> Page[HistoryItem]:
        with self._pool.connection() as conn:
            return history.history(conn, customer_id, self._vault, limit, cursor)

    def contracts(
        self,
        customer_id: UUID | None = None,
        contract_ident: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ContractItem]:
        with self._pool.connection() as conn:
            return contracts.contracts(
                conn,
                self._today(),
                customer_id=customer_id,
                contract_ident=contract_ident,
                limit=limit,
                cursor=cursor,
            )

    def coverage(self, contract_id: UUID) -> Coverage | None:
        return self._found(lambda conn: coverage.of_contract(conn, contract_id))

    def contract(self, contract_id: UUID, on: date | None = None) -> Contract | None:
        """The contract as of a day, today where none is given."""
        return self._found(lambda conn: contracts.contract(conn, contract_id, on or self._today()))

    def plans(self, limit: int = 50, cursor: str | None = None) -> Page[PlanItem]:
        with self._pool.connection() as conn:
            return plans.plans(conn, limit=limit, cursor=cursor)

    def plan(self, plan_ident: str, plan_version: int | None = None) -> Plan | None:
        return self._found(lambda conn: plans.plan(conn, plan_ident, plan_version))

    def orders(
        self,
        customer_id: UUID | None = None,
        order_ident: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[OrderItem]:
        with self._pool.connection() as conn:
            return orders.orders(
                conn, customer_id=customer_id, order_ident=order_ident, limit=limit, cursor=cursor
            )

    def order(self, order_id: UUID) -> OrderItem | None:
        return self._found(lambda conn: orders.order(conn, order_id))

    def documents(
        self,
        customer_id: UUID | None = None,
        billing_run_id: UUID | None = None,
        number: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
        *,
        payment_status: str | None = None,
        overdue: bool | None = None,
        issued_from: date | None = None,
        issued_until: date | None = None,
    ) -> Page[DocumentItem]:
        with self._pool.connection() as conn:
            return documents.documents(
                conn,
                self._today(),
                self._vault,
                customer_id=customer_id,
                billing_run_id=billing_run_id,
                number=number,
                payment_status=payment_status,
                overdue=overdue,
                issued_from=issued_from,
                issued_until=issued_until,
                limit=limit,
                cursor=cursor,
            )

    def document(self, document_id: UUID) -> Document | None:
        return self._found(
            lambda conn: documents.document(
                conn, document_id, self._today(), self._vault, mail_configured=self._mail_configured
            )
        )

    def correction_proposals(
        self,
        customer_id: UUID | None = None,
        status: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ProposalItem]:
        with self._pool.connection() as conn:
            return corrections.proposals(
                conn, customer_id=customer_id, status=status, limit=limit, cursor=cursor
            )

    def correction_proposal(self, proposal_id: UUID) -> Proposal | None:
        return self._found(lambda conn: corrections.proposal(conn, proposal_id))

    def payments(
        self,
        customer_id: UUID | None = None,
        document_id: UUID | None = None,
        payment_ident: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[PaymentItem]:
        with self._pool.connection() as conn:
            return payments.payments(
                conn,
                self._vault,
                customer_id=customer_id,
                document_id=document_id,
                payment_ident=payment_ident,
                limit=limit,
                cursor=cursor,
            )

    def payment(self, payment_id: UUID) -> PaymentItem | None:
        return self._found(lambda conn: payments.payment(conn, payment_id, self._vault))

    def anything_billed_of(self, subject_id: UUID) -> bool:
        """Whether a document bills anything of this contract or order; raises Unavailable where the views are behind."""
        self._take_in_all()
        with self._pool.connection() as conn:
            return contracts.is_billed(conn, subject_id) or orders.is_billed(conn, subject_id)

    def failed_customers(self, billing_run_id: UUID) -> int | None:
        """For how many customers a run failed; None while it is not over."""
        self._take_in_all()
        with self._pool.connection() as conn:
            run = billing_runs.billing_run(conn, billing_run_id)
        return run["customers"]["failed"] if run and run["finishedAt"] else None

    def left_to_bill(self, customer_id: UUID) -> list[str]:
        """Idents of the customer's contracts and orders of which something is or will be to be billed."""
        self._take_in_all()
        with self._pool.connection() as conn:
            return [
                *contracts.left_to_bill(conn, customer_id, self._today()),
                *orders.left_to_bill(conn, customer_id),
            ]

    def _take_in_all(self) -> None:
        if not self.take_in(PATIENCE_SECONDS):
            raise Unavailable("The views are behind what is billed; ask again in a moment.")

    def billing_runs(
        self, customer_id: UUID | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[BillingRunItem]:
        with self._pool.connection() as conn:
            return billing_runs.billing_runs(conn, customer_id=customer_id, limit=limit, cursor=cursor)

    def billing_run(self, billing_run_id: UUID) -> BillingRunItem | None:
        return self._found(lambda conn: billing_runs.billing_run(conn, billing_run_id))

    def outcomes(self, billing_run_id: UUID, limit: int = 50, cursor: str | None = None) -> Page[OutcomeItem]:
        with self._pool.connection() as conn:
            return billing_runs.outcomes(conn, billing_run_id, limit, cursor)

    def status(self) -> dict[str, Any]:
        """How far every projection is in every source, and the events that are parked."""
        heads = {source: feed.head() for source, feed in self._feeds.items()}
        with self._pool.connection() as conn:
            return status.status(conn, heads)
