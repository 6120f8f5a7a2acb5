"""Rules of a customer's general data."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.customer.commands.customers import AddressBody, CreateCustomer, EditCustomer
from services.customer.customer import Customer
from services.errors import InvalidFields
from services.messages import CustomerChanges
from tests import examples
from tests.customer.customers import address, create, edit, events, refused_fields


def last_changes(customer: Customer) -> CustomerChanges:
    [*_, event] = events(customer)
    assert isinstance(event, Customer.Edited)
    return event.changes


def test_the_debtor_ident_never_changes() -> None:
    with pytest.raises(ValidationError, match="debtorIdent"):
        EditCustomer.model_validate({"debtorIdent": "D-2"})


def test_documents_by_email_need_an_email() -> None:
    with pytest.raises(InvalidFields) as error:
        create(examples.erika(preferredDocumentDelivery="EMAIL"))
    assert refused_fields(error) == ["email"]


def test_the_email_cannot_be_taken_away_while_documents_go_there() -> None:
    customer = create(examples.beispiel_gmbh(preferredDocumentDelivery="EMAIL"))
    with pytest.raises(InvalidFields) as error:
        edit(customer, email=None)
    assert refused_fields(error) == ["email"]


def test_the_email_can_be_taken_away_together_with_the_delivery() -> None:
    customer = create(examples.beispiel_gmbh(preferredDocumentDelivery="EMAIL"))
    edit(customer, email=None, preferredDocumentDelivery="NONE")
    assert customer.profile["email"] is None


def test_an_edit_records_only_what_differs() -> None:
    customer = create(examples.beispiel_gmbh())
    edit(customer, language="de", phone="+49 40 5678")
    assert last_changes(customer) == CustomerChanges(phone="+49 40 5678")


def test_an_edit_that_changes_nothing_records_nothing() -> None:
    customer = create(examples.beispiel_gmbh())
    edit(customer, language="de", vatId="DE 136 695 976")
    assert len(events(customer)) == 1


def test_null_clears_an_optional_field() -> None:
    customer = create(examples.beispiel_gmbh())
    edit(customer, vatId=None, eInvoicing=None)
    assert customer.profile["vat_id"] is None
    assert last_changes(customer) == CustomerChanges(vat_id=None, e_invoicing=None)


def test_a_new_customer_type_needs_its_name_in_every_address() -> None:
    customer = create(examples.beispiel_gmbh())
    with pytest.raises(InvalidFields) as error:
        edit(customer, customerType="B2C")
    assert refused_fields(error) == ["customerType", "customerType"]
    for index, each in enumerate(customer.addresses.values()):
        assert f"edit addresses[{index}] ({each.address_id}) first" in error.value.errors[index].message


def test_the_customer_type_can_change_when_every_address_has_the_name() -> None:
    customer = create(examples.beispiel_gmbh(addresses=[examples.invoice_address(lastName="Beispiel")]))
    edit(customer, customerType="B2C")
    with pytest.raises(InvalidFields) as error:
        customer.add_address(address(addressType="SHIPPING"), examples.NOW)
    assert refused_fields(error) == ["lastName"]


def test_a_contractor_reference_is_named_once() -> None:
    twice = [
        {"system": "crm", "ident": "1"},
        {"system": "shop", "ident": "1"},
        {"system": "crm", "ident": "1"},
    ]
    with pytest.raises(InvalidFields) as created:
        create(examples.beispiel_gmbh(contractorReferences=twice))
    with pytest.raises(InvalidFields) as edited:
        edit(create(examples.beispiel_gmbh()), contractorReferences=twice)
    assert refused_fields(created) == refused_fields(edited) == ["contractorReferences[2]"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("debtorIdent", "with space"),
        ("debtorIdent", "x" * 101),
        ("debtorIdent", ""),
        ("customerType", "B2G"),
        ("phone", "1" * 256),
        ("contactPerson", "x" * 256),
        ("preferredDocumentDelivery", "POST"),
        ("eInvoicing", {"format": "PDF"}),
        ("contractorReferences", [{"system": "crm"}]),
        ("unknown", 1),
    ],
)
def test_invalid_fields_are_refused(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as error:
        CreateCustomer.model_validate(examples.beispiel_gmbh(**{field: value}))
    assert error.value.errors()[0]["loc"][0] == field


def test_a_debtor_ident_has_letters_digits_and_a_few_signs() -> None:
    command = CreateCustomer.model_validate(examples.beispiel_gmbh(debtorIdent="aZ09_.~-"))
    assert command.debtor_ident == "aZ09_.~-"


# -- VAT-IDs ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("de 136 695 976", "DE136695976"),
        ("DE-136.695.976", "DE136695976"),
        ("ATU 13585627", "ATU13585627"),
        ("GR094259216", "EL094259216"),
        ("XI432525179", "XI432525179"),
        ("GB 980 7806 84", "GB980780684"),
        ("CHE-107.787.577 MWST", "CHE107787577MWST"),
        ("NO 995 525 828 MVA", "NO995525828MVA"),
        ("MC53000004605", "FR53000004605"),
        (" ", None),
    ],
)
def test_a_vat_id_is_stored_normalised(sent: str, stored: str | None) -> None:
    assert CreateCustomer.model_validate(examples.beispiel_gmbh(vatId=sent)).vat_id == stored


@pytest.mark.parametrize(
    ("vat_id", "why"),
    [
        ("DE123456789", "is not a valid VAT-ID"),
        ("DE13669597", "is not a valid VAT-ID"),
        ("GB123456789", "is not a valid VAT-ID"),
        ("CHE107787576MWST", "is not a valid VAT-ID"),
        ("136695976", "begin with the country"),
        ("US123456789", "cannot be checked"),
        ("EU123456789", "cannot be checked"),
        ("..", "cannot be checked"),
    ],
)
def test_a_vat_id_that_is_wrong_or_cannot_be_checked_is_refused(vat_id: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        CreateCustomer.model_validate(examples.beispiel_gmbh(vatId=vat_id))


# -- languages and e-mail addresses -------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("de", "de"),
        ("DE", "de"),
        ("pt-br", "pt-BR"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("fil", "fil"),
    ],
)
def test_a_language_is_a_tag_of_bcp_47(sent: str, stored: str) -> None:
    assert CreateCustomer.model_validate(examples.beispiel_gmbh(language=sent)).language == stored


@pytest.mark.parametrize("language", ["German", "xx", "de_DE", "de-", "", "d", "de-DE-" + "x" * 40])
def test_what_is_no_language_is_refused(language: str) -> None:
    with pytest.raises(ValidationError, match="language"):
        CreateCustomer.model_validate(examples.beispiel_gmbh(language=language))


@pytest.mark.parametrize("email", ["a@b.de", "o'brien+x@mail.example.co.uk", "jörg@müller.example"])
def test_an_email_address_is_taken_as_it_is(email: str) -> None:
    assert CreateCustomer.model_validate(examples.beispiel_gmbh(email=email)).email == email


@pytest.mark.parametrize(
    "email",
    [
        "nobody",
        "a@b",
        "a b@example.com",
        "a@@example.com",
        ".a@example.com",
        "a@-b.de",
        "a@b..de",
        "@example.com",
        "x" * 65 + "@example.com",
        "a@" + "x" * 64 + ".de",
        "a@" + "x." * 125 + "xxx",
    ],
)
def test_what_is_no_email_address_is_refused(email: str) -> None:
    with pytest.raises(ValidationError, match="is not an e-mail address"):
        CreateCustomer.model_validate(examples.beispiel_gmbh(email=email))


def test_every_country_of_iso_3166_is_known() -> None:
    for country in ("DE", "GR", "XK", "GB", "US"):
        AddressBody.model_validate(examples.invoice_address(country=country))
    for country in ("EU", "UK", "ZZ", "de"):
        with pytest.raises(ValidationError):
            AddressBody.model_validate(examples.invoice_address(country=country))
