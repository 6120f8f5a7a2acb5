"""The language of a document: its words from `texts/*.toml`, its numbers, amounts and dates from the CLDR.

Documents of an older template keep its words, a copy of `texts` beside the template (docs/decisions/0017-pdf.md).
"""

import copy
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_decimal, format_percent

from services.money import decimals, plain
from services.values import Period

FALLBACK = "en"
MINUS = "\N{MINUS SIGN}"
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"

_ROOM = Path(__file__).parent
_TEXTS = _ROOM / "texts"


@lru_cache(maxsize=128)
def language(tag: str, template_version: int | None = None) -> "Language":
    """The language for a BCP 47 tag by the longest prefix that has a file (`de-AT` → `de`), else English.

    Where words fall back to English, numbers and dates do too: `1.234` must not be read in two ways.
    What is printed on a document has the words of its `template_version`; else they are those of today.
    """
    words = _words_by_tag(_texts_of(template_version))
    for candidate in _prefixes(tag):
        if candidate in words:
            return Language(candidate, _locale(tag, candidate), words[candidate])
    return Language(FALLBACK, Locale.parse(FALLBACK), words[FALLBACK])


@dataclass(frozen=True)
class Language:
    """Says things in one language; every text it returns is ready to print."""

    tag: str
    """The language whose words are used, as its file is named: `de`."""
    locale: Locale
    """How numbers look; may be more exact than the words: `de_AT`."""
    words: Mapping[str, Any]

    def say(self, key: str, **values: str) -> str:
        """The text of `key` (`payment.amount`) with `values` in its places. A missing key is a KeyError."""
        text: Any = self.words
        for part in key.split("."):
            text = text[part]
        return str(text).format_map(values)

    def section(self, name: str) -> Mapping[str, str]:
        """All texts of a section without places."""
        texts: Mapping[str, str] = self.words[name]
        return texts

    def counted(self, key: str, count: Decimal, **values: str) -> str:
        """The form of `key` that goes with `count` (CLDR plural rules): 1 Tag, 14 Tage."""
        forms = self.words
        for part in key.split("."):
            forms = forms[part]
        form = self.locale.plural_form(Decimal(plain(count)))
        return str(forms.get(form, forms["other"])).format_map({"count": self.number(count), **values})

    def unit(self, code: str, quantity: Decimal) -> str:
        """The word for a UN/ECE Rec 20 unit, in the form that goes with `quantity`; an unknown code as it is."""
        return self.counted(f"units.{code}", quantity) if code in self.words["units"] else code

    def date(self, day: date) -> str:
        return format_date(day, self.words["formats"]["date"], locale=self.locale)

    def period(self, period: Period) -> str:
        if period.first == period.last:
            return self.date(period.first)
        return f"{self.date(period.first)} – {self.date(period.last)}"

    def number(self, number: Decimal) -> str:
        """A quantity with all of its decimals: `1.250,5`."""
        return _signed(format_decimal(number, locale=self.locale, decimal_quantization=False))

    def percent(self, rate: Decimal) -> str:
        """A rate in percent, 19 for `19 %`."""
        return _signed(format_percent(rate / 100, locale=self.locale, decimal_quantization=False))

    def price(self, price: Decimal, currency: str) -> str:
        """A bare amount with at least the currency's decimals, for columns whose head names the currency."""
        places = decimals(currency)
        return self._formatted(price, "#,##0." + "0" * places if places else "#,##0")

    def money(self, amount: Decimal, currency: str) -> str:
        """An amount with its currency and exactly the currency's decimals: `1.234,50 €`, `KWD 1.234`."""
        pattern = copy.copy(self.locale.currency_formats["standard"])
        pattern.frac_prec = (decimals(currency),) * 2
        text = pattern.apply(amount, self.locale, currency=currency, currency_digits=False)
        return _signed(re.sub(rf"({currency})(?=\d)", rf"\1{NO_BREAK_SPACE}", text))

    def country(self, code: str) -> str:
        return str(self.locale.territories.get(code, code))

    @property
    def decimal_sign(self) -> str:
        return str(self.locale.number_symbols["latn"]["decimal"])

    def _formatted(self, number: Decimal, pattern: str) -> str:
        return _signed(format_decimal(number, format=pattern, locale=self.locale, decimal_quantization=False))


def available() -> frozenset[str]:
    """The languages that have a file."""
    return frozenset(_words_by_tag(_TEXTS))


def _texts_of(template_version: int | None) -> Path:
    older = _ROOM / "templates" / str(template_version) / "texts"
    return older if older.is_dir() else _TEXTS


@cache
def _words_by_tag(texts: Path) -> Mapping[str, Mapping[str, Any]]:
    return {
        path.stem.lower(): tomllib.loads(path.read_text(encoding="utf-8"))
        for path in sorted(texts.glob("*.toml"))
    }


def _prefixes(tag: str) -> Iterator[str]:
    parts = tag.lower().split("-")
    for length in range(len(parts), 0, -1):
        yield "-".join(parts[:length])


def _locale(tag: str, words_tag: str) -> Locale:
    for candidate in (tag, words_tag):
        try:
            return Locale.parse(candidate, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return Locale.parse(FALLBACK)


def _signed(text: str) -> str:
    return text.replace("-", MINUS)
