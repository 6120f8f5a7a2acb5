"""Which VAT a supply bears: the rule of each branch by name, a table of cases, and what holds for all."""

import tomllib
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing import rendering, tax
from services.billing.tax import EU, NoTaxRate, Parties, Supply, Tax, tax_of
from services.fields import COUNTRIES
from services.values import CustomerType, ExplicitTax, TaxCategory

STANDARD, REDUCED, ZERO = TaxCategory.STANDARD, TaxCategory.REDUCED, TaxCategory.ZERO
LANGUAGES = sorted(file.stem for file in (Path(rendering.__file__).parent / "texts").glob("*.toml"))
EXEMPT = ("AE", "K", "G", "O", "E")


def parties(**given: Any) -> Parties:
    """A German seller and a German consumer."""
    usual: dict[str, Any] = {
        "seller_country": "DE",
        "small_business": False,
        "oss": False,
        "buyer_country": "DE",
        "buyer_type": CustomerType.B2C,
        "buyer_vat_id": None,
    }
    return Parties(**usual | given)


FRENCH_BUSINESS = parties(
    buyer_country="FR", buyer_type=CustomerType.B2B, buyer_vat_id="FR40303265045", oss=True
)
FRENCH_CONSUMER = parties(buyer_country="FR")


def supply(category: TaxCategory = STANDARD, on: str = "2026-01-31", *, goods: bool = False) -> Supply:
    return Supply(category, goods, date.fromisoformat(on))


def explicit(category: str, rate: str = "0", **reason: str) -> Supply:
    return Supply(STANDARD, False, date(2026, 1, 31), ExplicitTax(category, Decimal(rate), **reason))


def shown(found: Tax) -> tuple[str, str, str | None]:
    """Category, rate and VATEX code."""
    return (found.category, f"{found.rate:f}", found.exemption.code if found.exemption else None)


def text(found: Tax, language: str = "de") -> str | None:
    return found.exemption.text(language) if found.exemption else None


# -- the rules ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on", "category", "rate"),
    [("2020-06-30", STANDARD, "19"), ("2020-07-01", STANDARD, "16"), ("2020-12-31", STANDARD, "16"),
     ("2021-01-01", STANDARD, "19"), ("2020-06-30", REDUCED, "7"), ("2020-07-01", REDUCED, "5"),
     ("2020-12-31", REDUCED, "5"), ("2021-01-01", REDUCED, "7")],
)  # fmt: skip
def test_a_domestic_supply_bears_the_rate_of_its_day(on: str, category: TaxCategory, rate: str) -> None:
    assert shown(tax_of(parties(), supply(category, on))) == ("S", rate, None)


def test_a_domestic_zero_rated_supply_is_category_z_and_has_no_exemption_reason() -> None:
    assert tax_of(parties(), supply(ZERO)) == Tax("Z", Decimal(0))


def test_services_to_a_business_in_another_member_state_are_reverse_charge() -> None:
    found = tax_of(FRENCH_BUSINESS, supply())
    assert shown(found) == ("AE", "0", "VATEX-EU-AE")
    assert text(found) == "Steuerschuldnerschaft des Leistungsempfängers."


def test_goods_to_a_business_in_another_member_state_are_an_intra_community_supply() -> None:
    found = tax_of(FRENCH_BUSINESS, supply(goods=True))
    assert shown(found) == ("K", "0", "VATEX-EU-IC")
    assert text(found) == "Steuerfreie innergemeinschaftliche Lieferung."


@pytest.mark.parametrize("customer_type", ["B2B", "AFFILIATED", "OTHER"])
def test_whoever_is_no_consumer_and_has_a_vat_id_is_a_business(customer_type: str) -> None:
    buyer = parties(buyer_country="FR", buyer_type=CustomerType(customer_type), buyer_vat_id="FR40303265045")
    assert tax_of(buyer, supply()).category == "AE"


def test_a_consumer_in_another_member_state_bears_the_sellers_rate() -> None:
    assert shown(tax_of(FRENCH_CONSUMER, supply())) == ("S", "19", None)


