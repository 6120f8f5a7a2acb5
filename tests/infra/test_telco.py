"""What is made of a row of the Telco sample."""

import csv
import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from infra.demo.telco import reader
from infra.imports.rows import Malformed

FILE = Path(__file__).parents[1] / "data" / "telco_contracts.csv"
DAY = date(2026, 1, 31)


def read(bill_from: date | None = None, **cells: str) -> Any:
    """The first row of the sample with some of its cells changed, as it is imported."""
    with FILE.open(encoding="utf-8") as file:
        row = next(csv.DictReader(file)) | cells
    text = io.StringIO()
    writer = csv.DictWriter(text, row)
    writer.writeheader()
    writer.writerow(row)
    [found] = reader(DAY, bill_from)(io.BytesIO(text.getvalue().encode()), FILE)
    return found


def test_a_customer_is_known_by_the_id_of_the_sample_and_nothing_else():
    row = read()
    assert (row["debtorIdent"], row["contracts"][0]["contractIdent"]) == ("7590-VHVEG", "7590-VHVEG")
    assert row["addresses"] == [{"addressType": "INVOICE", "lastName": "7590-VHVEG", "country": "DE"}]
    assert row["preferredDocumentDelivery"] == "NONE"


def test_the_characteristics_of_the_sample_are_properties():
    properties = read(StreamingTV="No internet service")["properties"]
    assert (
        properties
        | {
            "gender": "Female",
            "senior_citizen": False,
            "partner": True,
            "paperless_billing": True,
            "multiple_lines": "No phone service",
            "streaming_tv": "No internet service",
        }
        == properties
    )


def test_months_are_counted_back_from_the_day():
    assert read(tenure="2")["contracts"][0]["startDate"] == "2025-11-30"
    assert read(tenure="0")["contracts"][0]["startDate"] == "2026-01-31"


def test_what_another_system_has_billed_is_not_billed_again():
    [old] = read(date(2025, 12, 31), tenure="2")["contracts"]
    assert (old["startDate"], old["billingStartDate"]) == ("2025-11-30", "2025-12-31")
    [new] = read(date(2025, 12, 31), tenure="1")["contracts"]
    assert (new["startDate"], "billingStartDate" in new) == ("2025-12-31", False)


def test_who_has_churned_was_there_until_the_day_before():
    [contract] = read(tenure="2", Churn="Yes", Contract="One year")["contracts"]
    assert contract["endDate"] == "2026-01-30"
    assert "minimumTerm" not in contract


def test_who_came_and_went_on_the_same_day_was_there_for_it():
    [contract] = read(tenure="0", Churn="Yes")["contracts"]
    assert (contract["startDate"], contract["endDate"]) == ("2026-01-31", "2026-01-31")


@pytest.mark.parametrize(("kind", "months"), [("Month-to-month", None), ("One year", 12), ("Two year", 24)])
def test_the_kind_of_contract_is_its_term(kind, months):
    [contract] = read(Contract=kind)["contracts"]
    assert contract.get("minimumTerm", {}).get("count") == months


@pytest.mark.parametrize(
    ("said", "method"),
    [
        ("Credit card (automatic)", "CREDIT_CARD"),
        ("Bank transfer (automatic)", "BANK_TRANSFER"),
        ("Electronic check", "BANK_TRANSFER"),
        ("Mailed check", "BANK_TRANSFER"),
    ],
)
def test_how_somebody_pays_is_a_payment_account(said, method):
    [account] = read(PaymentMethod=said)["paymentAccounts"]
    assert (account["paymentMethod"], account["displayName"]) == (method, said)
    assert account.get("gatewayToken") == ("telco-7590-VHVEG" if method == "CREDIT_CARD" else None)


@pytest.mark.parametrize("cells", [{"PaymentMethod": "Barter"}, {"tenure": "long"}, {"customerID": ""}])
def test_what_the_sample_does_not_know_is_told(cells):
    found = read(**cells)
    assert isinstance(found, Malformed)
    assert str(found).startswith("is not a row of the Telco sample: ")
