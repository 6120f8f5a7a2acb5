"""Which VAT a supply bears: rates as data with dates, and the decision by seller, buyer and what is supplied."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from services.errors import KontorError
from services.values import CustomerType, ExplicitTax, TaxCategory

EU = frozenset("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split())
TERRITORIES = {"MC": "FR", "IM": "GB", "LI": "CH"}
"""Countries that are part of another one's VAT territory (for MC and IM: art. 7 of Directive 2006/112/EC)."""
NORTHERN_IRELAND = "XI"
"""Prefix of VAT-IDs, and a part of the EU as far as goods are concerned (Windsor Framework)."""
VAT_PREFIXES = {"EL": "GR"}
"""VAT-IDs begin with the country code, but Greece's begin with EL."""
ANY_LANGUAGE = "en"
"""The language of a text where there is none in the document's."""
NONE = Decimal(0)


class NoTaxRate(KontorError):
    """There is no tax rate for this supply."""

    def __init__(self, country: str, day: date) -> None:
        super().__init__(
            f"There is no VAT rate for {country} on {day}; add it to the tax table (services/billing/tax.toml),"
            " or bill this as an order line with an explicit tax."
        )


@dataclass(frozen=True, slots=True)
class Exemption:
    """Why no VAT is charged: code of the CEF's VATEX list, where there is one, and legal text by language."""

    code: str | None
    texts: Mapping[str, str] = field(hash=False)

    def text(self, language: str) -> str:
        """The text in the document's language (BCP 47), in English where there is none."""
        return self.texts.get(language.split("-")[0], self.texts[ANY_LANGUAGE])


class Row(StrEnum):
    """The rows of the decision table in `tax_of`."""

    EXPLICIT = "EXPLICIT"
    SMALL_BUSINESS = "SMALL_BUSINESS"
    DOMESTIC = "DOMESTIC"
    OUTSIDE_EU = "OUTSIDE_EU"
    EU_BUSINESS = "EU_BUSINESS"
    ONE_STOP_SHOP = "ONE_STOP_SHOP"
    AT_HOME = "AT_HOME"


@dataclass(frozen=True, slots=True)
class Why:
    """The row that decided, and for a rate of the tax table its country and the first day on which it holds."""

    row: Row
    country: str | None = None
    since: date | None = None


@dataclass(frozen=True, slots=True)
class Tax:
    """An EN 16931 VAT category (UNTDID 5305), its rate in percent, and for all but S and Z why no VAT is charged."""

    category: str
    rate: Decimal
    exemption: Exemption | None = None
    why: Why | None = field(default=None, compare=False)
    """How it was decided; says nothing of the tax itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """What of seller and buyer decides the tax."""

    seller_country: str
    small_business: bool
    oss: bool
    """The seller pays the VAT of consumers' countries through the One Stop Shop."""
    buyer_country: str
    """Where goods are shipped to, and where the buyer of services is."""
    buyer_type: CustomerType
    buyer_vat_id: str | None


@dataclass(frozen=True, slots=True)
class Supply:
    """What is supplied, and when: an interval as a whole on its last day, also where it is paid for in advance."""

    tax_category: TaxCategory
    is_goods: bool
    supplied_on: date
    explicit: ExplicitTax | None = None


def tax_of(parties: Parties, supply: Supply) -> Tax:
    """The VAT of a supply, decided by the first of these rows that fits; raises NoTaxRate.

    | who and what                                                | goods | services | rate                    |
    |-------------------------------------------------------------|-------|----------|-------------------------|
    | the upstream system decided                                 | its   | its      | its                     |
    | the seller is under the small-business rule                 | E     | E        | 0                       |
    | to the seller's own country                                 | S, Z  | S, Z     | of the seller's country |
    | to or from outside the EU                                   | G     | O        | 0                       |
    | to a business with a VAT-ID of another member state         | K     | AE       | 0                       |
    | to whoever has no VAT-ID, the seller being in the OSS       | S, Z  | S, Z     | of the buyer's country  |
    | to anybody else in another member state                     | S, Z  | S, Z     | of the seller's country |

    Z is for items of tax category ZERO. Why so: docs/decisions/0008-tax.md.
    """
    seller, buyer = _territory(parties.seller_country), _territory(parties.buyer_country)
    registered_in = _registered_in(parties, supply)
    if supply.explicit:
        return _decided_upstream(supply.explicit, parties)
    if parties.small_business:
        return _untaxed("E", parties, Row.SMALL_BUSINESS)
    if buyer == seller:
        return _rated(seller, supply, Row.DOMESTIC)
    if seller not in EU or not (buyer in EU or (buyer, registered_in) == ("GB", NORTHERN_IRELAND)):
        return _untaxed("G" if supply.is_goods else "O", parties, Row.OUTSIDE_EU)
    if registered_in not in (None, seller):
        return _untaxed("K" if supply.is_goods else "AE", parties, Row.EU_BUSINESS)
    if parties.oss and not registered_in:
        return _rated(buyer, supply, Row.ONE_STOP_SHOP)
    return _rated(seller, supply, Row.AT_HOME)


def _territory(country: str) -> str:
    return TERRITORIES.get(country, country)


def _registered_in(parties: Parties, supply: Supply) -> str | None:
    """The member state that gave a business its VAT-ID. Who has none that counts is treated as a consumer."""
    if parties.buyer_type is CustomerType.B2C or not parties.buyer_vat_id:
        return None
    prefix = parties.buyer_vat_id[:2]
    state = VAT_PREFIXES.get(prefix, prefix)
    return state if state in EU or (state == NORTHERN_IRELAND and supply.is_goods) else None


def _rated(country: str, supply: Supply, row: Row) -> Tax:
    """What the country's law says for the day of supply."""
    if supply.tax_category is TaxCategory.ZERO:
        return Tax("Z", NONE, why=Why(row, country))
    entries = [entry for entry in _rates(country) if entry[0] <= supply.supplied_on]
    if not entries:
        raise NoTaxRate(country, supply.supplied_on)
    since, rates = entries[-1]
    return Tax("S", Decimal(rates[supply.tax_category.value]), why=Why(row, country, since))


def _untaxed(category: str, parties: Parties, row: Row) -> Tax:
    return Tax(category, NONE, _exemption(category, parties), Why(row))


def _decided_upstream(given: ExplicitTax, parties: Parties) -> Tax:
    """The category and rate that were sent; also the exemption's code and text, where they were."""
    usual, why = _exemption(given.category, parties), Why(Row.EXPLICIT)
    if usual is None:
        return Tax(given.category, given.rate, why=why)
    texts = {ANY_LANGUAGE: given.exemption_text} if given.exemption_text else usual.texts
    return Tax(given.category, given.rate, Exemption(given.exemption_code or usual.code, texts), why)


def _exemption(category: str, parties: Parties) -> Exemption | None:
    """None for a category that charges VAT, if only at 0 %."""
    if category == "E" and parties.small_business:
        notes = _data()["small_business"]
        return Exemption(None, notes.get(parties.seller_country, notes["other"]))
    texts = dict(_data()["exemptions"].get(category, {}))
    return Exemption(texts.pop("code", None), texts) if texts else None


@cache
def _rates(country: str) -> list[tuple[date, Mapping[str, str]]]:
    """Rates by tax category with their first day, oldest first; nothing for a country that is not in the table."""
    entries = _data()["rates"].get(country, {}).items()
    return sorted((date.fromisoformat(day), rates) for day, rates in entries if day not in ("source", "note"))


@cache
def _data() -> Mapping[str, Any]:
    return tomllib.loads(files("services.billing").joinpath("tax.toml").read_text("utf-8"))
