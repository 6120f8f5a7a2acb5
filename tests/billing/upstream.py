"""What upstream systems may send about two customers: any commands, whatever day they are about."""

from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from infra.postgres.embedded import Server
from services.customer.commands.contracts import (
    AmendContract,
    PauseContract,
    ResumeContract,
    TerminateContract,
)
from services.customer.commands.usage import RecordUsage
from services.errors import InvalidFields, Refused
from tests import examples
from tests.billing.ledger import Ledger
from tests.database import fresh_database
from tests.system import system_on

DEBTORS = ("D-4711", "D-0815")
START = date(2026, 1, 1)


def repriced(ident: str, price: str) -> examples.Row:
    return {"changes": [{"itemIdent": ident, "unitPrice": price}]}


def with_seats(price: str) -> examples.Row:
    return {"add": [examples.base_fee(itemIdent="seats", unitPrice=price)]}


DAYS = st.dates(START, date(2026, 6, 30))
NUMBERS = st.integers(0, 9)
PRICES = st.integers(1000, 9000).map(lambda cents: str(Decimal(cents) / 100))
"""No change among them is so large that a run would stop for it."""
AMENDMENTS = st.one_of(
    st.builds(repriced, st.sampled_from(["base", "care"]), PRICES),
    st.builds(with_seats, PRICES),
    st.sampled_from(["care", "seats"]).map(lambda ident: {"remove": [ident]}),
)
TIMINGS = st.sampled_from(["INTERVAL_START", "INTERVAL_END"])
LENGTHS = st.sampled_from(
    [{"count": 1, "unit": "MONTH"}, {"count": 3, "unit": "MONTH"}, {"count": 10, "unit": "DAY"}]
)
TRACKERS = examples.order()["lines"][0]
BOOK = {"name": "Logbook", "quantity": "3", "unit": "C62", "unitPrice": "12.345", "taxCategory": "REDUCED"}
ORDERED = st.sampled_from([[TRACKERS], [BOOK], [TRACKERS, BOOK]])


class Upstream(RuleBasedStateMachine):
    """Both services on a database of their own, and a ledger beside them that hears what was recorded."""

    postgres: Server

    def __init__(self) -> None:
        super().__init__()
        self.exits = ExitStack()
        self.database = self.exits.enter_context(fresh_database(self.postgres))
        self.system = self.exits.enter_context(system_on(self.database))
        self.system.define_seller()
        self.customers = {
            body["debtorIdent"]: UUID(self.system.create_customer(body)["customerId"])
            for body in (examples.beispiel_gmbh(), examples.erika(groupDocumentsBy="CONTRACT"))
        }
        self.ledger = Ledger()
        self.heard = 0

    def hear(self) -> None:
        """Tell the ledger what was recorded since."""
        for event in self.system.customer_events()[self.heard :]:
            self.ledger.follow(event.body)
            self.heard = event.position

    # -- commands -------------------------------------------------------------------------------

    @rule(debtor=st.sampled_from(DEBTORS), start=DAYS, prices=st.tuples(PRICES, PRICES), timing=TIMINGS,
          length=LENGTHS, alignment=st.sampled_from(["ANNIVERSARY", "CALENDAR"]), measured=st.booleans())  # fmt: skip
    def sign(self, debtor, start, prices, timing, length, alignment, measured) -> None:
        self.hear()
        if len(self.ledger.contracts) == 3:
            return
        interval = {"billingInterval": length, "billingTiming": timing}
        fee = examples.base_fee(unitPrice=prices[0], **interval)
        care = examples.base_fee(itemIdent="care", unitPrice=prices[1], quantity="2.5", taxCategory="REDUCED")
        items = [fee, care, examples.setup_fee(), *([examples.kilometres()] if measured else [])]
        ident = f"C-{len(self.ledger.contracts) + 1}"
        body = {"contractIdent": ident, "startDate": str(start), "items": items, "alignment": alignment}
        self.ask(self.system.sign_contract, examples.contract(debtorIdent=debtor, **body))

    @rule(number=NUMBERS, on=DAYS, change=AMENDMENTS)
    def amend(self, number, on, change) -> None:
        command = AmendContract.model_validate({"effectiveDate": str(on)} | change)
        self.ask(self.system.customer.amend_contract, self._contract(number), command, examples.asked())

    @rule(number=NUMBERS, on=DAYS)
    def pause(self, number, on) -> None:
        body = PauseContract.model_validate({"from": str(on)})
        self.ask(self.system.customer.pause_contract, self._contract(number), body, examples.asked())

    @precondition(lambda self: self._paused())
    @rule(number=NUMBERS, length=st.integers(0, 60))
    def resume(self, number, length) -> None:
        paused = list(self._paused().items())
        contract_id, first = paused[number % len(paused)]
        body = ResumeContract.model_validate({"from": str(first + timedelta(days=length))})
        self.ask(self.system.customer.resume_contract, contract_id, body, examples.asked())

    @rule(number=NUMBERS, last=DAYS)
    def terminate(self, number, last) -> None:
        body = {
            "kind": "EXTRAORDINARY",
            "noticeDate": str(last),
            "terminationDate": str(last),
            "reason": "moved",
        }
        command = TerminateContract.model_validate(body)
        self.ask(self.system.customer.terminate_contract, self._contract(number), command, examples.asked())

    @rule(number=NUMBERS, on=DAYS, quantity=st.integers(1, 900))
    def use(self, number, on, quantity) -> None:
        contract = self.ledger.contracts[self._contract(number)].signed.contract_ident
        entry = examples.usage(
            eventId=str(uuid4()),
            contractIdent=contract,
            occurredAt=f"{on}T08:00:00Z",
            quantity=str(quantity),
        )
        asked = examples.asked(at=datetime(2026, 12, 31, tzinfo=UTC))
        self.ask(self.system.customer.record_usage, RecordUsage.model_validate({"events": [entry]}), asked)

    @rule(debtor=st.sampled_from(DEBTORS), on=DAYS, lines=ORDERED, freight=st.integers(1, 2000))
    def order(self, debtor, on, lines, freight) -> None:
        """On the terms of the contracts, so that they share documents."""
        charge = {"reason": "Freight", "amount": str(Decimal(freight) / 100), "taxCategory": "STANDARD"}
        terms = {"paymentTermDays": 14, "purchaseOrder": "PO-9"}
        body = {"debtorIdent": debtor, "orderIdent": str(uuid4()), "orderDate": str(on), "lines": lines}
        self.ask(self.system.record_order, examples.order(**body, **terms, charges=[charge]))

    def ask(self, command: Any, *arguments: Any) -> None:
        """Have a command carried out, unless a rule refuses it."""
        try:
            command(*arguments)
        except (Refused, InvalidFields):
            return

    def _paused(self) -> dict[UUID, date]:
        """Contracts in a pause without an end, and when it began."""
        self.hear()
        last = {contract_id: terms.pauses[-1:] for contract_id, terms in self.ledger.contracts.items()}
        return {contract_id: p.first for contract_id, ps in last.items() for p in ps if not p.resumed_from}

    def _contract(self, number: int) -> UUID:
        self.hear()
        found = list(self.ledger.contracts)
        return found[number % len(found)]
