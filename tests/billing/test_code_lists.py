"""Codes that are accepted are those that the official rules know, and no others are."""

import re
from collections.abc import Iterator
from zipfile import ZipFile

import pytest
from pydantic import TypeAdapter, ValidationError

from services.billing.rendering.en16931 import COUNTRIES_BEHIND
from services.code_lists import currencies, exemptions, units
from services.customer.commands.items import Unit
from services.customer.commands.orders import ExemptionCode
from services.fields import COUNTRIES, Currency
from tests.java import jars


@pytest.mark.parametrize("code", ["C62", "HUR", "MON", "E34", "KMT", "XPP", "ZZ", "10"])
def test_a_unit_of_the_recommendations_is_accepted(code: str) -> None:
    assert TypeAdapter(Unit).validate_python(code) == code


@pytest.mark.parametrize("code", ["QQ", "PP", "PIECE", "c62", "HOUR", ""])
def test_any_other_unit_is_refused(code: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Unit).validate_python(code)


@pytest.mark.parametrize("code", ["DEM", "XXY", "eur"])
def test_what_nobody_pays_with_any_more_is_no_currency(code: str) -> None:
    with pytest.raises(ValidationError, match="ISO 4217"):
        TypeAdapter(Currency).validate_python(code)


def test_a_reason_for_charging_no_vat_that_no_list_has_is_said_in_words_alone() -> None:
    assert TypeAdapter(ExemptionCode).validate_python("VATEX-EU-132") == "VATEX-EU-132"
    with pytest.raises(ValidationError, match="exemptionText"):
        TypeAdapter(ExemptionCode).validate_python("VATEX-EU-999")


# -- against the rules --------------------------------------------------------------------------

BEHIND = {"STN", "STD", "SS"}
"""The dobra as it is since 2018, and South Sudan: the rules' own lists lag behind ISO."""


@pytest.fixture(scope="module")
def rules() -> list[frozenset[str]]:
    """All code lists in the official schematron of EN 16931."""
    (jar,) = jars("einvoice").glob("phive-rules-en16931-*.jar")
    with ZipFile(jar) as archive:
        newest = max(
            (name for name in archive.namelist() if name.endswith("EN16931-CII-validation.xslt")),
            key=lambda name: [int(part) for part in re.findall(r"\d+", name.split("/")[2])],
        )
        stylesheet = archive.read(newest).decode()
    return [frozenset(found.split()) for found in re.findall(r"contains\(\s*'([^']+)'", stylesheet)]


def lists_with(rules: list[frozenset[str]], *codes: str) -> Iterator[frozenset[str]]:
    return (codes_of_rule for codes_of_rule in rules if codes_of_rule.issuperset(codes))


def test_units_are_those_of_the_rules(rules: list[frozenset[str]]) -> None:
    assert set(lists_with(rules, "C62", "HUR")) == {units()}


def test_currencies_are_those_of_the_rules(rules: list[frozenset[str]]) -> None:
    assert {known - BEHIND for known in lists_with(rules, "EUR", "CHF")} == {currencies() - BEHIND}


def test_exemptions_are_those_of_the_rules(rules: list[frozenset[str]]) -> None:
    assert set(lists_with(rules, "VATEX-EU-AE")) == {exemptions()}


def test_every_country_stands_as_one_that_the_rules_know(rules: list[frozenset[str]]) -> None:
    stated = {COUNTRIES_BEHIND.get(code, code) for code in COUNTRIES} - BEHIND
    for known in lists_with(rules, "DE", "AQ", "ZW"):
        assert stated <= known
