"""Files of documents: recorded once by any number of renderers, whatever becomes of them, and given out as recorded."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from hashlib import sha256
from uuid import UUID

import psycopg
import pytest

from infra.postgres.pool import connect
from services.billing import document, rendering_queue
from services.billing.application.files import FileDiffers, NoXRechnung
from services.billing.document import Document
from services.billing.rendering import files
from services.billing.transaction import transaction
from services.events import Command
from services.messages import DocumentIssued, DocumentRendered, Envelope
from services.values import DocumentFile, RenderedFile
from tests import examples
from tests.system import System

PDF, ZUGFERD, XRECHNUNG, UBL = DocumentFile


@pytest.fixture
def seller(system: System) -> System:
    system.define_seller()
    return system


def billed(system: System, customers: int = 1) -> list[DocumentIssued]:
    """A document for each of so many customers, in the order of their numbers."""
    for n in range(customers):
        system.create_customer(examples.erika(debtorIdent=f"D-{n}"))
        system.record_order(examples.order(debtorIdent=f"D-{n}", orderIdent=f"O-{n}"))
    return sorted(system.bill("2026-03-31").documents, key=lambda each: each.debtor_ident)


def rendered(system: System) -> list[Envelope]:
    return [e for e in system.billing_events() if isinstance(e.body, DocumentRendered)]


def contents(system: System, document_id: UUID, *wanted: DocumentFile) -> list[bytes]:
    of = system.billing.files_of(document_id)
    return [system.billing.content(of, file) for file in wanted]


def hashes(system: System, document_id: UUID) -> dict[DocumentFile, str]:
    recorded = system.billing.files_of(document_id).recorded
    return {file: known.sha256 for file, known in recorded.items()}


def stored(system: System) -> list[tuple[UUID, str]]:
    with system.billing_pool.connection() as conn:
        rows = conn.execute("SELECT document_id, file FROM document_files ORDER BY document_id, file")
        return [(row["document_id"], row["file"]) for row in rows]


def parked(system: System) -> dict[str, str]:
    found = system.billing.rendering_status()["parkedDocuments"]
    return {each["documentId"]: each["error"] for each in found}


def waiting(system: System) -> int:
    return system.billing.rendering_status()["waiting"]


# -- what is recorded and given out -------------------------------------------------------------


def test_what_is_recorded_is_what_is_given_out(seller: System) -> None:
    [issued] = billed(seller)
    before = contents(seller, issued.document_id, PDF, ZUGFERD)
    seller.render()
    after = contents(seller, issued.document_id, PDF, ZUGFERD)
    assert after == before
    assert hashes(seller, issued.document_id) == {
        file: sha256(content).hexdigest() for file, content in zip((PDF, ZUGFERD), after, strict=True)
    }
    assert stored(seller) == [(issued.document_id, "ZUGFERD")]
    assert after[1] == files.einvoice(issued, ZUGFERD)


def test_it_is_recorded_on_behalf_of_who_had_it_issued_and_once(seller: System) -> None:
    [issued] = billed(seller)
    seller.render()
    seller.render()
    [event] = rendered(seller)
    [cause] = [e for e in seller.billing_events() if isinstance(e.body, DocumentIssued)]
    assert (event.subject, event.version) == (issued.document_id, 2)
    assert (event.actor, event.correlation_id) == (cause.actor, cause.correlation_id)
    assert event.causation_id == cause.command_id
    assert isinstance(event.body, DocumentRendered)
    assert (event.body.number, event.body.template_version) == (issued.number, issued.template_version)
    assert [(file.file, file.size_bytes > 1000) for file in event.body.files] == [
        (PDF, True),
        (ZUGFERD, True),
    ]


def test_who_asked_for_xrechnung_gets_it_and_the_pdf_has_zugferd_all_the_same(seller: System) -> None:
    seller.create_customer(examples.beispiel_gmbh())
    seller.sign_contract(examples.contract())
    [issued] = seller.bill("2026-01-31").documents
    seller.render()
    of = seller.billing.files_of(issued.document_id)
    assert of.usual_xml is XRECHNUNG
    assert set(of.recorded) == {PDF, ZUGFERD, XRECHNUNG}
    pdf, zugferd, xrechnung, ubl = contents(seller, issued.document_id, *DocumentFile)
    assert len({zugferd, xrechnung, ubl}) == 3
    assert b"xrechnung" in xrechnung
    assert pdf.startswith(b"%PDF")


def test_what_lacks_something_is_refused_as_xrechnung_with_what_it_lacks(seller: System) -> None:
    [issued] = billed(seller)
    with pytest.raises(NoXRechnung, match=r"buyerReference.*BR-DE-15"):
        contents(seller, issued.document_id, UBL)


def test_a_document_of_the_first_template_is_a_pdf_alone(
    seller: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "TEMPLATE_VERSION", 1)
    [issued] = billed(seller)
    seller.render()
    assert set(hashes(seller, issued.document_id)) == {PDF}
    assert stored(seller) == []


def test_documents_of_an_erased_customer_stay_as_they_were(seller: System) -> None:
    rendered_before, rendered_after = billed(seller, 2)
    seller.billing.find_documents_to_render(seller.billing_feed)
    seller.billing.render_some(limit=1)
    before = [contents(seller, each.document_id, PDF, ZUGFERD) for each in (rendered_before, rendered_after)]
    for each in (rendered_before, rendered_after):
        seller.customer.erase_customer(each.customer_id, examples.asked())
    seller.render()
    assert [
        contents(seller, each.document_id, PDF, ZUGFERD) for each in (rendered_before, rendered_after)
    ] == before


def test_the_xml_is_stored_where_nobody_can_read_or_change_it(seller: System) -> None:
    [issued] = billed(seller)
    seller.render()
    with connect(seller.database.owner_url) as conn:
        row = conn.execute("SELECT content FROM billing.document_files").fetchone()
        assert row is not None
        assert b"Mustermann" in contents(seller, issued.document_id, ZUGFERD)[0]
        assert len(bytes(row["content"])) < 3000
        assert b"Mustermann" not in bytes(row["content"])
        for change in ("UPDATE {} SET file = 'XRECHNUNG'", "DELETE FROM {}", "TRUNCATE {}"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="never changed or removed"):
                conn.execute(change.format("billing.document_files").encode())
    with connect(seller.database.service_url) as conn:
        for change in ("UPDATE {} SET file = 'XRECHNUNG'", "DELETE FROM {}", "TRUNCATE {}"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
                conn.execute(change.format("billing.document_files").encode())


def test_altered_bytes_are_not_given_out(seller: System, caplog: pytest.LogCaptureFixture) -> None:
    [issued] = billed(seller)
    seller.render()
    with connect(seller.database.owner_url) as conn:
        conn.execute("ALTER TABLE billing.document_files DISABLE TRIGGER USER")
        conn.execute(
            "UPDATE billing.document_files SET content = set_byte(content, 99, 255 - get_byte(content, 99))"
        )
    with pytest.raises(FileDiffers, match=issued.number):
        contents(seller, issued.document_id, ZUGFERD)
    assert "its stored bytes were altered" in caplog.text
    assert "Mustermann" not in caplog.text


def test_a_pdf_that_is_not_the_recorded_one_is_not_given_out(
    seller: System, caplog: pytest.LogCaptureFixture
) -> None:
    [issued] = billed(seller)
    record(seller, issued, RenderedFile(file=PDF, sha256="0" * 64, size_bytes=1))
    with pytest.raises(FileDiffers, match=issued.number):
        contents(seller, issued.document_id, PDF)
    assert f"PDF of document {issued.document_id} is not given out: SHA-256 is" in caplog.text
    assert b"<rsm:CrossIndustryInvoice" in contents(seller, issued.document_id, ZUGFERD)[0]


def record(system: System, issued: DocumentIssued, *described: RenderedFile) -> None:
    """Record files as another build could have made them."""
    of = system.billing.load([issued.document_id])[issued.document_id]
    assert isinstance(of, Document)
    of.record_files(described, examples.NOW)
    system.billing.save(of, command=Command(examples.asked().context))


# -- renderers that share the work, die, or stumble ---------------------------------------------


def test_two_renderers_share_the_work_and_do_none_of_it_twice(seller: System) -> None:
    documents = billed(seller, 24)

    def render(_: int) -> int:
        seller.billing.find_documents_to_render(seller.billing_feed)
        done = 0
        while some := seller.billing.render_some(limit=3):
            done += some
        return done

    seller.billing.find_documents_to_render(seller.billing_feed)
    with ThreadPoolExecutor(2) as renderers:
        shares = list(renderers.map(render, range(2)))
    assert all(shares)
    assert sorted(e.subject for e in rendered(seller)) == sorted(each.document_id for each in documents)
    assert waiting(seller) == 0


def test_what_another_renderer_holds_is_left_to_it_until_it_dies(seller: System) -> None:
    first, second = (each.document_id for each in billed(seller, 2))
    seller.billing.find_documents_to_render(seller.billing_feed)
    with suppress(KeyboardInterrupt), holding(seller, first):
        assert seller.billing.render_some() == 1
        assert [e.subject for e in rendered(seller)] == [second]
        raise KeyboardInterrupt
    seller.render()
    assert [e.subject for e in rendered(seller)] == [second, first]


@contextmanager
def holding(system: System, document_id: UUID) -> Iterator[None]:
    """Another renderer that works on a document."""
    with transaction(system.billing_pool) as cursor:
        assert list(rendering_queue.take(cursor, 1)) == [document_id]
        yield


STEPS = [
    "INSERT ON billing.document_files",
    "INSERT ON billing.events",
    "DELETE ON billing.documents_to_render",
]


@pytest.mark.parametrize("step", STEPS)
def test_a_renderer_that_is_cut_off_leaves_everything_to_the_next(seller: System, step: str) -> None:
    documents = billed(seller, 2)
    seller.billing.find_documents_to_render(seller.billing_feed)
    with cut_off_at(seller, step), pytest.raises(psycopg.errors.RaiseException):
        seller.billing.render_some()
    assert (rendered(seller), stored(seller), waiting(seller)) == ([], [], 2)
    seller.render()
    assert sorted(e.subject for e in rendered(seller)) == sorted(each.document_id for each in documents)
    assert (len(stored(seller)), waiting(seller)) == (2, 0)


@contextmanager
def cut_off_at(system: System, step: str) -> Iterator[None]:
    """Every transaction that comes to this step ends there."""
    with connect(system.database.owner_url) as conn:
        conn.execute(
            "CREATE FUNCTION billing.cut_off() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'cut off'; END $$"
        )
        conn.execute(f"CREATE TRIGGER cut_off BEFORE {step} EXECUTE FUNCTION billing.cut_off()".encode())
        yield
        conn.execute("DROP FUNCTION billing.cut_off() CASCADE")


def test_what_is_looked_through_by_one_is_not_looked_through_by_another(seller: System) -> None:
    billed(seller, 2)
    with transaction(seller.billing_pool) as cursor:
        cursor.execute("SELECT FROM feed_positions WHERE source = 'billing' FOR UPDATE")
        assert seller.billing.find_documents_to_render(seller.billing_feed) == 0
    assert seller.billing.find_documents_to_render(seller.billing_feed) > 0
    assert seller.billing.find_documents_to_render(seller.billing_feed) == 0
    assert waiting(seller) == 2


def test_a_document_that_cannot_be_rendered_is_parked_and_the_others_go_on(
    seller: System, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(document, "TEMPLATE_VERSION", 99)
    [newer] = billed(seller)
    monkeypatch.undo()
    seller.create_customer(examples.beispiel_gmbh())
    seller.record_order(examples.order())
    [good] = seller.bill("2026-03-31").documents
    seller.render()
    assert [e.subject for e in rendered(seller)] == [good.document_id]
    assert list(parked(seller)) == [str(newer.document_id)]
    assert f"document {newer.document_id} is parked" in caplog.text
    assert "Mustermann" not in caplog.text + str(parked(seller))
    assert waiting(seller) == 0


def test_a_parked_document_is_rendered_once_its_cause_is_repaired(seller: System) -> None:
    [issued] = billed(seller)
    of_documents = "subject = %s AND purpose = 'documents'"
    with connect(seller.database.owner_url) as conn:
        conn.execute("CREATE TABLE lost AS SELECT * FROM vault.keys WHERE false")
        conn.execute(f"INSERT INTO lost SELECT * FROM vault.keys WHERE {of_documents}", [issued.customer_id])
        conn.execute(f"DELETE FROM vault.keys WHERE {of_documents}", [issued.customer_id])
        seller.render()
        assert parked(seller)[str(issued.document_id)].startswith("KeyMissing")
        conn.execute("INSERT INTO vault.keys SELECT * FROM lost")
    seller.render()
    assert rendered(seller) == []
    assert seller.billing.retry_parked_documents(also_unended=False) == 1
    seller.render()
    assert [e.subject for e in rendered(seller)] == [issued.document_id]
    assert parked(seller) == {}


def test_a_document_that_takes_its_renderers_along_is_rendered_alone_and_then_parked(
    seller: System, caplog: pytest.LogCaptureFixture
) -> None:
    deadly, *others = (each.document_id for each in billed(seller, 4))
    seller.billing.find_documents_to_render(seller.billing_feed)
    assert [len(begun_by_one_that_dies(seller)) for _ in range(2)] == [4, 4]
    assert begun_by_one_that_dies(seller) == [deadly]
    assert begun_by_one_that_dies(seller) == [deadly]
    assert begun_by_one_that_dies(seller) == [deadly]
    seller.render()
    assert parked(seller) == {str(deadly): rendering_queue.NEVER_ENDED}
    assert f"document {deadly} is parked" in caplog.text
    assert sorted(e.subject for e in rendered(seller)) == sorted(others)
    assert seller.billing.retry_parked_documents(also_unended=False) == 0
    assert seller.billing.retry_parked_documents(also_unended=True) == 1
    seller.render()
    assert len(rendered(seller)) == 4


def begun_by_one_that_dies(system: System) -> list[UUID]:
    with transaction(system.billing_pool) as cursor:
        taken = list(rendering_queue.take(cursor, 16))
        with transaction(system.billing_pool) as other:
            rendering_queue.count_attempt(other, taken)
        return taken
