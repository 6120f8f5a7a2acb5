"""E-mail addresses, languages, tax ids and bank details: checked as far as can be without asking anybody, and written
in one way."""

import re
from typing import Annotated, Any

from babel import Locale
from pydantic import AfterValidator, BeforeValidator, Field
from stdnum import bic, iban
from stdnum.at import tin as austrian_tax_number
from stdnum.de import stnr as german_tax_number
from stdnum.eu import at_02 as creditor_id
from stdnum.eu import vat as eu_vat
from stdnum.exceptions import ValidationError as NumberInvalid
from stdnum.util import get_cc_module

from services.fields import TEXT_MAX, blank_is_none, showable

LANGUAGE_MAX = 35
"""Characters of a language tag that everybody has to take (RFC 5646, section 4.4.1)."""
EMAIL_MAX, EMAIL_LOCAL_MAX = 254, 64
"""Characters of an e-mail address, and of its part before the @ (RFC 5321, section 4.5.3.1)."""
LANGUAGES = frozenset(str(code) for code in Locale("en").languages)

_EU = {country.upper() for country in eu_vat.MEMBER_STATES} | {"EL"}
_PREFIXES = {"GR": "EL", "MC": "FR"}
"""Greece writes its VAT-IDs with EL, Monaco is part of the French VAT area."""
_TAX_NUMBERS: dict[str, Any] = {"DE": german_tax_number, "AT": austrian_tax_number}
_CREDITOR_ID = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{3}[A-Z0-9]{1,28}")
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_LOCAL_ATOM = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+")
_DOMAIN_LABEL = re.compile(r"[^\W_]([\w-]{0,61}[^\W_])?")


def checked_email(value: str) -> str:
    """An address at a domain with a dot (RFC 5321, with the letters of RFC 6531), without quotes and comments."""
    local, _, domain = value.rpartition("@")
    sound = (
        len(value) <= EMAIL_MAX
        and len(local) <= EMAIL_LOCAL_MAX
        and all(_LOCAL_ATOM.fullmatch(atom) for atom in local.split("."))
        and "." in domain
        and all(_DOMAIN_LABEL.fullmatch(label) for label in domain.split("."))
    )
    if not sound:
        raise ValueError("is not an e-mail address; write it like name@example.com")
    return value


def _language(value: str) -> str:
    """A BCP 47 tag of a language that CLDR knows, in the case that RFC 5646 recommends: `de`, `pt-BR`, `zh-Hant`."""
    language, *others = value.split("-")
    if not _LANGUAGE_TAG.fullmatch(value) or language.lower() not in LANGUAGES:
        raise ValueError("is not a language of BCP 47, e.g. de or en-GB")
    return "-".join([language.lower(), *map(_subtag, others)])


def _subtag(part: str) -> str:
    """A script is written Hant, a region BR, everything else small."""
    match len(part):
        case 4 if part.isalpha():
            return part.title()
        case 2:
            return part.upper()
    return part.lower()


def _vat_id(value: str) -> str:
    """Normalise a VAT-ID, which begins with its country, and check its format and check digits."""
    number = re.sub(r"[\s.-]", "", value).upper()
    country = _PREFIXES.get(number[:2], number[:2])
    try:
        if country in _EU:
            return str(eu_vat.validate(country + number[2:]))
        return _checked_elsewhere(country, number[2:])
    except NumberInvalid as error:
        raise ValueError(f"is not a valid VAT-ID: {error}") from None


def _checked_elsewhere(country: str, rest: str) -> str:
    """A VAT-ID from outside the EU, as far as its rules are known, with the country that some write without."""
    checks: Any = get_cc_module(country, "vat") if re.fullmatch("(?!EU)[A-Z]{2}", country) else None
    if checks is None:
        raise ValueError("cannot be checked; begin with the country as in DE136695976, or use taxNumber")
    try:
        number = str(checks.validate(country + rest))
    except NumberInvalid:
        number = str(checks.validate(rest))
    return number if number.startswith(country) else country + number


def _iban(value: str) -> str:
    """Without spaces; length and structure are those of its country, and the check digits are right (ISO 13616)."""
    try:
        # Without the lists of banks that some countries have, which are older than their newest bank.
        return str(iban.validate(value, check_country=False))
    except NumberInvalid as error:
        raise ValueError(f"is not a valid IBAN: {error}") from None


def _bic(value: str) -> str:
    try:
        return str(bic.validate(value))
    except NumberInvalid as error:
        raise ValueError(f"is not a valid BIC (ISO 9362): {error}") from None


def _creditor_id(value: str) -> str:
    """Without spaces, with right check digits (SEPA AT-02)."""
    number = re.sub(r"\s", "", value).upper()
    if not _CREDITOR_ID.fullmatch(number) or not creditor_id.is_valid(number):
        raise ValueError("is not a SEPA creditor identifier, e.g. DE98ZZZ09999999999")
    return number


def checked_tax_number(number: str, country: str) -> str:
    """The number as it is written; raises ValueError where the country's rules are known and it breaks them."""
    rules = _TAX_NUMBERS.get(country)
    if rules and not rules.is_valid(number):
        raise ValueError("is not a tax number of the country")
    return number


Email = Annotated[
    Annotated[str, Field(max_length=TEXT_MAX), AfterValidator(showable), AfterValidator(checked_email)]
    | None,
    BeforeValidator(blank_is_none),
]
Language = Annotated[str, Field(max_length=LANGUAGE_MAX), AfterValidator(_language)]
VatId = Annotated[
    Annotated[str, Field(max_length=TEXT_MAX), AfterValidator(_vat_id)] | None, BeforeValidator(blank_is_none)
]
Iban = Annotated[str, Field(max_length=TEXT_MAX), AfterValidator(_iban)]
Bic = Annotated[str, Field(max_length=TEXT_MAX), AfterValidator(_bic)]
OptionalBic = Annotated[Bic | None, BeforeValidator(blank_is_none)]
CreditorId = Annotated[
    Annotated[str, Field(max_length=TEXT_MAX), AfterValidator(_creditor_id)] | None,
    BeforeValidator(blank_is_none),
]
