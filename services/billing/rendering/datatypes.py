"""The data types of EN 16931-1 (section 6.5) as the text that both syntaxes write."""

from decimal import Decimal

from services.errors import Refused
from services.money import plain

AMOUNT_DECIMALS = 2
"""Of amounts, in any currency (BR-DEC-01 to BR-DEC-28); prices and quantities may have more."""


class NotExpressible(Refused):
    """EN 16931 has no amounts with more than two decimals, so that this document can be no e-invoice."""

    def __init__(self) -> None:
        super().__init__(
            "An amount of this document has three decimals, as its currency allows and e-invoices do not."
        )


def amount(value: Decimal | None) -> str | None:
    """An amount as it is, without decimals that say nothing beyond the second; raises NotExpressible."""
    if value is None:
        return None
    text = format(value, "f")
    point = text.find(".")
    if point < 0 or len(text) - point - 1 <= AMOUNT_DECIMALS:
        return text
    end = point + 1 + AMOUNT_DECIMALS
    if text[end:].strip("0"):
        raise NotExpressible
    return text[:end]


def number(value: Decimal | None) -> str | None:
    """A quantity, price or percentage: all of its decimals, without zeros that say nothing."""
    return None if value is None else plain(value)
