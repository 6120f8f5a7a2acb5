"""Both services, their logs and the projections on one real database, worked step by step by the test itself."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from infra.eventstore.feed import LogFeed
from infra.eventstore.recorder import LogRecorder
from infra.postgres.pool import Pool, connect, open_pool
from services.billing.application import BillingApplication
from services.customer.application import CustomerApplication
from services.customer.commands import CreateCustomer, RecordOrder, RequestBillingRun, SignContract
from services.messages import CustomerBilled, DocumentIssued, Envelope
from tests import examples
from tests.database import Database


@dataclass
class System:
    """Commands in, documents out; nothing happens in the background."""

    database: Database
    customer: CustomerApplication
    billing: BillingApplication
    customer_feed: LogFeed
    billing_feed: LogFeed
    customer_pool: Pool
    billing_pool: Pool

    # -- commands -------------------------------------------------------------------------------

    def define_seller(self, **changes: Any) -> None:
        self.billing.define_billing_entity(examples.asked().context, **(examples.ENTITY | changes))

    def create_customer(self, body: examples.Row) -> dict[str, Any]:
        return self.customer.create_customer(CreateCustomer.model_validate(body), examples.asked())

    def sign_contract(self, body: examples.Row) -> dict[str, Any]:
        return self.customer.sign_contract(SignContract.model_validate(body), examples.asked())

    def record_order(self, body: examples.Row) -> dict[str, Any]:
        return self.customer.record_order(RecordOrder.model_validate(body), examples.asked())

    def request_run(self, up_to: date | str | None, debtor: str | None = None) -> UUID:
        body = {"processingDate": str(up_to) if up_to else None, "debtorIdent": debtor}
        answer = self.customer.request_billing_run(RequestBillingRun.model_validate(body), examples.asked())
        return UUID(answer["billingRunId"])

    # -- work -----------------------------------------------------------------------------------

    def work(self) -> None:
        """Let billing take in and bill everything there is."""
        while self.billing.follow(self.customer_feed):
            pass
        while self.billing.bill_some():
            pass

    def bill(self, up_to: date | str | None, debtor: str | None = None) -> "Run":
        """Request a run, carry it out, and return what it did."""
        run_id = self.request_run(up_to, debtor)
        self.work()
        return Run(
            run_id, [e for e in self.billing_events() if getattr(e.body, "billing_run_id", None) == run_id]
        )

    # -- looking --------------------------------------------------------------------------------

    def customer_events(self) -> list[Envelope]:
        return list(_everything(self.customer_feed))

    def billing_events(self) -> list[Envelope]:
        return list(_everything(self.billing_feed))

    def documents(self) -> list[DocumentIssued]:
        return [e.body for e in self.billing_events() if isinstance(e.body, DocumentIssued)]


@dataclass(frozen=True)
class Run:
    """What a run left in billing's log."""

    billing_run_id: UUID
    events: list[Envelope]

    @property
    def documents(self) -> list[DocumentIssued]:
        return [e.body for e in self.events if isinstance(e.body, DocumentIssued)]

    @property
    def outcomes(self) -> dict[str, str]:
        """Outcome by debtor ident."""
        return {
            e.body.debtor_ident: e.body.outcome for e in self.events if isinstance(e.body, CustomerBilled)
        }

    @property
    def reasons(self) -> dict[str, str | None]:
        return {e.body.debtor_ident: e.body.reason for e in self.events if isinstance(e.body, CustomerBilled)}


def _everything(feed: LogFeed) -> Iterator[Envelope]:
    position = 0
    while batch := feed.read(position, 1000):
        yield from batch
        position = batch[-1].position


@contextmanager
def system_on(database: Database) -> Iterator[System]:
    """The services on a migrated database."""
    with ExitStack() as exits:
        pools = {
            schema: exits.enter_context(
                open_pool(database.service_url, schema=schema, size=8, name=f"test {schema}")
            )
            for schema in ("customer", "billing")
        }
        recorders = {source: LogRecorder(pool, source) for source, pool in pools.items()}
        for recorder in recorders.values():
            exits.callback(recorder.close)
        feeds = {
            source: LogFeed(source, pool, lambda source=source: connect(database.service_url, schema=source))
            for source, pool in pools.items()
        }
        for feed in feeds.values():
            exits.callback(feed.close)
        yield System(
            database,
            CustomerApplication(recorders["customer"]),
            BillingApplication(recorders["billing"], pools["billing"]),
            feeds["customer"],
            feeds["billing"],
            pools["customer"],
            pools["billing"],
        )
