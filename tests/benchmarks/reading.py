"""How many times a second the overview answers a question, against fetching one row by its primary key.

Measured: `Views.customers`, the first page of 50 among 20,000 customers with their total: by a word that one
customer has, by a word that one in fourteen has, and without a filter, newest first. One connection asks.

Limit: `SELECT * FROM customer_overview WHERE customer_id = …` through the same pool and driver: no query that
goes to the database at all is answered faster.
"""

from collections.abc import Iterator
from itertools import cycle

from infra.postgres.pool import connect
from infra.runtime import Runtime
from projections.catalogue import named
from projections.engine import catch_up
from projections.views import CustomerFilter
from tests.benchmarks.measuring import Figure, Step, Turns, timed
from tests.benchmarks.population import FIRST, populate

CUSTOMERS = 20_000
SECONDS = 1.0


def measure(runtime: Runtime, turns: Turns) -> Iterator[Figure]:
    turns.say(f"making {CUSTOMERS:,} customers")
    populate(runtime, CUSTOMERS)
    with runtime.projections_pool.connection() as conn:
        catch_up(conn, named("customer_overview"), runtime.feeds, runtime.vault)
    with connect(runtime.database.owner_url) as owner:
        owner.execute("VACUUM ANALYZE")
    filters = {
        "a word of one customer": _rare_words(),
        "a word of many": _common_words(),
        "no filter": cycle([CustomerFilter()]),
    }
    *pages, limit = turns.take(*(_asking(runtime, each) for each in filters.values()), _by_key(runtime))
    for what, rates in zip(filters, pages, strict=True):
        yield Figure(f"queries/s, {what}", "SELECT by primary key", rates, limit)


def _rare_words() -> Iterator[CustomerFilter]:
    return (CustomerFilter(q=f"D-{number:06}") for number in cycle(range(1, CUSTOMERS + 1, 7)))


def _common_words() -> Iterator[CustomerFilter]:
    return (CustomerFilter(q=word) for word in cycle(FIRST))


def _asking(runtime: Runtime, filters: Iterator[CustomerFilter]) -> Step:
    def ask() -> int:
        runtime.views.customers(next(filters))
        return 1

    return lambda: timed(ask, SECONDS)


def _by_key(runtime: Runtime) -> Step:
    with runtime.projections_pool.connection() as conn:
        ids = cycle([row["customer_id"] for row in conn.execute("SELECT customer_id FROM customer_overview")])

    def fetch() -> int:
        with runtime.projections_pool.connection() as conn:
            query = "SELECT * FROM customer_overview WHERE customer_id = %s"
            return len(conn.execute(query, [next(ids)]).fetchall())

    return lambda: timed(fetch, SECONDS)
