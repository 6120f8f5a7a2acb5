"""A telephone company moves in by one command and bills 7,043 customers with four workers, and all of it is killed over and over."""

import random
import signal
import subprocess
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from msgspec import structs

from services.messages import CustomerBilled, DocumentIssued, Outcome
from services.personal_data import KEY_BYTES
from tests import examples, telco
from tests.acceptance.server import KontorServer, eventually, serving
from tests.faults.blows import Blow, a_billing_worker, everything, moments, the_process_group
from tests.system import System, system_on

SETTINGS = {"billing_workers": 4, "renderers": 0, "master_key": b64encode(bytes(KEY_BYTES)).decode()}
"""The master key of the tests, so that they can open the documents."""
BLOWS: tuple[Blow, ...] = (a_billing_worker,) * 12 + (everything,) * 4 + (the_process_group,) * 4
TRANSACTION_SECONDS = 0.1
"""A worker needs less for a chunk of customers, so that kills fall into every part of one."""
BROKEN = "5575-GNVDE"
LAST_MONTH = date(2025, 12, 1)
IMPORT = (
    *("import", "telco", str(telco.FILE)),
    *("--date", telco.DAY.isoformat(), "--bill-from", LAST_MONTH.isoformat()),
)
TOPICS = ("customer.CustomerCreated", "customer.PaymentAccountAdded", "customer.ContractSigned")
NOBODY = UUID(int=0)


@pytest.fixture(scope="module")
def company() -> Iterator[KontorServer]:
    """The sample on a server, by an import that was killed in the middle and started again.

    What lies before the last month is billed elsewhere, so that each customer has as much to bill as the next.
    """
    with serving(**SETTINGS) as server:
        interrupted = server.spawn(*IMPORT)
        eventually(lambda: server.heads()[0] > telco.CUSTOMERS)
        interrupted.send_signal(signal.SIGKILL)
        assert interrupted.wait() == -signal.SIGKILL
        interrupted.communicate()
        begun = recorded(server)
        assert 0 < begun[TOPICS[0]] < telco.CUSTOMERS
        finished = server.cli_json(*IMPORT)
        assert finished["created"] + finished["unchanged"] == telco.CUSTOMERS
        assert finished["unchanged"] == begun[TOPICS[2]]
        assert finished["rejected"] == 0
        server.done("PUT", "/v1/billing-entities/main", examples.BILLING_ENTITY)
        yield server


# -- moving in ----------------------------------------------------------------------------------


def test_everybody_is_in_once_with_a_contract_and_a_payment_account(company):
    assert recorded(company) == dict.fromkeys(TOPICS, telco.CUSTOMERS)
    owners = company.sql("SELECT kind, count(*) AS number FROM customer.idents GROUP BY kind")
    assert {row["kind"]: row["number"] for row in owners} == {
        "debtor": telco.CUSTOMERS,
        "contract": telco.CUSTOMERS,
    }


def test_the_second_import_changes_nothing(company):
    before = company.heads()
    again = company.cli_json(*IMPORT)
    assert (again["created"], again["unchanged"], again["rejected"]) == (0, telco.CUSTOMERS, 0)
    assert company.heads() == before


def test_contracts_are_as_old_and_as_long_as_the_sample_says(company):
    rows = company.sql(
        "SELECT convert_from(state, 'UTF8')::jsonb AS state FROM customer.events WHERE topic = %s", TOPICS[2]
    )
    signed = {row["state"]["contractIdent"]: row["state"] for row in rows}
    assert signed["7590-VHVEG"]["startsOn"] == "2025-12-01"  # one month
    assert signed["5575-GNVDE"]["startsOn"] == "2023-03-01"  # 34 months
    assert signed["4472-LVYGI"]["startsOn"] == "2026-01-01"  # none yet
    for row in telco.sample():
        contract = signed[row["customerID"]]
        assert contract["items"][0]["unitPrice"] == row["MonthlyCharges"]
        assert contract.get("endsOn") == ("2025-12-31" if row["Churn"] == "Yes" else None)
    terms = Counter(state.get("minimumTerm", {}).get("count") for state in signed.values())
    stayed = Counter(row["Contract"] for row in telco.sample() if row["Churn"] == "No")
    assert (terms[12], terms[24]) == (stayed["One year"], stayed["Two year"])


def test_the_overview_knows_everybody(company):
    def counted(path: str) -> int:
        total: int = company.read(path, limit=1)["total"]
        return total

    assert eventually(lambda: counted("/v1/customers") == telco.CUSTOMERS)
    assert eventually(lambda: counted("/v1/contracts") == telco.CUSTOMERS)


# -- billing ------------------------------------------------------------------------------------


def test_after_twenty_kills_the_documents_are_those_of_an_undisturbed_run(company, chance):
    repair_or_break(company, "no-such-entity")
    undisturbed = billed_by_twin(company)
    run_id = request_run(company, telco.UP_TO)
    blows = chance.sample(BLOWS, len(BLOWS))
    at = moments(len(blows), telco.CUSTOMERS, chance)
    kills = [strike(company, run_id, blow, when, chance) for blow, when in zip(blows, at, strict=True)]
    company.wait_until_ready()
    run = company.completed(run_id, seconds=120)
    assert run["status"] == "COMPLETED_WITH_FAILURES"
    assert counts(run) == (telco.CUSTOMERS, telco.CUSTOMERS, 1)
    with system_on(company.database) as system:
        documents, outcomes = system.documents(), outcomes_of(system, run_id)
    assert Counter(outcome.debtor_ident for outcome in outcomes) == Counter(
        row["customerID"] for row in telco.sample()
    )
    assert [contents(d) for d in in_order(documents, run_id)] == undisturbed
    check_numbers(documents)
    done_at_kills = [outcomes_by(company, run_id, instant) for instant in kills]
    print(f"customers that were billed at the kills: {done_at_kills}")
    assert sum(done < telco.CUSTOMERS for done in done_at_kills) >= 15