def test_a_consumer_in_another_member_state_bears_its_own_rate_if_the_seller_is_in_the_oss() -> None:
    at_home = parties(buyer_country="FR", oss=True)
    assert shown(tax_of(at_home, supply())) == ("S", "20", None)
    assert shown(tax_of(at_home, supply(REDUCED))) == ("S", "5.5", None)


def test_a_business_without_vat_id_is_treated_as_a_consumer() -> None:
    without = parties(buyer_country="FR", buyer_type=CustomerType.B2B)
    assert shown(tax_of(without, supply())) == ("S", "19", None)


def test_a_consumer_with_a_vat_id_is_still_a_consumer() -> None:
    assert shown(tax_of(parties(buyer_country="FR", buyer_vat_id="FR40303265045"), supply()))[0] == "S"


def test_a_vat_id_of_the_sellers_own_state_does_not_shift_the_tax_and_is_no_case_for_the_oss() -> None:
    german = parties(buyer_country="FR", buyer_type=CustomerType.B2B, buyer_vat_id="DE136695976", oss=True)
    assert shown(tax_of(german, supply(goods=True))) == ("S", "19", None)


def test_outside_the_union_goods_are_exports_and_services_out_of_scope() -> None:
    export, service = (tax_of(parties(buyer_country="CH"), supply(goods=goods)) for goods in (True, False))
    assert (shown(export), text(export)) == (("G", "0", "VATEX-EU-G"), "Steuerfreie Ausfuhrlieferung.")
    assert (shown(service), text(service)) == (
        ("O", "0", "VATEX-EU-O"),
        "Nicht im Inland steuerbare Leistung.",
    )


def test_a_seller_outside_the_union_makes_no_intra_community_supplies() -> None:
    swiss = parties(
        seller_country="CH", buyer_country="DE", buyer_type=CustomerType.B2B, buyer_vat_id="DE136695976"
    )
    assert [tax_of(swiss, supply(goods=goods)).category for goods in (True, False)] == ["G", "O"]


def test_northern_ireland_is_in_the_union_for_goods_and_outside_for_services() -> None:
    belfast = parties(buyer_country="GB", buyer_type=CustomerType.B2B, buyer_vat_id="XI123456789")
    assert [tax_of(belfast, supply(goods=goods)).category for goods in (True, False)] == ["K", "O"]


def test_a_small_business_charges_no_vat_and_says_why_in_the_words_of_its_law() -> None:
    german, austrian, other = (
        tax_of(parties(small_business=True, seller_country=country), supply())
        for country in ("DE", "AT", "LT")
    )
    assert {shown(german), shown(austrian), shown(other)} == {("E", "0", None)}
    assert "§ 19 UStG" in str(text(german))
    assert "§ 6 Abs. 1 Z 27 UStG" in str(text(austrian))
    assert text(other) == "Steuerfrei nach der Sonderregelung für Kleinunternehmen."


def test_an_explicit_tax_wins_over_everything() -> None:
    small_abroad = parties(buyer_country="CH", small_business=True)
    assert tax_of(small_abroad, explicit("S", "7")) == Tax("S", Decimal(7))


def test_an_explicit_exemption_prints_its_own_reason_in_any_language() -> None:
    found = tax_of(
        parties(), explicit("E", exemption_code="VATEX-EU-132-1I", exemption_text="§ 4 Nr. 21 UStG")
    )
    assert shown(found) == ("E", "0", "VATEX-EU-132-1I")
    assert text(found, "de") == text(found, "fr") == "§ 4 Nr. 21 UStG"


@pytest.mark.parametrize("category", EXEMPT)
def test_an_explicit_exemption_without_a_reason_prints_that_of_its_category(category: str) -> None:
    found = tax_of(parties(), explicit(category))
    assert found.exemption
    assert found.exemption.text("de") != found.exemption.text("en")


def test_a_code_alone_keeps_the_text_of_the_category() -> None:
    found = tax_of(parties(), explicit("E", exemption_code="VATEX-EU-132"))
    assert (shown(found)[2], text(found)) == ("VATEX-EU-132", "Umsatzsteuerfreie Leistung.")


