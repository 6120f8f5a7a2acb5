"""The mail server of the settings."""

from datetime import timedelta

from infra.settings import Settings, SettingsError
from services.billing.application.deliveries import Mailing
from services.billing.delivering.letter import Sender
from services.billing.delivering.smtp import MailServer, Post, Security

_PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}

RENDERING_SECONDS = 60
"""How long the files of a document can take, before it is handed in."""


def mailing_of(settings: Settings) -> Mailing:
    """How documents are sent; raises SettingsError where no mail server is named."""
    if settings.smtp_host is None:
        raise SettingsError(
            "KONTOR_SMTP_HOST is not set, so there is no mail server to send documents through"
        )
    security = Security(settings.smtp_security)
    server = MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port or _PORTS[security],
        security=security,
        user=settings.smtp_user,
        password=settings.smtp_password,
        timeout_seconds=settings.smtp_timeout_seconds,
    )
    return Mailing(
        postbox=Post(server),
        sender=Sender(settings.smtp_sender, settings.smtp_sender_name),
        patience=timedelta(seconds=RENDERING_SECONDS + server.patience_seconds),
        max_age=timedelta(days=settings.smtp_max_age_days),
    )
