"""Handing e-mails to a mail server (RFC 5321), with exact words for whatever keeps it from taking them."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from enum import StrEnum
from typing import cast

from services.billing.delivery import Accepted, NotAccepted
from services.messages import SendFailure

MESSAGES_PER_CONNECTION = 50
"""Servers end longer ones, and may count them against the sender."""
ANSWER_MAX = 500
"""Characters of what the server said that are kept."""
STEPS_PER_MESSAGE = 14
"""Answers to wait for at most, from the connection to the end of a message, each as long as the timeout."""


class Security(StrEnum):
    """How the connection is kept from being read or altered on its way."""

    STARTTLS = "starttls"
    """It begins in the clear and must go over to TLS (RFC 3207)."""
    TLS = "tls"
    """TLS from the first byte (RFC 8314)."""
    NONE = "none"
    """For a server on the same machine."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where e-mails are handed in. TLS certificates are checked against those that the machine trusts."""

    host: str
    port: int
    security: Security
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout_seconds: float = 30.0

    @property
    def patience_seconds(self) -> float:
        """How long handing in one message can take; whatever takes longer was cut off."""
        return STEPS_PER_MESSAGE * self.timeout_seconds


class _Failed(Exception):
    """The message was not sent."""

    def __init__(self, failure: SendFailure, answer: str) -> None:
        super().__init__(failure.value)
        self.result = NotAccepted(failure, answer[:ANSWER_MAX])


class Post:
    """Sends one message after the other over one connection, which `close` ends."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._connection: smtplib.SMTP | None = None
        self._taken = 0

    def send(self, message: EmailMessage) -> Accepted | NotAccepted:
        """Hand in a message for the one it is addressed to. Whatever goes wrong is the answer, and nothing is raised."""
        try:
            self._hand_in(self._connected(), message)
        except _Failed as failed:
            self.close()
            return failed.result
        self._taken += 1
        return Accepted(str(message["Message-ID"]))

    def close(self) -> None:
        """End the connection, if there is one."""
        connection, self._connection = self._connection, None
        if connection:
            with suppress(smtplib.SMTPException, OSError):
                connection.quit()
            connection.close()

    # -- connecting -----------------------------------------------------------------------------

    def _connected(self) -> smtplib.SMTP:
        """The connection, ready for another message."""
        if self._connection is None or self._taken >= MESSAGES_PER_CONNECTION or not self._is_alive():
            self.close()
            self._connection, self._taken = self._connect(), 0
        return self._connection

    def _is_alive(self) -> bool:
        try:
            return self._connection is not None and self._connection.rset()[0] == 250
        except (smtplib.SMTPException, OSError):
            return False

    def _connect(self) -> smtplib.SMTP:
        with _failing(SendFailure.SERVER_UNAVAILABLE):
            connection = self._opened()
        try:
            with _failing(SendFailure.SERVER_UNAVAILABLE):
                if self._server.security is Security.STARTTLS:
                    connection.starttls(context=ssl.create_default_context())
                connection.ehlo_or_helo_if_needed()
                self._sign_in(connection)
        except _Failed:
            connection.close()
            raise
        return connection

    def _sign_in(self, connection: smtplib.SMTP) -> None:
        if self._server.user is None or self._server.password is None:
            return
        try:
            connection.login(self._server.user, self._server.password)
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPNotSupportedError) as refused:
            raise _Failed(SendFailure.SIGN_IN_REFUSED, _said(refused)) from None

    def _opened(self) -> smtplib.SMTP:
        host, port, timeout = self._server.host, self._server.port, self._server.timeout_seconds
        if self._server.security is Security.TLS:
            return smtplib.SMTP_SSL(host, port, timeout=timeout, context=ssl.create_default_context())
        return smtplib.SMTP(host, port, timeout=timeout)

    # -- handing in -----------------------------------------------------------------------------

    def _hand_in(self, connection: smtplib.SMTP, message: EmailMessage) -> None:
        sender, recipient = _address(message, "From"), _address(message, "To")
        utf8 = not (sender + recipient).isascii()
        if utf8 and not connection.has_extn("smtputf8"):
            answer = f"{self._server.host} does not offer SMTPUTF8"
            raise _Failed(SendFailure.ADDRESS_NOT_SUPPORTED, answer)
        content = message.as_bytes(policy=SMTPUTF8 if utf8 else SMTP)
        with _failing(SendFailure.SERVER_UNAVAILABLE):
            _check(
                connection.mail(sender, _options(connection, content, utf8=utf8)), SendFailure.SENDER_REFUSED
            )
            _check(connection.rcpt(recipient), SendFailure.REFUSED)
        # From here on a lost connection does not tell whether the message was taken.
        with _failing(SendFailure.IN_DOUBT):
            _check(_content_taken(connection, content), SendFailure.REFUSED)


def _address(message: EmailMessage, header: str) -> str:
    [address] = cast(tuple[Address, ...], message[header].addresses)
    return address.addr_spec


def _options(connection: smtplib.SMTP, content: bytes, *, utf8: bool) -> list[str]:
    size = (
        [f"SIZE={len(content)}"] if connection.has_extn("size") else []
    )  # refused before it is sent (RFC 1870)
    return [*size, "SMTPUTF8", "BODY=8BITMIME"] if utf8 else size


def _content_taken(connection: smtplib.SMTP, content: bytes) -> tuple[int, bytes]:
    try:
        return connection.data(content)
    except smtplib.SMTPDataError as refused:  # it did not even want to see the content
        answer = refused.smtp_error
        return refused.smtp_code, answer if isinstance(answer, bytes) else answer.encode()


def _check(answer: tuple[int, bytes], for_good: SendFailure) -> None:
    """Raise what a refusal means: 4xx is one for now (RFC 5321, section 4.2.1)."""
    code, text = answer
    if code // 100 != 2:
        failure = for_good if code // 100 == 5 else SendFailure.DEFERRED
        raise _Failed(failure, f"{code} {_text(text)}")


@contextmanager
def _failing(failure: SendFailure) -> Iterator[None]:
    """What the library raises means this failure."""
    try:
        yield
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        raise _Failed(failure, _said(error)) from None


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    return str(error) or type(error).__name__


def _text(answer: bytes | str) -> str:
    return answer if isinstance(answer, str) else answer.decode("utf-8", "replace")