def test_exemption_texts_are_english_where_the_language_is_not_known() -> None:
    found = tax_of(FRENCH_BUSINESS, supply())
    assert text(found, "pt-BR") == "Reverse charge: VAT is owed by the recipient of the service."
    assert text(found, "de-AT") == "Steuerschuldnerschaft des Leistungsempfängers."


@pytest.mark.parametrize(("country", "on"), [("US", "2026-01-31"), ("RO", "2016-12-31")])
def test_where_the_table_has_no_rate_the_refusal_says_what_to_do(country: str, on: str) -> None:
    with pytest.raises(NoTaxRate, match=rf"{country} on {on}; add it to the tax table .*explicit tax"):
        tax_of(parties(seller_country=country, buyer_country=country), supply(on=on))


# -- the table ----------------------------------------------------------------------------------

CASES = """
seller buyer type       vat id          what     category  oss  on          = tax      vatex

# Domestic: the seller's country's rates, whoever buys
DE     DE    B2C        -               service  STANDARD  -    2026-01-31    S 19     -
DE     DE    B2B        DE136695976     service  STANDARD  -    2026-01-31    S 19     -
DE     DE    B2B        DE136695976     goods    REDUCED   oss  2026-01-31    S 7      -
DE     DE    B2C        -               service  ZERO      -    2026-01-31    Z 0      -
DE     DE    B2B        ATU13585627     goods    STANDARD  -    2026-01-31    S 19     -
AT     AT    B2C        -               service  REDUCED   -    2026-01-31    S 10     -
DK     DK    B2C        -               service  REDUCED   -    2026-01-31    S 25     -
FR     MC    B2C        -               service  STANDARD  -    2026-01-31    S 20     -
CH     CH    B2B        -               service  STANDARD  -    2023-12-31    S 7.7    -
CH     LI    B2B        -               service  STANDARD  -    2024-01-01    S 8.1    -
GB     IM    B2C        -               goods    REDUCED   -    2026-01-31    S 5      -
NO     NO    OTHER      -               service  STANDARD  -    2026-01-31    S 25     -

# Rates change
IE     IE    B2C        -               service  STANDARD  -    2020-08-31    S 23     -
IE     IE    B2C        -               service  STANDARD  -    2020-09-01    S 21     -
IE     IE    B2C        -               service  STANDARD  -    2021-03-01    S 23     -
LU     LU    B2C        -               service  REDUCED   -    2023-06-30    S 7      -
LU     LU    B2C        -               service  STANDARD  -    2024-01-01    S 17     -
EE     EE    B2C        -               service  STANDARD  -    2025-06-30    S 22     -
EE     EE    B2C        -               service  STANDARD  -    2025-07-01    S 24     -
SK     SK    B2C        -               service  STANDARD  -    2025-01-01    S 23     -
FI     FI    B2C        -               service  STANDARD  -    2024-09-01    S 25.5   -
RO     RO    B2C        -               service  REDUCED   -    2025-08-01    S 11     -

# A business in another member state with a VAT-ID of another member state than the seller's
DE     FR    B2B        FR40303265045   service  STANDARD  -    2026-01-31    AE 0     VATEX-EU-AE
DE     FR    B2B        FR40303265045   goods    STANDARD  -    2026-01-31    K 0      VATEX-EU-IC
DE     FR    B2B        FR40303265045   service  ZERO      oss  2026-01-31    AE 0     VATEX-EU-AE
DE     GR    B2B        EL094259216     service  REDUCED   -    2026-01-31    AE 0     VATEX-EU-AE
GR     DE    B2B        DE136695976     goods    STANDARD  -    2026-01-31    K 0      VATEX-EU-IC
DE     MC    B2B        FR40303265045   goods    STANDARD  -    2026-01-31    K 0      VATEX-EU-IC
DE     PL    B2B        FR40303265045   goods    STANDARD  -    2026-01-31    K 0      VATEX-EU-IC
AT     DE    AFFILIATED DE136695976     service  STANDARD  -    2026-01-31    AE 0     VATEX-EU-AE
AT     DE    OTHER      DE136695976     goods    STANDARD  -    2026-01-31    K 0      VATEX-EU-IC

# A business without a VAT-ID that counts
DE     FR    B2B        -               service  STANDARD  -    2026-01-31    S 19     -
DE     FR    B2B        -               service  STANDARD  oss  2026-01-31    S 20     -
DE     FR    B2B        DE136695976     service  STANDARD  oss  2026-01-31    S 19     -
DE     FR    B2B        CHE107787577IVA service  STANDARD  -    2026-01-31    S 19     -
DE     FR    B2B        XI123456789     service  STANDARD  -    2026-01-31    S 19     -
GR     DE    B2B        EL094259216     goods    STANDARD  -    2026-01-31    S 24     -
DE     AT    OTHER      -               goods    REDUCED   oss  2026-01-31    S 10     -

# A consumer in another member state
DE     FR    B2C        -               service  STANDARD  -    2026-01-31    S 19     -
DE     FR    B2C        -               service  STANDARD  oss  2026-01-31    S 20     -
DE     FR    B2C        FR40303265045   goods    STANDARD  oss  2026-01-31    S 20     -
DE     HU    B2C        -               service  STANDARD  oss  2026-01-31    S 27     -
DE     FI    B2C        -               goods    REDUCED   oss  2026-01-01    S 13.5   -
DE     LT    B2C        -               service  REDUCED   oss  2026-01-01    S 12     -
DE     MC    B2C        -               service  STANDARD  oss  2026-01-31    S 20     -
DE     AT    B2C        -               service  ZERO      oss  2026-01-31    Z 0      -

# Outside the European Union, from or to
DE     CH    B2B        CHE107787577IVA service  STANDARD  -    2026-01-31    O 0      VATEX-EU-O
DE     CH    B2C        -               goods    STANDARD  oss  2026-01-31    G 0      VATEX-EU-G
DE     US    B2C        -               service  ZERO      oss  2026-01-31    O 0      VATEX-EU-O
DE     GB    B2B        GB980780684     goods    STANDARD  -    2026-01-31    G 0      VATEX-EU-G
DE     GB    B2B        XI123456789     goods    STANDARD  -    2026-01-31    K 0      VATEX-EU-IC
DE     GB    B2B        XI123456789     service  STANDARD  -    2026-01-31    O 0      VATEX-EU-O
DE     GB    B2C        -               goods    STANDARD  oss  2026-01-31    G 0      VATEX-EU-G
FR     RE    B2C        -               goods    STANDARD  -    2026-01-31    G 0      VATEX-EU-G
FI     AX    B2B        FI20774740      service  STANDARD  -    2026-01-31    O 0      VATEX-EU-O
CH     DE    B2B        DE136695976     service  STANDARD  -    2026-01-31    O 0      VATEX-EU-O
GB     DE    B2B        DE136695976     goods    STANDARD  -    2026-01-31    G 0      VATEX-EU-G
GB     GB    B2B        XI123456789     goods    STANDARD  -    2026-01-31    S 20     -
"""
ROWS = [row.split() for row in CASES.strip().splitlines()[1:] if row and not row.startswith("#")]


