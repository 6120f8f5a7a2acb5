"""The processes that follow the logs: billing workers, renderers, mailers, projections, each running until it is told to stop."""

import os
import signal
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from functools import partial

from infra.kafka.connection import client_options
from infra.kafka.relay import Relay
from infra.lifecycle import STOP_SIGNALS
from infra.mailing import mailing_of
from infra.purge import Purger
from infra.runtime import Runtime
from infra.settings import Settings
from projections.runner import Runner
from services.billing.mailer import Mailer
from services.billing.renderer import Renderer
from services.billing.worker import Worker

RENDERERS_NICENESS = 10
"""Rendering takes what billing and answering leave: a document that somebody waits for is rendered where it is asked for."""


def run_billing(settings: Settings) -> None:
    """Bill: follow the customer log and carry out runs."""
    stop = _told_to_stop()
    with Runtime.open(settings) as runtime:
        Worker(runtime.billing, runtime.customer_messages, runtime.billing_feed).run(stop)


def run_renderer(settings: Settings) -> None:
    """Render documents with what time the other processes leave."""
    stop = _told_to_stop()
    with Runtime.open(settings) as runtime:
        os.nice(RENDERERS_NICENESS)  # of this thread alone: not of a database that was started just now
        Renderer(runtime.billing, runtime.billing_feed).run(stop)


def run_mailer(settings: Settings) -> None:
    """Send documents by e-mail; raises SettingsError where no mail server is named."""
    mailing = mailing_of(settings)
    stop = _told_to_stop()
    with Runtime.open(settings) as runtime:
        Mailer(runtime.billing, runtime.billing_feed, mailing).run(stop)


def run_projections(settings: Settings) -> None:
    """Keep every projection up to date, and purge what erasures leave behind."""
    stop = _told_to_stop()
    with Runtime.open(settings) as runtime:
        purger = Purger(runtime.database.owner_url, runtime.feeds, runtime.vault)
        # A purge may be cut off anywhere: nobody has to wait for it.
        threading.Thread(target=purger.run, args=[stop], name="purge", daemon=True).start()
        Runner(runtime.projections_pool, runtime.feeds, runtime.vault).run(stop)


def run_relay(settings: Settings) -> None:
    """Send the log of each service to its topic; raises PartitionsChanged."""
    stop = _told_to_stop()
    options = client_options(settings)
    with Runtime.open(settings) as runtime, ThreadPoolExecutor(thread_name_prefix="relay") as threads:
        relays = [
            Relay(
                feed,
                partial(runtime.session, source, "relay"),
                options,
                settings.kafka_partitions,
                settings.kafka_replicas,
            )
            for source, feed in runtime.feeds.items()
        ]
        running = [threads.submit(relay.run, stop) for relay in relays]
        wait(running, return_when=FIRST_COMPLETED)
        stop.set()
    for each in running:
        each.result()


def _told_to_stop() -> threading.Event:
    """An event that the first stop signal sets, so that work under way is finished and nothing is begun."""
    stop = threading.Event()
    for number in STOP_SIGNALS:
        # Set from another thread: this one may be inside the event's own lock, waiting.
        signal.signal(number, lambda *_: threading.Thread(target=stop.set).start())
    return stop
