"""Documents on their way by e-mail: attempts, retries, doubts and requests, on the real database."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import pytest

from infra.audit import replay_billing
from infra.eventstore.recorder import LogRecorder
from infra.postgres.embedded import Server
from infra.postgres.pool import Pool, connect, open_pool
from projections import deliveries, documents
from projections.engine import catch_up
from projections.views import Views
from services.billing.application import BillingApplication
from services.billing.application.deliveries import Mailing
from services.billing.delivering.letter import Sender
from services.billing.delivery import BACK_OFF, Accepted, NotAccepted, NothingSentOnceErased
from services.billing.document import DocumentNotFound
from services.errors import InvalidFields
from services.messages import DeliveryRequested, DocumentIssued, DocumentNotSent, DocumentSent, SendFailure
from services.personal_data import KeyMissing, opened
from services.values import DocumentFile
from tests import examples
from tests.database import fresh_database
from tests.system import System, system_on

XRECHNUNG = {"format": "XRECHNUNG", "buyerReference": "04011000-12345-03"}
FAR_AWAY = examples.NOW + timedelta(days=3650)
PATIENCE = timedelta(minutes=8)
REFUSED = NotAccepted(SendFailure.REFUSED, "550 5.1.1 <rechnung@example.com> unknown")
DEFERRED = NotAccepted(SendFailure.DEFERRED, "451 4.7.1 greylisted")


class Killed(BaseException):
    """Stands for the end of the process, in the middle of it."""


@dataclass
class Postbox:
    """Takes every message, unless it is told what to answer."""

    answers: list[NotAccepted | BaseException] = field(default_factory=list)
    tried: list[EmailMessage] = field(default_factory=list)

    def send(self, message: EmailMessage) -> Accepted | NotAccepted:
        self.tried.append(message)
        match self.answers.pop(0) if self.answers else None:
            case BaseException() as blow:
                raise blow
            case NotAccepted() as refusal:
                return refusal
        return Accepted(str(message["Message-ID"]))

    def close(self) -> None:
        pass


@dataclass
class Office:
    """Billing with a clock to turn and a postbox to look into."""

    system: System
    views_pool: Pool
    now: list[datetime]
    postbox: Postbox = field(default_factory=Postbox)
    begins_after: int = 0

    @property
    def billing(self) -> BillingApplication:
        return self.system.billing

    def open_anew(self) -> None:
        """Finish what other tests left to be done, or put it off for ever."""
        self.postbox, self.now[0] = Postbox(), FAR_AWAY
        while self.deliver():
            pass
        self.postbox, self.now[0] = Postbox(), examples.NOW
        self.begins_after = self.system.billing_feed.head()

    def later(self, by: timedelta) -> None:
        self.now[0] += by

    def deliver(self) -> Accepted | NotAccepted | None:
        mailing = Mailing(self.postbox, Sender(), PATIENCE, timedelta(days=7))
        return self.billing.deliver_next(mailing)

    def invoice(self, **customer: Any) -> DocumentIssued:
        """The invoice of a new customer who wants documents by e-mail, issued now."""
        debtor = f"D-{uuid4()}"
        wishes = {"debtorIdent": debtor, "preferredDocumentDelivery": "EMAIL", "eInvoicing": None} | customer
        self.system.create_customer(examples.beispiel_gmbh(**wishes))
        signed = {"debtorIdent": debtor, "contractIdent": f"C-{debtor}", "endDate": "2026-01-31"}
        self.system.sign_contract(examples.contract(**signed))
        [document] = self.system.bill("2026-01-31", debtor).documents
        return document

    def ask(self, document: DocumentIssued, recipient: str | None = None) -> dict[str, Any]:
        asked = examples.asked(self.now[0], actor="Frieda")
        return self.billing.request_delivery(document.document_id, recipient, asked)

    def recorded(self) -> list[DeliveryRequested | DocumentSent | DocumentNotSent]:
        """What is recorded of deliveries, with what is personal in it opened."""
        kinds = (DeliveryRequested, DocumentSent, DocumentNotSent)
        new = self.system.billing_feed.read(self.begins_after, 1000)
        found = [e.body for e in new if isinstance(e.body, kinds)]
        return opened([(body.customer_id, body) for body in found], self.system.vault)

    def shown(self, document: DocumentIssued, **options: Any) -> dict[str, Any]:
        """The `delivery` of the document as it is shown."""
        feeds = {"customer": self.system.customer_feed, "billing": self.system.billing_feed}
        with self.views_pool.connection() as conn:
            for projection in (documents.PROJECTION, deliveries.PROJECTION):
                catch_up(conn, projection, feeds, self.system.vault)
        found = Views(self.views_pool, self.system.vault, **options).document(document.document_id)
        assert found is not None
        return dict(found["delivery"])


@pytest.fixture(scope="module")
def shared_office(postgres: Server) -> Iterator[Office]:
    """One for all tests here: a database for each would take most of their time."""
    with (
        fresh_database(postgres) as database,
        system_on(database) as system,
        open_pool(database.service_url, schema="projections", size=3, name="test views") as views_pool,
        closing(LogRecorder(system.billing_pool, "billing", system.vault)) as recorder,
    ):
        now = [examples.NOW]
        system.billing = BillingApplication(
            recorder, system.billing_pool, system.customer_feed, clock=lambda: now[0]
        )
        system.define_seller()
        yield Office(system, views_pool, now)


@pytest.fixture
def office(shared_office: Office) -> Office:
    shared_office.open_anew()
    return shared_office


def test_a_document_goes_to_a_customer_who_wants_it_by_e_mail_once(office: Office) -> None:
    document = office.invoice()
    assert office.shown(document)["status"] == "WAITING"
    assert isinstance(office.deliver(), Accepted)
    assert office.deliver() is None
    [message] = office.postbox.tried
    assert message["To"] == "rechnung@example.com"
    [file] = message.iter_attachments()
    assert file.get_filename() == f"{document.number}.pdf"
    files = office.billing.files_of(document.document_id)
    assert file.get_content() == office.billing.content(files, DocumentFile.PDF)
    assert office.recorded() == [
        DocumentSent(
            document_id=document.document_id,
            customer_id=document.customer_id,
            number=document.number,
            request=0,
            attempt=1,
            recipient="rechnung@example.com",
            message_id=str(message["Message-ID"]),
        )
    ]
    assert office.shown(document) == {
        "status": "SENT",
        "recipient": "rechnung@example.com",
        "attempts": 1,
        "lastAttemptAt": "2026-03-01T09:30:00Z",
        "nextAttemptAt": None,
        "failure": None,
        "answer": None,
        "messageId": str(message["Message-ID"]),
    }


def test_a_customer_who_asked_for_an_xrechnung_gets_it_with_the_pdf(office: Office) -> None:
    office.invoice(eInvoicing=XRECHNUNG)
    office.deliver()
    [message] = office.postbox.tried
    pdf, xml = message.iter_attachments()
    assert (pdf.get_content_type(), xml.get_content_type()) == ("application/pdf", "application/xml")
    assert b"xrechnung" in xml.get_content().lower()


def test_a_customer_who_wants_no_e_mail_gets_none(office: Office) -> None:
    document = office.invoice(preferredDocumentDelivery="NONE")
    assert office.deliver() is None
    assert office.shown(document)["status"] == "NONE"


def test_credit_notes_are_sent_like_their_invoices(office: Office) -> None:
    document = office.invoice()
    office.billing.cancel_document(document.document_id, "mistake", examples.asked())
    while office.deliver():
        pass
    assert [m["Subject"].split(": ")[1].split()[0] for m in office.postbox.tried] == [
        "Rechnung",
        "Rechnungskorrektur",
    ]


def test_a_passing_failure_is_tried_again_later_and_later_and_then_no_more(office: Office) -> None:
    document = office.invoice()
    office.postbox.answers = [DEFERRED] * 99
    for wait in BACK_OFF:
        assert office.deliver() == DEFERRED
        assert office.deliver() is None
        assert office.shown(document)["status"] == "RETRYING"
        office.later(wait - timedelta(seconds=1))
        assert office.deliver() is None
        office.later(timedelta(seconds=1))
    assert office.deliver() == DEFERRED
    office.later(timedelta(days=30))
    assert office.deliver() is None
    shown = office.shown(document)
    assert (shown["status"], shown["attempts"]) == ("FAILED", len(BACK_OFF) + 1)
    assert (shown["failure"], shown["answer"]) == ("DEFERRED", "451 4.7.1 greylisted")
    assert sum(BACK_OFF, timedelta()) < timedelta(days=3)


def test_an_attempt_after_a_failed_one_has_the_same_message_id(office: Office) -> None:
    office.invoice()
    office.postbox.answers = [DEFERRED]
    office.deliver()
    office.later(BACK_OFF[0])
    assert isinstance(office.deliver(), Accepted)
    first, second = office.postbox.tried
    assert first["Message-ID"] == second["Message-ID"]


def test_a_failure_for_good_is_not_tried_again(office: Office) -> None:
    document = office.invoice()
    office.postbox.answers = [REFUSED]
    office.deliver()
    office.later(timedelta(days=30))
    assert office.deliver() is None
    assert office.shown(document)["status"] == "FAILED"


def test_what_is_recorded_of_a_failure_is_sealed(office: Office) -> None:
    office.invoice()
    office.postbox.answers = [REFUSED]
    office.deliver()
    sealed = office.system.billing_events()[-1].body
    assert "example.com" not in str(sealed)
    [failed] = office.recorded()
    assert isinstance(failed, DocumentNotSent)
    assert (failed.recipient, failed.answer) == ("rechnung@example.com", REFUSED.answer)


def test_an_attempt_that_is_cut_off_is_in_doubt_and_made_again_with_the_same_message_id(
    office: Office,
) -> None:
    """The mail server may have taken it over: it is sent at least once, and whoever gets it twice can tell."""
    document = office.invoice()
    office.postbox.answers = [Killed()]
    with pytest.raises(Killed):
        office.deliver()
    assert office.deliver() is None, "nobody else may make it as long as it can still come to an end"
    office.later(PATIENCE)
    assert office.deliver() == NotAccepted(SendFailure.IN_DOUBT)
    assert office.shown(document)["failure"] == "IN_DOUBT"
    office.later(BACK_OFF[0])
    assert isinstance(office.deliver(), Accepted)
    first, second = office.postbox.tried
    assert first["Message-ID"] == second["Message-ID"]
    assert [body.attempt for body in office.recorded()] == [1, 2]


def test_a_document_that_ends_every_mailer_is_given_up(office: Office) -> None:
    document = office.invoice()
    office.postbox.answers = [Killed() for _ in range(99)]
    for _ in range(len(BACK_OFF) + 1):
        with pytest.raises(Killed):
            office.deliver()
        office.later(PATIENCE)
        office.deliver()
        office.later(timedelta(days=1))
    assert office.deliver() is None
    assert office.shown(document)["status"] == "FAILED"


def test_mailers_at_the_same_time_send_each_document_once(office: Office) -> None:
    for n in range(4):
        office.invoice(email=f"c{n}@example.com")
    with ThreadPoolExecutor(3) as mailers:
        results = list(mailers.map(lambda _: office.deliver(), range(9)))
    while office.deliver():
        pass
    assert None in results
    assert sorted(m["To"] for m in office.postbox.tried) == [f"c{n}@example.com" for n in range(4)]


def test_a_person_has_it_sent_again_as_another_e_mail(office: Office) -> None:
    document = office.invoice()
    office.postbox.answers = [REFUSED]
    office.deliver()
    answer = office.ask(document, "neu@example.com")
    assert answer == {
        "documentId": str(document.document_id),
        "number": document.number,
        "request": 1,
        "version": 2,
        "position": office.system.billing_feed.head(),
    }
    assert office.shown(document)["status"] == "WAITING"
    assert isinstance(office.deliver(), Accepted)
    first, second = office.postbox.tried
    assert second["To"] == "neu@example.com"
    assert first["Message-ID"] != second["Message-ID"]
    sent = office.system.billing_events()[-1]
    assert (sent.actor, sent.version) == ("Frieda", 3)
    shown = office.shown(document)
    assert (shown["status"], shown["recipient"], shown["attempts"]) == ("SENT", "neu@example.com", 2)


def test_who_asks_again_without_an_address_means_the_one_before(office: Office) -> None:
    document = office.invoice()
    office.ask(document, "neu@example.com")
    office.deliver()
    office.ask(document)
    office.deliver()
    assert [m["To"] for m in office.postbox.tried] == ["neu@example.com"] * 2


def test_asking_while_it_is_being_retried_sends_it_now_and_with_all_attempts_again(office: Office) -> None:
    document = office.invoice()
    office.postbox.answers = [DEFERRED] * 4
    for wait in BACK_OFF[:3]:
        office.deliver()
        office.later(wait)
    office.ask(document)
    assert office.deliver() == DEFERRED
    assert office.deliver() is None
    office.later(BACK_OFF[0])
    assert isinstance(office.deliver(), Accepted)


def test_an_attempt_that_ends_after_somebody_asked_again_does_not_end_that_request(office: Office) -> None:
    document = office.invoice()

    class AsksMeanwhile(Postbox):
        def send(self, message: EmailMessage) -> Accepted | NotAccepted:
            if not self.tried:
                office.ask(document, "neu@example.com")
            return super().send(message)

    office.postbox = AsksMeanwhile()
    assert isinstance(office.deliver(), Accepted)
    assert office.shown(document)["status"] == "WAITING"
    assert isinstance(office.deliver(), Accepted)
    assert office.deliver() is None
    assert [m["To"] for m in office.postbox.tried] == ["rechnung@example.com", "neu@example.com"]


def test_a_document_can_be_sent_to_a_customer_who_wants_no_e_mail_where_somebody_asks(office: Office) -> None:
    document = office.invoice(preferredDocumentDelivery="NONE", email=None)
    with pytest.raises(InvalidFields, match="recipient"):
        office.ask(document)
    office.ask(document, "einmal@example.com")
    office.deliver()
    assert [m["To"] for m in office.postbox.tried] == ["einmal@example.com"]


def test_the_same_request_is_carried_out_once(office: Office) -> None:
    document, asked = office.invoice(), examples.asked()
    first, again = (
        office.billing.request_delivery(document.document_id, "a@example.com", asked) for _ in range(2)
    )
    assert first == again
    assert len(office.recorded()) == 1


def test_a_document_that_does_not_exist_is_not_sent(office: Office) -> None:
    with pytest.raises(DocumentNotFound):
        office.billing.request_delivery(uuid4(), None, examples.asked())


def test_nothing_is_sent_to_an_erased_customer(office: Office) -> None:
    document = office.invoice()
    office.system.customer.erase_customer(document.customer_id, examples.asked())
    office.system.work()
    assert office.deliver() == NotAccepted(SendFailure.CUSTOMER_ERASED)
    assert office.deliver() is None
    assert office.shown(document)["status"] == "FAILED"
    with pytest.raises(NothingSentOnceErased):
        office.ask(document, "other@example.com")
    assert not office.postbox.tried


def test_documents_from_long_before_there_was_a_mail_server_wait_for_somebody_to_ask(office: Office) -> None:
    document = office.invoice()
    office.later(timedelta(days=7, seconds=1))
    assert office.deliver() == NotAccepted(SendFailure.TOO_OLD)
    assert office.shown(document)["attempts"] == 0
    office.ask(document)
    assert isinstance(office.deliver(), Accepted)


def test_what_waits_without_a_mail_server_says_so(office: Office) -> None:
    document = office.invoice()
    assert office.shown(document, mail_configured=False)["status"] == "NOT_CONFIGURED"
    office.deliver()
    assert office.shown(document, mail_configured=False)["status"] == "SENT"


def test_a_document_whose_files_cannot_be_made_is_not_sent(office: Office) -> None:
    document = office.invoice(eInvoicing=XRECHNUNG)
    while office.billing.find_documents_to_render(office.system.billing_feed):
        pass
    while office.billing.render_some():
        pass
    with connect(office.system.database.owner_url) as conn:
        conn.execute("ALTER TABLE billing.document_files DISABLE TRIGGER ALL")
        conn.execute("UPDATE billing.document_files SET content = 'altered'")
    result = office.deliver()
    assert isinstance(result, NotAccepted)
    assert result.failure is SendFailure.NOT_RENDERED
    assert office.shown(document)["status"] == "RETRYING"
    assert not office.postbox.tried


def test_what_cannot_even_be_recorded_keeps_nobody_waiting(office: Office) -> None:
    """A document whose key is missing, say."""
    broken, sound = office.invoice(), office.invoice(email="sound@example.com")
    with connect(office.system.database.owner_url) as conn:
        conn.execute("CREATE TABLE public.aside AS SELECT * FROM vault.keys")
        conn.execute(
            "DELETE FROM vault.keys WHERE subject = %s AND purpose = 'documents'", [broken.customer_id]
        )
        for _ in range(2):
            with pytest.raises(KeyMissing):
                office.deliver()
            office.deliver()
            assert [m["To"] for m in office.postbox.tried] == ["sound@example.com"]
            office.later(PATIENCE)
        conn.execute("INSERT INTO vault.keys SELECT * FROM public.aside ON CONFLICT DO NOTHING")
    assert office.deliver() == NotAccepted(SendFailure.IN_DOUBT)
    assert office.shown(sound)["status"] == "SENT"


def test_what_is_still_to_be_sent_follows_from_the_log(office: Office) -> None:
    document = office.invoice()
    office.postbox.answers = [DEFERRED]
    for act in (office.deliver, lambda: office.ask(document), office.deliver):
        act()
        owner_url = office.system.database.owner_url
        assert replay_billing(owner_url, office.system.customer_feed, office.system.billing_feed) == []
