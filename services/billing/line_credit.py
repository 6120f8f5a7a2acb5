"""What is asked to be credited of an invoice, line by line."""

from dataclasses import dataclass
from decimal import Decimal

ONE_UNIT = "C62"
"""Unit of a credited amount (UN/ECE Rec 20: one)."""


@dataclass(frozen=True, slots=True)
class LineCredit:
    """What to credit of a line: so many of its units, or a net amount, or (neither given) all that is left of it."""

    line: int
    quantity: Decimal | None = None
    amount: Decimal | None = None
    bill_again: bool = False
    """Whether its interval, usage, item or order line is to be billed once more."""
