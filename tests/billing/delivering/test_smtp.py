"""Handing e-mails to a mail server: what it takes, and what becomes of everything that it does not."""

from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from services.billing.delivering.addresses import mailbox
from services.billing.delivering.smtp import MESSAGES_PER_CONNECTION, MailServer, Post, Security
from services.billing.delivery import Accepted, NotAccepted
from services.messages import SendFailure
from tests.mail_sink import HOST, PASSWORD, USER, Sink, free_port, sink, write_certificate


@pytest.fixture(scope="module")
def mail() -> Iterator[Sink]:
    """One server for all that needs no encryption; it is as new for each test."""
    with sink() as server:
        yield server


@pytest.fixture
def post(mail: Sink) -> Iterator[Post]:
    mail.taken.clear()
    mail.recipients.clear()
    mail.answers.clear()
    mail.connections.clear()
    post = Post(server_at(mail.port))
    yield post
    post.close()


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate that this machine trusts."""
    path = tmp_path / "certificate.pem"
    write_certificate(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


def server_at(port: int, security: Security = Security.NONE) -> MailServer:
    return MailServer(HOST, port, security, timeout_seconds=5)


def message(to: str = "rechnung@example.com", text: str = "Grüße\n.\nEnde\n") -> EmailMessage:
    found = EmailMessage(policy=SMTP)
    found["From"], found["To"] = mailbox("re@nordlicht.example", "Nordlicht"), mailbox(to)
    found["Message-ID"] = "<1@nordlicht.example>"
    found.set_content(text, cte="quoted-printable")
    return found


def test_a_message_arrives_as_it_was_written(mail: Sink, post: Post) -> None:
    assert post.send(message()) == Accepted("<1@nordlicht.example>")
    [taken] = mail.taken
    assert taken.get_content().splitlines() == ["Grüße", ".", "Ende"]
    assert mail.recipients == ["rechnung@example.com"]


def test_many_messages_go_over_one_connection_and_then_over_another(mail: Sink, post: Post) -> None:
    for _ in range(MESSAGES_PER_CONNECTION + 1):
        assert isinstance(post.send(message()), Accepted)
    assert len(mail.taken) == MESSAGES_PER_CONNECTION + 1
    assert len(mail.connections) == 2


@pytest.mark.parametrize(
    ("step", "answer", "failure"),
    [
        ("MAIL", "451 4.3.0 try later", SendFailure.DEFERRED),
        ("MAIL", "550 5.7.1 not you", SendFailure.SENDER_REFUSED),
        ("RCPT", "450 4.2.1 greylisted", SendFailure.DEFERRED),
        ("RCPT", "550 5.1.1 <nobody@example.com> unknown", SendFailure.REFUSED),
        ("DATA", "452 4.2.2 mailbox full", SendFailure.DEFERRED),
        ("DATA", "554 5.7.1 looks like spam", SendFailure.REFUSED),
    ],
)
def test_a_refusal_is_for_now_or_for_good(
    mail: Sink, post: Post, step: str, answer: str, failure: SendFailure
) -> None:
    mail.will_answer(step, answer)
    assert post.send(message()) == NotAccepted(failure, answer)
    assert isinstance(post.send(message()), Accepted)


def test_a_domain_with_umlauts_is_written_in_ascii(mail: Sink, post: Post) -> None:
    assert isinstance(post.send(message("rechnung@straße.de")), Accepted)
    assert mail.recipients == ["rechnung@xn--strae-oqa.de"]


def test_an_address_with_umlauts_before_the_at_goes_to_servers_that_take_such(mail: Sink, post: Post) -> None:
    assert isinstance(post.send(message("müller@müller.de")), Accepted)
    assert mail.recipients == ["müller@xn--mller-kva.de"]
    assert mail.taken[0]["To"] == "müller@xn--mller-kva.de"
    with sink(utf8=False) as old:
        post = Post(server_at(old.port))
        assert post.send(message("müller@müller.de")) == NotAccepted(
            SendFailure.ADDRESS_NOT_SUPPORTED, f"{HOST} does not offer SMTPUTF8"
        )
        post.close()


def test_a_server_that_is_down_or_no_mail_server_is_unavailable() -> None:
    result = Post(server_at(free_port())).send(message())
    assert isinstance(result, NotAccepted)
    assert result.failure is SendFailure.SERVER_UNAVAILABLE
    nowhere = replace(server_at(25), host="no-such-host.invalid")
    result = Post(nowhere).send(message())
    assert isinstance(result, NotAccepted)
    assert result.failure is SendFailure.SERVER_UNAVAILABLE


def test_a_server_that_goes_away_after_the_content_leaves_it_in_doubt(mail: Sink) -> None:
    mail.holding.set()
    post = Post(replace(server_at(mail.port), timeout_seconds=0.2))
    result = post.send(message())
    mail.holding.clear()
    assert isinstance(result, NotAccepted)
    assert result.failure is SendFailure.IN_DOUBT


def test_starttls_and_signing_in(certificate: Path) -> None:
    with sink(certificate=certificate, sign_in=True) as mail:
        server = replace(server_at(mail.port, Security.STARTTLS), user=USER, password=PASSWORD)
        post = Post(server)
        assert isinstance(post.send(message()), Accepted)
        post.close()
        result = Post(replace(server, password="wrong")).send(message())
        assert isinstance(result, NotAccepted)
        assert result.failure is SendFailure.SIGN_IN_REFUSED
        assert PASSWORD not in repr(server)
    assert set(mail.users) == {USER}


def test_tls_from_the_first_byte(certificate: Path) -> None:
    with sink(certificate=certificate, tls=True) as mail:
        post = Post(server_at(mail.port, Security.TLS))
        assert isinstance(post.send(message()), Accepted)
        post.close()


def test_nothing_is_sent_without_the_encryption_that_was_asked_for(mail: Sink, post: Post) -> None:
    result = Post(server_at(mail.port, Security.STARTTLS)).send(message())
    assert isinstance(result, NotAccepted)
    assert result.failure is SendFailure.SERVER_UNAVAILABLE
    assert result.answer == "STARTTLS extension not supported by server."
    assert not mail.taken


def test_nothing_is_sent_to_a_server_whose_certificate_is_not_trusted(tmp_path: Path) -> None:
    write_certificate(path := tmp_path / "unknown.pem")
    with sink(certificate=path) as mail:
        result = Post(server_at(mail.port, Security.STARTTLS)).send(message())
    assert isinstance(result, NotAccepted)
    assert result.failure is SendFailure.SERVER_UNAVAILABLE
    assert "certificate" in (result.answer or "")
    assert not mail.taken
