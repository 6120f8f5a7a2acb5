"""Whatever is recorded, billed, credited, corrected and struck down in whatever order: what is due is owed once, to the cent.

Beside the system stands a ledger (`ledger.py`) that knows what every item and order owes for every day and unit. After
every run and correction, what was billed less what was credited is what it says; what a run bills, a preview says before.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import fields
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from infra.audit import replay_billing
from infra.postgres.embedded import Server
from services.billing.application.previews import Wanted
from services.billing.correction import CorrectionClosed, CorrectionOutdated
from services.billing.document import Draft
from services.billing.line_credit import LineCredit
from services.errors import Refused
from services.messages import (
    CorrectionProposed,
    DocumentIssued,
)
from services.money import rounded
from services.settlement import owed_more
from tests import examples
from tests.billing.audited import Audited, difference_of
from tests.billing.ledger import SINCE_EVER
from tests.billing.upstream import DEBTORS, NUMBERS, START
from tests.system import System, system_on

END = date(2026, 9, 30)
FAR = date(2026, 12, 31)
"""By then everything that was used or ordered is due."""
STRUCK = ("billed_intervals", "usage", "run_work", "receivables", "number_ranges", "log_head", "billables")
"""Tables at which a transaction of billing can be struck down, early and late in its course."""
STRUCK_CREDITS = ("billed_intervals", "billables", "receivables", "credit_notes", "number_ranges", "log_head")
EXAMPLES = 8

KILL = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND application_name = 'test billing' AND datname = current_database()
"""

AHEAD = st.sampled_from([-40, -10, 0, 15, 31, 31, 31, 62])
"""Where a run goes to, in days from where billing has come to: mostly a month on, now and then back."""
SOMEBODY = st.sampled_from((None, *DEBTORS))
SHARES = st.decimals("0.01", 1, places=2)
CREDITS = st.tuples(
    NUMBERS, st.lists(st.sampled_from(["whole", "units", "amount"]), min_size=1, max_size=3), st.booleans()
)
"""From which line on, what of each, and whether it is to be billed again."""


