"""Exact money: currencies, minor units and rounding half up; a float never takes part."""

from decimal import ROUND_HALF_UP, Decimal

# ISO 4217 gives every currency two decimals but these (amendment 177, minor unit column).
_DECIMALS_OTHER_THAN_TWO = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}

ZERO = Decimal(0)


def decimals(currency: str) -> int:
    """Number of decimals of `currency` (ISO 4217 alphabetic code): 2 for EUR, 0 for JPY, 3 for KWD."""
    return _DECIMALS_OTHER_THAN_TWO.get(currency, 2)


def minor_unit(currency: str) -> Decimal:
    """The smallest amount of `currency`: 0.01 for EUR, 1 for JPY, 0.001 for KWD."""
    return Decimal(1).scaleb(-decimals(currency))


def rounded(amount: Decimal, currency: str) -> Decimal:
    """`amount` in units of `currency`, rounded half up (away from zero) to its minor unit."""
    return amount.quantize(minor_unit(currency), ROUND_HALF_UP)


def plain(number: Decimal) -> str:
    """A quantity, price or rate without trailing zeros or exponent: `3`, `0.125`, `1000`."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def price_text(price: Decimal, currency: str) -> str:
    """A price with at least the currency's decimals: `5.48`, `0.125`, `1000.00`."""
    places = max(decimals(currency), -_exponent(price.normalize()))
    return format(price.quantize(Decimal(1).scaleb(-places)), "f")


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError(f"{number} is not a number that can be paid")
    return exponent
