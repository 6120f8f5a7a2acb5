"""Invoices for tests of what is credited: any lines, VAT, allowances and charges, with sums that add up, and what may
be asked of them."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid4

from hypothesis import strategies as st
from msgspec import structs

from services.billing.crediting import lines_left
from services.billing.document import Draft
from services.billing.line_credit import LineCredit
from services.billing.rating import line_amount
from services.billing.sums import amount_of, net_of, totals_of
from services.messages import DocumentIssued, DocumentType
from services.money import ZERO, minor_unit, rounded
from services.values import (
    Address,
    AddressType,
    BilledUsage,
    Buyer,
    DocumentAdjustment,
    DocumentLine,
    LineAdjustment,
    LineOrigin,
    Period,
    TaxSubtotal,
)
from tests import examples

ISSUED_ON = date(2026, 2, 28)
S19, S7, AE = ("S", Decimal(19)), ("S", Decimal(7)), ("AE", Decimal(0))
CONTRACT = LineOrigin(type="CONTRACT", ident="C-1", id=UUID(int=2), item="base")
ORDER = LineOrigin(type="ORDER", ident="O-1", id=UUID(int=3), item="1")
FEBRUARY = Period(first=date(2026, 2, 1), last=date(2026, 2, 28))
KILOMETRES = BilledUsage(through=7)


def line(
    unit_price: str,
    quantity: str = "1",
    vat: tuple[str, Decimal] = S19,
    *,
    number: int = 1,
    origin: LineOrigin = CONTRACT,
    allowance: str | None = None,
    usage: BilledUsage | None = None,
    currency: str = "EUR",
) -> DocumentLine:
    """A line of February; `allowance` is a net amount off it."""
    allowances = (LineAdjustment(reason="Rebate", amount=Decimal(allowance)),) if allowance else ()
    amount = line_amount(Decimal(quantity), Decimal(unit_price), currency)
    return DocumentLine(
        line=number,
        name="Base fee",
        quantity=Decimal(quantity),
        unit="MON",
        unit_price=Decimal(unit_price),
        net=amount - Decimal(allowance or 0),
        tax_category=vat[0],
        tax_rate=vat[1],
        origin=origin,
        period=FEBRUARY,
        allowances=allowances,
        usage=usage,
    )


def adjustment(amount: str, vat: tuple[str, Decimal] = S19, reason: str = "Freight") -> DocumentAdjustment:
    """A charge or allowance on document level."""
    return DocumentAdjustment(reason=reason, amount=Decimal(amount), tax_category=vat[0], tax_rate=vat[1])


def invoice(
    *lines: DocumentLine,
    allowances: tuple[DocumentAdjustment, ...] = (),
    charges: tuple[DocumentAdjustment, ...] = (),
    currency: str = "EUR",
    rounding: Decimal = ZERO,
    prepaid: Decimal = ZERO,
) -> DocumentIssued:
    """RE-2026-000001 over these lines."""
    vats = {(part.tax_category, part.tax_rate) for part in lines} | {
        (part.tax_category, part.tax_rate) for part in (*allowances, *charges)
    }
    taxes = tuple(_subtotal(vat, lines, allowances, charges, currency) for vat in sorted(vats))
    totals = totals_of(lines, allowances, charges, taxes, currency, prepaid)
    return DocumentIssued(
        document_id=UUID(int=1),
        number="RE-2026-000001",
        type=DocumentType.INVOICE,
        billing_entity_id=UUID(int=4),
        customer_id=UUID(int=5),
        debtor_ident="D-4711",
        issue_date=ISSUED_ON,
        due_date=ISSUED_ON,
        currency=currency,
        language="de",
        seller=examples.SELLER,
        buyer=Buyer(
            name="Beispiel GmbH",
            address=Address(address_id=UUID(int=6), address_type=AddressType.INVOICE, country="DE"),
            account_number="100001",
        ),
        lines=tuple(lines),
        taxes=taxes,
        totals=structs.replace(totals, rounding=rounding),
        allowances=allowances,
        charges=charges,
    )


def _subtotal(
    vat: tuple[str, Decimal],
    lines: tuple[DocumentLine, ...],
    allowances: tuple[DocumentAdjustment, ...],
    charges: tuple[DocumentAdjustment, ...],
    currency: str,
) -> TaxSubtotal:
    taxable = net_of(lines, vat) - amount_of(allowances, vat) + amount_of(charges, vat)
    tax = rounded(taxable * vat[1] / 100, currency)
    reason = "VATEX-EU-AE" if vat == AE else None
    return TaxSubtotal(category=vat[0], rate=vat[1], taxable=taxable, tax=tax, exemption_code=reason)


@st.composite
def invoices(draw: st.DrawFn) -> DocumentIssued:
    """What runs issue: up to six lines of up to three kinds of VAT, in currencies with 0, 2 and 3 decimals."""
    currency = draw(st.sampled_from(["EUR", "JPY", "KWD"]))
    vats = st.sampled_from([S19, S7, AE])
    prices = st.decimals(0, 500, places=draw(st.integers(0, 4)))
    quantities = st.decimals("0.001", 50, places=draw(st.integers(0, 3))).filter(bool)
    lines = [
        line(
            str(draw(prices)),
            str(draw(quantities)),
            draw(vats),
            number=number,
            origin=draw(st.sampled_from([CONTRACT, ORDER])),
            currency=currency,
        )
        for number in range(1, draw(st.integers(1, 6)) + 1)
    ]
    ordered = [one for one in lines if one.origin == ORDER]
    net = {vat: net_of(ordered, vat) for vat in (S19, S7, AE)}
    adjusted = [vat for vat in net if net[vat] > 0]
    shares = st.decimals(0, 1, places=2)
    allowances, charges = (
        tuple(
            adjustment(str(rounded(net[vat] * draw(shares), currency)), vat)
            for vat in adjusted
            if draw(st.booleans())
        )
        for _ in range(2)
    )
    cents = draw(st.integers(-len(lines), len(lines))) * minor_unit(currency)
    issued = invoice(*lines, allowances=allowances, charges=charges, currency=currency)
    rounding = max(cents, -issued.totals.gross) if issued.totals.gross else ZERO
    return structs.replace(issued, totals=structs.replace(issued.totals, rounding=rounding))


def as_issued(draft: Draft, number: str = "RE-GS-2026-000001") -> DocumentIssued:
    """The draft as it is issued."""
    fields = {name: getattr(draft, name) for name in Draft.__dataclass_fields__}
    return DocumentIssued(document_id=uuid4(), number=number, **fields)


@st.composite
def what_to_credit(
    draw: st.DrawFn, invoice: DocumentIssued, before: Sequence[DocumentIssued]
) -> list[LineCredit]:
    """All, units or an amount of up to three lines of which something is left; nothing where that is of none."""
    left = [one for one in lines_left(invoice, [x for n in before for x in n.lines]) if one.is_anything]
    if not left:
        return []
    chosen = draw(
        st.lists(st.sampled_from(left), min_size=1, max_size=3, unique_by=lambda one: one.line.line)
    )
    asked = []
    for one in chosen:
        share = draw(st.decimals("0.01", 1, places=2))
        kind = draw(st.sampled_from(["whole", "units", "amount"]))
        number = one.line.line
        if kind == "amount" and (part := rounded(one.net * share, invoice.currency)) > 0:
            asked.append(LineCredit(number, amount=part))
        elif kind == "units" and one.quantity:
            asked.append(LineCredit(number, quantity=one.quantity * share))
        else:
            asked.append(LineCredit(number))
    return asked
