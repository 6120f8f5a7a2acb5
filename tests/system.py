"""Both services, their logs and the projections on one real database, worked step by step by the test itself."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from infra.eventstore.feed import LogFeed
from infra.eventstore.personal_data import KeyStore, MasterKey
from infra.eventstore.recorder import LogRecorder
from infra.postgres.pool import Pool, connect, open_pool
from services.billing.application import BillingApplication
from services.billing.billing_entity import Settings
from services.customer.application import CustomerApplication
from services.customer.commands.billing_runs import RequestBillingRun
from services.customer.commands.contracts import SignContract
from services.customer.commands.customers import CreateCustomer
from services.customer.commands.orders import RecordOrder
from services.customer.commands.plans import CreatePlan
from services.customer.commands.usage import RecordUsage
from services.messages import BillingRunCompleted, CustomerBilled, DocumentIssued, Envelope, Outcome
from services.personal_data import KEY_BYTES, opened
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
    vault: KeyStore

    # -- commands -------------------------------------------------------------------------------

    def define_seller(self, **changes: Any) -> None:
        """The billing entity `ident` (`main`) of the standard cast, with other settings."""
        settings = examples.ENTITY | changes
        ident = settings.pop("ident")
        self.billing.define_billing_entity(ident, Settings(**settings), examples.asked())

    def create_customer(self, body: examples.Row) -> dict[str, Any]:
        return self.customer.create_customer(CreateCustomer.model_validate(body), examples.asked())

    def create_plan(self, body: examples.Row) -> dict[str, Any]:
        return self.customer.create_plan(CreatePlan.model_validate(body), examples.asked())

    def sign_contract(self, body: examples.Row) -> dict[str, Any]:
        return self.customer.sign_contract(SignContract.model_validate(body), examples.asked())

    def record_usage(self, *entries: examples.Row) -> dict[str, Any]:
        return self.customer.record_usage(RecordUsage.model_validate({"events": entries}), examples.asked())

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
        while self.billing.look_for_corrections():
            pass

    def render(self) -> None:
        """Let a renderer record the files of all documents."""
        while self.billing.find_documents_to_render(self.billing_feed):
            pass
        while self.billing.render_some():
            pass

    def bill(self, up_to: date | str | None, debtor: str | None = None) -> "Run":
        """Request a run, carry it out, and return what it did."""
        run_id = self.request_run(up_to, debtor)
        self.work()
        events = [e for e in self.billing_events() if getattr(e.body, "billing_run_id", None) == run_id]
        return Run(run_id, events, self._documents(events))

    # -- looking --------------------------------------------------------------------------------

    def customer_events(self) -> list[Envelope]:
        return list(_everything(self.customer_feed))

    def billing_events(self) -> list[Envelope]:
        return list(_everything(self.billing_feed))

    def documents(self) -> list[DocumentIssued]:
        return self._documents(self.billing_events())

    def issued(self) -> Iterator[DocumentIssued]:
        """One document after the other, with what is personal in them sealed, however many there are."""
        return (e.body for e in _everything(self.billing_feed) if isinstance(e.body, DocumentIssued))

    def _documents(self, events: list[Envelope]) -> list[DocumentIssued]:
        issued = [e.body for e in events if isinstance(e.body, DocumentIssued)]
        return opened([(document.customer_id, document) for document in issued], self.vault)


@dataclass(frozen=True)
class Run:
    """What a run left in billing's log."""

    billing_run_id: UUID
    events: list[Envelope]
    documents: list[DocumentIssued]
    """With their personal data opened."""

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


@dataclass(frozen=True)
class BilledSoFar:
    """What billing has done, read from its log and read model."""

    feed: LogFeed
    pool: Pool

    def anything_billed_of(self, subject_id: UUID) -> bool:
        documents = [e.body for e in _everything(self.feed) if isinstance(e.body, DocumentIssued)]
        return any(line.origin.id == subject_id for document in documents for line in document.lines)

    def failed_customers(self, billing_run_id: UUID) -> int | None:
        of_run = [
            e.body
            for e in _everything(self.feed)
            if getattr(e.body, "billing_run_id", None) == billing_run_id
        ]
        if not any(isinstance(body, BillingRunCompleted) for body in of_run):
            return None
        return sum(isinstance(body, CustomerBilled) and body.outcome is Outcome.FAILED for body in of_run)

    def left_to_bill(self, customer_id: UUID) -> list[str]:
        with self.pool.connection() as conn:
            rows = conn.execute(
                "SELECT billable_id FROM billables WHERE customer_id = %s AND due_on IS NOT NULL",
                [customer_id],
            ).fetchall()
        return [str(row["billable_id"]) for row in rows]


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
        vault = KeyStore(
            exits.enter_context(open_pool(database.service_url, schema="vault", size=8, name="test vault")),
            MasterKey(bytes(KEY_BYTES)),
        )
        recorders = {source: LogRecorder(pool, source, vault) for source, pool in pools.items()}
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
            CustomerApplication(recorders["customer"], BilledSoFar(feeds["billing"], pools["billing"])),
            BillingApplication(recorders["billing"], pools["billing"], feeds["customer"]),
            feeds["customer"],
            feeds["billing"],
            pools["customer"],
            pools["billing"],
            vault,
        )
