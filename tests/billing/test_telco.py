"""Telco contracts billed month by month have the lines that one catch-up run gives them; `python -m tests.telco` does all."""

from tests import telco
from tests.system import System

EVERY = 50
"""Of 7,043 customers 141, so that 72 runs take seconds."""


def test_monthly_runs_bill_every_contract_its_tenure_of_months(system: System) -> None:
    rows = telco.move_in(system, EVERY)
    telco.bill_up_to(system, telco.month_ends())
    documents = list(system.issued())
    assert telco.billed_months(documents) == telco.months_to_bill(rows)
    assert len(documents) == sum(int(row["tenure"]) for row in rows)
    assert {len(document.lines) for document in documents} == {1}
