"""Which VAT a supply bears: rates as data with dates, and the decision by seller, buyer and what is supplied."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from services.errors import KontorError
from services.values import CustomerType, ExplicitTax, TaxCategory

EU = frozenset("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split())
VAT_PREFIX = {"GR": "EL"}
"""VAT-IDs begin with the country code, but Greece's begin with EL."""


class NoTaxRate(KontorError):
    """There is no tax rate for this supply."""


@dataclass(frozen=True, slots=True)
class Tax:
    """An EN 16931 VAT category (UNTDID 5305) and its rate in percent."""

    category: str
    rate: Decimal


@dataclass(frozen=True, slots=True)
class Parties:
    """What of seller and buyer decides the tax."""

    seller_country: str
    small_business: bool
    buyer_country: str
    buyer_type: CustomerType
    buyer_vat_id: str | None


@dataclass(frozen=True, slots=True)
class Supply:
    """What is supplied, and when."""

    tax_category: TaxCategory
    is_goods: bool
    supplied_on: date
    explicit: ExplicitTax | None = None


NONE = Decimal(0)


def tax_of(parties: Parties, supply: Supply) -> Tax:
    """The VAT of a supply; raises NoTaxRate when the seller's country has no rate for the day.

    An explicit tax wins, then the small-business rule; then the place of supply decides.
    """
    if supply.explicit:
        return Tax(supply.explicit.category, supply.explicit.rate)
    if parties.small_business:
        return Tax("E", NONE)
    if parties.buyer_country == parties.seller_country:
        return _domestic(parties.seller_country, supply)
    if parties.buyer_country not in EU:
        return Tax("G" if supply.is_goods else "O", NONE)
    if _is_business_abroad(parties):
        return Tax("K" if supply.is_goods else "AE", NONE)
    return _domestic(parties.seller_country, supply)


def exemption(category: str, language: str) -> tuple[str | None, str | None]:
    """VATEX code and legal text of a category that charges no VAT, in the document's language (English if unknown)."""
    entry = _data()["exemptions"].get(category)
    if entry is None:
        return None, None
    return entry.get("code"), entry.get(language.split("-")[0], entry["en"])


def _is_business_abroad(parties: Parties) -> bool:
    """A business with a VAT-ID of another member state than the seller's."""
    if parties.buyer_type is CustomerType.B2C or not parties.buyer_vat_id:
        return False
    own = VAT_PREFIX.get(parties.seller_country, parties.seller_country)
    return not parties.buyer_vat_id.startswith(own)


def _domestic(country: str, supply: Supply) -> Tax:
    if supply.tax_category is TaxCategory.ZERO:
        return Tax("Z", NONE)
    rates = [entry for entry in _data()["rates"].get(country, ()) if entry["from"] <= supply.supplied_on]
    if not rates:
        raise NoTaxRate(
            f"There is no VAT rate for {country} on {supply.supplied_on}; add it to the tax table."
        )
    return Tax("S", Decimal(max(rates, key=lambda entry: entry["from"])[supply.tax_category.value]))


@cache
def _data() -> Mapping[str, Any]:
    return tomllib.loads(files("services.billing").joinpath("tax.toml").read_text("utf-8"))
