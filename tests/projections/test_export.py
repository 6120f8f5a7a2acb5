"""The overview as CSV."""

import csv
import io

import pytest

from infra.postgres.pool import Pool
from projections import export
from projections.customer_overview import CustomerFilter
from projections.export import customers_as_csv, neutral
from projections.views import Views
from tests.projections.logs import Logs
from tests.projections.reading import follow


def test_all_that_matches_is_exported_in_the_asked_order_over_all_pages(
    pool: Pool, logs: Logs, views: Views, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "MAX_LIMIT", 3)
    for n in range(10):
        logs.customer_created(f"D-{n}", language="de" if n else "en")
    follow(pool, logs)
    wanted = CustomerFilter(language="de", sort="debtorIdent", limit=1)
    rows = list(csv.DictReader(io.StringIO("".join(customers_as_csv(views.customers, wanted)))))
    assert [row["debtorIdent"] for row in rows] == [f"D-{n}" for n in range(1, 10)]


def test_a_row_shows_amounts_document_and_quotes_what_needs_it(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created("D-1", address={"company": 'Mr. "X", Söhne\nKG', "city": None})
    logs.document_issued(customer_id, logs.new_id(), gross="10.00")
    logs.document_issued(customer_id, logs.new_id(), gross="7", currency="JPY")
    follow(pool, logs)
    [row] = csv.DictReader(
        io.StringIO("".join(customers_as_csv(views.customers, CustomerFilter())), newline="")
    )
    assert row["name"] == 'Mr. "X", Söhne\nKG'
    assert row["city"] == ""
    assert row["openAmounts"] == "EUR 10.00; JPY 7"
    assert row["lastDocument"] == "RE-2026-000001"


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "＝"])
def test_a_cell_is_never_taken_for_a_formula(sign: str) -> None:
    assert neutral(f"{sign}cmd|' /C calc'!A0") == f"'{sign}cmd|' /C calc'!A0"
    assert neutral("Beispiel GmbH") == "Beispiel GmbH"
