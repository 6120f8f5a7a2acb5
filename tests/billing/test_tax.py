"""Which VAT a supply bears."""

from datetime import date
from decimal import Decimal

import pytest

from services.billing.tax import NoTaxRate, Parties, Supply, Tax, exemption, tax_of
from services.values import CustomerType, ExplicitTax, TaxCategory

STANDARD, REDUCED, ZERO = TaxCategory.STANDARD, TaxCategory.REDUCED, TaxCategory.ZERO


def tax(
    buyer: str = "DE",
    buyer_type: str = "B2C",
    vat_id: str | None = None,
    category: TaxCategory = STANDARD,
    goods: bool = False,
    on: str = "2026-01-31",
    seller: str = "DE",
    small: bool = False,
    explicit: ExplicitTax | None = None,
) -> Tax:
    parties = Parties(seller, small, buyer, CustomerType(buyer_type), vat_id)
    return tax_of(parties, Supply(category, goods, date.fromisoformat(on), explicit))


@pytest.mark.parametrize(
    ("on", "category", "rate"),
    [("2020-06-30", STANDARD, "19"), ("2020-07-01", STANDARD, "16"), ("2020-12-31", STANDARD, "16"),
     ("2021-01-01", STANDARD, "19"), ("2020-06-30", REDUCED, "7"), ("2020-07-01", REDUCED, "5"),
     ("2020-12-31", REDUCED, "5"), ("2021-01-01", REDUCED, "7")],
)  # fmt: skip
def test_a_domestic_supply_bears_the_rate_of_its_day(on: str, category: TaxCategory, rate: str) -> None:
    assert tax(on=on, category=category) == Tax("S", Decimal(rate))


def test_a_domestic_zero_rated_supply_is_category_z() -> None:
    assert tax(category=ZERO) == Tax("Z", Decimal(0))


def test_services_to_a_business_in_another_member_state_are_reverse_charge() -> None:
    assert tax("FR", "B2B", "FR40303265045") == Tax("AE", Decimal(0))


def test_goods_to_a_business_in_another_member_state_are_an_intra_community_supply() -> None:
    assert tax("FR", "B2B", "FR40303265045", goods=True) == Tax("K", Decimal(0))


def test_a_business_without_vat_id_bears_the_sellers_rate() -> None:
    assert tax("FR", "B2B") == Tax("S", Decimal(19))


def test_a_consumer_with_a_vat_id_is_still_a_consumer() -> None:
    assert tax("FR", "B2C", "FR40303265045") == Tax("S", Decimal(19))


def test_a_vat_id_of_the_sellers_own_country_does_not_shift_the_tax() -> None:
    assert tax("FR", "B2B", "DE136695976") == Tax("S", Decimal(19))


def test_outside_the_union_goods_are_exports_and_services_out_of_scope() -> None:
    assert tax("CH", goods=True) == Tax("G", Decimal(0))
    assert tax("CH") == Tax("O", Decimal(0))


def test_a_small_business_charges_no_vat() -> None:
    assert tax(small=True) == Tax("E", Decimal(0))
    assert exemption("E", "de-AT")[1] == "Gemäß § 19 UStG wird keine Umsatzsteuer berechnet."


def test_an_explicit_tax_wins() -> None:
    assert tax("CH", small=True, explicit=ExplicitTax(category="S", rate=Decimal(7))) == Tax("S", Decimal(7))


def test_a_country_without_rates_is_refused_with_what_to_do() -> None:
    with pytest.raises(NoTaxRate, match="add it to the tax table"):
        tax("US", seller="US")


def test_exemption_texts_are_english_where_the_language_is_not_known() -> None:
    assert exemption("AE", "pt") == (
        "VATEX-EU-AE",
        "Reverse charge: VAT is owed by the recipient of the service.",
    )
    assert exemption("S", "de") == (None, None)
