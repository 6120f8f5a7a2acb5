"""How clients find Kafka and sign in to it: from settings to what kafka-python asks for."""

from typing import Any

from infra.settings import Settings, SettingsError


def client_options(settings: Settings) -> dict[str, Any]:
    """What every client of Kafka is made with; raises SettingsError where a setting is missing."""
    if settings.kafka is None:
        raise SettingsError(
            "KONTOR_KAFKA is not set: name Kafka's bootstrap servers, or start one with `kontor dev kafka up`"
        )
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka.split(","),
        "client_id": "kontor",
        "security_protocol": settings.kafka_security,
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
        "reconnect_backoff_max_ms": 1_000,
    }
    if settings.kafka_ca_file:
        options["ssl_cafile"] = str(settings.kafka_ca_file)
    if settings.kafka_security.startswith("SASL_"):
        options |= _sasl(settings)
    return options


def _sasl(settings: Settings) -> dict[str, Any]:
    if not (settings.kafka_user and settings.kafka_password):
        raise SettingsError(
            f"KONTOR_KAFKA_SECURITY is {settings.kafka_security!r}: set KONTOR_KAFKA_USER and KONTOR_KAFKA_PASSWORD too"
        )
    return {
        "sasl_mechanism": settings.kafka_sasl_mechanism,
        "sasl_plain_username": settings.kafka_user,
        "sasl_plain_password": settings.kafka_password,
    }
