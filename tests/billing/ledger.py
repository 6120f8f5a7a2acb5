"""What is owed, kept beside the system day by day and unit by unit: what the documents say has to come to the same.

A ledger is told what was recorded, how far runs went, what was credited and which corrections were accepted. It knows
days, units and amounts, and nothing of how billing works them out.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import get_args
from uuid import UUID

from services.billing.application.corrections import LateUsageBilled
from services.billing.crediting import AlreadyCredited, BilledTogether
from services.billing.line_credit import LineCredit
from services.errors import Refused
from services.messages import (
    ContractAmended,
    ContractPaused,
    ContractResumed,
    ContractSigned,
    DocumentIssued,
    Message,
    OrderRecorded,
    UsageRecorded,
)
from services.money import ZERO
from services.terms import ContractChange, ContractTerms
from services.values import DocumentLine, Item, ItemKind, Period
from tests.billing.bills import (
    FREIGHT,
    RATES,
    Bill,
    Key,
    Left,
    Used,
    days_of,
    interval_of,
    is_due,
    on_day,
    price_of_kilometres,
    price_of_line,
    priced,
    share,
)
from tests.billing.contracts import ONE_DAY, days, whole_interval

SINCE_EVER = date(1900, 1, 1)


@dataclass(frozen=True)
class Difference:
    """What a correction takes back, and what it bills in the place of that."""

    credits: frozenset[tuple[UUID, int, Decimal, Decimal]]
    """Invoice, line, net amount and quantity."""
    bills: frozenset[tuple[str, Period, Decimal]]
    """Item, days and net amount."""


class Ledger:
    """All that was recorded, and the bills that stand."""

    def __init__(self) -> None:
        self.contracts: dict[UUID, ContractTerms] = {}
        self.orders: dict[UUID, OrderRecorded] = {}
        self.used: list[Used] = []
        self.changed: dict[UUID, date] = {}
        """Contracts that changed and were not looked at since, and from which day on they did."""
        self.standing: list[Bill] = []
        self._on: defaultdict[UUID, dict[int, Bill]] = defaultdict(dict)
        """By invoice and line, also the bills that no longer stand."""
        self._freight: defaultdict[UUID, list[Bill]] = defaultdict(list)
        """By invoice."""

    # -- what is recorded -----------------------------------------------------------------------

    def follow(self, message: Message) -> None:
        """Take in a message of the customer log."""
        match message:
            case ContractSigned():
                self.contracts[message.contract_id] = ContractTerms(signed=message)
            case OrderRecorded():
                self.orders[message.order_id] = message
            case UsageRecorded():
                self.used += [
                    Used(message.contract_id, entry.item_ident, entry.occurred_at.date(), entry.quantity)
                    for entry in message.entries
                ]
            case _ if isinstance(message, get_args(ContractChange)):
                self.contracts[message.contract_id] = self.contracts[message.contract_id].after(message)
                self.look_again(message.contract_id, _first_day_of(message))
            case _:
                pass

    def look_again(self, contract_id: UUID, since: date) -> None:
        self.changed[contract_id] = min(since, self.changed.get(contract_id, since))

    # -- what falls due -------------------------------------------------------------------------

    def fall_due(self, up_to: date, is_meant: Callable[[UUID], bool]) -> None:
        """Bill all that is due by a day and not billed of the customers that a run is for."""
        for terms in self.contracts.values():
            if is_meant(terms.signed.customer_id):
                self.standing += self._due_of_contract(terms, up_to)
        for order in self.orders.values():
            if is_meant(order.customer_id) and order.ordered_on <= up_to:
                self.standing += self._due_of_order(order)

    def _due_of_contract(self, terms: ContractTerms, up_to: date) -> list[Bill]:
        kinds = {item.item_ident: item for item in terms.items_ever()}
        found: list[Bill] = []
        for ident, item in kinds.items():
            match item.kind:
                case ItemKind.RECURRING:
                    found += priced(terms, ident, self._due_days(terms, item, up_to))
                case ItemKind.USAGE:
                    found += self._due_usage(terms, item, up_to)
                case ItemKind.ONE_TIME:
                    found += self._due_once(terms, item, up_to)
        return found

    def _due_days(self, terms: ContractTerms, item: Item, up_to: date) -> Iterator[date]:
        """Of each interval that is due, the days that are not billed."""
        bills = self._bills_of(terms.signed.contract_id, item.item_ident)
        billed = {day for bill in bills for day in days_of(bill.days)}
        begin, end = terms.signed.starts_on, SINCE_EVER
        while begin <= up_to:
            assert item.billing_interval
            _, end = whole_interval(terms, item.billing_interval, begin)
            open_days = [day for day in days(begin, end) if day not in billed]
            if open_days and is_due(terms, item, begin, end, up_to):
                yield from open_days
            begin = end + ONE_DAY

    def _due_usage(self, terms: ContractTerms, item: Item, up_to: date) -> Iterator[Bill]:
        """What was used in an interval that is over: the price of all of it, less that of what is billed of it."""
        contract_id, ident = terms.signed.contract_id, item.item_ident
        of_item = [one for one in self.used if (one.contract_id, one.item) == (contract_id, ident)]
        due: defaultdict[Period, list[Used]] = defaultdict(list)
        for one in (one for one in of_item if one.bill is None):
            if (period := interval_of(terms, item, one.day)).last <= up_to:
                due[period].append(one)
        for period, new in due.items():
            before = [one for one in of_item if one.bill and one.bill.days.first == period.first]
            net = price_of_kilometres([*before, *new]) - price_of_kilometres(before)
            bill = Bill(contract_id, ident, period, net, RATES[item.tax_category], used=new)
            for one in new:
                one.bill = bill
            yield bill

    def _due_once(self, terms: ContractTerms, item: Item, up_to: date) -> Iterator[Bill]:
        day, contract_id = terms.signed.starts_on, terms.signed.contract_id
        is_there = terms.last_day is None or terms.last_day >= day
        if is_there and day <= up_to and not self._bills_of(contract_id, item.item_ident):
            assert item.unit_price
            yield Bill(contract_id, item.item_ident, on_day(day), item.unit_price, RATES[item.tax_category])

    def _due_of_order(self, order: OrderRecorded) -> Iterator[Bill]:
        """Its lines, and its freight with the dearest of them."""
        lines = {str(number): line for number, line in enumerate(order.lines, 1)}
        dearest = max(lines, key=lambda number: price_of_line(lines[number]))
        for number, line in lines.items():
            if not self._bills_of(order.order_id, number):
                rate, day = RATES[line.tax_category], on_day(order.ordered_on)
                yield Bill(order.order_id, number, day, price_of_line(line), rate)
                if number == dearest:
                    for charge in order.charges:
                        assert charge.amount
                        yield Bill(order.order_id, FREIGHT, day, charge.amount, RATES[charge.tax_category])

    def _bills_of(self, owner: UUID, item: str) -> list[Bill]:
        return [bill for bill in self.standing if (bill.owner, bill.item) == (owner, item)]

    # -- what is issued -------------------------------------------------------------------------

    def is_issued(self, invoice: DocumentIssued) -> None:
        """Find what is due in the lines of a new invoice; fails where it bills anything else."""
        due = {(b.owner, b.item, b.days): b for b in self.standing if b.invoice is None and b.item != FREIGHT}
        by_bill = sorted(invoice.lines, key=_billed)
        for billed, same in groupby(by_bill, key=_billed):
            bill, lines = due.pop((billed[0], billed[1], Period(first=billed[2], last=billed[3]))), list(same)
            assert sum(line.net for line in lines) == bill.net, (bill, lines)
            assert {line.tax_rate for line in lines} == {bill.rate}
            bill.invoice = invoice
            bill.left = {line.line: Left(line.net, line.net, line.quantity) for line in lines}
            self._on[invoice.document_id] |= dict.fromkeys(bill.left, bill)
        self._freight_is_issued(invoice)

    def _freight_is_issued(self, invoice: DocumentIssued) -> None:
        orders = {line.origin.id for line in invoice.lines}
        freight = [b for b in self.standing if b.item == FREIGHT and b.invoice is None and b.owner in orders]
        assert sorted(b.net for b in freight) == sorted(charge.amount for charge in invoice.charges)
        for bill in freight:
            bill.invoice = invoice
            bill.left = {0: Left(bill.net, bill.net, Decimal(1))}
        self._freight[invoice.document_id] = freight

    @property
    def not_issued(self) -> list[Bill]:
        return [bill for bill in self.standing if bill.invoice is None]

    # -- what is credited -----------------------------------------------------------------------

    def left_on(self, invoice: DocumentIssued) -> dict[int, Left]:
        """The lines of an invoice of which something is left to credit."""
        bills = self._on[invoice.document_id].items()
        return {line: bill.left[line] for line, bill in bills if bill.left[line].is_anything}

    def cancellation(self, invoice: DocumentIssued) -> list[LineCredit]:
        """All that is left of an invoice, to be billed again."""
        return [LineCredit(line, bill_again=True) for line in self.left_on(invoice)]

    def refusal(self, invoice: DocumentIssued, asked: Sequence[LineCredit]) -> type[Refused] | None:
        """Why this cannot be credited."""
        if not asked:
            return AlreadyCredited
        bills = self._on[invoice.document_id]
        again = [bills[one.line] for one in asked if one.bill_again]
        credited = {one.line for one in asked if self._is_whole(bills[one.line], one)}
        for bill in again:
            if any(line not in credited for line in self._left_together(invoice, bill)):
                return BilledTogether
        return LateUsageBilled if any(self._is_billed_on(bill) for bill in again) else None

    def _is_whole(self, bill: Bill, asked: LineCredit) -> bool:
        """Whether nothing is left of a line after this."""
        return self._credited(bill, asked) == bill.left[asked.line].net

    def _left_together(self, invoice: DocumentIssued, bill: Bill) -> list[int]:
        """The lines that are left of what can be billed again only together."""
        left = self.left_on(invoice)
        if bill.owner in self.orders and invoice.charges:
            bills = self._on[invoice.document_id]
            return [line for line in left if bills[line].owner in self.orders]
        return [line for line in bill.left if line in left]

    def _is_billed_on(self, bill: Bill) -> bool:
        """Whether usage that came late is billed on top of this."""
        same = [b for b in self.standing if b.used and b.key == bill.key] if bill.used else []
        return bool(same) and same[-1] is not bill

    def _credited(self, bill: Bill, asked: LineCredit) -> Decimal:
        """Net amount that is credited of a line."""
        left = bill.left[asked.line]
        if asked.amount is not None:
            return asked.amount
        if asked.quantity is None or asked.quantity == left.quantity:
            return left.net
        assert bill.invoice
        of_all = bill.invoice.lines[asked.line - 1].quantity
        return min(share(left.billed, asked.quantity, of_all), left.net)

    def credit(self, invoice: DocumentIssued, asked: Sequence[LineCredit]) -> None:
        """Take lines back, for good or to be billed again."""
        bills = self._on[invoice.document_id]
        for one in asked:
            left, net = bills[one.line].left[one.line], self._credited(bills[one.line], one)
            if one.amount is None:
                left.quantity -= left.quantity if one.quantity is None else one.quantity
            left.net -= net
        for bill in {bills[one.line] for one in asked if one.bill_again}:
            self._release(bill)
        self._share_freight(invoice)

    def _release(self, bill: Bill) -> None:
        self.standing.remove(bill)
        for one in bill.used:
            one.bill = None
        order = self.orders.get(bill.owner)
        if order and bill.net == max(price_of_line(line) for line in order.lines):
            self.standing = [b for b in self.standing if (b.owner, b.item) != (bill.owner, FREIGHT)]

    def _share_freight(self, invoice: DocumentIssued) -> None:
        """Freight goes back as the order lines with its VAT do, and with the last line where there are none."""
        bills = self._on[invoice.document_id].items()
        ordered = [(bill.rate, bill.left[line]) for line, bill in bills if bill.owner in self.orders]
        for freight in self._freight[invoice.document_id]:
            same = [left for rate, left in ordered if rate == freight.rate]
            of_all = sum((left.billed for left in same), ZERO)
            back = share(freight.net, of_all - sum(left.net for left in same), of_all) if of_all else ZERO
            is_over = not any(left.is_anything for _, left in ordered)
            freight.left[0].net = ZERO if is_over else freight.net - back

    # -- what is corrected ----------------------------------------------------------------------

    def difference(self, contract_id: UUID, since: date) -> Difference:
        """Between the bills of a contract from a day on and what they would be at its terms of now."""
        wrong = self._wrong(contract_id, since)
        credits_ = [(bill, line, left) for bill in wrong for line, left in bill.left.items()]
        return Difference(
            frozenset((_id_of(b.invoice), line, left.net, left.quantity) for b, line, left in credits_),
            frozenset((b.item, b.days, b.net) for b in self._instead_of(contract_id, wrong)),
        )

    def correct(self, contract_id: UUID, since: date) -> None:
        """Take back what is wrong, and bill its days at the terms of now."""
        wrong = self._wrong(contract_id, since)
        instead = list(self._instead_of(contract_id, wrong))
        for bill in wrong:
            for left in bill.left.values():
                left.net = left.quantity = ZERO
            self.standing.remove(bill)
        self.standing += instead

    def _wrong(self, contract_id: UUID, since: date) -> list[Bill]:
        terms = self.contracts[contract_id]
        return [
            bill
            for bill in self.standing
            if bill.owner == contract_id and bill.recurs and bill.days.last >= since and bill.is_anything_left
            if [(b.days, b.net) for b in priced(terms, bill.item, days_of(bill.days))]
            != [(bill.days, bill.net)]
        ]

    def _instead_of(self, contract_id: UUID, wrong: Sequence[Bill]) -> Iterator[Bill]:
        for item in {bill.item for bill in wrong}:
            freed = [day for bill in wrong if bill.item == item for day in days_of(bill.days)]
            yield from priced(self.contracts[contract_id], item, sorted(freed))

    # -- what it comes to -----------------------------------------------------------------------

    @property
    def net(self) -> dict[Key, Decimal]:
        """What is owed of everything but freight, by contract or order, item and first day."""
        found: defaultdict[Key, Decimal] = defaultdict(Decimal)
        for bill in self.standing:
            if bill.item != FREIGHT:
                found[bill.key] += sum((left.net for left in bill.left.values()), ZERO)
        return {key: net for key, net in found.items() if net}

    @property
    def taxable(self) -> dict[tuple[UUID, Decimal], Decimal]:
        """What is owed in all, by customer and rate of VAT."""
        found: defaultdict[tuple[UUID, Decimal], Decimal] = defaultdict(Decimal)
        for bill in self.standing:
            assert bill.invoice
            found[bill.invoice.customer_id, bill.rate] += sum((left.net for left in bill.left.values()), ZERO)
        return {key: net for key, net in found.items() if net}


def _first_day_of(change: ContractChange) -> date:
    match change:
        case ContractAmended():
            return change.effective_on
        case ContractPaused():
            return change.paused_from
        case ContractResumed():
            return change.resumed_from
        case _:
            return getattr(change, "terminates_on", SINCE_EVER)


def _billed(line: DocumentLine) -> tuple[UUID, str, date, date]:
    return line.origin.id, line.origin.item, line.days.first, line.days.last


def _id_of(invoice: DocumentIssued | None) -> UUID:
    assert invoice
    return invoice.document_id
