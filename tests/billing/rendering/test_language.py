"""Words, numbers, amounts and dates per language."""

import re
import tomllib
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from services.billing import rendering
from services.billing.rendering import language as languages
from services.billing.rendering.language import available, language
from services.values import Period

TEXTS = Path(rendering.__file__).parent / "texts"
TEMPLATES = Path(rendering.__file__).parent / "templates"


def texts(tag: str) -> dict[str, str]:
    """All texts of a language by dotted key; the forms of a counted text under one key."""
    return dict(_flat(tomllib.loads((TEXTS / f"{tag}.toml").read_text(encoding="utf-8")), ""))


def _flat(words: dict, prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in words.items():
        if isinstance(value, dict) and "other" not in value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value["other"] if isinstance(value, dict) else value


def counted(words: dict) -> Iterator[dict[str, str]]:
    for value in words.values():
        if isinstance(value, dict):
            yield from [value] if "other" in value else counted(value)


@pytest.mark.parametrize("tag", sorted(available()))
def test_every_language_has_every_text_with_the_same_places(tag):
    expected, given = texts("en"), texts(tag)

    def places(text):
        return set(re.findall(r"\{\w*\}", text))

    assert given.keys() == expected.keys()
    assert {k: places(t) for k, t in given.items()} == {k: places(t) for k, t in expected.items()}


@pytest.mark.parametrize("tag", sorted(available()))
def test_every_counted_text_has_every_plural_form_of_its_language(tag):
    words = language(tag)
    for forms in counted(dict(words.words)):
        assert set(forms) == {*words.locale.plural_form.tags, "other"}


@pytest.mark.parametrize("tag", sorted(available()))
@pytest.mark.parametrize(
    "template", sorted(TEMPLATES.glob("*/invoice.typ")), ids=lambda path: path.parent.name
)
def test_every_label_that_a_template_uses_exists_in_every_language(tag, template):
    used = set(re.findall(r"\blabels\.(\w+)", template.read_text(encoding="utf-8"))) - {"currency"}
    assert used
    assert used <= language(tag).section("lines").keys()


@pytest.mark.parametrize(
    ("tag", "words", "locale"),
    [
        ("de", "de", "de"),
        ("de-AT", "de", "de_AT"),
        ("de-CH-1996", "de", "de_CH"),
        ("de-XX", "de", "de"),
        ("DE", "de", "de"),
        ("en-GB", "en", "en_GB"),
        ("fr", "en", "en"),
        ("../../secrets", "en", "en"),
        ("", "en", "en"),
    ],
)
def test_a_tag_takes_the_words_of_its_longest_prefix_and_english_without_one(tag, words, locale):
    assert (language(tag).tag, str(language(tag).locale)) == (words, locale)


def test_another_language_is_one_file_more(tmp_path, monkeypatch):
    french = (
        (TEXTS / "en.toml").read_text(encoding="utf-8").replace("Invoice No. {number}", "Facture n° {number}")
    )
    (tmp_path / "en.toml").write_text((TEXTS / "en.toml").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "fr.toml").write_text(french, encoding="utf-8")
    monkeypatch.setattr(languages, "_TEXTS", tmp_path)
    languages._words_by_tag.cache_clear()
    language.cache_clear()
    try:
        assert language("fr-BE").say("title.INVOICE", number="7") == "Facture n° 7"
        assert language("fr").money(Decimal("1234.5"), "EUR") == "1\u202f234,50\u00a0€"
    finally:
        languages._words_by_tag.cache_clear()
        language.cache_clear()


@pytest.mark.parametrize(
    ("tag", "amount", "currency", "text"),
    [
        ("de", "1234.5", "EUR", "1.234,50 €"),
        ("de", "-17.97", "EUR", "−17,97 €"),
        ("en", "1234.5", "EUR", "€1,234.50"),
        ("en", "-17.97", "EUR", "−€17.97"),
        ("de-AT", "1234.5", "EUR", "€ 1.234,50"),
        ("en", "1234", "JPY", "¥1,234"),
        ("de", "1234", "JPY", "1.234 ¥"),
        ("en", "1234.5", "KWD", "KWD 1,234.500"),
        ("de", "0.125", "KWD", "0,125 KWD"),
    ],
)
def test_money_has_its_currency_and_the_currencys_decimals(tag, amount, currency, text):
    assert language(tag).money(Decimal(amount), currency).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("price", "currency", "text"),
    [
        ("5.48", "EUR", "5,48"),
        ("5", "EUR", "5,00"),
        ("0.0125", "EUR", "0,0125"),
        ("1250", "JPY", "1.250"),
        ("2", "KWD", "2,000"),
    ],
)
def test_a_price_keeps_decimals_beyond_the_currencys(price, currency, text):
    assert language("de").price(Decimal(price), currency) == text


def test_quantities_and_rates_are_as_exact_as_given():
    german, english = language("de"), language("en")
    assert german.number(Decimal("1250.50")) == "1.250,5"
    assert english.number(Decimal("1250.125")) == "1,250.125"
    assert german.percent(Decimal("19")) == "19\u00a0%"
    assert german.percent(Decimal("5.5")) == "5,5\u00a0%"
    assert english.percent(Decimal("0")) == "0%"


def test_dates_cannot_be_read_in_two_ways():
    day = date(2026, 2, 1)
    assert language("de").date(day) == "01.02.2026"
    assert language("en").date(day) == language("en-US").date(day) == "1 Feb 2026"
    assert language("de").period(Period(first=day, last=date(2026, 2, 28))) == "01.02.2026 – 28.02.2026"
    assert language("de").period(Period(first=day, last=day)) == "01.02.2026"


@pytest.mark.parametrize(
    ("code", "quantity", "german", "english"),
    [
        ("C62", "1", "Stück", "piece"),
        ("MON", "1.00", "Monat", "month"),
        ("MON", "3", "Monate", "months"),
        ("HUR", "0.5", "Stunden", "hours"),
        ("KMT", "250.5", "km", "km"),
        ("E34", "2", "GB", "GB"),
        ("2N", "2", "2N", "2N"),
    ],
)
def test_units_are_words_in_the_form_that_goes_with_the_quantity(code, quantity, german, english):
    assert language("de").unit(code, Decimal(quantity)) == german
    assert language("en").unit(code, Decimal(quantity)) == english
