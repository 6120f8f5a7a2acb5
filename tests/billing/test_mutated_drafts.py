"""Whatever number of a draft is changed, the exact checks catch it before it is issued."""

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from random import Random
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from services.billing.as_credited import NotAsCredited, check_as_credited, check_cancelled
from services.billing.as_due import NotAsDue, check_as_due
from services.billing.assembly import assemble
from services.billing.checks import WrongDate, WrongSum, WrongVat, check_draft
from services.billing.crediting import CreditedBeyondBill, cancellation, credit
from services.billing.document import Draft
from services.billing.due import Billable, Cutoff, positions
from services.billing.line_credit import LineCredit
from services.billing.party import Party
from services.billing.sellers import Sellers
from services.billing.taxed import Part, Taxation
from services.billing.usage import Usage, Used
from services.messages import DocumentIssued, DocumentType, OrderRecorded
from services.money import rounded
from services.values import (
    AllowanceOrCharge,
    BillingTime,
    BillingTiming,
    Discount,
    DocumentDelivery,
    EInvoiceFormat,
    ExplicitTax,
    OrderLine,
    PaymentAccount,
    PaymentMeans,
    PaymentMethod,
    TaxCategory,
)
from tests.billing.contracts import SOMEBODY, kilometres, recurring, signed
from tests.billing.invoices import (
    AE,
    KILOMETRES,
    ORDER,
    S7,
    adjustment,
    as_issued,
    invoice,
    line,
    what_to_credit,
)
from tests.billing.stories import CREATED, ENTITY

ACCOUNT = PaymentAccount(
    payment_account_id=UUID(int=3),
    payment_method=PaymentMethod.DIRECT_DEBIT,
    default=True,
    iban="DE89370400440532013000",
    mandate_reference="M-1",
    mandate_date=date(2026, 1, 2),
)
CUSTOMER = msgspec.structs.replace(Party.of(CREATED), vat_id="DE136695976", payment_accounts=(ACCOUNT,))
TAXATION = Taxation(CUSTOMER, ENTITY)
UP_TO = date(2026, 2, 28)
CUTOFF = Cutoff(UP_TO, UP_TO)
CENTRAL_EUROPE = TAXATION.time_zone

Number = Decimal | int | date
Path = tuple[str | int, ...]


# -- any draft ----------------------------------------------------------------------------------

prices = st.decimals(0, 500, places=3)
percents = st.decimals(0, 40, places=1)
tax_categories = st.sampled_from(list(TaxCategory))
adjustments = st.one_of(
    st.builds(AllowanceOrCharge, reason=st.just("Share"), percent=percents, tax_category=tax_categories),
    st.builds(AllowanceOrCharge, reason=st.just("Amount"), amount=prices, tax_category=tax_categories),
)
some_adjustments = st.lists(adjustments, max_size=2).map(tuple)
decided_upstream = st.sampled_from(
    [
        None,
        None,
        ExplicitTax(category="S", rate=Decimal("5.5")),
        ExplicitTax(category="AE", rate=Decimal(0)),
        ExplicitTax(category="E", rate=Decimal(0), exemption_text="Exempt by treaty."),
        ExplicitTax(category="Z", rate=Decimal(0)),
    ]
)


@st.composite
def order_lines(draw: st.DrawFn, priced: str, sign: int) -> OrderLine:
    price = {priced: sign * draw(prices)}
    return OrderLine(
        name="Tracker",
        quantity=draw(st.decimals("0.001", 30, places=3)),
        tax_category=draw(tax_categories),
        tax=draw(decided_upstream),
        allowances=draw(some_adjustments),
        charges=draw(some_adjustments),
        **price,
    )


@st.composite
def orders(draw: st.DrawFn, currency: str, sign: int) -> OrderRecorded:
    """By a consumers' shop, which has gross prices and says nothing of the order as a whole, or by any other one; what it
    has sold, or (`sign` -1) what it took back."""
    is_shop = draw(st.booleans())
    priced = st.sampled_from(["gross_unit_price"] if is_shop else ["unit_price", "gross_unit_price"])
    adjusted = st.just(()) if is_shop else some_adjustments
    return OrderRecorded(
        order_id=UUID(int=draw(st.integers(10, 99))),
        customer_id=SOMEBODY,
        order_ident=f"O-{draw(st.integers(0, 9))}",
        ordered_on=draw(st.dates(date(2026, 1, 1), UP_TO)),
        billing_time=BillingTime.ON_DEMAND,
        currency=currency,
        lines=tuple(
            draw(st.lists(priced.flatmap(lambda field: order_lines(field, sign)), min_size=1, max_size=3))
        ),
        allowances=draw(adjusted),
        charges=draw(adjusted),
        prepaid_amount=rounded(draw(prices), currency),
    )


