"""How many events a second a projection is rebuilt from, against bare reading of the log.

Measured: `kontor projections rebuild` of the overview, and of all projections one after the other: read the
logs, apply them beside the live rows, make the indexes, swap. Events are those of the logs, each counted once.

Limits: a rebuild must read every event and decode it, so it is never faster than `LogFeed.read` through the
same logs in batches of the same size; and that is never faster than fetching the rows without looking at them.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial

from infra.postgres.pool import connect
from infra.runtime import Runtime
from projections import catalogue
from projections.engine import BATCH
from projections.projection import Projection
from projections.rebuild import rebuild
from services.customer.commands.billing_runs import RequestBillingRun
from tests import examples
from tests.benchmarks.measuring import Figure, Turns, timed
from tests.benchmarks.population import bill_everything, define_seller, populate

CUSTOMERS = 2_000
BILLED_THROUGH = date(2026, 3, 31)
READING_SECONDS = 1.0
OVERVIEW = catalogue.named("customer_overview")


def measure(runtime: Runtime, turns: Turns) -> Iterator[Figure]:
    turns.say(f"making {CUSTOMERS:,} customers and their documents")
    define_seller(runtime)
    populate(runtime, CUSTOMERS)
    runtime.customer.request_billing_run(RequestBillingRun(processing_date=BILLED_THROUGH), examples.asked())
    bill_everything(runtime)
    overview, everything, reading, fetching = turns.take(
        partial(timed, partial(_rebuild, runtime, [OVERVIEW])),
        partial(timed, partial(_rebuild, runtime, catalogue.ALL)),
        partial(timed, partial(_read, runtime), READING_SECONDS),
        partial(timed, partial(_fetch, runtime), READING_SECONDS),
    )
    yield Figure(f"events/s, {OVERVIEW.name}", "LogFeed.read", overview, reading)
    yield Figure(f"events/s, all {len(catalogue.ALL)} projections", "LogFeed.read", everything, reading)
    yield Figure("events/s, LogFeed.read", "SELECT of the rows", reading, fetching)


def _rebuild(runtime: Runtime, projections: Sequence[Projection]) -> int:
    for projection in projections:
        rebuild(projection.name, runtime.database.owner_url, runtime.feeds, runtime.vault)
    return sum(feed.head() for feed in runtime.feeds.values())


def _read(runtime: Runtime) -> int:
    """Read every log to its end; how many events that were."""
    for feed in runtime.feeds.values():
        position = 0
        while envelopes := feed.read(position, BATCH):
            position = envelopes[-1].position
    return sum(feed.head() for feed in runtime.feeds.values())


def _fetch(runtime: Runtime) -> int:
    """Fetch every row of both logs in batches, as bytes; how many they were."""
    count = 0
    with connect(runtime.database.owner_url) as conn, conn.cursor(binary=True) as cursor:
        for source in runtime.feeds:
            query = f"SELECT * FROM {source}.events WHERE position > %s ORDER BY position LIMIT {BATCH}"
            position = 0
            while fetched := cursor.execute(query.encode(), [position]).rowcount:
                position += fetched  # positions have no gaps
                count += fetched
    return count
