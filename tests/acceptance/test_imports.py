"""`kontor import` as its users meet it: the examples of its documentation, what it says, and what it ends with."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests import examples

Row = dict[str, Any]

PAGE = (Path(__file__).parents[2] / "docs" / "imports.md").read_text("utf-8")


def block(language: str, number: int = 0) -> str:
    """A code block of the documentation."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[number]


@pytest.mark.parametrize("again", [False, True])
def test_the_documented_files_are_imported_and_then_there_already(kontor_server, tmp_path, again):
    files = {
        "customers.csv": ("customers", block("csv")),
        "orders.jsonl": ("orders", block("jsonl")),
        "moving-in.jsonl": ("customers", block("jsonl", 1)),
    }
    for name, (kind, text) in files.items():
        path = tmp_path / name
        path.write_text(text, "utf-8")
        rows = len(text.splitlines()) - name.endswith(".csv")
        result = kontor_server.cli_json("import", kind, str(path))
        assert (result["created"], result["unchanged"]) == ((0, rows) if again else (rows, 0)), name
        assert (result["rejected"], result["rejects_file"]) == (0, None)


def test_rejected_rows_end_it_with_1_and_the_name_of_their_file(kontor_server, tmp_path):
    path = tmp_path / "customers.jsonl"
    path.write_text(json.dumps(examples.erika(language="nonsense")) + "\n", "utf-8")
    done = kontor_server.cli("import", "customers", str(path), code=1)
    assert done.stdout == "0 created, 0 there already, 1 rejected\n"
    assert f"rejected rows and reasons: {path}.rejects.jsonl\n" in done.stderr
    [reject] = map(json.loads, Path(f"{path}.rejects.jsonl").read_text("utf-8").splitlines())
    assert [error["field"] for error in reject["errors"]] == ["language"]


def test_a_file_whose_columns_name_nothing_is_refused_in_a_sentence(kontor_server, tmp_path):
    path = tmp_path / "customers.csv"
    path.write_text("debtorIdent,addresses[first].city\n", "utf-8")
    done = kontor_server.cli("import", "customers", str(path), code=1)
    assert "'addresses[first].city' does not name a field" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("telco",), "telco needs a date, and nothing else has one"),
        (("customers", "--date", "2026-01-01"), "telco needs a date, and nothing else has one"),
        (("customers", "--bill-from", "2026-01-01"), "only telco has it"),
    ],
)
def test_only_telco_has_a_date_and_needs_one(kontor_server, tmp_path, arguments, told):
    path = tmp_path / "empty.csv"
    path.touch()
    kind, *options = arguments
    done = kontor_server.cli("import", kind, str(path), *options, code=2)
    assert told in " ".join(done.stderr.split())


def test_a_file_that_is_not_the_sample_is_rejected_row_by_row(kontor_server, tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n", "utf-8")
    kontor_server.cli("import", "telco", str(path), "--date", "2026-01-01", code=1)
    [reject] = map(json.loads, Path(f"{path}.rejects.jsonl").read_text("utf-8").splitlines())
    assert reject["errors"] == [
        {"field": "row", "message": "is not a row of the Telco sample: 'customerID' is missing or unknown"}
    ]