@st.composite
def measured_contracts(draw: st.DrawFn, currency: str) -> Billable:
    """A fee with discounts, and kilometres of which some were driven."""
    fee = recurring(
        unit_price=draw(prices),
        quantity=draw(st.decimals("0.1", 9, places=1)),
        tax_category=draw(tax_categories),
        billing_timing=draw(st.sampled_from(list(BillingTiming))),
    )
    discounts = [
        Discount(name="Loyalty", percent=draw(percents)),
        Discount(name="Start", amount=draw(prices)),
    ]
    terms = signed("2026-01-15", fee, kilometres(), currency=currency, discounts=tuple(discounts))
    driven = [
        Used(datetime(2026, 1, 20, 12, tzinfo=CENTRAL_EUROPE), quantity, position)
        for position, quantity in enumerate(draw(st.lists(st.decimals(1, 2000, places=1), max_size=2)), 3)
    ]
    return Billable(SOMEBODY, terms, {}, Usage({"km": driven}, CENTRAL_EUROPE))


@st.composite
def drafts(draw: st.DrawFn, kind: DocumentType = DocumentType.INVOICE) -> tuple[Draft, list[Part]]:
    """What a run issues over contracts and orders in a currency with 0, 2 or 3 decimals, and what is due on it."""
    sign = 1 if kind is DocumentType.INVOICE else -1
    currency = draw(st.sampled_from(["EUR", "JPY", "KWD"]))
    contract = draw(st.none() | measured_contracts(currency))
    bought = draw(st.lists(orders(currency, sign), max_size=2, unique_by=lambda order: order.order_id))
    billables = [Billable(order.order_id, order, {}) for order in sorted(bought, key=_by_day)]
    billables = [*([contract] if contract else []), *billables]
    assembled = assemble(CUSTOMER, billables, Sellers([ENTITY]), CUTOFF)
    assume(len(assembled) == 1 and assembled[0].type is kind)
    parts = [
        part
        for billable in billables
        if (due := positions(billable, CUTOFF))
        for part in TAXATION.parts(getattr(billable.terms, "signed", billable.terms), due)
    ]
    return assembled[0], parts


def _by_day(order: OrderRecorded) -> tuple[date, str]:
    return order.ordered_on, order.order_ident


# -- any number of it ---------------------------------------------------------------------------


def numbers(value: Any, path: Path = ()) -> Iterator[tuple[Path, Number]]:
    """Every number and date in a draft, whatever fields it has or gets."""
    match value:
        case None | str() | bool() | UUID() | Enum():
            return
        case Decimal() | int() | date():
            yield path, value
        case tuple():
            for index, part in enumerate(value):
                yield from numbers(part, (*path, index))
        case _:
            for name in _fields(value):
                yield from numbers(getattr(value, name), (*path, name))


def _fields(value: Any) -> tuple[str, ...]:
    if dataclasses.is_dataclass(value):
        return tuple(field.name for field in dataclasses.fields(value))
    assert isinstance(value, msgspec.Struct), f"what is {value!r} on a document?"
    return value.__struct_fields__


def changed(value: Any, path: Path, number: Number) -> Any:
    """The same with one number changed."""
    if not path:
        return number
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        return (*value[:step], changed(value[step], rest, number), *value[step + 1 :])
    after = {step: changed(getattr(value, step), rest, number)}
    return (
        dataclasses.replace(value, **after)
        if dataclasses.is_dataclass(value)
        else msgspec.structs.replace(value, **after)
    )


def another(number: Number, chance: Random) -> Number:
    """One next to it, far from it, of the other sign, or one that it is easily taken for."""
    match number:
        case Decimal():
            steps = [
                sign * Decimal(step) for step in ("0.0001", "0.001", "0.01", "0.1", "1") for sign in (1, -1)
            ]
            usual = [Decimal(other) for other in (0, 1, 7, 19, 100)]
            found = [-number, number * 10, *usual, *(number + step for step in steps)]
            return chance.choice([other for other in found if other != number])
        case int():
            return chance.choice([other for other in range(-3, 400) if other != number])
        case _:
            return number + timedelta(days=chance.choice((-365, -30, -1, 1, 30, 365)))


