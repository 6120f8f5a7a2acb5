"""Whatever is recorded, billed, cancelled and struck down in whatever order: every due day is billed once, at its price.

Beside the system stands a calendar in which every day of every item has its own entry; each run is compared with it.
"""

import time
from collections import Counter, defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any, get_args
from uuid import UUID, uuid4

import psycopg
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from infra.audit import replay_billing
from infra.postgres.embedded import Server
from services.billing.application.corrections import LateUsageBilled
from services.billing.application.previews import Wanted
from services.billing.checks import check_draft
from services.billing.crediting import NotAnInvoice
from services.billing.document import Draft
from services.customer.commands.contracts import (
    AmendContract,
    PauseContract,
    ResumeContract,
    TerminateContract,
)
from services.customer.commands.usage import RecordUsage
from services.errors import InvalidFields, Refused
from services.messages import ContractSigned, DocumentIssued, DocumentType, OrderRecorded
from services.money import rounded
from services.terms import ContractChange, ContractTerms
from services.values import BillingTiming, DocumentLine, ItemKind
from tests import examples
from tests.billing.contracts import days, item_on, whole_interval
from tests.database import fresh_database
from tests.system import system_on

DEBTORS = ("D-4711", "D-0815")
START, END = date(2026, 1, 1), date(2026, 9, 30)
FAR = date(2027, 6, 30)
"""By then everything that began by the end has ended."""
STRUCK = ("billed_intervals", "usage", "run_work", "receivables", "number_ranges", "log_head", "billables")
"""Tables at which a transaction of billing can be struck down, early and late in its course."""
EXAMPLES = 15

