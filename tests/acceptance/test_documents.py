"""Documents as files: over HTTP with their hashes, and from the command line into a directory."""

from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests import examples
from tests.acceptance.server import KontorServer, eventually

Row = dict[str, Any]


@pytest.fixture(scope="module")
def issued(kontor_server: KontorServer) -> Row:
    """A document of a customer who gets XRechnung, with its files recorded in the background."""
    server = kontor_server
    server.done("PUT", "/v1/billing-entities/main", examples.BILLING_ENTITY)
    server.done("POST", "/v1/customers", examples.beispiel_gmbh(debtorIdent="D-files"))
    server.done("POST", "/v1/orders", examples.order(debtorIdent="D-files", orderIdent="O-files"))
    [document] = server.documents_of_run(debtorIdent="D-files", processingDate="2026-03-31")

    def rendered() -> Row | None:
        found = server.read(f"/v1/documents/{document['documentId']}")
        return found if found["sha256"]["pdf"] else None

    return eventually(rendered)


@pytest.mark.parametrize(
    ("path", "kind", "disposition"),
    [("pdf", "application/pdf", "inline"), ("xml", "application/xml", "attachment")],
)
def test_a_file_is_named_by_its_number_and_known_by_its_hash(kontor_server, issued, path, kind, disposition):
    answer = kontor_server.get(f"/v1/documents/{issued['documentId']}/{path}")
    assert answer.headers["Content-Type"] == kind
    name = f"{issued['number']}.{path}"
    assert answer.headers["Content-Disposition"] == f'{disposition}; filename="{name}"'
    assert answer.headers["ETag"] == f'"{issued["sha256"][path]}"'
    assert sha256(answer.content).hexdigest() == issued["sha256"][path]


@pytest.mark.parametrize(("seen", "status"), [("{}", 304), ('"x", W/{}', 304), ("*", 304), ('"x"', 200)])
@pytest.mark.parametrize("path", ["pdf", "xml", "xml?format=xrechnung-ubl"])
def test_who_has_a_file_does_not_get_it_again(kontor_server, issued, path, seen, status):
    address = f"/v1/documents/{issued['documentId']}/{path}"
    tag = kontor_server.get(address).headers["ETag"]
    answer = kontor_server.get(address, headers={"If-None-Match": seen.format(tag)})
    assert (answer.status_code, answer.headers["ETag"]) == (status, tag)
    assert bool(answer.content) == (status == 200)


def test_the_xml_comes_in_the_customers_format_or_the_one_asked_for(kontor_server, issued):
    address = f"/v1/documents/{issued['documentId']}/xml"
    usual = kontor_server.get(address).content
    zugferd, xrechnung, ubl = (
        kontor_server.get(address, params={"format": form}).content
        for form in ("zugferd", "xrechnung", "xrechnung-ubl")
    )
    assert usual == xrechnung
    assert b"xrechnung_3.0" in xrechnung
    assert b"CrossIndustryInvoice" in zugferd
    assert b"xrechnung" not in zugferd
    assert b"xrechnung_3.0" in ubl
    assert b"CrossIndustryInvoice" not in ubl


def test_what_does_not_exist_is_said(kontor_server, issued):
    assert kontor_server.get(f"/v1/documents/{UUID(int=7)}/xml").status_code == 404
    wrong = kontor_server.get(f"/v1/documents/{issued['documentId']}/xml", params={"format": "edifact"})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["field"] == "format"


def test_an_export_from_the_command_line_has_the_same_files(kontor_server, issued, tmp_path: Path):
    choice = ["documents", "export", "--number", issued["number"], "--to", str(tmp_path / "out"), "--xml"]
    result = kontor_server.cli_json(*choice)
    assert result == {
        "directory": str(tmp_path / "out"),
        "documents": 1,
        "written": 2,
        "unchanged": 0,
        "failed": [],
        "manifest": str(tmp_path / "out" / "manifest.csv"),
    }
    for kind in ("pdf", "xml"):
        content = (tmp_path / "out" / f"{issued['number']}.{kind}").read_bytes()
        assert sha256(content).hexdigest() == issued["sha256"][kind]
    assert "no document 'RE-9'" in kontor_server.cli(*choice[:3], "RE-9", *choice[4:], code=1).stderr


def test_nothing_waits_or_is_parked_in_the_end(kontor_server, issued):
    rendering = kontor_server.cli_json("status")["rendering"]
    assert rendering["parkedDocuments"] == []
    assert "0 parked documents" in kontor_server.cli("documents", "retry").stdout
