"""Code lists of others that what is billed must keep to: units, currencies and reasons for charging no VAT."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


@cache
def units() -> frozenset[str]:
    """Units of measure (UN/ECE Rec 20, and packages of Rec 21 with an X before them)."""
    return _codes("units") | {f"X{code}" for code in _codes("packages")}


@cache
def currencies() -> frozenset[str]:
    """Currencies and funds that are in use (ISO 4217)."""
    return _codes("currencies")


@cache
def exemptions() -> frozenset[str]:
    """Reasons for charging no VAT (VATEX, of the CEF)."""
    return _codes("exemptions")


def _codes(name: str) -> frozenset[str]:
    return frozenset(_lists()[name].split())


@cache
def _lists() -> Mapping[str, str]:
    return tomllib.loads(files("services").joinpath("code_lists.toml").read_text("utf-8"))
