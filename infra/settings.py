"""What can be set: in the environment (`KONTOR_…`) or a TOML file, checked before anything starts."""

import binascii
import difflib
import os
import tomllib
from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import platformdirs
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

PREFIX = "KONTOR_"
CONFIG_VARIABLE = "KONTOR_CONFIG"
DEFAULT_CONFIG = "kontor.toml"
OF_THE_TESTS = "KONTOR_REQUIRE_ALL"
"""No setting: it tells the tests that nothing may be skipped, and may be around when they start Kontor."""
HIDDEN = "••••••"
SECRETS = ("admin_token", "master_key", "smtp_password", "kafka_password")
MASTER_KEY_BYTES = 32


class SettingsError(Exception):
    """A setting is wrong or unknown; the message is one line that names it and says what is allowed."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as `kontor settings` shows it; secrets are masked."""

    name: str
    variable: str
    value: str | int | None
    default: str | int | None
    source: str
    """`default`, the environment variable, or the TOML file that the value comes from."""
    allowed: str
    meaning: str


def as_markdown(settings: list[Setting]) -> str:
    """A page about all settings, for the documentation."""
    page = [
        "# Settings",
        "",
        "In the environment, or in lower case without `KONTOR_` in a TOML file: `kontor.toml` where",
    ]
    page += [
        f"Kontor is started, or the file that `{CONFIG_VARIABLE}` names. The environment goes first.",
        "",
    ]
    page += ["| variable | meaning | allowed | default |", "|---|---|---|---|"]
    for each in settings:
        known = each.default is not None and each.name != "data_dir"  # which depends on the user
        default = f"`{each.default}`" if known else ""
        page.append(f"| `{each.variable}` | {each.meaning} | {each.allowed} | {default} |")
    return "\n".join(page) + "\n"


def _setting(default: Any, allowed: str, meaning: str, **constraints: Any) -> Any:
    return Field(default, description=meaning, json_schema_extra={"allowed": allowed}, **constraints)


def _checked_database_url(value: str | None) -> str | None:
    import psycopg  # imported here: only who sets it waits for it

    try:
        psycopg.conninfo.conninfo_to_dict(value or "")
    except psycopg.Error as error:
        raise ValueError(str(error)) from error
    return value


def _checked_master_key(value: str | None) -> str | None:
    if value is not None:
        as_master_key(value)
    return value


def _checked_email(value: str | None) -> str | None:
    from services.identifiers import checked_email  # imported here: only who sets it waits for it

    return value if value is None else checked_email(value)


def as_master_key(text: str) -> bytes:
    """The bytes of a master key as it is written down; raises ValueError."""
    try:
        secret = b64decode(text.strip(), validate=True)
    except binascii.Error:
        secret = b""
    if len(secret) != MASTER_KEY_BYTES:
        raise ValueError(f"is not the base64 of {MASTER_KEY_BYTES} bytes")
    return secret


def _whole_path(path: Path) -> Path:
    return Path(os.path.abspath(path.expanduser()))


