"""Thousands of customers with a monthly contract each, and the books that must come out whatever happens."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import psycopg

from services.messages import BillingRunCompleted, CustomerBilled, DocumentIssued
from services.values import add_months
from tests import examples
from tests.acceptance.server import KontorServer
from tests.system import system_on

CUSTOMERS = 2_000
START = date(2026, 1, 15)
FIRST_MONTH = date(2026, 1, 1)
CENT = Decimal("0.01")


class Fleet:
    """The customers of a server, billed a few months at a time."""

    def __init__(self, server: KontorServer) -> None:
        self.server = server
        self.months_billed = 0
        self.run_ids: list[str] = []

    def load(self) -> None:
        """Import the customers with their contracts, and define the seller."""
        self._import("customers", (customer(n) for n in range(CUSTOMERS)))
        self._import("contracts", (contract(n) for n in range(CUSTOMERS)))
        self.server.done("PUT", "/v1/billing-entities/main", examples.BILLING_ENTITY)

    def _import(self, kind: str, rows: Iterator[examples.Row]) -> None:
        file = self.server.data_dir.parent / f"{kind}.jsonl"
        file.write_text("\n".join(map(json.dumps, rows)), "utf-8")
        assert self.server.cli_json("import", kind, str(file))["created"] == CUSTOMERS

    # -- billing --------------------------------------------------------------------------------

    def request_run(self, months: int) -> None:
        """Request a run for all that bills so many further months."""
        self.months_billed += months
        last_day = add_months(FIRST_MONTH, self.months_billed) - timedelta(days=1)
        answer = self.server.done("POST", "/v1/billing-runs", {"processingDate": last_day.isoformat()})
        self.run_ids.append(answer["billingRunId"])

    def done(self) -> int | None:
        """How many customers have their outcome in the newest run; None while the database is away."""
        query = """
            SELECT (SELECT count(*) FROM billing.runs WHERE billing_run_id = %s) AS started,
                   (SELECT count(*) FROM billing.run_work WHERE billing_run_id = %s) AS waiting
        """
        try:
            [row] = self.server.sql(query, self.run_ids[-1], self.run_ids[-1])
        except psycopg.OperationalError:
            return None
        return CUSTOMERS - row["waiting"] if row["started"] else 0

    def outcomes_by(self, instant: datetime) -> int:
        """How many outcomes of the newest run were recorded by then and have lasted."""
        query = """
            SELECT count(*) AS number FROM billing.events
            WHERE topic = 'billing.CustomerBilled' AND causation_id = %s AND occurred_at <= %s
        """
        return self.server.sql(query, self.run_ids[-1], instant)[0]["number"]

    # -- the books ------------------------------------------------------------------------------

    def check_books(self) -> None:
        """Everything that was to be billed is billed once, to the cent, under numbers without gaps."""
        with system_on(self.server.database) as system:
            messages = [event.body for event in system.billing_events()]
        documents = [body for body in messages if isinstance(body, DocumentIssued)]
        self._check_outcomes([body for body in messages if isinstance(body, CustomerBilled)])
        self._check_intervals(documents)
        self._check_numbers(documents)
        completed = [str(b.billing_run_id) for b in messages if isinstance(b, BillingRunCompleted)]
        assert sorted(completed) == sorted(self.run_ids)

    def _check_outcomes(self, outcomes: list[CustomerBilled]) -> None:
        assert {outcome.outcome for outcome in outcomes} == {"DOCUMENTS_CREATED"}
        per_customer = Counter((str(o.billing_run_id), o.debtor_ident) for o in outcomes)
        wanted = {(run_id, debtor_ident(n)) for run_id in self.run_ids for n in range(CUSTOMERS)}
        assert per_customer == dict.fromkeys(wanted, 1)

    def _check_intervals(self, documents: list[DocumentIssued]) -> None:
        """No interval twice, none missing, each with its price."""
        lines = [line for document in documents for line in document.lines]
        nets = {(line.origin.ident, line.period.first): line.net for line in lines if line.period}
        assert len(nets) == len(lines)
        assert nets == {
            (contract_ident(n), first): amount
            for n in range(CUSTOMERS)
            for first, amount in intervals(n, self.months_billed)
        }
        assert sum(document.totals.net for document in documents) == sum(nets.values())

    def _check_numbers(self, documents: list[DocumentIssued]) -> None:
        """Unique and without gaps, year by year."""
        by_year = defaultdict(list)
        for document in documents:
            by_year[document.issue_date.year].append(document.number)
        for year, numbers in by_year.items():
            assert sorted(numbers) == [f"RE-{year}-{n:06}" for n in range(1, len(numbers) + 1)]


def debtor_ident(number: int) -> str:
    return f"fleet-{number}"


def contract_ident(number: int) -> str:
    return f"C-{number}"


def price(number: int) -> Decimal:
    """Another one for everybody, so that nobody can be billed in another's place."""
    return Decimal("5.00") + number * CENT


def intervals(number: int, months: int) -> Iterator[tuple[date, Decimal]]:
    """First day and net amount of a contract's intervals: 17 of January's 31 days, then whole months."""
    yield START, (price(number) * 17 / 31).quantize(CENT, ROUND_HALF_UP)
    for month in range(1, months):
        yield add_months(FIRST_MONTH, month), price(number)


def customer(number: int) -> examples.Row:
    address = examples.invoice_address(company=None, firstName="Erika", lastName=f"Mustermann {number}")
    return examples.erika(debtorIdent=debtor_ident(number), addresses=[address])


def contract(number: int) -> examples.Row:
    items = [examples.base_fee(unitPrice=str(price(number)))]
    return examples.contract(
        debtorIdent=debtor_ident(number), contractIdent=contract_ident(number), items=items
    )
