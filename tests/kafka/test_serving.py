"""A whole Kontor over Kafka: the same books, whichever of its processes or brokers is struck down."""

import json
import os
import signal
from collections import Counter

import pytest

from services.messages import DocumentIssued
from tests import examples
from tests.acceptance.server import KontorServer, eventually, serving
from tests.faults.fleet import contract, contract_ident, customer, price
from tests.kafka.kafka import Kafka
from tests.kafka.relaying import PARTITIONS
from tests.system import system_on

CUSTOMERS = 150
RUN_SECONDS = 90.0


@pytest.fixture
def server(kafka: Kafka):
    bootstrap = kafka.cluster.bootstrap
    with serving(kafka=bootstrap, kafka_partitions=PARTITIONS, billing_workers=2) as server:
        server.done("PUT", "/v1/billing-entities/main", examples.BILLING_ENTITY)
        yield server


def load(server: KontorServer, kind: str, first: int, last: int) -> None:
    make = {"customers": customer, "contracts": contract}[kind]
    file = server.data_dir.parent / f"{kind}-{first}.jsonl"
    file.write_text("\n".join(json.dumps(make(number)) for number in range(first, last)), "utf-8")
    assert server.cli_json("import", kind, str(file))["created"] == last - first


def run(server: KontorServer, last_day: str) -> str:
    return server.done("POST", "/v1/billing-runs", {"processingDate": last_day})["billingRunId"]


def check_books(server: KontorServer, customers: int, months: int) -> None:
    """Every interval is billed once, under numbers without gaps, and nobody waits for anything."""
    with system_on(server.database) as system:
        documents = [e.body for e in system.billing_events() if isinstance(e.body, DocumentIssued)]
    lines = Counter((line.origin.ident, line.period.first) for each in documents for line in each.lines)
    assert set(lines.values()) == {1}
    assert len(lines) == customers * months
    net = {
        line.origin.ident: line.net for each in documents for line in each.lines if line.period.first.day == 1
    }
    assert net == {contract_ident(number): price(number) for number in range(customers)}
    by_year: dict[str, list[str]] = {}
    for each in documents:
        by_year.setdefault(each.number[:8], []).append(each.number)
    for prefix, numbers in by_year.items():
        assert sorted(numbers) == [f"{prefix}{n:06}" for n in range(1, len(numbers) + 1)]
    [relayed] = server.sql("SELECT position FROM customer.relay_cursor")
    followed = server.sql("SELECT position FROM billing.feed_positions WHERE source = 'customer'")
    assert {row["position"] for row in followed} == {relayed["position"]} == {server.heads()[0]}
    assert len(followed) == PARTITIONS


def settled(server: KontorServer) -> None:
    def all_there() -> bool:
        rows = server.sql("SELECT position FROM billing.feed_positions WHERE source = 'customer'")
        return {row["position"] for row in rows} == {server.heads()[0]}

    eventually(all_there, RUN_SECONDS)


def test_everything_is_struck_down_once_and_the_books_are_right(kafka, server):
    load(server, "customers", 0, CUSTOMERS)
    load(server, "contracts", 0, CUSTOMERS)
    first = run(server, "2026-02-28")
    kafka.kill()
    for victim in ("relay", "billing"):
        os.kill(server.children(victim)[0], signal.SIGKILL)
    kafka.start()
    assert server.completed(first, RUN_SECONDS)["status"] == "COMPLETED"
    second = run(server, "2026-03-31")
    server.kill_group()
    server.start()
    assert server.completed(second, RUN_SECONDS)["status"] == "COMPLETED"
    settled(server)
    check_books(server, CUSTOMERS, months=3)


def test_of_two_relays_the_one_that_was_paused_changes_nothing_when_it_goes_on(kafka, server):
    load(server, "customers", 0, 40)
    load(server, "contracts", 0, 40)
    [paused] = server.children("relay")
    other = server.spawn("relay")
    try:
        os.kill(paused, signal.SIGSTOP)
        leader_before = server.sql("SELECT epoch FROM customer.relay_cursor")
        assert server.completed(run(server, "2026-02-28"), RUN_SECONDS)["status"] == "COMPLETED"
        assert server.sql("SELECT epoch FROM customer.relay_cursor") != leader_before
        os.kill(paused, signal.SIGCONT)
        assert server.completed(run(server, "2026-03-31"), RUN_SECONDS)["status"] == "COMPLETED"
        settled(server)
        check_books(server, 40, months=3)
    finally:
        other.terminate()
        other.communicate()
