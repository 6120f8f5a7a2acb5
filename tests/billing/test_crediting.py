"""What goes back of an invoice: never more than is left, and all of it to the cent, in however many steps."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.crediting import (
    AlreadyCredited,
    BilledTogether,
    CreditedBeyondBill,
    NotAnInvoice,
    cancellation,
    credit,
    lines_left,
)
from services.billing.line_credit import LineCredit
from services.errors import InvalidFields
from services.messages import DocumentIssued, DocumentType
from services.money import minor_unit, rounded
from services.values import LineOrigin
from tests.billing.invoices import (
    AE,
    KILOMETRES,
    ORDER,
    S7,
    adjustment,
    as_issued,
    invoice,
    invoices,
    line,
    what_to_credit,
)

TODAY = date(2026, 3, 1)


def cancelled(issued: DocumentIssued, *before: DocumentIssued) -> DocumentIssued:
    return as_issued(cancellation(issued, before, reason="Wrong", issue_date=TODAY))


def credited(
    issued: DocumentIssued, *asked: LineCredit, before: Sequence[DocumentIssued] = ()
) -> DocumentIssued:
    return as_issued(credit(issued, before, asked, reason="Outage", issue_date=TODAY))


def amount(text: str, number: int = 1) -> LineCredit:
    return LineCredit(number, amount=Decimal(text))


def units(text: str, number: int = 1) -> LineCredit:
    return LineCredit(number, quantity=Decimal(text))


# -- whole documents ----------------------------------------------------------------------------


def test_a_cancellation_says_the_same_as_the_invoice_and_names_it() -> None:
    issued = invoice(
        line("9.99", origin=ORDER),
        line("3.33", "2", S7, number=2, allowance="1.00"),
        charges=(adjustment("5"),),
    )
    back = cancelled(issued)
    assert back.type is DocumentType.CREDIT_NOTE
    assert (back.totals, back.taxes, back.charges) == (issued.totals, issued.taxes, issued.charges)
    assert [(x.net, x.quantity, x.allowances) for x in back.lines] == [
        (x.net, x.quantity, x.allowances) for x in issued.lines
    ]
    assert back.preceding_document
    assert back.preceding_document.number == issued.number
    assert (back.reason, back.due_date, back.buyer) == ("Wrong", TODAY, issued.buyer)


def test_what_a_cancellation_credits_is_billed_again() -> None:
    [back] = cancelled(invoice(line("9.99"))).lines
    assert back.credits
    assert (back.credits.line, back.credits.bill_again) == (1, True)


def test_a_line_that_cost_nothing_is_cancelled_as_well() -> None:
    assert [x.net for x in cancelled(invoice(line("0"), line("1", number=2))).lines] == [0, 1]


def test_a_document_is_not_cancelled_twice() -> None:
    issued = invoice(line("9.99"), line("0", number=2))
    with pytest.raises(AlreadyCredited):
        cancelled(issued, cancelled(issued))


def test_a_credit_note_is_not_cancelled() -> None:
    with pytest.raises(NotAnInvoice):
        cancelled(cancelled(invoice(line("9.99"))))


def test_a_cancellation_takes_back_what_earlier_credit_notes_left() -> None:
    issued = invoice(line("9.99"), line("5.00", number=2))
    before = credited(issued, amount("2.00"))
    back = cancelled(issued, before)
    assert [(x.quantity, x.unit_price, x.net) for x in back.lines] == [
        (1, Decimal("7.99"), Decimal("7.99")),
        (1, 5, 5),
    ]
    assert before.totals.gross + back.totals.gross == issued.totals.gross


# -- single lines -------------------------------------------------------------------------------


def test_an_amount_of_a_line_is_one_unit_at_that_price() -> None:
    back = credited(invoice(line("0.10", "100")), amount("2.50"))
    [of_line] = back.lines
    assert (of_line.quantity, of_line.unit, of_line.unit_price, of_line.net) == (
        1,
        "C62",
        Decimal("2.5"),
        Decimal("2.5"),
    )
    assert (back.totals.net, back.totals.tax, back.totals.gross) == (
        Decimal("2.50"),
        Decimal("0.48"),
        Decimal("2.98"),
    )


def test_units_of_a_line_cost_what_they_cost_on_the_invoice() -> None:
    [back] = credited(invoice(line("59.90", "3")), units("2")).lines
    assert (back.quantity, back.unit, back.unit_price, back.net) == (
        2,
        "MON",
        Decimal("59.90"),
        Decimal("119.80"),
    )


def test_the_last_units_take_what_rounding_left() -> None:
    issued = invoice(line("0.333", "3"))
    first = credited(issued, units("1"))
    second = credited(issued, units("1"), before=[first])
    last = credited(issued, units("1"), before=[first, second])
    assert [x.lines[0].net for x in (first, second, last)] == [
        Decimal("0.33"),
        Decimal("0.33"),
        Decimal("0.34"),
    ]
    assert last.lines[0].unit_price == Decimal("0.34")


def test_units_of_a_line_with_a_rebate_go_back_at_what_they_cost_with_it() -> None:
    [back] = credited(invoice(line("59.90", "3", allowance="17.97")), units("1")).lines
    assert (back.unit_price, back.net, back.allowances) == (Decimal("53.91"), Decimal("53.91"), ())


def test_units_of_very_many_go_back_at_a_price_that_no_ten_decimals_can_say() -> None:
    back = credited(
        invoice(line("0.01", "1234567890123.0000000001", allowance="17.97")), units("333333333333.33333333")
    )
    assert back.totals.net == Decimal("3333333328.48")


def test_crediting_a_line_does_not_bill_it_again_unless_asked() -> None:
    issued = invoice(line("9.99"))
    [back], [again] = (credited(issued, LineCredit(1, bill_again=flag)).lines for flag in (False, True))
    assert back.credits
    assert again.credits
    assert (back.credits.bill_again, again.credits.bill_again) == (False, True)


@pytest.mark.parametrize("asked", [amount("10.00"), units("2")])
def test_no_more_is_credited_than_was_billed(asked: LineCredit) -> None:
    with pytest.raises(CreditedBeyondBill):
        credited(invoice(line("9.99")), asked)


def test_no_more_is_credited_than_earlier_credit_notes_left() -> None:
    issued = invoice(line("9.99"))
    with pytest.raises(CreditedBeyondBill, match=r"7\.99 is left"):
        credited(issued, amount("8.00"), before=[credited(issued, amount("2.00"))])


def test_a_line_that_is_credited_whole_cannot_be_credited_again() -> None:
    issued = invoice(line("9.99"), line("1", number=2))
    with pytest.raises(CreditedBeyondBill):
        credited(issued, LineCredit(1), before=[credited(issued, LineCredit(1))])


def test_the_credit_on_an_invoice_cannot_be_left_alone_on_it() -> None:
    issued = invoice(line("9.99"), line("-2.00", number=2))
    with pytest.raises(CreditedBeyondBill):
        credited(issued, LineCredit(1))
    with pytest.raises(CreditedBeyondBill):
        credited(issued, LineCredit(2))
    assert credited(issued, LineCredit(1), LineCredit(2)).totals == issued.totals


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ([LineCredit(2)], "lines[0].line"),
        ([LineCredit(1), LineCredit(1)], "lines[1].line"),
        ([amount("1.001")], "lines[0].amount"),
    ],
)
def test_wrong_fields_are_named(asked: list[LineCredit], field: str) -> None:
    with pytest.raises(InvalidFields) as refused:
        credited(invoice(line("9.99")), *asked)
    assert [error.field for error in refused.value.errors] == [field]


# -- document level, VAT ------------------------------------------------------------------------


def test_allowances_and_charges_go_back_in_proportion_to_the_order_lines_with_their_vat() -> None:
    issued = invoice(
        line("75", origin=ORDER),
        line("25", number=2, origin=ORDER),
        line("10", vat=AE, number=3),
        line("100", number=4),
        allowances=(adjustment("10.00", reason="Rebate"),),
        charges=(adjustment("5.00"),),
    )
    first = credited(issued, LineCredit(2))
    assert (first.allowances[0].amount, first.charges[0].amount) == (Decimal("2.50"), Decimal("1.25"))
    assert first.totals.net == Decimal("23.75")
    assert credited(issued, LineCredit(4)).totals.net == Decimal("100.00")
    rest = cancelled(issued, first)
    assert (rest.allowances[0].amount, rest.charges[0].amount) == (Decimal("7.50"), Decimal("3.75"))


def test_a_charge_with_a_vat_of_its_own_goes_back_with_the_last_order_line() -> None:
    issued = invoice(
        line("10", origin=ORDER), line("10", number=2, origin=ORDER), line("10", number=3),
        charges=(adjustment("5", S7),),
    )  # fmt: skip
    first = credited(issued, LineCredit(1))
    assert first.charges == ()
    last = credited(issued, LineCredit(2, bill_again=True), before=[first])
    assert last.charges == issued.charges
    assert credited(issued, LineCredit(3), before=[first, last]).charges == ()


def test_vat_of_several_credit_notes_is_rounded_as_that_of_one() -> None:
    issued = invoice(line("0.33"), line("0.33", number=2))
    first = credited(issued, LineCredit(1))
    last = credited(issued, LineCredit(2), before=[first])
    assert [issued.totals.tax, first.totals.tax, last.totals.tax] == [
        Decimal("0.13"),
        Decimal("0.06"),
        Decimal("0.07"),
    ]


# -- amount due ---------------------------------------------------------------------------------


def test_a_rounded_invoice_is_given_back_with_its_rounding_by_the_note_that_gives_back_the_last_of_it() -> (
    None
):
    issued = invoice(line("8.39"), line("8.39", number=2), rounding=Decimal("0.01"))
    first = credited(issued, LineCredit(1))
    last = credited(issued, LineCredit(2), before=[first])
    assert [n.totals.rounding for n in (first, last)] == [0, Decimal("0.01")]
    assert first.totals.due + last.totals.due == issued.totals.due == Decimal("19.98")
    assert cancelled(issued).totals == issued.totals


def test_where_rounding_took_a_cent_off_no_more_is_given_back_than_was_owed() -> None:
    issued = invoice(line("0.49"), line("0.01", number=2), rounding=Decimal("-0.02"))
    first = credited(issued, LineCredit(1))
    last = credited(issued, LineCredit(2), before=[first])
    assert issued.totals.due == Decimal("0.58")
    assert [n.totals.due for n in (first, last)] == [Decimal("0.58"), 0]


def test_what_was_prepaid_is_given_back_too() -> None:
    issued = invoice(line("100"), prepaid=Decimal("119"))
    back = cancelled(issued)
    assert (issued.totals.due, back.totals.due, back.totals.prepaid) == (0, 119, 0)


def test_no_more_is_given_back_with_vat_than_was_paid_where_another_rate_bears_the_rebate() -> None:
    """7 of 10 at 7 % are 7.49; all that was to be paid, less 3 at 19 %, is 7.13."""
    issued = invoice(line("10", vat=S7), line("-3", number=2))
    with pytest.raises(CreditedBeyondBill, match=r"gross, 7\.13 was billed and 7\.49"):
        credited(issued, amount("7.00"))
    assert credited(issued, amount("6.00")).totals.gross == Decimal("6.42")


def test_of_an_invoice_that_comes_to_nothing_but_a_rounded_cent_the_cent_goes_back() -> None:
    issued = invoice(line("0.03"), line("-0.03", number=2), rounding=Decimal("0.01"))
    back = cancelled(issued)
    assert (back.totals.gross, back.totals.due) == (0, Decimal("0.01"))


# -- billing again ------------------------------------------------------------------------------


def test_a_part_of_a_line_is_not_billed_again() -> None:
    with pytest.raises(BilledTogether):
        credited(invoice(line("9.99", "2")), LineCredit(1, quantity=Decimal(1), bill_again=True))


def test_usage_of_an_interval_is_billed_again_as_a_whole() -> None:
    issued = invoice(line("0", "100", usage=KILOMETRES), line("0.20", "50", number=2, usage=KILOMETRES))
    with pytest.raises(BilledTogether, match="line 1"):
        credited(issued, LineCredit(2, bill_again=True))
    assert credited(issued, LineCredit(1), LineCredit(2, bill_again=True)).totals == issued.totals


def test_orders_that_share_a_document_with_freight_are_billed_again_together() -> None:
    """Each gets back a share of all freight, but would be billed its own."""
    other = LineOrigin(type="ORDER", ident="O-2", id=UUID(int=9), item="1")
    issued = invoice(
        line("300", origin=ORDER), line("100", number=2, origin=other),
        charges=(adjustment("5.00"), adjustment("20.00")),
    )  # fmt: skip
    with pytest.raises(BilledTogether, match="line 1"):
        credited(issued, LineCredit(2, bill_again=True))
    assert credited(issued, LineCredit(2)).totals.net == Decimal("106.25")
    both = LineCredit(1, bill_again=True), LineCredit(2, bill_again=True)
    assert credited(issued, *both).totals == issued.totals


def test_an_order_with_freight_is_billed_again_as_a_whole() -> None:
    issued = invoice(
        line("1", origin=ORDER), line("2", number=2, origin=ORDER), charges=(adjustment("12.50"),)
    )
    with pytest.raises(BilledTogether, match="line 2"):
        credited(issued, LineCredit(1, bill_again=True))


# -- whatever is credited -----------------------------------------------------------------------


@st.composite
def steps(draw: st.DrawFn) -> tuple[DocumentIssued, list[DocumentIssued]]:
    """An invoice and the credit notes that were granted of whatever was asked for."""
    issued = draw(invoices())
    granted: list[DocumentIssued] = []
    for _ in range(draw(st.integers(0, 5))):
        asked = draw(what_to_credit(issued, granted))
        if not asked:
            break
        try:
            granted.append(credited(issued, *asked, before=granted))
        except CreditedBeyondBill:
            continue
    return issued, granted


@given(steps())
def test_what_is_left_of_an_invoice_is_never_negative(
    story: tuple[DocumentIssued, list[DocumentIssued]],
) -> None:
    issued, notes = story
    for left in lines_left(issued, [x for n in notes for x in n.lines]):
        assert 0 <= left.net <= left.line.net
        assert 0 <= left.quantity <= left.line.quantity
    for tax in issued.taxes:
        same = [t for n in notes for t in n.taxes if (t.category, t.rate) == (tax.category, tax.rate)]
        assert 0 <= sum(t.taxable for t in same) <= tax.taxable
        assert 0 <= sum(t.tax for t in same) <= tax.tax
    assert 0 <= sum(n.totals.gross for n in notes) <= issued.totals.gross
    assert all(n.totals.due >= 0 for n in notes)
    assert sum(n.totals.due for n in notes) <= issued.totals.due


@given(steps())
def test_credited_in_full_an_invoice_nets_to_zero_however_many_steps_it_takes(
    story: tuple[DocumentIssued, list[DocumentIssued]],
) -> None:
    issued, notes = story
    with suppress(AlreadyCredited):
        notes = [*notes, cancelled(issued, *notes)]
    for name in ("lines", "allowances", "charges", "net", "tax", "gross", "rounding", "due"):
        assert sum(getattr(n.totals, name) for n in notes) == getattr(issued.totals, name)
    for tax in issued.taxes:
        same = [t for n in notes for t in n.taxes if (t.category, t.rate) == (tax.category, tax.rate)]
        assert (sum(t.taxable for t in same), sum(t.tax for t in same)) == (tax.taxable, tax.tax)


@given(steps())
def test_vat_of_a_credit_note_differs_by_one_minor_unit_at_most_from_that_of_its_own_sum(
    story: tuple[DocumentIssued, list[DocumentIssued]],
) -> None:
    issued, notes = story
    for tax in (t for n in notes for t in n.taxes):
        assert abs(tax.tax - rounded(tax.taxable * tax.rate / 100, issued.currency)) <= minor_unit(
            issued.currency
        )
