"""The mailer as a process and as a loop: real e-mails to a real server, also when one of the two is gone."""

import os
import signal
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

import pytest

from infra.mailing import mailing_of
from infra.settings import Settings, SettingsError
from infra.supervisor import kontor
from services.billing.application import BillingApplication
from services.billing.delivery import BACK_OFF, Accepted, NotAccepted
from services.billing.mailer import Mailer
from services.messages import DocumentNotSent, DocumentSent, SendFailure
from services.personal_data import KEY_BYTES
from tests import examples
from tests.mail_sink import HOST, Sink, free_port, sink
from tests.system import System

PATIENCE_SECONDS = 30.0


@pytest.fixture
def mail() -> Iterator[Sink]:
    with sink() as server:
        yield server


def settings(port: int) -> Settings:
    return Settings(smtp_host=HOST, smtp_port=port, smtp_security="none", smtp_timeout_seconds=5)


def issue(system: System, customers: int) -> None:
    """An invoice for each of so many customers, by e-mail."""
    system.define_seller()
    for n in range(customers):
        wishes = {"preferredDocumentDelivery": "EMAIL", "email": f"c{n}@example.com", "eInvoicing": None}
        system.create_customer(examples.beispiel_gmbh(debtorIdent=f"D-{n}", **wishes))
        system.sign_contract(
            examples.contract(debtorIdent=f"D-{n}", contractIdent=f"C-{n}", endDate="2026-01-31")
        )
    assert len(system.bill("2026-01-31").documents) == customers


def recorded(system: System) -> list[DocumentSent | DocumentNotSent]:
    return [e.body for e in system.billing_events() if isinstance(e.body, DocumentSent | DocumentNotSent)]


def eventually(condition: Callable[[], object]) -> None:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def test_a_mailer_that_is_killed_between_sending_and_recording_leaves_a_doubt_and_no_gap(
    system: System, mail: Sink
) -> None:
    issue(system, 2)
    environment = environment_of(system, mail)
    mail.holding.set()
    process = subprocess.Popen(kontor("mail"), env=environment)
    assert mail.came_in.wait(PATIENCE_SECONDS)
    process.kill()
    process.wait()
    mail.holding.clear()
    assert recorded(system) == []
    _the_other_one_is_sent_by_the_next_mailer(system, environment)
    # As long as it may still come to an end it is nobody else's, and then it is made again.
    billing = ahead(system, by=timedelta(hours=1))
    mailing = mailing_of(settings(mail.port))
    assert billing.deliver_next(mailing) == NotAccepted(SendFailure.IN_DOUBT)
    billing = ahead(system, by=timedelta(hours=1) + BACK_OFF[0] + timedelta(minutes=1))
    assert isinstance(billing.deliver_next(mailing), Accepted)
    mailing.postbox.close()
    twice, once, again = mail.taken
    assert twice["To"] == again["To"] != once["To"]
    assert twice["Message-ID"] == again["Message-ID"] != once["Message-ID"]


def _the_other_one_is_sent_by_the_next_mailer(system: System, environment: Mapping[str, str]) -> None:
    process = subprocess.Popen(kontor("mail"), env=environment)
    eventually(lambda: recorded(system))
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_SECONDS) == 0
    [sent] = recorded(system)
    assert isinstance(sent, DocumentSent)


def ahead(system: System, by: timedelta) -> BillingApplication:
    """Billing, so much later than now."""
    clock = system.billing._clock
    return BillingApplication(
        system.billing.recorder, system.billing_pool, system.customer_feed, clock=lambda: clock() + by
    )


def environment_of(system: System, mail: Sink) -> dict[str, str]:
    own = {
        "DATABASE_URL": system.database.owner_url,
        "MASTER_KEY": b64encode(bytes(KEY_BYTES)).decode(),
        "SMTP_HOST": HOST,
        "SMTP_PORT": str(mail.port),
        "SMTP_SECURITY": "none",
    }
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KONTOR_")}
    return clean | {f"KONTOR_{name}": value for name, value in own.items()}


def test_a_mailer_pauses_while_the_server_is_away_instead_of_using_up_all_attempts(
    system: System, caplog: pytest.LogCaptureFixture
) -> None:
    issue(system, 2)
    stop = threading.Event()
    mailer = Mailer(system.billing, system.billing_feed, mailing_of(settings(free_port())))
    thread = threading.Thread(target=mailer.run, args=[stop])
    thread.start()
    eventually(lambda: recorded(system))
    stop.set()
    thread.join()
    [failed] = recorded(system)
    assert isinstance(failed, DocumentNotSent)
    assert failed.failure is SendFailure.SERVER_UNAVAILABLE
    assert "mailing pauses for 1 s" in caplog.text
    assert "example.com" not in caplog.text


def test_what_fails_otherwise_makes_a_pause_too(system: System, caplog: pytest.LogCaptureFixture) -> None:
    """Where the database is gone, say."""
    mailing = mailing_of(settings(free_port()))
    stop = threading.Event()
    system.billing_pool.close()
    thread = threading.Thread(target=Mailer(system.billing, system.billing_feed, mailing).run, args=[stop])
    thread.start()
    eventually(lambda: "mailing pauses" in caplog.text)
    stop.set()
    thread.join()
    assert "sending failed: PoolClosed" in caplog.text


def test_a_mailer_needs_a_mail_server() -> None:
    with pytest.raises(SettingsError, match="KONTOR_SMTP_HOST is not set"):
        mailing_of(Settings())


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_port_goes_with_the_encryption(security: str, port: int) -> None:
    found = mailing_of(Settings(smtp_host="smtp.example.com", smtp_security=security))
    assert f"port={port}" in repr(found.postbox._server)
