"""How amounts, dates, places and codes read in the viewer's language."""

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from services import money

# Plain "en" would write dates the American way round; the portal's readers bill in Europe.
_LOCALES = {"en": "en_GB"}

# Exceptional reservations of ISO 3166-1 and regions of CLDR that are no country anybody bills.
_NO_COUNTRIES = frozenset(
    {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"}
)

# Languages that people are offered for documents; any other BCP 47 tag is possible through the API.
_DOCUMENT_LANGUAGES = (
    *("bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "ga", "hr", "hu", "it", "ja"),
    *("ko", "lt", "lv", "mt", "nb", "nl", "pl", "pt", "ro", "sk", "sl", "sv", "tr", "uk", "zh"),
)


class Formats:
    """Formats for one language; every method takes values as the queries answer them."""

    def __init__(self, language: str) -> None:
        self._locale = Locale.parse(_LOCALES.get(language, language))
        self._territories: Mapping[str, str] = self._locale.territories
        self._languages: Mapping[str, str] = self._locale.languages
        self.countries = _by_name((code, name) for code, name in self._territories.items() if _is_iso(code))
        """ISO 3166-1 alpha-2 codes with their names, by name."""
        self.languages = _by_name((tag, self.language(tag)) for tag in _DOCUMENT_LANGUAGES)

    def money(self, amount: str | None, currency: str | None) -> str:
        """`1.234,50 €`; a dash where there is no amount."""
        if amount is None or currency is None:
            return "–"
        return format_currency(Decimal(amount), currency, locale=self._locale)

    def price(self, amount: str, currency: str) -> str:
        """A unit price with all its decimals, and at least those of the currency."""
        value = Decimal(money.price_text(Decimal(amount), currency))
        return format_currency(
            value, currency, locale=self._locale, currency_digits=False, format=self._pattern(value)
        )

    def number(self, value: str | int | None) -> str:
        """A quantity or count, grouped, with the decimals it has."""
        if value is None:
            return "–"
        return format_decimal(Decimal(value), locale=self._locale, decimal_quantization=False)

    def amount(self, value: str) -> str:
        """An amount whose currency is said elsewhere, with the decimals it is written with."""
        places = "0" * len(value.partition(".")[2])
        return format_decimal(Decimal(value), format=f"#,##0.{places}", locale=self._locale)

    def day(self, value: str | date | None) -> str:
        if value is None:
            return "–"
        day = date.fromisoformat(value) if isinstance(value, str) else value
        return format_date(day, "medium", locale=self._locale)

    def instant(self, value: str | datetime | None) -> str:
        """Date and time in UTC; the page's script shows the reader's own time zone."""
        if value is None:
            return "–"
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        utc = moment.astimezone(UTC)
        return f"{self.day(utc.date())}, {utc:%H:%M} UTC"

    def country(self, code: str | None) -> str:
        return self._territories.get(code or "", code or "–")

    def language(self, tag: str) -> str:
        return self._languages.get(tag.split("-")[0], tag)

    def _pattern(self, value: Decimal) -> str:
        exponent = value.as_tuple().exponent
        places = -exponent if isinstance(exponent, int) else 0
        pattern: str = self._locale.currency_formats["standard"].pattern
        return pattern.replace(".00", "." + "0" * places if places else "")


def _is_iso(territory: str) -> bool:
    return len(territory) == 2 and territory.isalpha() and territory not in _NO_COUNTRIES


def _by_name(entries: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(entries, key=lambda entry: _unaccented(entry[1]))


def _unaccented(name: str) -> str:
    decomposed = unicodedata.normalize("NFD", name.casefold())
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign))
