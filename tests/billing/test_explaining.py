"""Every line of every document says why it is what it is, and comes to the net amount that was billed."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from services.billing.explaining import LineNotFound, Rule, explained
from services.billing.explaining.known import Known
from services.billing.explaining.used_items import Bill, as_it_was
from services.billing.rendering.explanation import told
from services.billing.rendering.language import language
from services.billing.usage import Used
from services.messages import DocumentIssued, DocumentType, Message, OrderRecorded
from services.terms import ContractTerms
from services.values import (
    Alignment,
    AllowanceOrCharge,
    BilledUsage,
    BillingTime,
    CreditedLine,
    CustomerType,
    Discount,
    DocumentReference,
    ExplicitTax,
    Item,
    ItemChange,
    ItemKind,
    OrderLine,
    PlanReference,
)
from tests.billing.contracts import (
    LAST_RUN,
    SOMEBODY,
    amended,
    changes,
    contracts,
    day,
    paused,
    recurring,
    repriced,
    resumed,
    signed,
    terminated,
)
from tests.billing.stories import CREATED, Story

SETUP = Item(
    item_ident="setup",
    name="Setup",
    kind=ItemKind.ONE_TIME,
    unit="C62",
    unit_price=Decimal(49),
    quantity=Decimal(2),
)


def calendar(*items: Item, **given: Any) -> Message:
    """A contract from 15 January 2026, on the calendar."""
    return signed("2026-01-15", *items, alignment=Alignment.CALENDAR, **given).signed


def ordered(*lines: OrderLine) -> OrderRecorded:
    return OrderRecorded(
        order_id=SOMEBODY,
        customer_id=SOMEBODY,
        order_ident="O-1",
        ordered_on=day("2026-01-20"),
        billing_time=BillingTime.ON_DEMAND,
        currency="EUR",
        lines=lines,
    )


def said(document: DocumentIssued, known: Known | None, number: int = 1, tag: str = "en") -> dict[str, str]:
    """The texts by rule; where a rule has several steps, in one text."""
    texts: dict[str, str] = {}
    for step in told(explained(document, number, known), document.currency, language(tag)):
        before = texts.get(step["rule"])
        texts[step["rule"]] = f"{before}; {step['text']}" if before else step["text"]
    return texts


def story_of(document: DocumentIssued, known: Known | None, number: int = 1) -> list[str]:
    return [step.rule.value for step in explained(document, number, known)]


# -- always -------------------------------------------------------------------------------------


discounts = st.builds(
    Discount,
    name=st.sampled_from(["Welcome", "Loyalty"]),
    percent=st.just(Decimal("12.5")),
    intervals=st.none() | st.integers(1, 3),
) | st.builds(Discount, name=st.just("Voucher"), amount=st.decimals("0.01", "20", places=2))


@st.composite
def stories(draw: st.DrawFn) -> list[Message]:
    terms: ContractTerms = draw(contracts())
    with_discounts = structs.replace(terms.signed, discounts=tuple(draw(st.lists(discounts, max_size=2))))
    return [with_discounts, *draw(changes(terms))]


@settings(max_examples=150, deadline=None)
@given(stories(), st.lists(st.dates(date(2023, 12, 1), LAST_RUN), max_size=4), st.data())
def test_every_line_is_explained_and_comes_to_its_net(
    messages: list[Message], runs: list[date], data: st.DataObject
) -> None:
    story = Story.of(messages[0])
    left = messages[1:]
    for up_to in [*runs, LAST_RUN]:
        for _ in range(data.draw(st.integers(0, len(left)))):
            story.tell(left.pop(0))
        for document in story.bill(up_to):
            for line in document.lines:
                steps = explained(document, line.line, story.known)
                assert Rule.DIFFERENCE not in {step.rule for step in steps}
                assert steps[-1].result == line.net
                assert told(steps, document.currency, language("de"))


# -- contracts ----------------------------------------------------------------------------------


def test_the_days_of_a_prorated_interval_are_counted() -> None:
    story = Story.of(calendar())
    [document] = story.bill("2026-01-31")
    assert said(document, story.known) == {
        "ORIGIN": "Contract C-1, signed on 15 Jan 2026: base",
        "PRICE": "9.99 per month, as signed on 15 Jan 2026",
        "INTERVAL": "Billed every month, by the calendar, in advance: 1 Jan 2026 – 31 Jan 2026, due on 15 Jan 2026",
        "ACTIVE_DAYS": "From 15 Jan 2026, the contract's first day",
        "PRORATION": "9.99 × 17 of 31 days = 5.478… → 5.48",
        "TAX": "VAT S 19%: supplied in the seller's own country, Germany, on 31 Jan 2026;"
        " this rate since 1 Jan 2021",
        "AMOUNT": "1 × 5.48 = 5.48",
        "NET": "Net amount: 5.48",
    }


def test_an_explanation_is_given_in_german_too() -> None:
    story = Story.of(calendar())
    [document] = story.bill("2026-01-31")
    texts = said(document, story.known, tag="de")
    assert texts["PRORATION"] == "9,99 × 17 von 31 Tagen = 5,478… → 5,48"
    assert texts["PRICE"] == "9,99 je Monat, wie am 15.01.2026 vereinbart"


def test_the_price_of_ten_is_printed_so_that_it_gives_the_amount() -> None:
    story = Story.of(calendar(recurring(quantity=Decimal(10))))
    [document] = story.bill("2026-01-31")
    texts = said(document, story.known)
    assert texts["PRORATION"] == "9.99 × 17 of 31 days = 5.4783… → 5.478"
    assert texts["AMOUNT"] == "10 × 5.478 = 54.78"


def test_steps_name_the_events_that_they_rest_on() -> None:
    story = Story.of(calendar(), repriced("2026-02-10", "11.99"), terminated("2026-02-20"))
    [document] = story.bill("2026-02-28")
    events = {step.rule: step.events for step in explained(document, 3, story.known)}
    assert events[Rule.ORIGIN] == ("customer.ContractSigned 2",)
    assert events[Rule.PRICE] == ("customer.ContractAmended 3",)
    assert events[Rule.ACTIVE_DAYS] == ("customer.ContractTerminated 4",)
    assert events[Rule.TAX] == ("billing.BillingEntityDefined 1", "customer.CustomerCreated 1")


def test_amended_days_say_between_which_changes_they_lie() -> None:
    story = Story.of(calendar(), repriced("2026-02-10", "11.99"), terminated("2026-02-20"))
    [document] = story.bill("2026-02-28")
    assert said(document, story.known, 2)["ACTIVE_DAYS"] == "To 9 Feb 2026, the last day at these terms"
    texts = said(document, story.known, 3)
    assert texts["PRICE"] == "11.99 per month, by the amendment of 10 Feb 2026"
    assert texts["ACTIVE_DAYS"] == (
        "From 10 Feb 2026, the first day at these terms; To 20 Feb 2026, for which the contract was terminated"
    )


def test_pauses_bound_the_days() -> None:
    story = Story.of(calendar(), paused("2026-02-11"), resumed("2026-02-21"))
    [document] = story.bill("2026-02-28")
    assert said(document, story.known, 2)["ACTIVE_DAYS"] == "To 10 Feb 2026, the last day before the pause"
    assert said(document, story.known, 3)["ACTIVE_DAYS"] == "From 21 Feb 2026, when the contract was resumed"


def test_days_that_a_pause_taken_back_makes_up_lie_between_billed_ones() -> None:
    story = Story.of(calendar(), paused("2026-02-11"), resumed("2026-02-21"))
    story.bill("2026-02-28")
    story.tell(resumed("2026-02-11"))
    [document] = story.bill("2026-02-28")
    assert said(document, story.known)["ACTIVE_DAYS"] == (
        "From 11 Feb 2026: what lies before is not on this line; To 20 Feb 2026: what comes after is not on this line"
    )


def test_what_was_not_known_yet_explains_nothing() -> None:
    story = Story.of(calendar())
    [document] = story.bill("2026-01-31")
    before = story.known
    story.tell(repriced("2026-01-15", "20"))
    assert story_of(document, story.known)[0] == "DIFFERENCE"
    assert said(document, story.known)["DIFFERENCE"].startswith(
        "By today's rules this line would come to 10.97"
    )
    assert "DIFFERENCE" not in story_of(document, before)


def test_the_price_of_a_plan_is_told_by_its_version() -> None:
    plan = PlanReference(plan_id=uuid4(), plan_ident="fleet", plan_version=1)
    moved = amended(
        "2026-02-01",
        changes=(ItemChange(item_ident="base", unit_price=Decimal(12)),),
        plan=structs.replace(plan, plan_version=2),
    )
    story = Story.of(calendar(plan=plan), moved)
    [document] = story.bill("2026-02-28")
    assert said(document, story.known)["PRICE"].startswith("9.99 per month, by version 1 of plan fleet")
    assert said(document, story.known, 2)["PRICE"].endswith(
        "by version 2 of plan fleet, to which the contract moved on 1 Feb 2026"
    )


def test_a_price_agreed_in_place_of_the_plans_says_so() -> None:
    plan = PlanReference(plan_id=uuid4(), plan_ident="fleet", plan_version=1)
    override = ItemChange(item_ident="base", unit_price=Decimal("9.99"))
    story = Story.of(calendar(plan=plan, overrides=(override,)))
    [document] = story.bill("2026-01-31")
    assert said(document, story.known)["PRICE"] == (
        "9.99 per month, agreed on 15 Jan 2026 in place of version 1 of plan fleet"
    )


def test_discounts_are_taken_off_one_by_one() -> None:
    agreed = (Discount(name="Welcome", percent=Decimal(10)), Discount(name="Voucher", amount=Decimal(3)))
    story = Story.of(calendar(discounts=agreed))
    [document] = story.bill("2026-01-31")
    texts = said(document, story.known)
    assert texts["DISCOUNT"] == (
        "Discount Welcome: 10% of 5.48 = 0.548 → 0.55; Discount Voucher: 3.00 × 17 of 31 days = 1.645… → 1.65"
    )
    assert texts["NET"] == "Net amount: 5.48 − 0.55 − 1.65 = 3.28"


def test_a_one_time_item_is_billed_for_its_day() -> None:
    story = Story.of(calendar(SETUP))
    [document] = story.bill("2026-01-31")
    texts = said(document, story.known)
    assert texts["SUPPLY"] == "Billed once, for 15 Jan 2026"
    assert texts["AMOUNT"] == "2 × 49.00 = 98.00"


# -- usage --------------------------------------------------------------------------------------


def used(on: str, quantity: str, position: int) -> Used:
    return Used(datetime.fromisoformat(f"{on}T08:00:00+00:00"), Decimal(quantity), position)


def test_usage_before_a_bill_is_what_no_earlier_bill_took() -> None:
    january, february = used("2026-01-20", "10", 5), used("2026-02-20", "20", 6)
    late, unknown = used("2026-01-21", "5", 8), used("2026-01-22", "5", 12)
    through = Bill(date(2026, 1, 1), BilledUsage(through=6, occurred_before=datetime(2026, 2, 1, tzinfo=UTC)))
    bill = Bill(
        date(2026, 1, 1), BilledUsage(through=9, occurred_before=datetime(2026, 2, 1, tzinfo=UTC), late=1)
    )
    found = as_it_was([january, february, late, unknown], [through], bill)
    assert [(one.quantity, one.late) for one in found] == [(10, 0), (5, None)]


def test_usage_that_was_taken_back_is_billed_anew() -> None:
    january = used("2026-01-20", "10", 5)
    bill = Bill(date(2026, 1, 1), BilledUsage(through=6))
    released = Bill(date(2026, 1, 1), BilledUsage(through=6), is_released=True)
    [found] = as_it_was([january], [bill, released], bill)
    assert found.interval_start is None


# -- orders -------------------------------------------------------------------------------------


def test_a_gross_price_is_taken_apart() -> None:
    line = OrderLine(name="Tracker", quantity=Decimal(3), gross_unit_price=Decimal("9.99"))
    story = Story.of(ordered(line))
    [document] = story.bill("2026-01-31")
    texts = said(document, story.known)
    assert texts["ORIGIN"] == "Order O-1 of 20 Jan 2026, line 1"
    assert texts["PRICE"] == "9.99 per piece with VAT, as ordered"
    assert texts["GROSS_PRICE"] == "3 × 9.99 = 29.97 with VAT, without 19% of VAT 25.184… → 25.18; 8.393 each"
    assert texts["AMOUNT"] == "3 × 8.393 = 25.179 → 25.18"


def test_allowances_and_charges_of_an_order_line_are_told() -> None:
    line = OrderLine(
        name="Tracker",
        quantity=Decimal(1),
        unit_price=Decimal("59.90"),
        tax=ExplicitTax(category="S", rate=Decimal(7)),
        allowances=(AllowanceOrCharge(reason="Rebate", percent=Decimal(10)),),
        charges=(AllowanceOrCharge(reason="Engraving", amount=Decimal(5)),),
    )
    story = Story.of(ordered(line))
    [document] = story.bill("2026-01-31")
    texts = said(document, story.known)
    assert texts["ALLOWANCE"] == "Less Rebate: 10% of 59.90 = 5.99"
    assert texts["CHARGE"] == "Plus Engraving: 5.00"
    assert texts["TAX"] == "VAT S 7%: decided by the system that sent the order"
    assert texts["NET"] == "Net amount: 59.90 − 5.99 + 5.00 = 58.91"


# -- tax ----------------------------------------------------------------------------------------


def test_a_tax_names_the_row_that_decided() -> None:
    french = structs.replace(
        CREATED,
        vat_id="FR40303265045",
        addresses=(structs.replace(CREATED.addresses[0], country="FR"),),
    )
    story = Story.of(calendar(), customer=french)
    [document] = story.bill("2026-01-31")
    assert said(document, story.known)["TAX"].startswith(
        "VAT AE 0%: a service to a business with a VAT ID of another member state"
    )
    consumer = structs.replace(french, customer_type=CustomerType.B2C, vat_id=None)
    story = Story.of(calendar(), customer=consumer)
    [document] = story.bill("2026-01-31")
    assert "at the seller's rate, Germany" in said(document, story.known)["TAX"]


# -- by the document alone ----------------------------------------------------------------------


def test_a_line_of_which_nothing_is_known_is_explained_by_the_document() -> None:
    [document] = Story.of(calendar()).bill("2026-01-31")
    assert said(document, None) == {
        "ORIGIN": "As document RE-2026-000001 says: C-1, base",
        "TAX": "VAT S 19%, as the document says",
        "AMOUNT": "1 × 5.48 = 5.48",
        "NET": "Net amount: 5.48",
    }


def test_a_credited_line_names_the_line_that_it_takes_back() -> None:
    [invoice] = Story.of(calendar()).bill("2026-01-31")
    credited = structs.replace(invoice.lines[0], credits=CreditedLine(line=1, bill_again=True))
    note = structs.replace(
        invoice,
        number="GS-2026-000001",
        type=DocumentType.CREDIT_NOTE,
        lines=(credited,),
        preceding_document=DocumentReference(
            document_id=invoice.document_id, number=invoice.number, issue_date=invoice.issue_date
        ),
        reason="wrong price",
    )
    assert said(note, None)["CREDIT"] == (
        "Takes back line 1 of RE-2026-000001 of 31 Jan 2026, which is to be billed again: wrong price"
    )
    assert explained(note, 1, None)[-1].result == invoice.lines[0].net


def test_there_is_no_line_beyond_the_last() -> None:
    [document] = Story.of(calendar()).bill("2026-01-31")
    with pytest.raises(LineNotFound, match="has no line 2; it has 1"):
        explained(document, 2, None)
