"""Erasure on a running Kontor: of what was erased, no byte is left in any file; books and documents stay."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.personal_data import ERASED
from tests import examples
from tests.acceptance.server import KontorServer, eventually, serving

Row = dict[str, Any]

KEPT = "Bleibtreu Maschinenbau"


def secrets(mark: str) -> dict[str, str]:
    """A value for every personal field of an address, such as occurs nowhere else."""
    names = "academicTitle firstName lastName company department addressAddition street streetNumber postOfficeBox"
    named = {name: f"{mark}-{name}-Zzyzx" for name in [*names.split(), "postalCode", "city", "state"]}
    return named | {"email": f"{mark.lower()}.zzyzx@geheim.example"}


def customer(ident: str, mark: str, **changes: Any) -> Row:
    general = {
        "debtorIdent": ident,
        "customerType": "B2B",
        "language": "de",
        "contactPerson": f"{mark}-contact-Zzyzx",
        "email": f"{mark.lower()}.general@geheim.example",
        "phone": f"{mark}-phone-Zzyzx",
        "vatId": "ATU13585627",
        "taxNumber": f"{mark}-tax-Zzyzx",
        "properties": {"nickname": f"{mark}-property-Zzyzx"},
    }
    addresses = [
        {"addressType": kind, "country": "AT", **secrets(f"{mark}{kind}")} for kind in ("INVOICE", "SHIPPING")
    ]
    return general | {"addresses": addresses} | changes


ACCOUNTS: list[Row] = [
    {
        "paymentMethod": "DIRECT_DEBIT",
        "iban": "NL91ABNA0417164300",
        "bic": "ABNANL2A",
        "mandateReference": "MANDATE-Zzyzx",
        "mandateDate": "2026-01-02",
        "accountHolderName": "Holder-Zzyzx",
        "displayName": "Display-Zzyzx",
    },
    {
        "paymentMethod": "CREDIT_CARD",
        "gatewayToken": "tok_zzyzxGateway",
        "brand": "Visa",
        "lastFour": "4242",
        "expiry": "2028-05",
        "accountHolderName": "Cardholder-Zzyzx",
    },
    {"paymentMethod": "PAY_PAL", "payerReference": "PAYER-Zzyzx"},
]
TRACES = [b"zzyzx", b"geheim.example", b"u13585627", b"nl91abna0417164300", b"abnanl2a"]
"""What the personal values above have in them, in lower case."""


@pytest.fixture(scope="module")
def server() -> Iterator[KontorServer]:
    with serving() as server:
        server.done("PUT", "/v1/billing-entities/main", examples.BILLING_ENTITY)
        server.done("POST", "/v1/customers", examples.beispiel_gmbh(debtorIdent="D-kept", addresses=[kept()]))
        yield server


def kept() -> Row:
    return examples.invoice_address(company=KEPT)


@pytest.fixture(scope="module")
def erased(server: KontorServer) -> Row:
    """A customer with everything personal in every field, changed, billed, erased, and purged; with its document."""
    created = server.done("POST", "/v1/customers", customer("D-gone", "Anna"))
    path = f"/v1/customers/{created['customerId']}"
    changes = {"contactPerson": "Berta-contact-Zzyzx", "phone": "Berta-phone-Zzyzx"}
    server.done("PATCH", path, changes)
    server.done("PUT", f"{path}/properties/nickname", {"value": "Berta-property-Zzyzx"})
    server.done("PUT", f"{path}/billing-stop", {"reason": "Reason-Zzyzx"})
    for account in ACCOUNTS:
        server.done("POST", f"{path}/payment-accounts", account)
    server.done("POST", f"{path}/addresses", customer("", "Carla")["addresses"][1])
    server.done("POST", "/v1/orders", examples.order(debtorIdent="D-gone"))
    [document] = server.documents_of_run(debtorIdent="D-gone", processingDate="2026-02-28")
    assert server.read("/v1/customers", q="zzyzx")["total"] == 1
    server.sql("ANALYZE")
    assert found(server.data_dir / "postgres"), "what is to be searched for is not there to begin with"
    position = server.done("POST", f"{path}/erasure", None)["position"]
    server.read(path, minPosition=position)
    eventually(lambda: not server.sql("SELECT subject FROM vault.destroyed_keys WHERE purged_at IS NULL"))
    return created | {"document": document}


def found(*places: Path) -> list[str]:
    """The files in which anything personal is, with what it is."""
    files = [path for place in places for path in (place.rglob("*") if place.is_dir() else [place])]
    return [
        f"{path}: {trace.decode()}"
        for path in files
        if path.is_file()
        for trace in TRACES
        if occurs(trace, path)
    ]


def occurs(trace: bytes, path: Path) -> bool:
    """Whether a file holds it, in upper or lower case."""
    try:
        content = path.read_bytes().lower()
    except FileNotFoundError:  # it went away meanwhile, as segments of the write-ahead log do
        return False
    return trace in content


def test_no_file_of_the_database_holds_a_byte_of_it(server: KontorServer, erased: Row) -> None:
    assert found(server.data_dir) == []


def test_no_log_of_kontor_does(server: KontorServer, erased: Row) -> None:
    assert found(server.log_file) == []


def test_no_table_shows_it(server: KontorServer, erased: Row) -> None:
    tables = server.sql(
        "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables"
        " WHERE schemaname IN ('customer', 'billing', 'projections', 'vault', 'kontor')"
    )
    for table in tables:
        rows = server.sql(f"SELECT t::text AS text FROM {table['name']} t")
        assert not [row for row in rows if shows(row["text"])], table


@pytest.mark.parametrize("source", ["customer", "billing"])
def test_no_event_shows_it(server: KontorServer, erased: Row, source: str) -> None:
    """Said once more, because files hold long states compressed."""
    rows = server.sql(f"SELECT convert_from(state, 'UTF8') AS text FROM {source}.events")
    assert rows
    assert not [row for row in rows if shows(row["text"])]


def shows(text: str) -> bool:
    return any(trace.decode() in text.lower() for trace in TRACES)


def test_it_reads_as_erased_everywhere(server: KontorServer, erased: Row) -> None:
    path = f"/v1/customers/{erased['customerId']}"
    detail = server.read(path)
    assert (detail["name"], detail["email"], detail["debtorIdent"]) == (ERASED, ERASED, "D-gone")
    assert detail["addresses"][1]["street"] == ERASED
    assert detail["properties"] == {"nickname": ERASED}
    history = server.read(f"{path}/history")
    assert history["items"][0]["event"] == "customer.PersonalDataErased"
    assert "zzyzx" not in str(history).lower()
    assert server.read("/v1/customers", q="zzyzx")["total"] == 0


def test_it_takes_no_more_commands(server: KontorServer, erased: Row) -> None:
    answer = server.patch(f"/v1/customers/{erased['customerId']}", json={"phone": "+49 40 1"})
    assert answer.status_code == 409


def test_its_documents_stay_as_they_were_issued(server: KontorServer, erased: Row) -> None:
    document = server.read(f"/v1/documents/{erased['document']['documentId']}")
    assert document["buyer"] == erased["document"]["buyer"]
    assert "AnnaINVOICE-company-Zzyzx" in str(document["buyer"])
    pdf = server.get(f"/v1/documents/{document['documentId']}/pdf")
    assert pdf.content.startswith(b"%PDF")


def test_the_books_replay_to_the_same(server: KontorServer, erased: Row) -> None:
    assert server.cli("audit", "replay").stdout.strip() == "no difference"


def test_everybody_else_stays(server: KontorServer, erased: Row) -> None:
    assert [item["name"] for item in server.read("/v1/customers", q="Bleibtreu")["items"]] == [KEPT]


def test_a_purge_by_hand_finds_nothing_more_to_do(server: KontorServer, erased: Row) -> None:
    assert server.cli_json("purge") == {"customers": 0, "waiting": 0}
