"""Gross prices: what the buyer was told to pay, and the cent by which VAT on the net sum may miss it."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from services.billing.due import Position
from services.billing.rating import HUNDRED, line_amount, rounding_max
from services.billing.taxed import Part
from services.messages import OrderRecorded
from services.money import ZERO, rounded
from services.values import AllowanceOrCharge, DocumentLine


def rounding_to_agreed(
    parts: Sequence[Part], lines: Sequence[DocumentLine], gross: Decimal, currency: str
) -> Decimal:
    """What makes of a document's `gross` total the sum of its gross prices (BT-114); 0 where not all that it bills has one.

    VAT is worked out on the net sum (BR-CO-17), and no net amount in whole cents may give the price that was agreed:
    9.99 with 19 % is 8.39 + 1.59 = 9.98. The missing cent is added to the amount due, as EN 16931 has it for amounts
    that are rounded. More than rounding can explain is not hidden in it.
    """
    rounding = _agreed(parts, gross, currency) - gross
    return rounding if abs(rounding) <= rounding_max(lines, currency) else rounded(ZERO, currency)


def _agreed(parts: Sequence[Part], gross: Decimal, currency: str) -> Decimal:
    """The sum of the gross prices, less and plus percentages; `gross` itself where something is agreed net."""
    positions = [taxed.position for part in parts for taxed in part.taxed]
    if not all(_has_terms_of_order_only_by_line(part) for part in parts) or not all(
        map(_is_gross, positions)
    ):
        return gross
    return sum((_gross_amount(position, currency) for position in positions), rounded(ZERO, currency))


def _has_terms_of_order_only_by_line(part: Part) -> bool:
    head = part.head
    return isinstance(head, OrderRecorded) and not (head.allowances or head.charges)


def _is_gross(position: Position) -> bool:
    """Amounts of allowances and charges are net; a percentage is the same of both."""
    return position.gross_unit_price is not None and all(
        one.percent is not None for one in (*position.allowances, *position.charges)
    )


def _gross_amount(position: Position, currency: str) -> Decimal:
    assert position.gross_unit_price is not None
    amount = line_amount(position.quantity, position.gross_unit_price, currency)
    less, more = (_percentages(given, amount, currency) for given in (position.allowances, position.charges))
    return amount - less + more


def _percentages(given: Iterable[AllowanceOrCharge], amount: Decimal, currency: str) -> Decimal:
    percents = (one.percent for one in given if one.percent is not None)
    return sum((rounded(amount * percent / HUNDRED, currency) for percent in percents), ZERO)
