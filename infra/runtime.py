"""The composition root: settings in, running services out."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from psycopg import Connection
from psycopg.rows import DictRow

from infra.eventstore.feed import LogFeed
from infra.eventstore.personal_data import KeyStore
from infra.eventstore.recorder import LogRecorder
from infra.kafka.connection import client_options
from infra.kafka.feed import KafkaFeed
from infra.kafka.membership import member_name
from infra.master_key import open_master_key
from infra.postgres import embedded
from infra.postgres.embedded import OWNER_ROLE, SERVICE_ROLE
from infra.postgres.migrate import migrate
from infra.postgres.pool import Pool, connect, open_pool
from infra.settings import Settings
from projections.views import Views
from services.billing.application import BillingApplication
from services.customer.application import CustomerApplication
from services.messages import PartitionedFeed

if TYPE_CHECKING:
    from infra.security import DatabaseAccess

CONNECTIONS_PER_SCHEMA = 12
CONNECTIONS_PER_FEED = 2
BILLING_GROUP = "kontor-billing"


@dataclass(frozen=True, slots=True)
class Database:
    """Where the data are: the owner's URL for migrations, the service's for everything else."""

    owner_url: str
    service_url: str
    service_role: str | None
    """Role to take on after signing in with `service_url`; None where it signs in as the service."""


class Runtime:
    """Everything that one process of Kontor is made of, built when it is first asked for."""

    def __init__(self, settings: Settings, database: Database, exits: ExitStack) -> None:
        self.settings = settings
        self.database = database
        self._exits = exits

    @classmethod
    @contextmanager
    def open(cls, settings: Settings, *, migrating: bool = False) -> Iterator["Runtime"]:
        """A runtime on the database of `settings`: the embedded server is started where it is not running."""
        with ExitStack() as exits:
            database = exits.enter_context(_database(settings))
            if migrating:
                migrate(database.owner_url)
            yield cls(settings, database, exits)

    # -- services -------------------------------------------------------------------------------

    @cached_property
    def customer(self) -> CustomerApplication:
        return CustomerApplication(self._recorder("customer", self._customer_pool), self.views)

    @cached_property
    def billing(self) -> BillingApplication:
        return BillingApplication(
            self._recorder("billing", self.billing_pool),
            self.billing_pool,
            self.customer_feed,
            unusual_multiple=self.settings.unusual_multiple or None,
        )

    @cached_property
    def views(self) -> Views:
        return Views(
            self.projections_pool,
            self.vault,
            self.feeds,
            mail_configured=self.settings.smtp_host is not None,
        )

    @cached_property
    def vault(self) -> KeyStore:
        """The keys of personal data; raises MasterKeyError."""
        pool = self._pool("vault", tried=False)  # it asks again by itself
        return KeyStore(pool, open_master_key(self.settings, pool))

    @cached_property
    def access(self) -> "DatabaseAccess":
        from infra.security import DatabaseAccess  # brings FastAPI along, which only the API is in need of

        return DatabaseAccess(self._pool("kontor"))

    @cached_property
    def customer_feed(self) -> LogFeed:
        return self._feed("customer")

    @cached_property
    def customer_messages(self) -> PartitionedFeed:
        """What billing follows: the customer service's topic where Kafka is set, else its log."""
        if self.settings.kafka is None:
            return self.customer_feed
        member = self._exits.enter_context(member_name(self.settings.data_dir))
        feed = KafkaFeed("customer", client_options(self.settings), BILLING_GROUP, member)
        self._exits.callback(feed.close)
        return feed

    @cached_property
    def billing_feed(self) -> LogFeed:
        return self._feed("billing")

    @property
    def feeds(self) -> dict[str, LogFeed]:
        """The logs of all services by their source."""
        return {feed.source: feed for feed in (self.customer_feed, self.billing_feed)}

    # -- connections ----------------------------------------------------------------------------

    @cached_property
    def _customer_pool(self) -> Pool:
        return self._pool("customer", tried=False)  # its recorder asks again by itself

    @cached_property
    def billing_pool(self) -> Pool:
        return self._pool("billing")

    @cached_property
    def projections_pool(self) -> Pool:
        return self._pool("projections")

    def _pool(self, schema: str, *, size: int = CONNECTIONS_PER_SCHEMA, tried: bool = True) -> Pool:
        pool = open_pool(
            self.database.service_url,
            schema=schema,
            size=size,
            name=f"kontor {schema} {os.getpid()}",
            role=self.database.service_role,
            tried=tried,
        )
        self._exits.callback(pool.close)
        return pool

    def _recorder(self, source: str, pool: Pool) -> LogRecorder:
        recorder = LogRecorder(pool, source, self.vault)
        self._exits.callback(recorder.close)
        return recorder

    def session(self, schema: str, purpose: str) -> Connection[DictRow]:
        """A session of its own, for what lasts: LISTEN, or leading."""
        database = self.database
        name = f"kontor {purpose} {schema}"
        return connect(database.service_url, schema=schema, name=name, role=database.service_role)

    def _feed(self, source: str) -> LogFeed:
        feed = LogFeed(
            source,
            self._pool(source, size=CONNECTIONS_PER_FEED),
            lambda: self.session(source, "listen"),
        )
        self._exits.callback(feed.close)
        return feed


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    if settings.database_url:
        yield Database(settings.database_url, settings.database_url, SERVICE_ROLE)
        return
    with embedded.running(settings.data_dir) as server:
        yield Database(server.url(role=OWNER_ROLE), server.url(role=SERVICE_ROLE), None)