class Settings(BaseSettings):
    """The settings of one `kontor` process: environment before TOML file before default."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, validate_default=True
    )

    data_dir: Annotated[Path, AfterValidator(_whole_path)] = _setting(
        Path(platformdirs.user_data_dir("kontor", appauthor=False)),
        "a directory, made when missing",
        "Where the embedded database and files are kept; not set: the user's data directory, as ~/.local/share/kontor.",
    )
    host: str = _setting(
        "127.0.0.1",
        "an address of this machine; 0.0.0.0 for all",
        "Address that the portal and API listen on.",
        min_length=1,
    )
    port: int = _setting(
        8000, "a whole number from 1 to 65535", "Port that the portal and API listen on.", ge=1, le=65535
    )
    database_url: Annotated[str | None, AfterValidator(_checked_database_url)] = _setting(
        None,
        "a PostgreSQL URL such as postgresql://user@host/database, of a role that owns the database",
        "PostgreSQL 18 server to use; not set: the embedded one in data_dir.",
    )
    admin_token: str | None = _setting(
        None,
        "a long random text without spaces",
        "Bearer token with all scopes; not set: one is made at the first start and printed once.",
        pattern=r"^\S+$",
    )
    master_key: Annotated[str | None, AfterValidator(_checked_master_key)] = _setting(
        None,
        "the base64 of 32 random bytes, as `openssl rand -base64 32` makes them",
        "Key that encrypts the customers' keys; not set: the file master.key in data_dir, made at the first start.",
    )
    billing_workers: int = _setting(
        2, "a whole number from 1 to 64", "Billing processes that `kontor serve` runs.", ge=1, le=64
    )
    api_processes: int = _setting(
        1, "a whole number from 1 to 64", "Web server processes that `kontor serve` runs.", ge=1, le=64
    )
    kafka: str | None = _setting(
        None,
        "one or more host:port with commas between them",
        "Bootstrap servers of the Apache Kafka that services talk over; not set: they read each other's logs.",
        pattern=r"^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$",
    )
    kafka_partitions: int = _setting(
        12,
        "a whole number from 1 to 1000",
        "Partitions of each topic; to change them later see docs/operations.md.",
        ge=1,
        le=1_000,
    )
    kafka_replicas: int = _setting(
        0,
        "a whole number from 0 to 9",
        "Brokers that keep a copy of each topic when it is made; 0: three, or as many as there are.",
        ge=0,
        le=9,
    )
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = _setting(
        "PLAINTEXT", "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL", "How connections to Kafka are secured."
    )
    kafka_ca_file: Path | None = _setting(
        None,
        "a file with certificates in PEM format",
        "Who is trusted to vouch for Kafka's brokers; not set: whom this machine trusts.",
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = _setting(
        "SCRAM-SHA-512", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", "How user and password are sent to Kafka."
    )
    kafka_user: str | None = _setting(None, "a user of Kafka", "Who signs in to Kafka, where SASL is used.")
    kafka_password: str | None = _setting(
        None, "the user's password", "Password of the user of Kafka, where SASL is used."
    )
    renderers: int = _setting(
        1,
        "a whole number from 0 to 64",
        "Processes that render issued documents in the background of `kontor serve`; 0: only when they are asked for.",
        ge=0,
        le=64,
    )
    unusual_multiple: int = _setting(
        20,
        "a whole number from 0 to 1000000",
        "Recurring items whose days cost more than so many times what they cost last are not billed unless a run"
        " accepts the unusual; 0: whatever they cost.",
        ge=0,
        le=1_000_000,
    )
    smtp_host: str | None = _setting(
        None,
        "the name of a host, such as smtp.example.com",
        "Mail server that documents are sent through by e-mail; not set: none is sent.",
        pattern=r"^[A-Za-z0-9.:-]+$",
    )
    smtp_port: int | None = _setting(
        None,
        "a whole number from 1 to 65535",
        "Port of the mail server; not set: 587 for starttls, 465 for tls, 25 for none.",
        ge=1,
        le=65535,
    )
    smtp_security: Annotated[
        Literal["starttls", "tls", "none"], BeforeValidator(lambda value: str(value).lower())
    ] = _setting(
        "starttls",
        "starttls, tls or none",
        "How the connection to the mail server is encrypted; none: not at all, and without signing in.",
    )
    smtp_user: str | None = _setting(
        None,
        "printable ASCII characters",
        "User to sign in to the mail server as; not set: without signing in.",
        pattern=r"^[ -~]+$",
    )
    smtp_password: str | None = _setting(
        None, "printable ASCII characters", "Password of that user.", pattern=r"^[ -~]+$"
    )
    smtp_sender: Annotated[str | None, AfterValidator(_checked_email)] = _setting(
        None,
        "an e-mail address such as billing@example.com",
        "Address that documents are sent from; not set: the billing entity's. Answers go to the billing entity's.",
    )
    smtp_sender_name: str | None = _setting(
        None,
        "a name in one line",
        "Name that documents are sent under; not set: the billing entity's.",
        pattern=r"^[^\r\n]+$",
    )
    smtp_timeout_seconds: int = _setting(
        30,
        "a whole number from 1 to 300",
        "How long to wait for each answer of the mail server.",
        ge=1,
        le=300,
    )
    smtp_max_age_days: int = _setting(
        7,
        "a whole number from 1 to 3650",
        "Documents that were issued longer ago and never tried to be sent are not sent by themselves: those from"
        " before there was a mail server, say.",
        ge=1,
        le=3650,
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], BeforeValidator(lambda value: str(value).lower())
    ] = _setting("info", "debug, info, warning or error", "The least important messages that are logged.")

    @classmethod
    def load(cls) -> Self:
        """The settings of this process; raises SettingsError."""
        _refuse_unknown_variables(cls.model_fields)
        try:
            settings = cls()
        except ValidationError as error:
            first = error.errors()[0]
            raise SettingsError(_complaint(cls, str(first["loc"][0]), first["input"])) from None
        _refuse_half_a_mail_server(settings)
        return settings

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, InitSettingsSource(settings_cls, _from_file())

    def describe(self) -> list[Setting]:
        """Every setting with where its value comes from."""
        return [self._describe(name, field) for name, field in type(self).model_fields.items()]

    def _describe(self, name: str, field: FieldInfo) -> Setting:
        return Setting(
            name=name,
            variable=_variable(name),
            value=_shown(name, getattr(self, name)),
            default=_shown(name, field.default),
            source=_source(name) or "default",
            allowed=_allowed(field),
            meaning=field.description or "",
        )


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _allowed(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    return str(extra["allowed"]) if isinstance(extra, dict) else ""


def _config_file() -> Path | None:
    """The TOML file to read: the named one, which must exist, or `kontor.toml` here if there is one."""
    if named := os.environ.get(CONFIG_VARIABLE):
        return Path(named).expanduser()
    return Path(DEFAULT_CONFIG) if Path(DEFAULT_CONFIG).is_file() else None


def _from_file() -> dict[str, Any]:
    if (path := _config_file()) is None:
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(
            f"{path} (named by {CONFIG_VARIABLE}) cannot be read: {error.strerror}"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from error


def _source(name: str) -> str | None:
    if os.environ.get(_variable(name)):
        return _variable(name)
    return str(_config_file()) if name in _from_file() else None


def _refuse_unknown_variables(known: Iterable[str]) -> None:
    allowed = [*map(_variable, known), CONFIG_VARIABLE]
    for variable in sorted(os.environ):
        if variable.startswith(PREFIX) and variable not in (*allowed, OF_THE_TESTS):
            raise SettingsError(_unknown(variable, allowed))


def _unknown(name: str, allowed: list[str]) -> str:
    close = difflib.get_close_matches(name, allowed, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"{name} is not a setting; {hint}There are: {', '.join(allowed)}"


def _complaint(settings: type[Settings], name: str, value: object) -> str:
    field = settings.model_fields.get(name)
    if field is None:
        return f"{_config_file()}: {_unknown(name, list(settings.model_fields))}"
    source = _source(name)
    where = source if source == _variable(name) else f"{name} in {source}"
    return f"{where} is {_shown(name, value)!r}, but must be {_allowed(field)}"


def _refuse_half_a_mail_server(settings: Settings) -> None:
    """Settings of a mail server go together; what is missing is named."""
    stray = [name for name in type(settings).model_fields if name.startswith("smtp_") and _source(name)]
    if settings.smtp_host is None and stray:
        raise SettingsError(f"{_variable(stray[0])} is set, but {_variable('smtp_host')} is not")
    for one, other in (("smtp_user", "smtp_password"), ("smtp_password", "smtp_user")):
        if getattr(settings, one) is not None and getattr(settings, other) is None:
            raise SettingsError(f"{_variable(one)} is set, but {_variable(other)} is not")
    if settings.smtp_user is not None and settings.smtp_security == "none":
        raise SettingsError(
            f"{_variable('smtp_security')} is 'none', but must be starttls or tls where there is a password"
        )


def _shown(name: str, value: object) -> str | int | None:
    if value is None or isinstance(value, int):
        return value
    if name in SECRETS:
        return HIDDEN
    return _without_password(str(value)) if name == "database_url" else str(value)


def _without_password(url: str) -> str:
    import psycopg  # imported here: only who sets it waits for it

    try:
        parts = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.Error:
        return HIDDEN
    return psycopg.conninfo.make_conninfo(url, password=HIDDEN) if parts.get("password") else url