@pytest.mark.parametrize("row", ROWS, ids=" ".join)
def test_a_case_of_the_table(row: list[str]) -> None:
    seller, buyer, buyer_type, vat_id, what, category, oss, on, expected, rate, vatex = row
    found = tax_of(
        parties(
            seller_country=seller,
            oss=oss == "oss",
            buyer_country=buyer,
            buyer_type=CustomerType(buyer_type),
            buyer_vat_id=None if vat_id == "-" else vat_id,
        ),
        supply(TaxCategory(category), on, goods=what == "goods"),
    )
    assert shown(found) == (expected, rate, None if vatex == "-" else vatex)


# -- rates --------------------------------------------------------------------------------------

CHANGES = """
DE 2020-07-01  19 7       16 5
DE 2021-01-01  16 5       19 7
CZ 2024-01-01  21 15      21 12
EE 2024-01-01  20 9       22 9
EE 2025-07-01  22 9       24 9
FI 2024-09-01  24 14      25.5 14
FI 2026-01-01  25.5 14    25.5 13.5
IE 2020-09-01  23 13.5    21 13.5
IE 2021-03-01  21 13.5    23 13.5
LT 2026-01-01  21 9       21 12
LU 2023-01-01  17 8       16 7
LU 2024-01-01  16 7       17 8
NL 2019-01-01  21 6       21 9
RO 2025-08-01  19 9       21 11
SK 2025-01-01  20 10      23 5
CH 2018-01-01  8.0 2.5    7.7 2.5
CH 2024-01-01  7.7 2.5    8.1 2.6
"""


