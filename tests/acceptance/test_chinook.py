"""A shop's history of five years, imported from files, billed in one run, and proved from the logs."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from infra import demo
from tests import examples
from tests.acceptance.server import KontorServer, eventually, serving

Row = dict[str, Any]
UP_TO = "2026-01-01"


@dataclass
class Shop:
    """The server, and the files that were imported into it."""

    server: KontorServer
    customers: Path
    orders: Path

    def bill(self) -> Row:
        """A completed run for all customers."""
        return self.server.cli_json("bill", "--date", UP_TO, "--wait")

    def outcomes(self, run: Row) -> dict[str, Row]:
        """Every outcome of a run by debtor ident."""
        path = f"/v1/billing-runs/{run['billingRunId']}/outcomes"
        page = self.server.read(path, limit=500)
        found = {outcome["debtorIdent"]: outcome for outcome in page["items"]}
        assert len(found) == len(page["items"]) == page["total"]
        return found

    def documents(self) -> list[Row]:
        """Every document with its lines, as far as the billing log goes."""
        _, head = self.server.heads()
        eventually(lambda: all(p >= head for p in self.positions("documents", "billing")))
        listed = self.server.read("/v1/documents", limit=500)
        assert len(listed["items"]) == listed["total"]
        return [self.server.read(f"/v1/documents/{each['documentId']}") for each in listed["items"]]

    def positions(self, projection: str, source: str) -> list[int]:
        query = "SELECT position FROM projections.positions WHERE projection = %s AND source = %s"
        return [row["position"] for row in self.server.sql(query, projection, source)]


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """Chinook's customers and invoices, imported with the command line; nothing is billed."""
    with serving(renderers=0) as server:
        directory = server.data_dir.parent
        shop = Shop(server, directory / "customers.jsonl", directory / "orders.jsonl")
        write(shop.customers, demo.customers())
        write(shop.orders, demo.orders())
        server.done("PUT", "/v1/billing-entities/main", examples.BILLING_ENTITY)
        assert imported(server, "customers", shop.customers) == (59, 0, 0)
        assert imported(server, "orders", shop.orders) == (412, 0, 0)
        yield shop


@pytest.fixture(scope="module")
def first_run(shop: Shop) -> Row:
    return shop.bill()


@pytest.fixture(scope="module")
def second_run(shop: Shop, first_run: Row) -> Row:
    return shop.bill()


def write(path: Path, rows: Any) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def imported(server: KontorServer, kind: str, path: Path) -> tuple[int, int, int]:
    """How many rows were created, were there already, and were rejected."""
    result = server.cli_json("import", kind, str(path))
    return result["created"], result["unchanged"], result["rejected"]


# -- billing ------------------------------------------------------------------------------------


def test_one_run_bills_five_years_to_the_cent(shop, first_run):
    documents = shop.documents()
    nets = [Decimal(line["net"]) for document in documents for line in document["lines"]]
    assert sum(nets) == Decimal("2328.60")
    assert sum(Decimal(document["totals"]["net"]) for document in documents) == Decimal("2328.60")
    assert first_run["status"] == "COMPLETED"
    assert first_run["customers"].items() >= {"total": 59, "done": 59, "failed": 0}.items()
    assert first_run["documents"]["net"] == "2328.60"
    assert first_run["documents"]["count"] == len(documents)


def test_every_customer_has_one_outcome(shop, first_run):
    outcomes = shop.outcomes(first_run)
    assert outcomes.keys() == {row["debtorIdent"] for row in demo.customers()}
    assert {o["outcome"] for o in outcomes.values()} == {"DOCUMENTS_CREATED"}


def test_every_order_is_billed_once_with_all_of_its_lines(shop, first_run):
    billed: dict[str, list[str]] = {}
    for document in shop.documents():
        for line in document["lines"]:
            assert line["origin"]["type"] == "ORDER"
            billed.setdefault(line["origin"]["ident"], []).append(document["number"])
    assert {ident: len(numbers) for ident, numbers in billed.items()} == {
        order["orderIdent"]: len(order["lines"]) for order in demo.orders()
    }
    assert all(len(set(numbers)) == 1 for numbers in billed.values())