# -- of what runs issue -------------------------------------------------------------------------

slowly = settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)


@given(drafts(), st.randoms(use_true_random=False))
@slowly
def test_any_changed_number_of_an_invoice_is_caught(
    drafted: tuple[Draft, list[Part]], chance: Random
) -> None:
    draft, parts = drafted
    assert not is_caught(draft, parts)
    for path, number in numbers(draft):
        mutated = changed(draft, path, another(number, chance))
        assert is_caught(mutated, parts), f"{path}: {number} was changed, and nothing noticed it"


@given(drafts(DocumentType.CREDIT_NOTE), st.randoms(use_true_random=False))
@settings(slowly, max_examples=50)
def test_any_changed_number_of_a_document_by_which_a_run_gives_money_back_is_caught(
    drafted: tuple[Draft, list[Part]], chance: Random
) -> None:
    draft, parts = drafted
    assert not is_caught(draft, parts)
    for path, number in numbers(draft):
        mutated = changed(draft, path, another(number, chance))
        assert is_caught(mutated, parts), f"{path}: {number} was changed, and nothing noticed it"


def is_caught(draft: Draft, parts: list[Part]) -> bool:
    try:
        check_as_due(draft, TAXATION, parts)
        check_draft(draft)
    except (NotAsDue, WrongSum, WrongVat, WrongDate):
        return True
    return False


# -- of credit notes ----------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Credited:
    """A credit note, and what it is held against."""

    draft: Draft
    invoice: DocumentIssued
    before: Sequence[DocumentIssued]
    asked: Sequence[LineCredit]

    def is_caught(self, draft: Draft) -> bool:
        try:
            check_as_credited(draft, self.invoice, self.before, self.asked)
            check_draft(draft, [tax for note in self.before for tax in note.taxes])
        except (NotAsCredited, WrongSum, WrongVat, WrongDate):
            return True
        return False

    def check_numbers(self, chance: Random) -> None:
        assert not self.is_caught(self.draft)
        for path, number in numbers(self.draft):
            mutated = changed(self.draft, path, another(number, chance))
            assert self.is_caught(mutated), f"{path}: {number} was changed, and nothing noticed it"


def credited(issued: DocumentIssued, *steps: Sequence[LineCredit]) -> Credited:
    """The last of several credit notes about an invoice."""
    *earlier, asked = steps
    before: list[DocumentIssued] = []
    for one in earlier:
        before.append(as_issued(_credit(issued, before, one)))
    return Credited(_credit(issued, before, asked), issued, before, asked)


def _credit(issued: DocumentIssued, before: Sequence[DocumentIssued], asked: Sequence[LineCredit]) -> Draft:
    return credit(issued, before, asked, reason="Outage", issue_date=issued.issue_date + timedelta(days=3))


def _all(issued: DocumentIssued) -> list[LineCredit]:
    return [LineCredit(one.line, bill_again=True) for one in issued.lines]


@st.composite
def credit_notes(draw: st.DrawFn) -> Credited:
    """The first, second or third one about an invoice of a run, over whatever is asked for and left."""
    issued = as_issued(draw(drafts())[0])
    steps: list[Sequence[LineCredit]] = []
    found: Credited | None = None
    for _ in range(draw(st.integers(1, 3))):
        before = [*found.before, as_issued(found.draft)] if found else []
        if asked := draw(what_to_credit(issued, before)):
            with suppress(CreditedBeyondBill):
                found = credited(issued, *steps, asked)
                steps.append(asked)
    assume(found)
    assert found
    return found


@given(credit_notes(), st.randoms(use_true_random=False))
@slowly
def test_any_changed_number_of_a_credit_note_is_caught(note: Credited, chance: Random) -> None:
    note.check_numbers(chance)


