"""Settings: from environment, file and default in this order; a wrong one is named with what is allowed."""

import os
from pathlib import Path

import pytest

from infra.settings import HIDDEN, Settings, SettingsError, as_markdown

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("KONTOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def described(name: str):
    return next(setting for setting in Settings.load().describe() if setting.name == name)


def test_everything_has_a_default_that_works():
    settings = Settings.load()
    assert (settings.host, settings.port, settings.billing_workers, settings.api_processes) == (
        "127.0.0.1",
        8000,
        2,
        1,
    )
    assert settings.data_dir.name == "kontor"
    assert settings.database_url is None
    assert all(setting.source == "default" for setting in settings.describe())


def test_the_environment_goes_before_the_file_and_the_file_before_the_default(monkeypatch):
    Path("kontor.toml").write_text('port = 8001\nhost = "0.0.0.0"\n')
    monkeypatch.setenv("KONTOR_PORT", "8002")
    settings = Settings.load()
    assert (settings.port, settings.host, settings.log_level) == (8002, "0.0.0.0", "info")
    assert (described("port").source, described("host").source) == ("KONTOR_PORT", "kontor.toml")


def test_another_file_can_be_named(monkeypatch, tmp_path):
    (tmp_path / "other.toml").write_text("billing_workers = 5\n")
    monkeypatch.setenv("KONTOR_CONFIG", str(tmp_path / "other.toml"))
    assert Settings.load().billing_workers == 5


def test_an_empty_variable_counts_as_not_set(monkeypatch):
    monkeypatch.setenv("KONTOR_DATABASE_URL", "")
    assert Settings.load().database_url is None


def test_paths_are_made_whole(monkeypatch):
    monkeypatch.setenv("KONTOR_DATA_DIR", "~/here/../there")
    assert Settings.load().data_dir == Path("~/there").expanduser()


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("KONTOR_PORT", "http", "KONTOR_PORT is 'http', but must be a whole number from 1 to 65535"),
        ("KONTOR_PORT", "70000", "KONTOR_PORT is '70000', but must be a whole number from 1 to 65535"),
        (
            "KONTOR_BILLING_WORKERS",
            "0",
            "KONTOR_BILLING_WORKERS is '0', but must be a whole number from 1 to 64",
        ),
        ("KONTOR_LOG_LEVEL", "loud", "KONTOR_LOG_LEVEL is 'loud', but must be debug, info, warning or error"),
        (
            "KONTOR_ADMIN_TOKEN",
            "two words",
            f"KONTOR_ADMIN_TOKEN is '{HIDDEN}', but must be a long random text",
        ),
        (
            "KONTOR_DATABASE_URL",
            "db.example",
            f"KONTOR_DATABASE_URL is '{HIDDEN}', but must be a Post",
        ),
        (
            "KONTOR_PROT",
            "8000",
            "KONTOR_PROT is not a setting; did you mean KONTOR_PORT? There are: KONTOR_DATA_DIR",
        ),
        (
            "KONTOR_CONFIG",
            "/nowhere.toml",
            "/nowhere.toml (named by KONTOR_CONFIG) cannot be read: No such file",
        ),
    ],
)
def test_a_wrong_variable_is_named_with_what_is_allowed(monkeypatch, variable, value, message):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as refused:
        Settings.load()
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("port = 0", "port in kontor.toml is 0, but must be a whole number from 1 to 65535"),
        ("prot = 1", "kontor.toml: prot is not a setting; did you mean port? There are: data_dir, host"),
        ("port = ", "kontor.toml is not valid TOML: Invalid value (at end of document)"),
    ],
)
def test_a_wrong_line_in_the_file_is_named_with_what_is_allowed(text, message):
    Path("kontor.toml").write_text(text)
    with pytest.raises(SettingsError) as refused:
        Settings.load()
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"SMTP_PORT": "25"}, "KONTOR_SMTP_PORT is set, but KONTOR_SMTP_HOST is not"),
        ({"SMTP_USER": "u"}, "KONTOR_SMTP_USER is set, but KONTOR_SMTP_PASSWORD is not"),
        ({"SMTP_PASSWORD": "p"}, "KONTOR_SMTP_PASSWORD is set, but KONTOR_SMTP_USER is not"),
        (
            {"SMTP_USER": "u", "SMTP_PASSWORD": "p", "SMTP_SECURITY": "none"},
            "KONTOR_SMTP_SECURITY is 'none', but must be starttls or tls where there is a password",
        ),
        ({"SMTP_SENDER": "nobody"}, "KONTOR_SMTP_SENDER is 'nobody', but must be an e-mail address such as"),
        ({"SMTP_PASSWORD": "ü"}, f"KONTOR_SMTP_PASSWORD is '{HIDDEN}', but must be printable ASCII"),
    ],
)
def test_half_a_mail_server_is_named(monkeypatch, given, message):
    if "SMTP_PORT" not in given:
        monkeypatch.setenv("KONTOR_SMTP_HOST", "smtp.example.com")
    for name, value in given.items():
        monkeypatch.setenv(f"KONTOR_{name}", value)
    with pytest.raises(SettingsError) as refused:
        Settings.load()
    assert str(refused.value).startswith(message)


def test_secrets_are_not_shown(monkeypatch):
    monkeypatch.setenv("KONTOR_ADMIN_TOKEN", "a-very-secret-token")
    for name, value in (("HOST", "smtp.example.com"), ("USER", "kontor"), ("PASSWORD", "open sesame")):
        monkeypatch.setenv(f"KONTOR_SMTP_{name}", value)
    monkeypatch.setenv("KONTOR_DATABASE_URL", "postgresql://kontor:pa%20ss@db.example/kontor")
    shown = " ".join(str(setting) for setting in Settings.load().describe())
    assert "db.example" in shown
    assert "a-very-secret-token" not in shown
    assert "pa%20ss" not in shown
    assert "pa ss" not in shown
    assert "open sesame" not in shown


def test_the_page_about_settings_is_as_the_code_says():
    """`make docs` writes it."""
    assert (ROOT / "docs" / "settings.md").read_text("utf-8") == as_markdown(Settings.load().describe())
