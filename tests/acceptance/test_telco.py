"""A telephone company moves in: its customers with contracts and payment accounts, by one command that may be killed."""

import csv
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.server import KontorServer, eventually, serving

Row = dict[str, Any]

FILE = Path(__file__).parents[1] / "data" / "telco_contracts.csv"
IMPORT = ("import", "telco", str(FILE), "--date", "2026-01-01")
CUSTOMERS = 7043
TOPICS = ("customer.CustomerCreated", "customer.PaymentAccountAdded", "customer.ContractSigned")


@pytest.fixture(scope="module")
def sample() -> list[Row]:
    with FILE.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def moved_in() -> Iterator[KontorServer]:
    """Kontor with the sample, whose import was killed in the middle and started again."""
    with serving(billing_workers=1) as server:
        interrupted = server.spawn(*IMPORT)
        eventually(lambda: server.heads()[0] > CUSTOMERS)
        interrupted.send_signal(signal.SIGKILL)
        assert interrupted.wait() == -signal.SIGKILL
        interrupted.communicate()
        begun = recorded(server)
        assert 0 < begun[TOPICS[0]] < CUSTOMERS
        finished = server.cli_json(*IMPORT)
        assert finished["created"] + finished["unchanged"] == CUSTOMERS
        assert finished["unchanged"] == begun[TOPICS[2]]
        assert finished["rejected"] == 0
        yield server


def recorded(server: KontorServer) -> Counter[str]:
    """How many events of each topic there are."""
    rows = server.sql("SELECT topic, count(*) AS number FROM customer.events GROUP BY topic")
    return Counter({row["topic"]: row["number"] for row in rows})


def test_everybody_is_in_once_with_a_contract_and_a_payment_account(moved_in):
    assert recorded(moved_in) == dict.fromkeys(TOPICS, CUSTOMERS)
    owners = moved_in.sql("SELECT kind, count(*) AS number FROM customer.idents GROUP BY kind")
    assert {row["kind"]: row["number"] for row in owners} == {"debtor": CUSTOMERS, "contract": CUSTOMERS}


def test_the_second_import_changes_nothing(moved_in):
    before = moved_in.heads()
    again = moved_in.cli_json(*IMPORT)
    assert (again["created"], again["unchanged"], again["rejected"]) == (0, CUSTOMERS, 0)
    assert moved_in.heads() == before


def test_contracts_are_as_old_and_as_long_as_the_sample_says(moved_in, sample):
    rows = moved_in.sql(
        "SELECT convert_from(state, 'UTF8')::jsonb AS state FROM customer.events WHERE topic = %s", TOPICS[2]
    )
    signed = {row["state"]["contractIdent"]: row["state"] for row in rows}
    assert signed["7590-VHVEG"]["startsOn"] == "2025-12-01"  # one month
    assert signed["5575-GNVDE"]["startsOn"] == "2023-03-01"  # 34 months
    assert signed["4472-LVYGI"]["startsOn"] == "2026-01-01"  # none yet
    for row in sample:
        contract = signed[row["customerID"]]
        assert contract["items"][0]["unitPrice"] == row["MonthlyCharges"]
        assert contract.get("endsOn") == ("2025-12-31" if row["Churn"] == "Yes" else None)
    terms = Counter(state.get("minimumTerm", {}).get("count") for state in signed.values())
    stayed = Counter(row["Contract"] for row in sample if row["Churn"] == "No")
    assert (terms[12], terms[24]) == (stayed["One year"], stayed["Two year"])


def test_the_overview_knows_everybody(moved_in):
    def counted(path: str) -> int:
        total: int = moved_in.read(path, limit=1)["total"]
        return total

    assert eventually(lambda: counted("/v1/customers") == CUSTOMERS)
    assert eventually(lambda: counted("/v1/contracts") == CUSTOMERS)
