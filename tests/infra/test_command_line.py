"""The `kontor` command: every command explains itself, and exit codes mean something."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from infra.__main__ import app
from infra.postgres.pool import connect

ROOT = Path(__file__).parents[2]


def commands() -> list[list[str]]:
    """The words of every command, sub-commands included."""
    found = []
    todo = [([], typer.main.get_command(app))]
    while todo:
        words, command = todo.pop()
        found.append(words)
        todo += [([*words, name], sub) for name, sub in getattr(command, "commands", {}).items()]
    return sorted(found)


def kontor(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KONTOR_")}
    return subprocess.run(
        [sys.executable, "-m", "infra", *arguments],
        cwd=ROOT,
        env=clean | {"COLUMNS": "200"} | environment,
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )


def test_every_command_has_help_with_an_example():
    group = typer.main.get_command(app)
    for words in commands():
        command = group
        for word in words:
            command = command.commands[word]
        assert command.help, words
        if not hasattr(command, "commands"):
            assert command.epilog.startswith("Example: "), words
            assert f"kontor {' '.join(words)}" in command.epilog, words


def test_help_needs_no_database():
    done = kontor("--help")
    assert done.returncode == 0
    assert "serve" in done.stdout


def test_settings_are_listed_for_programs():
    done = kontor("settings", "--json", KONTOR_PORT="8123")
    (port,) = [each for each in json.loads(done.stdout) if each["name"] == "port"]
    assert (done.returncode, port["value"], port["source"]) == (0, 8123, "KONTOR_PORT")


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (
            ["settings"],
            {"KONTOR_PORT": "abc"},
            "kontor: KONTOR_PORT is 'abc', but must be a whole number from 1 to 65535",
        ),
        (["serve"], {"KONTOR_PROT": "1"}, "kontor: KONTOR_PROT is not a setting; did you mean KONTOR_PORT?"),
        (["serve", "--dmeo"], {}, "No such option: --dmeo"),
        (["bill", "--date", "tomorrow"], {}, "'tomorrow' does not match the format"),
        (["import", "customers", "/nowhere.csv"], {}, "'/nowhere.csv' does not exist"),
    ],
)
def test_wrong_usage_is_explained_and_ends_with_2(arguments, environment, message):
    done = kontor(*arguments, **environment)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_cannot_be_reached_ends_with_1(tmp_path):
    done = kontor("migrate", KONTOR_DATABASE_URL=f"postgresql://owner@/kontor?host={tmp_path}")
    assert done.returncode == 1
    assert done.stderr.startswith("kontor: ")
    assert "Traceback" not in done.stderr


def test_a_database_that_is_not_prepared_is_told_from_one_that_is(database, postgres):
    fresh = postgres.url("kontor_owner", "unprepared")
    with connect(database.owner_url) as owner:
        owner.execute("CREATE DATABASE unprepared")
    refused = kontor("status", KONTOR_DATABASE_URL=fresh)
    assert refused.returncode == 1
    assert "run `kontor migrate`" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "applied 0001_platform" in kontor("migrate", KONTOR_DATABASE_URL=fresh).stdout
    assert kontor("migrate", KONTOR_DATABASE_URL=fresh).stdout.startswith("nothing to do")
    status = kontor("status", "--json", KONTOR_DATABASE_URL=fresh)
    assert status.returncode == 0
    assert {row["state"] for row in json.loads(status.stdout)["projections"]} == {"STOPPED"}


def test_a_run_is_requested_for_all_or_for_a_known_debtor(database):
    requested = kontor("bill", "--date", "2026-01-31", "--json", KONTOR_DATABASE_URL=database.owner_url)
    assert requested.returncode == 0
    assert set(json.loads(requested.stdout)) == {"billingRunId", "position"}
    refused = kontor("bill", "--debtor", "D-nobody", KONTOR_DATABASE_URL=database.owner_url)
    assert refused.returncode == 1
    assert refused.stderr == "kontor: There is no customer with the debtor ident 'D-nobody'.\n"


def test_a_sign_in_link_is_one_line_for_scripts(database):
    done = kontor("sign-in-link", KONTOR_DATABASE_URL=database.owner_url, KONTOR_PORT="8321", COLUMNS="20")
    assert done.stdout.startswith("http://127.0.0.1:8321/sign-in?token=")
    assert done.stdout.count("\n") == 1