@pytest.mark.parametrize("change", CHANGES.strip().splitlines())
def test_a_rate_holds_until_the_day_before_the_next(change: str) -> None:
    country, on, *rates = change.split()
    day = date.fromisoformat(on)
    at_home = parties(seller_country=country, buyer_country=country)
    found = [
        tax_of(at_home, Supply(category, False, that_day)).rate
        for that_day in (day - timedelta(days=1), day)
        for category in (STANDARD, REDUCED)
    ]
    assert found == [Decimal(rate) for rate in rates]


def test_every_member_state_has_rates_since_2020_at_the_latest_and_a_source() -> None:
    table = tomllib.loads(Path(tax.__file__).with_suffix(".toml").read_text("utf-8"))["rates"]
    assert set(table) > EU
    for entries in table.values():
        assert entries["source"]
        assert min(day for day in entries if day not in ("source", "note")) <= "2020-01-01"


# -- what holds for all -------------------------------------------------------------------------

VAT_IDS = ["DE136695976", "ATU13585627", "FR40303265045", "EL094259216", "XI123456789", "GB980780684"]
any_parties = st.builds(
    Parties,
    seller_country=st.sampled_from(sorted(EU | {"CH", "GB", "NO", "US", "MC"})),
    small_business=st.booleans(),
    oss=st.booleans(),
    buyer_country=st.sampled_from(sorted(EU | {"CH", "GB", "MC"})) | st.sampled_from(sorted(COUNTRIES)),
    buyer_type=st.sampled_from(CustomerType),
    buyer_vat_id=st.none() | st.sampled_from(VAT_IDS),
)
any_explicit = st.builds(ExplicitTax, category=st.just("S"), rate=st.decimals("0.1", "50", places=1)) | (
    st.builds(
        ExplicitTax,
        category=st.sampled_from(["Z", *EXEMPT]),
        rate=st.just(Decimal(0)),
        exemption_text=st.none() | st.just("§ 4 UStG"),
    )
)
any_supply = st.builds(
    Supply,
    st.sampled_from(TaxCategory),
    st.booleans(),
    st.dates(date(1990, 1, 1), date(2035, 12, 31)),
    st.none() | any_explicit,
)


@given(any_parties, any_supply)
def test_every_supply_has_a_tax_or_a_reason_why_there_is_no_rate(who: Parties, what: Supply) -> None:
    try:
        found = tax_of(who, what)
    except NoTaxRate:
        assert what.explicit is None
        return
    assert found.category in {"S", "Z", *EXEMPT}
    assert (found.category == "S") == (found.rate > 0)
    assert (found.category in EXEMPT) == (found.exemption is not None)


@given(any_parties, any_supply)
def test_every_exemption_has_a_text_in_every_language_of_documents(who: Parties, what: Supply) -> None:
    try:
        found = tax_of(who, what)
    except NoTaxRate:
        return
    if found.exemption and not (what.explicit and what.explicit.exemption_text):
        assert set(LANGUAGES) <= set(found.exemption.texts)
        assert all(found.exemption.texts.values())


def test_the_codes_are_those_of_the_vatex_list() -> None:
    codes = {category: shown(tax_of(parties(), explicit(category)))[2] for category in EXEMPT}
    assert codes == {
        "AE": "VATEX-EU-AE",
        "K": "VATEX-EU-IC",
        "G": "VATEX-EU-G",
        "O": "VATEX-EU-O",
        "E": None,
    }
