"""Exact checks of a draft against what is due: what rounding would hide from the sums is compared with its source.

A run's credit note says what is due with opposite signs: what it takes off is a charge, and what it adds an allowance.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from services.billing.document import Draft
from services.billing.gross import rounding_to_agreed
from services.billing.paying import payment_means
from services.billing.rating import net_price
from services.billing.tax import Tax
from services.billing.taxed import Part, Taxation, Taxed
from services.errors import KontorError
from services.messages import ContractSigned, DocumentType
from services.money import ZERO
from services.values import AllowanceOrCharge, DocumentAdjustment, DocumentLine, LineAdjustment

Percentages = list[tuple[str, Decimal | None]]
"""Reason and percentage of allowances or charges."""


class NotAsDue(KontorError):
    """A document says something else than what is due; it is not issued."""


def check_as_due(draft: Draft, taxation: Taxation, parts: Sequence[Part]) -> None:
    """Raise NotAsDue naming the first thing that a run's draft says otherwise than `parts`, which it bills.

    Which amounts follow from that, `check_draft` works out.
    """
    due = [taxed for part in parts for taxed in part.taxed]
    _equal("number of lines", len(draft.lines), len(due))
    totals, is_back = draft.totals, draft.type is DocumentType.CREDIT_NOTE
    sign, kinds = (-1, ("charges", "allowances")) if is_back else (1, ("allowances", "charges"))
    _equal("money goes back", sign * totals.gross < 0, is_back)
    for line, taxed in zip(draft.lines, due, strict=True):
        _check_line(line, taxed, draft.currency, sign, kinds)
    for kind, given in zip(kinds, ("allowances", "charges"), strict=True):
        stated = [_adjustment(adjustment) for adjustment in getattr(draft, kind)]
        _equal(f"{kind} of the document", stated, list(_adjustments(taxation, parts, given)))
    agreed = rounding_to_agreed(parts, draft.lines, sign * totals.gross, draft.currency)
    _equal("BT-114: rounding", sign * totals.rounding, agreed)
    _equal("BT-113: prepaid amount", sign * totals.prepaid, sum((part.prepaid for part in parts), ZERO))
    means = None if is_back else payment_means(taxation.customer, totals.due, draft.currency)
    _equal("payment means", draft.payment_means, means)
    _equal("day of the last supply", draft.supply_date, max(taxed.position.supplied_on for taxed in due))


def _check_line(line: DocumentLine, taxed: Taxed, currency: str, sign: int, kinds: tuple[str, str]) -> None:
    """`sign` is that of the quantity that is due; `kinds` says what allowances and charges are called on the document."""
    position, where = taxed.position, f"line {line.line}"
    price = position.unit_price
    if price is None:
        assert position.gross_unit_price is not None
        price = net_price(position.gross_unit_price, position.quantity, taxed.tax.rate, currency)
    _equal(f"{where}: quantity", sign * line.quantity, position.quantity)
    _equal(f"{where}: price", line.unit_price, price)
    _equal(f"{where}: VAT", (line.tax_category, line.tax_rate), _vat(taxed.tax))
    _equal(f"{where}: period", line.period, position.period)
    _equal(f"{where}: day of supply", line.supplied_on, None if position.period else position.supplied_on)
    _equal(f"{where}: usage", line.usage, position.usage)
    for kind, given in zip(kinds, (position.allowances, position.charges), strict=True):
        _equal(f"{where}: {kind}", _percentages(getattr(line, kind)), _percentages(given))


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
