"""`kontor documents export`: every document under its number, with its hash; what is there already stays."""

import csv
import os
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest

from infra import exports
from infra.eventstore.personal_data import MasterKey
from infra.exports import ExportFailed, Wanted, export
from infra.postgres.pool import connect
from infra.runtime import Runtime
from infra.settings import Settings
from projections import catalogue, engine
from services.billing import document
from services.errors import NotFound, Unavailable
from services.messages import DocumentIssued
from services.personal_data import KEY_BYTES
from services.values import DocumentFile
from tests import examples
from tests.system import System


@pytest.fixture
def runtime(system: System, tmp_path: Path) -> Iterator[Runtime]:
    """Kontor on the database of the test, whose master key it needs."""
    key = b64encode(MasterKey(bytes(KEY_BYTES)).secret).decode()
    settings = Settings(database_url=system.database.owner_url, data_dir=tmp_path / "data", master_key=key)
    with Runtime.open(settings) as runtime:
        yield runtime


@pytest.fixture
def seller(system: System) -> System:
    system.define_seller()
    return system


def issued(system: System, customers: int) -> list[DocumentIssued]:
    """A document for each of so many customers; the first one gets XRechnung. The views know them."""
    for n in range(customers):
        body = examples.erika() if n else examples.beispiel_gmbh()
        system.create_customer(body | {"debtorIdent": f"D-{n}"})
        system.record_order(examples.order(debtorIdent=f"D-{n}", orderIdent=f"O-{n}"))
    documents = system.bill("2026-03-31").documents
    follow(system)
    return sorted(documents, key=lambda each: each.debtor_ident)


def render(system: System) -> None:
    system.render()
    follow(system)


def follow(system: System) -> None:
    feeds = {"customer": system.customer_feed, "billing": system.billing_feed}
    with connect(system.database.service_url, schema="projections") as conn:
        for projection in catalogue.ALL:
            engine.catch_up(conn, projection, feeds, system.vault)


def exported(runtime: Runtime, directory: Path, **wanted: object) -> exports.ExportResult:
    return export(runtime, Wanted(**wanted), directory, lambda *_: None)


def manifest(directory: Path) -> dict[str, str]:
    with (directory / "manifest.csv").open(newline="") as file:
        return {row["file"]: row["sha256"] for row in csv.DictReader(file)}


def on_disk(directory: Path) -> dict[str, str]:
    return {
        path.name: sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.iterdir())
        if path.name != "manifest.csv"
    }


def test_every_document_is_a_pdf_and_an_xml_under_its_number(
    seller: System, runtime: Runtime, tmp_path: Path
) -> None:
    one, other = issued(seller, 2)
    render(seller)
    result = exported(runtime, tmp_path / "all", xml=True)
    assert (result.documents, result.written, result.unchanged, result.failed) == (2, 4, 0, [])
    assert manifest(tmp_path / "all") == on_disk(tmp_path / "all")
    assert list(on_disk(tmp_path / "all")) == [
        f"{each.number}.{kind}"
        for each in sorted((one, other), key=lambda d: d.number)
        for kind in ("pdf", "xml")
    ]
    for each in (one, other):
        shown = runtime.views.document(each.document_id)
        assert shown is not None
        assert shown["sha256"] == {
            kind: manifest(tmp_path / "all")[f"{each.number}.{kind}"] for kind in ("xml", "pdf")
        }
    assert b"xrechnung" in (tmp_path / "all" / f"{one.number}.xml").read_bytes()
    assert b"xrechnung" not in (tmp_path / "all" / f"{other.number}.xml").read_bytes()


def test_an_export_that_was_stopped_goes_on_where_it_was(
    seller: System, runtime: Runtime, tmp_path: Path
) -> None:
    first, second, third = issued(seller, 3)
    render(seller)
    exported(runtime, tmp_path)
    before = on_disk(tmp_path)
    (tmp_path / f"{first.number}.pdf").unlink()
    (tmp_path / f"{second.number}.pdf").write_bytes(b"half of")
    (tmp_path / f".{second.number}.pdf.part").write_bytes(b"half of")
    untouched = (tmp_path / f"{third.number}.pdf").stat().st_mtime_ns
    result = exported(runtime, tmp_path)
    assert (result.written, result.unchanged) == (2, 1)
    assert on_disk(tmp_path) == before
    assert (tmp_path / f"{third.number}.pdf").stat().st_mtime_ns == untouched
    result = exported(runtime, tmp_path)
    assert (result.written, result.unchanged) == (0, 3)