ONE_OF_EACH = invoice(
    line("59.90", "3", origin=ORDER, allowance="17.97"),
    line("0.333", "3", S7, number=2, origin=ORDER),
    line("0.20", "50.5", number=3, usage=KILOMETRES),
    line("0", number=4),
    line("-2.00", number=5),
    line("80", vat=AE, number=6, origin=ORDER),
    allowances=(adjustment("10.00", reason="Rebate"), adjustment("1.00", AE, reason="Rebate")),
    charges=(adjustment("4.90"), adjustment("4.90"), adjustment("0.10", S7)),
    rounding=Decimal("-0.02"),
    prepaid=Decimal("100"),
)
UNITS = [LineCredit(1, quantity=Decimal(1)), LineCredit(2, quantity=Decimal(2))]
AMOUNTS = [LineCredit(1, amount=Decimal("20.00")), LineCredit(6, amount=Decimal("33.33"))]
THE_REST = [LineCredit(one) for one in (1, 2, 3, 5, 6)]


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([_all(ONE_OF_EACH)], id="all"),
        pytest.param([UNITS], id="units"),
        pytest.param([AMOUNTS], id="amounts"),
        pytest.param([[LineCredit(3), LineCredit(4)]], id="whole lines"),
        pytest.param([UNITS, AMOUNTS], id="amounts after units"),
        pytest.param([AMOUNTS, UNITS], id="units after amounts"),
        pytest.param([UNITS, AMOUNTS, [*THE_REST, LineCredit(4)]], id="all that is left"),
    ],
)
def test_any_number_next_to_or_far_from_the_right_one_is_caught_on_a_credit_note(
    steps: Sequence[Sequence[LineCredit]],
) -> None:
    note, chance = credited(ONE_OF_EACH, *steps), Random(1)
    for _ in range(20):
        note.check_numbers(chance)


OTHERWISE = {
    "type": DocumentType.INVOICE,
    "billing_entity_id": uuid4(),
    "customer_id": uuid4(),
    "debtor_ident": "D-0",
    "currency": "USD",
    "language": "en",
    "seller": msgspec.structs.replace(ONE_OF_EACH.seller, vat_id="DE999999999"),
    "buyer": msgspec.structs.replace(ONE_OF_EACH.buyer, name="Somebody else"),
    "purchase_order": "PO-2",
    "deliver_to": ONE_OF_EACH.buyer.address,
    "e_invoice": EInvoiceFormat.XRECHNUNG,
    "delivery": DocumentDelivery.EMAIL,
    "preceding_document": None,
    "payment_means": PaymentMeans(method=PaymentMethod.BANK_TRANSFER),
}
"""What a draft says beside numbers, and what it must not say; a reason may be any."""
COUNTED = {
    "lines", "taxes", "totals", "allowances", "charges", "issue_date", "due_date", "payment_term_days", "supply_date",
}  # fmt: skip
"""What has numbers in it, of which each is changed above."""


def test_a_credit_note_that_differs_from_its_invoice_in_anything_else_is_caught() -> None:
    note = credited(ONE_OF_EACH, UNITS)
    assert {*OTHERWISE, *COUNTED, "reason"} == {field.name for field in dataclasses.fields(Draft)}
    for name, value in OTHERWISE.items():
        assert note.is_caught(dataclasses.replace(note.draft, **{name: value})), name
    other = msgspec.structs.replace(note.draft.preceding_document, number="RE-2026-000002")
    assert note.is_caught(dataclasses.replace(note.draft, preceding_document=other))
    for name, value in {
        "name": "Fee",
        "unit": "DAY",
        "tax_category": "E",
        "origin": ONE_OF_EACH.lines[2].origin,
    }.items():
        assert note.is_caught(changed(note.draft, ("lines", 0, name), value)), name
    assert note.is_caught(changed(note.draft, ("lines", 0, "credits", "bill_again"), True))


def test_a_credit_note_over_other_lines_or_twice_the_same_is_caught() -> None:
    note = credited(ONE_OF_EACH, UNITS)
    for lines in (note.draft.lines[:1], note.draft.lines[::-1], ()):
        assert note.is_caught(dataclasses.replace(note.draft, lines=lines))
    twice = dataclasses.replace(note, before=[as_issued(note.draft)] * 3)
    assert twice.is_caught(note.draft)


def test_a_cancellation_that_leaves_something_or_does_not_bill_it_again_is_caught() -> None:
    whole = cancellation(ONE_OF_EACH, [], reason="Wrong", issue_date=ONE_OF_EACH.issue_date)
    check_cancelled(whole, ONE_OF_EACH, [])
    for draft in (
        dataclasses.replace(whole, lines=whole.lines[1:]),
        changed(whole, ("lines", 3, "credits", "bill_again"), False),
    ):
        with pytest.raises(NotAsCredited):
            check_cancelled(draft, ONE_OF_EACH, [])
