"""The address window, as the post of the destination wants it."""

import pytest
from msgspec.structs import replace

from services.billing.rendering.addresses import recipient
from services.billing.rendering.language import language
from tests.billing.rendering.samples import ALSTER_MOBIL, EMMA_CLARKE, NORDLICHT


def window(buyer, tag="de", **address):
    return recipient(replace(buyer, address=replace(buyer.address, **address)), NORDLICHT, language(tag))


def test_a_domestic_letter_names_company_department_person_street_and_city():
    assert window(ALSTER_MOBIL) == [
        "Alster Mobil GmbH",
        "Rechnungsprüfung",
        "Erika Beispiel",
        "Ballindamm 8",
        "20095 Hamburg",
    ]


def test_a_letter_abroad_ends_with_the_country_in_capitals_in_the_documents_language():
    assert window(ALSTER_MOBIL, country="AT")[-1] == "ÖSTERREICH"
    assert window(ALSTER_MOBIL, "en", country="AT")[-1] == "AUSTRIA"


@pytest.mark.parametrize(
    ("country", "lines"),
    [
        ("DE", ["Main Street 5", "1234 Springfield"]),
        ("US", ["5 Main Street", "Springfield OR 1234", "UNITED STATES"]),
        ("GB", ["5 Main Street", "Springfield", "1234", "UNITED KINGDOM"]),
        ("FR", ["5 Main Street", "1234 Springfield", "FRANCE"]),
    ],
)
def test_street_and_city_follow_the_order_of_the_country(country, lines):
    address = {"street": "Main Street", "street_number": "5", "postal_code": "1234", "city": "Springfield"}
    assert window(EMMA_CLARKE, "en", country=country, state="OR", **address)[1:] == lines


def test_an_address_of_another_company_comes_under_the_buyers_name():
    assert window(ALSTER_MOBIL, company="Alster Shared Services GmbH")[:2] == [
        "Alster Mobil GmbH",
        "Alster Shared Services GmbH",
    ]


def test_a_person_is_named_once_and_a_post_office_box_replaces_the_street():
    assert window(EMMA_CLARKE, "en", post_office_box="PO Box 77")[:2] == ["Emma Clarke", "PO Box 77"]