def test_numbers_have_no_gap(shop, first_run):
    numbers = sorted(document["number"] for document in shop.documents())
    assert numbers == [f"RE-2026-{n:06}" for n in range(1, len(numbers) + 1)]


def test_a_second_run_finds_nothing_due_for_all(shop, second_run):
    outcomes = shop.outcomes(second_run)
    assert len(outcomes) == 59
    assert {(o["outcome"], len(o["documents"])) for o in outcomes.values()} == {("NOTHING_DUE", 0)}
    assert second_run["documents"]["count"] == 0


def test_a_customer_who_comes_between_two_runs_is_billed_alone(shop, second_run):
    shop.server.done("POST", "/v1/customers", examples.beispiel_gmbh())
    shop.server.done("POST", "/v1/orders", examples.order(orderDate="2025-12-31"))
    outcomes = shop.outcomes(shop.bill())
    assert len(outcomes) == 60
    assert outcomes.pop("D-4711")["outcome"] == "DOCUMENTS_CREATED"
    assert {o["outcome"] for o in outcomes.values()} == {"NOTHING_DUE"}


# -- importing ----------------------------------------------------------------------------------


def test_importing_the_same_files_again_changes_nothing(shop):
    before = shop.server.heads()
    assert imported(shop.server, "customers", shop.customers) == (0, 59, 0)
    assert imported(shop.server, "orders", shop.orders) == (0, 412, 0)
    assert shop.server.heads() == before


def test_a_bad_row_goes_to_the_rejects_file_with_reason_and_field(shop):
    good, bad, taken = list(demo.orders())[:3]
    good |= {"orderIdent": "good", "orderDate": "2026-06-01"}
    bad |= {"orderIdent": "bad", "lines": [bad["lines"][0] | {"quantity": "many"}]}
    taken |= {"orderDate": "2026-06-01"}
    file = shop.orders.with_name("mixed.jsonl")
    write(file, [good, bad, taken])
    with file.open("a") as more:
        more.write("{ no json\n")
    result = shop.server.cli_json("import", "orders", str(file), code=1)
    assert (result["created"], result["unchanged"], result["rejected"]) == (1, 0, 3)

    rejects = [json.loads(line) for line in Path(result["rejects_file"]).read_text("utf-8").splitlines()]
    assert [(r["row"], r["errors"][0]["field"]) for r in rejects] == [
        (2, "lines[0].quantity"),
        (3, "orderIdent"),
        (4, "row"),
    ]
    assert all(r["errors"][0]["message"] for r in rejects)
    assert rejects[0]["data"]["orderIdent"] == "bad"


# -- auditing -----------------------------------------------------------------------------------


def test_replaying_the_logs_finds_no_difference(shop, second_run):
    assert shop.server.cli("audit", "replay").stdout.strip() == "no difference"


def test_replaying_finds_a_view_row_that_was_altered_and_a_rebuild_cures_it(shop, second_run):
    [row] = shop.server.sql(
        "UPDATE projections.customer_overview SET city = 'Atlantis' WHERE debtor_ident = 'chinook-1'"
        " RETURNING customer_id"
    )
    told = shop.server.cli("audit", "replay", code=1).stdout
    for word in ("customer_overview", str(row["customer_id"]), "city", "Atlantis", "São José dos Campos"):
        assert word in told

    shop.server.cli("projections", "rebuild", "customer_overview")
    assert shop.server.cli_json("audit", "replay") == []
    [customer] = shop.server.read("/v1/customers", debtorIdent="chinook-1")["items"]
    assert customer["city"] == "São José dos Campos"