def test_a_broken_customer_failed_with_its_reason_is_repaired_and_retried_alone(company):
    [newest] = company.read("/v1/billing-runs", limit=1)["items"]
    with system_on(company.database) as system:
        [failed] = [o for o in outcomes_of(system, newest["billingRunId"]) if o.outcome is Outcome.FAILED]
    assert failed.debtor_ident == BROKEN
    assert "'no-such-entity' is not defined; define it" in str(failed.reason)
    repair_or_break(company, None)
    retry = company.done("POST", f"/v1/billing-runs/{newest['billingRunId']}/retry", {})
    run = company.completed(retry["billingRunId"])
    assert (run["status"], counts(run)) == ("COMPLETED", (1, 1, 0))
    with system_on(company.database) as system:
        documents = list(system.issued())
    [document] = [d for d in documents if str(d.billing_run_id) == retry["billingRunId"]]
    assert (document.debtor_ident, document.totals.net) == (BROKEN, Decimal("56.95"))
    months = telco.months_to_bill(telco.sample())
    assert telco.billed_months(documents) == Counter(m for m in months.elements() if m[1] >= LAST_MONTH)
    check_numbers(documents)


def test_the_logs_prove_the_books_after_all_of_it(company):
    assert company.cli_json("audit", "replay") == []


# -- striking -----------------------------------------------------------------------------------


def strike(server: KontorServer, run_id: str, blow: Blow, moment: int, chance: random.Random) -> datetime:
    """Kill a random while after so many customers are billed; when that was."""
    eventually(lambda: is_billed(server, run_id, moment))
    time.sleep(chance.uniform(0, TRANSACTION_SECONDS))
    instant = datetime.now(UTC)
    blow(server, chance)
    return instant


def is_billed(server: KontorServer, run_id: str, customers: int) -> bool:
    """Whether so many customers have their outcome; False while the database is away."""
    query = """
        SELECT (SELECT count(*) FROM billing.runs WHERE billing_run_id = %s) AS started,
               (SELECT count(*) FROM billing.run_work WHERE billing_run_id = %s) AS waiting
    """
    try:
        [row] = server.sql(query, run_id, run_id)
    except psycopg.OperationalError:
        return False
    return bool(row["started"]) and telco.CUSTOMERS - row["waiting"] >= customers


def outcomes_by(server: KontorServer, run_id: str, instant: datetime) -> int:
    """How many outcomes of the run were recorded by then and have lasted."""
    query = """
        SELECT count(*) AS number FROM billing.events
        WHERE topic = 'billing.CustomerBilled' AND causation_id = %s AND occurred_at <= %s
    """
    return int(server.sql(query, run_id, instant)[0]["number"])


# -- looking ------------------------------------------------------------------------------------


def recorded(server: KontorServer) -> Counter[str]:
    """How many events of each topic there are."""
    rows = server.sql("SELECT topic, count(*) AS number FROM customer.events GROUP BY topic")
    return Counter({row["topic"]: row["number"] for row in rows})


def counts(run: dict[str, Any]) -> tuple[int, int, int]:
    """How many customers there are in all, have an outcome, and failed."""
    return run["customers"]["total"], run["customers"]["done"], run["customers"]["failed"]


def outcomes_of(system: System, run_id: str) -> list[CustomerBilled]:
    bodies = [e.body for e in system.billing_events() if isinstance(e.body, CustomerBilled)]
    return [outcome for outcome in bodies if str(outcome.billing_run_id) == run_id]


def in_order(documents: list[DocumentIssued], run_id: str) -> list[DocumentIssued]:
    """The documents of a run by customer."""
    of_run = [document for document in documents if str(document.billing_run_id) == run_id]
    return sorted(of_run, key=lambda document: document.debtor_ident)


def contents(document: DocumentIssued) -> DocumentIssued:
    """A document but for its number and the ids that every run makes anew."""
    return structs.replace(document, document_id=NOBODY, number="", billing_run_id=None)


def check_numbers(documents: list[DocumentIssued]) -> None:
    """Unique and without gaps."""
    numbers = sorted(document.number for document in documents)
    assert numbers == [f"RE-2025-{n:06}" for n in range(1, len(numbers) + 1)]


# -- preparing ----------------------------------------------------------------------------------


def request_run(server: KontorServer, up_to: date) -> str:
    answer = server.done("POST", "/v1/billing-runs", {"processingDate": up_to.isoformat()})
    return str(answer["billingRunId"])


def repair_or_break(server: KontorServer, billing_entity: str | None) -> None:
    """Let the customer name this billing entity."""
    [found] = server.read("/v1/customers", debtorIdent=BROKEN)["items"]
    path = f"/v1/customers/{found['customerId']}"
    answer = server.get(path)
    server.done(
        "PATCH", path, {"billingEntity": billing_entity}, headers={"If-Match": answer.headers["ETag"]}
    )


def billed_by_twin(server: KontorServer) -> list[DocumentIssued]:
    """What the next month's run issues on a copy of the server where nobody disturbs it."""
    directory = server.data_dir.parent / "twin"
    directory.mkdir()
    server.stop()
    subprocess.run(["cp", "-a", str(server.data_dir), str(directory)], check=True)
    twin = KontorServer(directory, **SETTINGS)
    twin.start()
    try:
        run_id = request_run(twin, telco.UP_TO)
        twin.completed(run_id, seconds=120)
        with system_on(twin.database) as system:
            documents = system.documents()
    finally:
        twin.close()
    server.start()
    return [contents(document) for document in in_order(documents, run_id)]