class Billing(Audited):
    """Runs and corrections of what upstream systems send."""

    def __init__(self) -> None:
        super().__init__()
        self.another_worker = self.exits.enter_context(system_on(self.database))
        self.furthest = START

    # -- runs -----------------------------------------------------------------------------------

    @initialize(months=st.integers(2, 4))
    def begin(self, months) -> None:
        """A contract, billed for some months."""
        care = examples.base_fee(itemIdent="care", unitPrice="33.33", quantity="2.5", taxCategory="REDUCED")
        items = [examples.base_fee(), care, examples.kilometres()]
        self.system.sign_contract(examples.contract(startDate=str(START), items=items))
        for _ in range(months):
            self.run_as_previewed(31, None)

    @rule(ahead=AHEAD, debtor=SOMEBODY)
    def run_as_previewed(self, ahead, debtor) -> None:
        self._bill_as_previewed(self._day(ahead), debtor)

    def _bill_as_previewed(self, up_to: date, debtor: str | None) -> None:
        self.work_off()
        preview = self.system.billing.preview(Wanted(debtor_ident=debtor, processing_date=up_to))
        promised = [_contents(draft) for customer in preview.customers for _, draft in customer.drafts]
        assert {customer.failure for customer in preview.customers} <= {None}
        run = self.system.bill(up_to, debtor)
        assert {*run.outcomes.values()} <= {"DOCUMENTS_CREATED", "NOTHING_DUE"}, run.reasons
        issued = [_contents(document) for document in run.documents]
        assert sorted(issued, key=str) == sorted(promised, key=str)
        self._is_requested(up_to, debtor)
        self.is_worked_off()

    @rule(ahead=AHEAD, debtor=SOMEBODY, again=st.integers(1, 2))
    def request_a_run(self, ahead, debtor, again) -> None:
        """It is billed when other things have happened, perhaps after runs that go further."""
        for _ in range(again):
            self._request(self._day(ahead), debtor)

    @rule(ahead=AHEAD, other=AHEAD, debtor=SOMEBODY, again=st.integers(0, 2))
    def overlapping_runs(self, ahead, other, debtor, again) -> None:
        """For all and for somebody, requested before either is billed, by several workers."""
        up_to, another = self._day(ahead), self._day(other)
        for _ in range(1 + again):
            self._request(up_to, None)
            self._request(another, debtor)
        self.follow()
        with ThreadPoolExecutor(3) as workers:
            list(workers.map(_bill_all, (self.system, self.another_worker, self.system)))
        self.work_off()

    @rule(ahead=AHEAD, another=st.booleans())
    def a_run_that_another_worker_finishes(self, ahead, another) -> None:
        """Between two customers its worker is gone."""
        self._request(self._day(ahead), None)
        self.follow()
        self.system.billing.bill_some(limit=1)
        self.work_off(self.another_worker if another else self.system)

    @rule(ahead=AHEAD, table=st.sampled_from(STRUCK), following=st.booleans())
    def a_run_that_is_struck_down(self, ahead, table, following) -> None:
        """The connection is lost in the middle of a transaction, and all of it is done again."""
        self.work_off()
        self._request(self._day(ahead), None)
        if not following:
            self.follow()
        billing, feed = self.system.billing, self.system.customer_feed
        self._struck(table, (lambda: billing.follow(feed)) if following else billing.bill_some)
        self.work_off()

    def _day(self, ahead: int) -> date:
        return min(max(self.furthest + timedelta(days=ahead), START), END)

    def _request(self, up_to: date, debtor: str | None) -> None:
        self.system.request_run(up_to, debtor)
        self._is_requested(up_to, debtor)

    def _is_requested(self, up_to: date, debtor: str | None) -> None:
        self.waiting.append((up_to, self.customers[debtor] if debtor else None))
        self.furthest = max(self.furthest, up_to)

    def _struck(self, table: str, step: Callable[[], Any]) -> Future[Any]:
        """Do a step of billing, and end its connection when it comes to a table: then nothing of it was done."""
        before = len(self.system.billing_events())
        url = self.system.database.owner_url
        with (
            ThreadPoolExecutor(1) as thread,
            psycopg.connect(url, autocommit=True) as killer,
            psycopg.connect(url) as other,
        ):
            other.execute(f"LOCK TABLE billing.{table} IN EXCLUSIVE MODE".encode())
            done = thread.submit(step)
            while not done.done() and not killer.execute(KILL.encode()).rowcount:
                time.sleep(0.002)
            other.rollback()
            if isinstance(done.exception(), psycopg.OperationalError):
                assert len(self.system.billing_events()) == before
            return done

    # -- credits --------------------------------------------------------------------------------

    @precondition(lambda self: self.invoices_left())
    @rule(number=NUMBERS, table=st.none() | st.sampled_from(STRUCK_CREDITS))
    def cancel_a_document(self, number, table) -> None:
        invoice, asked = self.invoices_left()[number % len(self.invoices_left())], examples.asked()
        cancel = self.system.billing.cancel_document
        self._credited(
            invoice,
            self.ledger.cancellation(invoice),
            lambda: cancel(invoice.document_id, "wrong", asked),
            table,
        )

    @precondition(lambda self: self.invoices_left())
    @rule(number=NUMBERS, steps=st.lists(CREDITS, min_size=1, max_size=3), share=SHARES,
          table=st.none() | st.sampled_from(STRUCK_CREDITS))  # fmt: skip
    def credit_lines(self, number, steps, share, table) -> None:
        """Whole ones, units and amounts of them, in several steps; now and then to be billed again."""
        invoice = self.invoices_left()[number % len(self.invoices_left())]
        for first, kinds, again in steps:
            left = list(self.ledger.left_on(invoice))
            chosen = [left[(first + n) % len(left)] for n in range(min(len(kinds), len(left)))]
            named = zip(chosen, kinds, strict=False)
            self._credit(
                invoice, [self._part(invoice, line, kind, share, again) for line, kind in named], table
            )

    def _credit(self, invoice: DocumentIssued, lines: Sequence[LineCredit], table: str | None) -> None:
        asked, credit = examples.asked(), self.system.billing.credit_document
        if lines:
            command = lambda: credit(invoice.document_id, lines, "outage", asked)  # noqa: E731
            self._credited(invoice, lines, command, table)

    def _part(self, invoice: DocumentIssued, line: int, kind: str, share: Decimal, again: bool) -> LineCredit:
        left = self.ledger.left_on(invoice)[line]
        amount, units = rounded(left.net * share, "EUR"), left.quantity * share
        if kind == "amount" and amount > 0:
            return LineCredit(line, amount=amount, bill_again=again)
        if kind == "units" and units and left.net:
            return LineCredit(line, quantity=units, bill_again=again)
        return LineCredit(line, bill_again=again)

    def _credited(
        self,
        invoice: DocumentIssued,
        lines: Sequence[LineCredit],
        command: Callable[[], dict[str, Any]],
        table: str | None,
    ) -> None:
        """Carried out unless a rule refuses it; when the connection is lost, the command is sent again."""
        refusal = self.ledger.refusal(invoice, lines)
        if refusal:
            with pytest.raises(refusal):
                self._surely(command, table)
        else:
            self._surely(command, table)
            self.ledger.credit(invoice, lines)
        self.agrees()

    def _surely(self, command: Callable[[], dict[str, Any]], table: str | None) -> dict[str, Any]:
        """The answer of a command, which is sent again when the connection is lost, and once more for good measure."""
        done = self._struck(table, command) if table else None
        if done and not isinstance(done.exception(), psycopg.OperationalError):
            done.result()
        answer = command()
        assert command() == answer
        return answer

    # -- corrections ----------------------------------------------------------------------------

    @precondition(lambda self: self._may_be_proposed())
    @rule(number=NUMBERS, at_once=st.sampled_from([1, 3]), table=st.none() | st.sampled_from(STRUCK_CREDITS))
    def accept_a_correction(self, number, at_once, table) -> None:
        """By one, who may lose the connection, or by several; it is issued once, and only while it is right."""
        proposal = self._proposal(number)
        if proposal is None:
            return
        self.follow()
        is_right = difference_of(proposal) == self.ledger.difference(proposal.contract_id, proposal.since)
        before = len(self.documents)
        with ThreadPoolExecutor(at_once) as people:
            struck = table if at_once == 1 else None
            refusals = list(people.map(lambda _: self._accept(proposal, struck), range(at_once)))
        if is_right:
            assert refusals.count(None) == 1
            assert {*refusals} <= {None, CorrectionClosed}
            self.ledger.correct(proposal.contract_id, proposal.since)
            del self.expected[proposal.contract_id]
        else:
            assert {*refusals} == {CorrectionOutdated}
            self.ledger.look_again(proposal.contract_id, proposal.since)
        self.agrees()
        issued = self.documents[before:]
        if is_right:
            assert sum(owed_more(document) for document in issued) == proposal.gross

    def _accept(self, proposal: CorrectionProposed, table: str | None) -> type[Refused] | None:
        asked = examples.asked()
        accept = lambda: self.system.billing.accept_correction(proposal.proposal_id, asked)  # noqa: E731
        try:
            self._surely(accept, table)
        except Refused as refused:
            return type(refused)
        return None

    @precondition(lambda self: self._may_be_proposed())
    @rule(number=NUMBERS)
    def decline_a_correction(self, number) -> None:
        proposal = self._proposal(number)
        if proposal is None:
            return
        self.system.billing.decline_correction(proposal.proposal_id, "goodwill", examples.asked())
        del self.expected[proposal.contract_id]
        self.declined.add(proposal.contract_id)
        self.agrees()

    def _may_be_proposed(self) -> bool:
        self.hear()
        return bool(self.open or self.ledger.changed)

    def _proposal(self, number: int) -> CorrectionProposed | None:
        """An open one, perhaps out of date by now; where there is none, contracts that changed are looked at."""
        if not self.open:
            self.work_off()
        return list(self.open.values())[number % len(self.open)] if self.open else None

    def _take_back_the_newest(self) -> None:
        """Three invoices, in steps that add up in VAT only together, so that they are billed once more."""
        for _ in range(min(3, len(self.invoices_left()))):
            self.credit_lines(0, [(0, ["amount", "units"], False)] * 2, Decimal("0.37"), None)
            if self.invoices_left():
                self.cancel_a_document(0, None)

    def teardown(self) -> None:
        """In the end everything is billed and corrected, every used unit too, and the logs bear all of it out."""
        try:
            self.work_off()
            self._take_back_the_newest()
            self._bill_as_previewed(FAR, None)
            while self.open:
                self.accept_a_correction(0, 3, None)
                self.work_off()
            for contract_id in self.ledger.contracts.keys() - self.declined:
                assert not self.ledger.difference(contract_id, SINCE_EVER).credits
            assert all(used.bill for used in self.ledger.used)
            self.check_numbers()
            feeds = (self.system.customer_feed, self.system.billing_feed)
            assert replay_billing(self.system.database.owner_url, *feeds) == []
        finally:
            self.exits.close()


def _bill_all(worker: System) -> None:
    while worker.billing.bill_some(limit=1):
        pass


def _contents(document: Draft | DocumentIssued) -> dict[str, Any]:
    return {
        field.name: getattr(document, field.name) for field in fields(Draft) if field.name != "seen_position"
    }


def test_whatever_happens_everything_due_is_billed_once(postgres: Server) -> None:
    Billing.postgres = postgres
    run_state_machine_as_test(
        Billing,
        settings=settings(
            max_examples=EXAMPLES,
            phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking would take minutes
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