def test_replaying_finds_a_view_row_that_was_removed(shop, second_run):
    [row] = shop.server.sql("DELETE FROM projections.orders WHERE order_ident = 'chinook-7' RETURNING *")
    [difference] = shop.server.cli_json("audit", "replay", code=1)
    assert (difference["table"], difference["column"], difference["live"]) == ("orders", "*", None)
    assert str(row["order_id"]) in difference["key"]
    shop.server.cli("projections", "rebuild", "orders")
    assert shop.server.cli_json("audit", "replay") == []


def test_replaying_finds_rows_of_billings_read_model_that_were_altered(shop, second_run):
    [order] = shop.server.sql("SELECT order_id FROM projections.orders WHERE order_ident = 'chinook-7'")
    alterations = {
        "billables": ("due_on = '2026-05-05'", "due_on = NULL"),
        "billed_intervals": ("line = line + 1", "line = line - 1"),
    }
    for table, (alter, _) in alterations.items():
        shop.server.sql(f"UPDATE billing.{table} SET {alter} WHERE billable_id = %s", order["order_id"])
    differences = shop.server.cli_json("audit", "replay", code=1)
    for table, (_, restore) in alterations.items():
        shop.server.sql(f"UPDATE billing.{table} SET {restore} WHERE billable_id = %s", order["order_id"])
    billed_lines = shop.server.sql(
        "SELECT line FROM billing.billed_intervals WHERE billable_id = %s", order["order_id"]
    )
    assert [(d["table"], d["column"]) for d in differences] == [
        ("billables", "due_on"),
        *[("billed_intervals", "line")] * len(billed_lines),
    ]
    assert all(str(order["order_id"]) in d["key"] for d in differences)
    assert shop.server.cli_json("audit", "replay") == []


# -- the contract example -----------------------------------------------------------------------


@pytest.fixture
def debtor(shop: Shop, request: pytest.FixtureRequest) -> str:
    """Somebody who pays 9.99 a month, calendar-aligned, from 15 January 2026."""
    ident = request.node.name
    shop.server.done("POST", "/v1/customers", examples.beispiel_gmbh(debtorIdent=ident))
    shop.server.done("POST", "/v1/contracts", examples.contract(debtorIdent=ident, contractIdent=ident))
    return ident


def test_january_is_prorated_and_each_later_month_is_billed_in_full(shop, debtor):
    nets = []
    for day in ("2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"):
        [document] = shop.server.documents_of_run(debtorIdent=debtor, processingDate=day)
        [line] = document["lines"]
        nets.append((line["period"]["from"], line["period"]["to"], line["net"]))
    assert nets == [
        ("2026-01-15", "2026-01-31", "5.48"),
        ("2026-02-01", "2026-02-28", "9.99"),
        ("2026-03-01", "2026-03-31", "9.99"),
        ("2026-04-01", "2026-04-30", "9.99"),
    ]


def test_a_run_three_months_late_makes_up_all_of_them(shop, debtor):
    [document] = shop.server.documents_of_run(debtorIdent=debtor, processingDate="2026-04-30")
    assert [line["net"] for line in document["lines"]] == ["5.48", "9.99", "9.99", "9.99"]
    assert document["totals"]["net"] == "35.45"
    assert shop.server.documents_of_run(debtorIdent=debtor, processingDate="2026-04-30") == []


def test_the_document_is_served_as_a_pdf_with_its_number_and_the_customers_name(shop, debtor):
    [document] = shop.server.documents_of_run(debtorIdent=debtor, processingDate="2026-01-31")
    path = f"/v1/documents/{document['documentId']}/pdf"
    answer = shop.server.get(path)
    assert answer.headers["Content-Type"] == "application/pdf"
    assert document["number"] in answer.headers["Content-Disposition"]
    assert answer.content.startswith(b"%PDF")
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages)
    assert document["number"] in text
    assert "Beispiel GmbH" in text
    assert "5,48" in text
    assert shop.server.get(path).content == answer.content