def test_what_was_never_rendered_is_rendered_and_stays_all_the_same(
    seller: System, runtime: Runtime, tmp_path: Path
) -> None:
    issued(seller, 1)
    assert exported(runtime, tmp_path, xml=True).written == 2
    assert exported(runtime, tmp_path, xml=True).unchanged == 2


def test_a_choice_of_documents(seller: System, runtime: Runtime, tmp_path: Path) -> None:
    one, other = issued(seller, 2)
    day = one.issue_date
    by_debtor = exported(runtime, tmp_path, debtor_ident=one.debtor_ident)
    by_number = exported(runtime, tmp_path, number=other.number)
    assert (by_debtor.documents, by_number.documents) == (1, 1)
    assert sorted(manifest(tmp_path)) == sorted(f"{each.number}.pdf" for each in (one, other))
    assert exported(runtime, tmp_path, billing_run_id=one.billing_run_id).documents == 2
    assert exported(runtime, tmp_path, issued_from=day, issued_until=day).documents == 2
    assert exported(runtime, tmp_path, issued_from=day.replace(year=day.year + 1)).documents == 0
    assert exported(runtime, tmp_path, issued_until=day.replace(year=day.year - 1)).documents == 0


@pytest.mark.parametrize("wanted", [{"debtor_ident": "D-9"}, {"number": "RE-9"}, {"billing_run_id": uuid4()}])
def test_a_choice_of_what_does_not_exist_is_refused(
    runtime: Runtime, tmp_path: Path, wanted: dict[str, object]
) -> None:
    with pytest.raises(NotFound):
        exported(runtime, tmp_path / "none", **wanted)
    assert not (tmp_path / "none").exists()


def test_one_format_for_all(seller: System, runtime: Runtime, tmp_path: Path) -> None:
    issued(seller, 2)
    exported(runtime, tmp_path, form=DocumentFile.XRECHNUNG_UBL)
    assert all(b"ubl:" in path.read_bytes() for path in tmp_path.glob("*.xml"))


def test_a_document_that_cannot_be_rendered_is_named_and_the_others_are_there(
    seller: System, runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "TEMPLATE_VERSION", 99)
    issued(seller, 1)
    monkeypatch.undo()
    seller.create_customer(examples.erika(debtorIdent="D-1"))
    seller.record_order(examples.order(debtorIdent="D-1", orderIdent="O-1"))
    seller.bill("2026-03-31")
    follow(seller)
    result = exported(runtime, tmp_path)
    assert (result.documents, result.written) == (2, 1)
    assert ["cannot be made" in refusal.reason for refusal in result.failed] == [True]


def test_more_documents_are_shared_by_processes(
    seller: System, runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "DOCUMENTS_AT_ONCE", 2)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    documents = issued(seller, 6)
    told: list[int] = []
    result = export(runtime, Wanted(), tmp_path, lambda _what, done, _total: told.append(done))
    assert (result.documents, result.written, result.failed) == (6, 6, [])
    assert sorted(on_disk(tmp_path)) == sorted(f"{each.number}.pdf" for each in documents)
    assert told[-1] == 6


def test_views_that_are_behind_and_a_directory_that_cannot_be_written_are_said(
    seller: System, runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued(seller, 1)
    (tmp_path / "file").write_text("no directory")
    with pytest.raises(ExportFailed, match=r"file.*cannot be written"):
        exported(runtime, tmp_path / "file" / "below")
    seller.render()
    monkeypatch.setattr(exports, "CATCH_UP_SECONDS", 0.0)
    with pytest.raises(Unavailable, match="kontor project"):
        exported(runtime, tmp_path)
