"""Whatever number of a draft is changed, the exact checks catch it before it is issued."""

import dataclasses
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from random import Random
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from services.billing.as_due import NotAsDue, check_as_due
from services.billing.assembly import assemble
from services.billing.checks import WrongDate, WrongSum, WrongVat, check_draft
from services.billing.document import Draft
from services.billing.due import Billable, Cutoff, positions
from services.billing.party import Party
from services.billing.sellers import Sellers
from services.billing.taxed import Part, Taxation
from services.billing.usage import Usage, Used
from services.messages import DocumentType, OrderRecorded
from services.values import (
    AllowanceOrCharge,
    BillingTime,
    BillingTiming,
    Discount,
    ExplicitTax,
    OrderLine,
    TaxCategory,
)
from tests.billing.contracts import SOMEBODY, kilometres, recurring, signed
from tests.billing.stories import CREATED, ENTITY

CUSTOMER = Party.of(CREATED)
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
def order_lines(draw: st.DrawFn) -> OrderLine:
    price = {draw(st.sampled_from(["unit_price", "gross_unit_price"])): draw(prices)}
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
def orders(draw: st.DrawFn, currency: str) -> OrderRecorded:
    return OrderRecorded(
        order_id=UUID(int=draw(st.integers(10, 99))),
        customer_id=SOMEBODY,
        order_ident=f"O-{draw(st.integers(0, 9))}",
        ordered_on=draw(st.dates(date(2026, 1, 1), UP_TO)),
        billing_time=BillingTime.ON_DEMAND,
        currency=currency,
        lines=tuple(draw(st.lists(order_lines(), min_size=1, max_size=3))),
        allowances=draw(some_adjustments),
        charges=draw(some_adjustments),
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
def drafts(draw: st.DrawFn) -> tuple[Draft, list[Part]]:
    """An invoice over contracts and orders in a currency with 0, 2 or 3 decimals, and what is due on it."""
    currency = draw(st.sampled_from(["EUR", "JPY", "KWD"]))
    contract = draw(st.none() | measured_contracts(currency))
    bought = draw(st.lists(orders(currency), max_size=2, unique_by=lambda order: order.order_id))
    billables = [Billable(order.order_id, order, {}) for order in sorted(bought, key=_by_day)]
    billables = [*([contract] if contract else []), *billables]
    assembled = assemble(CUSTOMER, billables, Sellers([ENTITY]), CUTOFF)
    assume(len(assembled) == 1 and assembled[0].type is DocumentType.INVOICE)
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


@given(drafts(), st.randoms(use_true_random=False))
@settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)
def test_any_changed_number_of_an_invoice_is_caught(
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
