"""Rules of a customer's addresses."""

from uuid import UUID

import pytest
from pydantic import ValidationError

from services.customer.addresses import AddressNotFound, AddressTypeFixed, InvoiceAddress1Stays
from services.customer.commands.customers import AddressBody
from services.customer.customer import ADDRESSES_MAX, Customer, TooMany
from services.errors import InvalidFields
from services.values import AddressType
from tests import examples
from tests.customer.customers import address, create, events, refused_fields

TEXTS = (
    "academicTitle firstName lastName company department addressAddition street streetNumber postOfficeBox"
    " postalCode city state"
).split()


def defaults(customer: Customer, address_type: AddressType) -> list[UUID]:
    found = (a for a in customer.addresses.values() if a.default and a.address_type is address_type)
    return [a.address_id for a in found]


def test_the_first_invoice_address_holds_the_name() -> None:
    customer = create(
        examples.beispiel_gmbh(addresses=[examples.shipping_address(), examples.invoice_address()])
    )
    customer.add_address(address(company="Other", default=True), examples.NOW)
    assert customer.invoice_address_1.name == "Beispiel GmbH"


def test_the_name_is_edited_in_invoice_address_1() -> None:
    customer = create(examples.beispiel_gmbh())
    first = customer.invoice_address_1.address_id
    customer.edit_address(address(first, company="Beispiel AG"), examples.NOW)
    assert customer.invoice_address_1.name == "Beispiel AG"
    assert customer.invoice_address_1.address_id == first


def test_a_customer_needs_an_invoice_address() -> None:
    with pytest.raises(InvalidFields, match="at least one address of type INVOICE"):
        create(examples.beispiel_gmbh(addresses=[examples.shipping_address()]))


@pytest.mark.parametrize("customer_type", ["B2B", "AFFILIATED", "OTHER"])
def test_a_business_address_needs_a_company(customer_type: str) -> None:
    with pytest.raises(InvalidFields) as error:
        create(examples.erika(customerType=customer_type))
    assert refused_fields(error) == ["addresses[0].company"]


def test_a_consumer_address_needs_a_last_name() -> None:
    with pytest.raises(InvalidFields) as error:
        create(examples.beispiel_gmbh(customerType="B2C"))
    assert refused_fields(error) == ["addresses[0].lastName", "addresses[1].lastName"]


def test_an_added_or_edited_address_needs_the_name_too() -> None:
    customer = create(examples.beispiel_gmbh())
    with pytest.raises(InvalidFields) as added:
        customer.add_address(address(company=None), examples.NOW)
    with pytest.raises(InvalidFields) as edited:
        customer.edit_address(address(customer.invoice_address_1.address_id, company=" "), examples.NOW)
    assert refused_fields(added) == refused_fields(edited) == ["company"]


@pytest.mark.parametrize("field", TEXTS)
def test_a_text_of_an_address_has_up_to_255_characters(field: str) -> None:
    AddressBody.model_validate(examples.invoice_address(**{field: "x" * 255}))
    with pytest.raises(ValidationError, match="at most 255"):
        AddressBody.model_validate(examples.invoice_address(**{field: "x" * 256}))


def test_the_type_of_an_address_never_changes() -> None:
    customer = create(examples.beispiel_gmbh())
    first = customer.invoice_address_1.address_id
    with pytest.raises(AddressTypeFixed):
        customer.edit_address(address(first, addressType="SHIPPING"), examples.NOW)


def test_only_an_address_of_the_customer_can_be_edited_or_removed() -> None:
    customer = create(examples.beispiel_gmbh())
    with pytest.raises(AddressNotFound):
        customer.edit_address(address(), examples.NOW)
    with pytest.raises(AddressNotFound):
        customer.remove_address(address().address_id, examples.NOW)


def test_an_address_that_stays_the_same_records_nothing() -> None:
    customer = create(examples.beispiel_gmbh())
    customer.edit_address(address(customer.invoice_address_1.address_id), examples.NOW)
    assert len(events(customer)) == 1


def test_one_address_of_each_type_is_the_default() -> None:
    customer = create(examples.beispiel_gmbh())
    assert [a.default for a in customer.addresses.values()] == [True, True]


def test_the_first_shipping_address_becomes_the_default() -> None:
    customer = create(examples.beispiel_gmbh(addresses=[examples.invoice_address()]))
    added = address(addressType="SHIPPING")
    customer.add_address(added, examples.NOW)
    assert defaults(customer, AddressType.SHIPPING) == [added.address_id]


def test_a_new_default_takes_over_from_the_other_of_its_type() -> None:
    customer = create(examples.beispiel_gmbh())
    added = address(default=True)
    customer.add_address(added, examples.NOW)
    assert defaults(customer, AddressType.INVOICE) == [added.address_id]
    assert len(defaults(customer, AddressType.SHIPPING)) == 1


def test_a_default_address_stays_it_when_it_is_edited() -> None:
    customer = create(examples.beispiel_gmbh())
    first = customer.invoice_address_1.address_id
    customer.edit_address(address(first, city="Bremen", default=False), examples.NOW)
    assert defaults(customer, AddressType.INVOICE) == [first]


def test_invoice_address_1_is_never_removed() -> None:
    customer = create(examples.beispiel_gmbh())
    customer.add_address(address(default=True), examples.NOW)
    with pytest.raises(InvoiceAddress1Stays):
        customer.remove_address(customer.invoice_address_1.address_id, examples.NOW)


def test_an_added_address_can_be_removed() -> None:
    customer = create(examples.beispiel_gmbh())
    added = address()
    customer.add_address(added, examples.NOW)
    customer.remove_address(added.address_id, examples.NOW)
    assert added.address_id not in customer.addresses
    assert vars(events(customer)[-1])["default_address_id"] is None


def test_invoice_address_1_becomes_the_default_when_the_default_is_removed() -> None:
    customer = create(examples.beispiel_gmbh())
    added = address(default=True)
    customer.add_address(added, examples.NOW)
    customer.remove_address(added.address_id, examples.NOW)
    first = customer.invoice_address_1.address_id
    assert defaults(customer, AddressType.INVOICE) == [first]
    assert vars(events(customer)[-1])["default_address_id"] == first


def test_the_first_shipping_address_left_becomes_the_default_when_the_default_is_removed() -> None:
    customer = create(examples.beispiel_gmbh())
    [default] = defaults(customer, AddressType.SHIPPING)
    second, third = address(addressType="SHIPPING"), address(addressType="SHIPPING", street="Weg")
    customer.add_address(second, examples.NOW)
    customer.add_address(third, examples.NOW)
    customer.remove_address(default, examples.NOW)
    assert defaults(customer, AddressType.SHIPPING) == [second.address_id]


def test_the_last_shipping_address_can_be_removed() -> None:
    customer = create(examples.beispiel_gmbh())
    [last] = (a for a in customer.addresses.values() if a.address_type is AddressType.SHIPPING)
    customer.remove_address(last.address_id, examples.NOW)
    assert defaults(customer, AddressType.SHIPPING) == []


def test_addresses_have_a_limit() -> None:
    many = [examples.invoice_address()] * ADDRESSES_MAX
    customer = create(examples.beispiel_gmbh(addresses=many))
    with pytest.raises(TooMany, match="at most 1000 addresses"):
        customer.add_address(address(), examples.NOW)
    with pytest.raises(ValidationError, match="addresses"):
        create(examples.beispiel_gmbh(addresses=[*many, examples.invoice_address()]))
