"""`kill -9` of renderers in the middle of their work: every document is rendered once, as it would have been anyway."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256

import pytest

from services.messages import DocumentIssued, DocumentRendered
from services.values import DocumentFile
from tests import examples
from tests.acceptance.server import KontorServer, eventually, serving
from tests.system import system_on

CUSTOMERS = 64
KILL_AT = (64, 48, 32, 16)
"""Documents that are left when renderers are killed: while the first are rendered, and after each chunk."""
CHUNK_SECONDS = 0.4
"""A renderer needs about so long for what it holds at a time, so that kills fall into every part of it."""


@pytest.fixture
def server() -> Iterator[KontorServer]:
    """A Kontor with two renderers and a document to be for each of its customers."""
    with serving(billing_workers=1, renderers=2) as server:
        server.done("PUT", "/v1/billing-entities/main", examples.BILLING_ENTITY)
        for n in range(CUSTOMERS):
            server.done("POST", "/v1/customers", examples.erika(debtorIdent=f"D-{n}"))
            server.done("POST", "/v1/orders", examples.order(debtorIdent=f"D-{n}", orderIdent=f"O-{n}"))
        yield server


def test_every_document_is_rendered_once_whichever_renderers_are_killed(server, chance: random.Random):
    run = server.completed(
        server.done("POST", "/v1/billing-runs", {"processingDate": "2026-03-31"})["billingRunId"]
    )
    assert run["documents"]["count"] == CUSTOMERS
    left = [strike(server, chance, moment) for moment in KILL_AT]
    eventually(lambda: waiting(server) == 0)
    print(f"documents that were left at the kills: {left}")
    with system_on(server.database) as system:
        messages = [event.body for event in system.billing_events()]
    issued = {body.document_id for body in messages if isinstance(body, DocumentIssued)}
    rendered = [body for body in messages if isinstance(body, DocumentRendered)]
    assert Counter(body.document_id for body in rendered) == dict.fromkeys(issued, 1)
    rows = server.sql("SELECT document_id FROM billing.document_files")
    assert Counter(row["document_id"] for row in rows) == dict.fromkeys(issued, 1)
    for body in chance.sample(rendered, 3):
        for kind, file in (("pdf", DocumentFile.PDF), ("xml", DocumentFile.ZUGFERD)):
            given = server.get(f"/v1/documents/{body.document_id}/{kind}").content
            [recorded] = [each.sha256 for each in body.files if each.file is file]
            assert sha256(given).hexdigest() == recorded


def strike(server: KontorServer, chance: random.Random, moment: int) -> int:
    """Kill one renderer or both a random while after no more than so many documents are left; how many were then."""
    pids = eventually(lambda: waiting(server) <= moment and server.children("render"))
    time.sleep(chance.uniform(0, CHUNK_SECONDS))
    left = waiting(server)
    for pid in pids[: chance.choice([1, 2])]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return left


def waiting(server: KontorServer) -> int:
    """How many documents have no files recorded."""
    [row] = server.sql(
        "SELECT (SELECT count(*) FROM billing.events WHERE topic = 'billing.DocumentIssued')"
        " - (SELECT count(*) FROM billing.events WHERE topic = 'billing.DocumentRendered') AS number"
    )
    return row["number"]