KILL = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND application_name = 'test billing' AND datname = current_database()
"""

DAYS = st.dates(START, date(2026, 6, 30))
AHEAD = st.sampled_from([-40, -10, 0, 15, 31, 31, 31, 62])
"""Where a run goes to, in days from where billing has come to: mostly a month on, now and then back."""
NUMBERS = st.integers(0, 9)
PRICES = st.integers(1000, 9000).map(lambda cents: str(Decimal(cents) / 100))
"""No change among them is so large that a run would stop for it."""
TIMINGS = st.sampled_from(["INTERVAL_START", "INTERVAL_END"])
LENGTHS = st.sampled_from(
    [{"count": 1, "unit": "MONTH"}, {"count": 3, "unit": "MONTH"}, {"count": 10, "unit": "DAY"}]
)


@dataclass(frozen=True)
class Bill:
    """A line that stands: it bills these days, units or order line, and was not taken back."""

    document: DocumentIssued
    line: DocumentLine


class Billing(RuleBasedStateMachine):
    """Both services on a database of their own, and the calendar."""

    postgres: Server

    def __init__(self) -> None:
        super().__init__()
        self.exits = ExitStack()
        database = self.exits.enter_context(fresh_database(self.postgres))
        self.system = self.exits.enter_context(system_on(database))
        self.system.define_seller()
        self.system.create_customer(examples.beispiel_gmbh())
        self.system.create_customer(examples.erika(groupDocumentsBy="CONTRACT"))
        self.used: defaultdict[str, Decimal] = defaultdict(Decimal)
        self.furthest = START
        self.checked = 0
        self.priced = 0

    # -- commands -------------------------------------------------------------------------------

    @initialize(months=st.integers(3, 5))
    def begin(self, months) -> None:
        """A contract, billed for some months."""
        self.system.sign_contract(examples.contract(startDate=str(START)))
        for _ in range(months):
            self.run_as_previewed(31)

    @rule(debtor=st.sampled_from(DEBTORS), start=DAYS, prices=st.tuples(PRICES, PRICES), timing=TIMINGS,
          length=LENGTHS, alignment=st.sampled_from(["ANNIVERSARY", "CALENDAR"]), measured=st.booleans())  # fmt: skip
    def sign(self, debtor, start, prices, timing, length, alignment, measured) -> None:
        if len(self.contracts()) == 3:
            return
        interval = {"billingInterval": length, "billingTiming": timing}
        fee = examples.base_fee(unitPrice=prices[0], **interval)
        care = examples.base_fee(itemIdent="care", unitPrice=prices[1], quantity="2.5")
        items = [fee, care, examples.setup_fee(), *([examples.kilometres()] if measured else [])]
        ident = f"C-{len(self.contracts()) + 1}"
        body = {"contractIdent": ident, "startDate": str(start), "items": items, "alignment": alignment}
        self._ask(self.system.sign_contract, examples.contract(debtorIdent=debtor, **body))

    @rule(number=NUMBERS, on=DAYS, price=PRICES, ident=st.sampled_from(["base", "care"]))
    def reprice(self, number, on, price, ident) -> None:
        self._amend(number, on, changes=[{"itemIdent": ident, "unitPrice": price}])

    @rule(number=NUMBERS, on=DAYS, price=PRICES)
    def add_an_item(self, number, on, price) -> None:
        self._amend(number, on, add=[examples.base_fee(itemIdent="seats", unitPrice=price)])

    @rule(number=NUMBERS, on=DAYS, ident=st.sampled_from(["care", "seats"]))
    def remove_an_item(self, number, on, ident) -> None:
        self._amend(number, on, remove=[ident])

    @rule(number=NUMBERS, on=DAYS)
    def pause(self, number, on) -> None:
        body = PauseContract.model_validate({"from": str(on)})
        self._ask(self.system.customer.pause_contract, self._contract(number), body, examples.asked())

    @precondition(lambda self: self._paused())
    @rule(number=NUMBERS, length=st.integers(0, 60))
    def resume(self, number, length) -> None:
        paused = list(self._paused().items())
        contract_id, first = paused[number % len(paused)]
        body = ResumeContract.model_validate({"from": str(first + timedelta(days=length))})
        self._ask(self.system.customer.resume_contract, contract_id, body, examples.asked())

    @rule(number=NUMBERS, last=DAYS)
    def terminate(self, number, last) -> None:
        body = {
            "kind": "EXTRAORDINARY",
            "noticeDate": str(last),
            "terminationDate": str(last),
            "reason": "moved",
        }
        command = TerminateContract.model_validate(body)
        self._ask(self.system.customer.terminate_contract, self._contract(number), command, examples.asked())

    @rule(number=NUMBERS, on=DAYS, quantity=st.integers(1, 900))
    def use(self, number, on, quantity) -> None:
        ident = self.contracts()[self._contract(number)].signed.contract_ident
        entry = examples.usage(
            eventId=str(uuid4()), contractIdent=ident, occurredAt=f"{on}T08:00:00Z", quantity=str(quantity)
        )
        asked = examples.asked(at=datetime(2026, 12, 31, tzinfo=UTC))
        if self._ask(
            self.system.customer.record_usage, RecordUsage.model_validate({"events": [entry]}), asked
        ):
            self.used[ident] += quantity

    @rule(debtor=st.sampled_from(DEBTORS), on=DAYS)
    def order(self, debtor, on) -> None:
        body = {"debtorIdent": debtor, "orderIdent": str(uuid4()), "orderDate": str(on)}
        self._ask(self.system.record_order, examples.order(**body))

    def _amend(self, number: int, on: date, **body: Any) -> None:
        command = AmendContract.model_validate({"effectiveDate": str(on)} | body)
        self._ask(self.system.customer.amend_contract, self._contract(number), command, examples.asked())

    def _ask(self, command: Any, *arguments: Any) -> bool:
        """Whether the command was carried out, and not refused by a rule."""
        try:
            command(*arguments)
        except (Refused, InvalidFields):
            return False
        return True

    def _paused(self) -> dict[UUID, date]:
        """Contracts in a pause without an end, and when it began."""
        last = {contract_id: terms.pauses[-1:] for contract_id, terms in self.contracts().items()}
        return {contract_id: p.first for contract_id, ps in last.items() for p in ps if not p.resumed_from}

    def _contract(self, number: int) -> UUID:
        found = list(self.contracts())
        return found[number % len(found)]

    # -- runs -----------------------------------------------------------------------------------

    @rule(ahead=AHEAD)
    def run_as_previewed(self, ahead) -> None:
        up_to = self._day(ahead)
        preview = self.system.billing.preview(Wanted(processing_date=up_to))
        promised = [_contents(draft) for customer in preview.customers for _, draft in customer.drafts]
        assert {customer.failure for customer in preview.customers} <= {None}
        run = self.system.bill(up_to)
        assert {*run.outcomes.values()} <= {"DOCUMENTS_CREATED", "NOTHING_DUE"}, run.reasons
        issued = [_contents(document) for document in run.documents]
        assert sorted(issued, key=str) == sorted(promised, key=str)
        self._billed(up_to)

    @rule(ahead=AHEAD, other=AHEAD, debtor=st.sampled_from((None, *DEBTORS)), again=st.integers(0, 2))
    def overlapping_runs(self, ahead, other, debtor, again) -> None:
        """For all and for somebody, requested before either is billed, by several workers."""
        up_to, another = self._day(ahead), self._day(other)
        for _ in range(1 + again):
            self.system.request_run(up_to)
            self.system.request_run(another, debtor)
        while self.system.billing.follow(self.system.customer_feed):
            pass
        with ThreadPoolExecutor(3) as workers:
            list(workers.map(lambda _: self._work(), range(3)))
        self.system.work()
        self.furthest = max(self.furthest, another)
        self._billed(up_to)

    def _day(self, ahead: int) -> date:
        return min(max(self.furthest + timedelta(days=ahead), START), END)

    def _work(self) -> None:
        while self.system.billing.bill_some(limit=1):
            pass

    @rule(ahead=AHEAD, table=st.sampled_from(STRUCK), following=st.booleans())
    def a_run_that_is_struck_down(self, ahead, table, following) -> None:
        """The connection is lost in the middle of a transaction, and all of it is done again."""
        up_to = self._day(ahead)
        self.system.request_run(up_to)
        if not following:
            while self.system.billing.follow(self.system.customer_feed):
                pass
        before = len(self.system.billing_events())
        step = self.system.billing.bill_some
        if following:
            step = lambda: self.system.billing.follow(self.system.customer_feed)  # noqa: E731
        if self._struck(table, step):
            assert len(self.system.billing_events()) == before
        self.system.work()
        self._billed(up_to)

    def _struck(self, table: str, step: Any) -> bool:
        """Do a step of billing, and end its connection when it comes to a table; whether it came there."""
        url = self.system.database.owner_url
        with (
            ThreadPoolExecutor(1) as thread,
            psycopg.connect(url, autocommit=True) as killer,
            psycopg.connect(url) as other,
        ):
            other.execute(f"LOCK TABLE billing.{table} IN EXCLUSIVE MODE".encode())
            done: Future[int] = thread.submit(step)
            while not done.done() and not killer.execute(KILL.encode()).rowcount:
                time.sleep(0.002)
            other.rollback()
            return isinstance(done.exception(), psycopg.OperationalError)

    # -- corrections ----------------------------------------------------------------------------

    @precondition(lambda self: self._standing())
    @rule(number=NUMBERS)
    def cancel_a_document(self, number) -> None:
        standing = list({bill.document.number: bill.document for bill in self._standing()}.values())
        document = standing[number % len(standing)]
        try:
            answer = self.system.billing.cancel_document(document.document_id, "wrong", examples.asked())
        except (NotAnInvoice, LateUsageBilled):
            return
        note = next(d for d in self.system.documents() if str(d.document_id) == answer["documentId"])
        assert (note.totals, note.taxes) == (document.totals, document.taxes)

    # -- what must hold -------------------------------------------------------------------------

    @invariant()
    def every_document_adds_up(self) -> None:
        documents = self.system.documents()
        for document in documents[self.checked :]:
            taxable: defaultdict[tuple[str, Decimal], Decimal] = defaultdict(Decimal)
            for line in document.lines:
                taxable[line.tax_category, line.tax_rate] += line.net
            for charge in document.charges:
                taxable[charge.tax_category, charge.tax_rate] += charge.amount
            assert {(t.category, t.rate): t.taxable for t in document.taxes} == taxable
            assert document.totals.net == sum(taxable.values())
            assert document.totals.tax == sum(t.tax for t in document.taxes)
            assert document.totals.gross == document.totals.net + document.totals.tax
            check_draft(document)
        self.checked = len(documents)

    def _billed(self, up_to: date) -> None:
        """After runs for all up to a day: what stands is what is due by then, once; nothing is billed before it is due."""
        self.furthest = max(self.furthest, up_to)
        self._check_prices()
        stands = self._standing()
        assert self._balance() == sum((bill.line.net for bill in stands), Decimal(0))
        self._check_orders(stands, up_to)
        for contract_id, terms in self.contracts().items():
            lines = [bill.line for bill in stands if bill.line.origin.id == contract_id]
            for ident in dict.fromkeys(item.item_ident for item in terms.items_ever()):
                of_item = [line for line in lines if line.origin.item == ident]
                if any(i.item_ident == ident and i.kind is ItemKind.RECURRING for i in terms.items_ever()):
                    self._check_days(terms, ident, of_item, up_to)
            setups = [line for line in lines if line.origin.item == "setup"]
            assert len(setups) <= 1
            if self._has_setup(terms) and terms.signed.starts_on <= up_to:
                assert len(setups) == 1

    def _has_setup(self, terms: ContractTerms) -> bool:
        has = any(item.kind is ItemKind.ONE_TIME for item in terms.signed.items)
        return has and (terms.last_day is None or terms.last_day >= terms.signed.starts_on)

    def _check_days(self, terms: ContractTerms, ident: str, lines: list[DocumentLine], up_to: date) -> None:
        billed = Counter(day for line in lines for day in days(line.days.first, line.days.last))
        assert set(billed.values()) <= {1}, f"{ident} is billed twice"
        due = {
            day
            for day in days(terms.signed.starts_on, up_to + timedelta(days=93))
            if _is_due(terms, ident, day, up_to)
        }
        assert due <= set(billed), f"{ident} is not billed on {min(due - set(billed), default=None)}"

    def _check_prices(self) -> None:
        """What the newest documents bill of an item is its share of the interval at the terms of now."""
        documents, contracts = self.system.documents(), self.contracts()
        for line in (line for d in documents[self.priced :] if not d.preceding_document for line in d.lines):
            if line.period and not line.usage:
                terms = contracts[line.origin.id]
                assert line.net == _price(terms, line), line
                assert _is_due(terms, line.origin.item, line.days.first, self.furthest), line
        self.priced = len(documents)

    def _check_orders(self, stands: list[Bill], up_to: date) -> None:
        billed = Counter(bill.line.origin.id for bill in stands if bill.line.origin.type == "ORDER")
        ordered = [e.body for e in self.system.customer_events() if isinstance(e.body, OrderRecorded)]
        due = {order.order_id for order in ordered if order.ordered_on <= up_to}
        assert set(billed.values()) <= {1}
        assert (
            due <= set(billed) <= {order.order_id for order in ordered if order.ordered_on <= self.furthest}
        )

    def teardown(self) -> None:
        """In the end everything is billed, every used unit too, and the logs bear all of it out."""
        try:
            self.furthest = FAR
            self.system.bill(FAR)
            used: defaultdict[str, Decimal] = defaultdict(Decimal)
            for bill in self._standing():
                if bill.line.usage:
                    used[bill.line.origin.ident] += _sign(bill.document) * bill.line.quantity
            assert used == self.used
            self._billed(END)
            self._check_numbers()
            feeds = (self.system.customer_feed, self.system.billing_feed)
            assert replay_billing(self.system.database.owner_url, *feeds) == []
        finally:
            self.exits.close()

    def _check_numbers(self) -> None:
        """Unique and without gaps, for each kind of document and year."""
        ranges: defaultdict[str, list[int]] = defaultdict(list)
        for document in self.system.documents():
            name, _, number = document.number.rpartition("-")
            ranges[name].append(int(number))
        for numbers in ranges.values():
            assert sorted(numbers) == list(range(1, len(numbers) + 1))

    # -- looking --------------------------------------------------------------------------------

    def contracts(self) -> dict[UUID, ContractTerms]:
        found: dict[UUID, ContractTerms] = {}
        for body in (event.body for event in self.system.customer_events()):
            if isinstance(body, ContractSigned):
                found[body.contract_id] = ContractTerms(signed=body)
            elif isinstance(body, get_args(ContractChange)):
                found[body.contract_id] = found[body.contract_id].after(body)
        return found

    def _standing(self) -> list[Bill]:
        documents = self.system.documents()
        cancelled = {d.preceding_document.document_id for d in documents if d.preceding_document}
        standing = [d for d in documents if not d.preceding_document and d.document_id not in cancelled]
        return [Bill(document, line) for document in standing for line in document.lines]

    def _balance(self) -> Decimal:
        """What all documents charge and credit, line by line."""
        return sum(
            (_sign(document) * document.totals.lines for document in self.system.documents()), Decimal(0)
        )


def _sign(document: DocumentIssued) -> int:
    return -1 if document.type is DocumentType.CREDIT_NOTE else 1


def _contents(document: Draft | DocumentIssued) -> dict[str, Any]:
    return {
        field.name: getattr(document, field.name) for field in fields(Draft) if field.name != "seen_position"
    }


def _price(terms: ContractTerms, line: DocumentLine) -> Decimal:
    """Price × quantity of all days of a line, which have the same terms, for their share of the whole interval."""
    [item] = {item_on(terms, line.origin.item, day) for day in days(line.days.first, line.days.last)}
    assert item
    assert item.unit_price is not None
    assert item.billing_interval
    first, last = whole_interval(terms, item.billing_interval, line.days.first)
    with localcontext(prec=60):
        amount = item.unit_price * item.quantity * line.days.length_days
        return rounded(amount / ((last - first).days + 1), "EUR")


def _is_due(terms: ContractTerms, ident: str, day: date, up_to: date) -> bool:
    """Whether a day of an item is to be paid for by then."""
    item = item_on(terms, ident, day)
    if item is None:
        return False
    assert item.billing_interval
    first, last = whole_interval(terms, item.billing_interval, day)
    if item.billing_timing is BillingTiming.INTERVAL_END:
        return min(last, terms.last_day or last) <= up_to
    return any(
        item_on(terms, ident, one) for one in days(max(first, terms.signed.starts_on), min(last, up_to))
    )


def test_whatever_happens_every_due_day_is_billed_once(postgres: Server) -> None:
    Billing.postgres = postgres
    run_state_machine_as_test(
        Billing,
        settings=settings(
            max_examples=EXAMPLES,
            phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking would take minutes
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
