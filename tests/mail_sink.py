"""A mail server for tests: takes what it is told to, and keeps it."""

import asyncio
import socket
import ssl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HOST = "127.0.0.1"
USER, PASSWORD = "kontor", "very secret"


@dataclass
class Sink:
    """What came in, and what the server answers next at each step (`MAIL`, `RCPT`, `DATA`) instead of 250."""

    port: int
    answers: dict[str, deque[str]] = field(default_factory=dict)
    taken: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    holding: threading.Event = field(default_factory=threading.Event)
    """While it is set, a message is taken and nothing is answered."""
    came_in: threading.Event = field(default_factory=threading.Event)
    users: list[str] = field(default_factory=list)
    connections: set[int] = field(default_factory=set)

    def will_answer(self, step: str, *answers: str) -> None:
        self.answers[step] = deque(answers)

    def _next(self, step: str) -> str | None:
        waiting = self.answers.get(step)
        return waiting.popleft() if waiting else None

    # -- what aiosmtpd calls --------------------------------------------------------------------

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.connections.add(id(session))
        if answer := self._next("MAIL"):
            return answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := self._next("RCPT"):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if answer := self._next("DATA"):
            return answer
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.taken.append(message)
        self.recipients += envelope.rcpt_tos
        self.came_in.set()
        while self.holding.is_set():
            await asyncio.sleep(0.005)
        return "250 taken"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.users.append(data.login.decode())
        is_right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_right, handled=False)


@contextmanager
def sink(
    *, certificate: Path | None = None, tls: bool = False, utf8: bool = True, sign_in: bool = False
) -> Iterator[Sink]:
    """A mail server on a port of its own: with a certificate it offers STARTTLS, or with `tls` speaks nothing else."""
    found = Sink(free_port())
    context = _context(certificate) if certificate else None
    options: dict[str, Any] = {"ssl_context": context} if tls else {"tls_context": context}
    controller = Controller(
        found,
        hostname=HOST,
        port=found.port,
        enable_SMTPUTF8=utf8,
        require_starttls=bool(certificate) and not tls,
        auth_required=sign_in,
        auth_require_tls=not tls,
        authenticator=found.authenticate,
        **options,
    )
    controller.start()
    try:
        yield found
    finally:
        found.holding.clear()
        controller.stop()


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server((HOST, 0)) as taken:
        return int(taken.getsockname()[1])


def write_certificate(path: Path) -> None:
    """A certificate of our own for the sink's address, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail sink")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def _context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
