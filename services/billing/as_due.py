"""Exact checks of a draft against what is due: what rounding would hide from the sums is compared with its source."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from services.billing.document import Draft
from services.billing.rating import net_price
from services.billing.tax import Tax
from services.billing.taxed import Part, Taxation, Taxed
from services.errors import KontorError
from services.messages import ContractSigned
from services.values import AllowanceOrCharge, DocumentAdjustment, DocumentLine, LineAdjustment

Percentages = list[tuple[str, Decimal | None]]
"""Reason and percentage of allowances or charges."""


class NotAsDue(KontorError):
    """A document says something else than what is due; it is not issued."""


def check_as_due(draft: Draft, taxation: Taxation, parts: Sequence[Part]) -> None:
    """Raise NotAsDue naming the first thing that the draft of an invoice says otherwise than `parts`, which it bills.

    Which amounts follow from that, `check_draft` works out.
    """
    due = [taxed for part in parts for taxed in part.taxed]
    _equal("number of lines", len(draft.lines), len(due))
    for line, taxed in zip(draft.lines, due, strict=True):
        _check_line(line, taxed, draft.currency)
    for kind in ("allowances", "charges"):
        stated = [_adjustment(adjustment) for adjustment in getattr(draft, kind)]
        _equal(f"{kind} of the document", stated, list(_adjustments(taxation, parts, kind)))
    _equal("day of the last supply", draft.supply_date, max(taxed.position.supplied_on for taxed in due))


def _check_line(line: DocumentLine, taxed: Taxed, currency: str) -> None:
    position, where = taxed.position, f"line {line.line}"
    price = position.unit_price
    if price is None:
        assert position.gross_unit_price is not None
        price = net_price(position.gross_unit_price, position.quantity, taxed.tax.rate, currency)
    _equal(f"{where}: quantity", line.quantity, position.quantity)
    _equal(f"{where}: price", line.unit_price, price)
    _equal(f"{where}: VAT", (line.tax_category, line.tax_rate), _vat(taxed.tax))
    _equal(f"{where}: period", line.period, position.period)
    _equal(f"{where}: day of supply", line.supplied_on, None if position.period else position.supplied_on)
    _equal(f"{where}: usage", line.usage, position.usage)
    _equal(f"{where}: allowances", _percentages(line.allowances), _percentages(position.allowances))
    _equal(f"{where}: charges", _percentages(line.charges), _percentages(position.charges))


def _percentages(adjustments: Sequence[LineAdjustment | AllowanceOrCharge]) -> Percentages:
    return [(adjustment.reason, adjustment.percent) for adjustment in adjustments]


def _adjustment(adjustment: DocumentAdjustment) -> tuple[Any, ...]:
    return adjustment.reason, adjustment.percent, (adjustment.tax_category, adjustment.tax_rate)


def _adjustments(taxation: Taxation, parts: Sequence[Part], kind: str) -> Iterator[tuple[Any, ...]]:
    """What the orders say of a document as a whole, in the order of the orders."""
    for part in parts:
        if not isinstance(part.head, ContractSigned):
            given: tuple[AllowanceOrCharge, ...] = getattr(part.head, kind)
            for one in given:
                yield one.reason, one.percent, _vat(taxation.of_adjustment(part, one.tax_category))


def _vat(tax: Tax) -> tuple[str, Decimal]:
    return tax.category, tax.rate


def _equal(what: str, stated: object, due: object) -> None:
    if stated != due:
        raise NotAsDue(f"{what}: {stated} is stated, {due} is due; the document was not issued")
