"""The `kontor` command: every command explains itself, and exit codes mean something."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from infra.__main__ import app

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
