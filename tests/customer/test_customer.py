"""Rules of a customer, on the aggregate alone."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from services.customer.application import _changes, _profile
from services.customer.commands import AddressBody, CreateCustomer, EditCustomer
from services.customer.customer import AddressNotFound, AddressTypeFixed, Customer
from services.errors import InvalidFields
from services.values import Address
from tests import examples


def create(body: examples.Row) -> Customer:
    command = CreateCustomer.model_validate(body)
    return Customer.create(
        customer_id=uuid4(),
        debtor_ident=command.debtor_ident or "100001",
        account_number="100001",
        profile=_profile(command),
        addresses=[a.to_address(uuid4()) for a in command.addresses],
        properties=command.properties,
        now=examples.NOW,
    )


def address(address_id: UUID | None = None, **changes: Any) -> Address:
    return AddressBody.model_validate(examples.invoice_address(**changes)).to_address(address_id or uuid4())


def edit(customer: Customer, **changes: Any) -> None:
    customer.edit(_changes(EditCustomer.model_validate(changes)), examples.NOW)


def refused_field(error: pytest.ExceptionInfo[InvalidFields]) -> str:
    return error.value.errors[0].field


def test_the_first_invoice_address_holds_the_name() -> None:
    customer = create(examples.beispiel_gmbh())
    assert customer.invoice_address_1.name == "Beispiel GmbH"


def test_a_customer_needs_an_invoice_address() -> None:
    with pytest.raises(InvalidFields, match="at least one address of type INVOICE"):
        create(examples.beispiel_gmbh(addresses=[examples.shipping_address()]))


@pytest.mark.parametrize("customer_type", ["B2B", "AFFILIATED", "OTHER"])
def test_a_business_address_needs_a_company(customer_type: str) -> None:
    with pytest.raises(InvalidFields) as error:
        create(examples.erika(customerType=customer_type))
    assert refused_field(error) == "addresses[0].company"


def test_a_consumer_address_needs_a_last_name() -> None:
    with pytest.raises(InvalidFields) as error:
        create(examples.beispiel_gmbh(customerType="B2C"))
    assert refused_field(error) == "addresses[0].lastName"


def test_one_address_of_each_type_is_the_default() -> None:
    customer = create(examples.beispiel_gmbh())
    assert [a.default for a in customer.addresses.values()] == [True, True]


def test_a_new_default_takes_over_from_the_other_of_its_type() -> None:
    customer = create(examples.beispiel_gmbh())
    added = address(default=True)
    customer.add_address(added, examples.NOW)
    defaults = [
        a.address_id for a in customer.addresses.values() if a.default and a.address_type == "INVOICE"
    ]
    assert defaults == [added.address_id]


def test_the_type_of_an_address_never_changes() -> None:
    customer = create(examples.beispiel_gmbh())
    first = customer.invoice_address_1.address_id
    with pytest.raises(AddressTypeFixed):
        customer.edit_address(address(first, addressType="SHIPPING"), examples.NOW)


def test_only_an_address_of_the_customer_can_be_edited() -> None:
    with pytest.raises(AddressNotFound):
        create(examples.beispiel_gmbh()).edit_address(address(), examples.NOW)


def test_documents_by_email_need_an_email() -> None:
    with pytest.raises(InvalidFields) as error:
        create(examples.erika(preferredDocumentDelivery="EMAIL"))
    assert refused_field(error) == "email"


def test_the_email_cannot_be_taken_away_while_documents_go_there() -> None:
    customer = create(examples.beispiel_gmbh(preferredDocumentDelivery="EMAIL"))
    with pytest.raises(InvalidFields):
        edit(customer, email=None)


def test_an_edit_records_only_what_differs() -> None:
    customer = create(examples.beispiel_gmbh())
    edit(customer, language="de", phone="+49 40 5678")
    assert customer.pending_events[-1].changes.phone == "+49 40 5678"  # type: ignore[attr-defined]
    assert "language" not in vars(customer.pending_events[-1])


def test_an_edit_that_changes_nothing_records_nothing() -> None:
    customer = create(examples.beispiel_gmbh())
    edit(customer, language="de")
    assert len(customer.pending_events) == 1


def test_a_type_that_the_name_does_not_fit_is_refused() -> None:
    with pytest.raises(InvalidFields) as error:
        edit(create(examples.beispiel_gmbh()), customerType="B2C")
    assert refused_field(error) == "customerType"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("debtorIdent", "with space"),
        ("debtorIdent", "x" * 101),
        ("vatId", "DE123456789"),
        ("language", "German"),
        ("email", "nobody"),
        ("phone", "1" * 256),
        ("properties", {"UpperCase": 1}),
        ("unknown", 1),
    ],
)
def test_invalid_fields_are_refused(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as error:
        CreateCustomer.model_validate(examples.beispiel_gmbh(**{field: value}))
    assert error.value.errors()[0]["loc"][0] == field


def test_a_vat_id_is_stored_normalised() -> None:
    command = CreateCustomer.model_validate(examples.beispiel_gmbh(vatId="de 136 695 976"))
    assert command.vat_id == "DE136695976"


def test_every_country_of_iso_3166_is_known() -> None:
    for country in ("DE", "GR", "XK", "GB", "US"):
        AddressBody.model_validate(examples.invoice_address(country=country))
    for country in ("EU", "UK", "ZZ", "de"):
        with pytest.raises(ValidationError):
            AddressBody.model_validate(examples.invoice_address(country=country))
