"""Rules of a customer's free characteristics."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from services.customer.commands.customers import CreateCustomer
from services.customer.commands.properties import PropertyKey, SetProperty
from services.customer.customer import PROPERTIES_MAX, PropertyNotFound, TooMany
from tests import examples
from tests.customer.customers import create, events


@pytest.mark.parametrize("value", ["mobility", "", 12, 0.5, -(2**53), True, False, "2024-02-29", "2026-01"])
def test_a_property_is_a_text_a_number_a_boolean_or_a_date(value: Any) -> None:
    customer = create(examples.erika())
    customer.set_property("key", SetProperty(value=value).value, examples.NOW)
    assert customer.properties == {"key": value}
    assert type(customer.properties["key"]) is type(value)


@pytest.mark.parametrize(
    "value",
    [None, [], {}, "x" * 256, 2**53 + 1, float("nan"), float("inf"), "\0", "2026-02-30", "2026-13-01"],
)
def test_what_is_none_of_them_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError) as error:
        SetProperty.model_validate({"value": value})
    assert error.value.errors()[0]["loc"] == ("value",)


@pytest.mark.parametrize("key", ["a", "fleet_size", "a1_", "x" * 100])
def test_a_key_is_lower_snake_case(key: str) -> None:
    assert CreateCustomer.model_validate(examples.erika(properties={key: 1})).properties == {key: 1}


@pytest.mark.parametrize(
    "key", ["", "A", "fleetSize", "fleet-size", "1a", "_a", "ä", "a b", "x" * 101, "a\n"]
)
def test_any_other_key_is_refused(key: str) -> None:
    with pytest.raises(ValidationError):
        CreateCustomer.model_validate(examples.erika(properties={key: 1}))
    with pytest.raises(ValidationError):
        TypeAdapter(PropertyKey).validate_python(key)


def test_the_same_value_again_records_nothing() -> None:
    customer = create(examples.erika(properties={"fleet_size": 12}))
    customer.set_property("fleet_size", 12, examples.NOW)
    assert len(events(customer)) == 1


def test_true_is_not_one() -> None:
    customer = create(examples.erika(properties={"vip": 1}))
    customer.set_property("vip", True, examples.NOW)
    assert customer.properties["vip"] is True


def test_a_property_can_be_removed_once() -> None:
    customer = create(examples.erika(properties={"fleet_size": 12}))
    customer.remove_property("fleet_size", examples.NOW)
    assert customer.properties == {}
    with pytest.raises(PropertyNotFound):
        customer.remove_property("fleet_size", examples.NOW)


def test_properties_have_a_limit() -> None:
    full = {f"key_{n}": n for n in range(PROPERTIES_MAX)}
    customer = create(examples.erika(properties=full))
    customer.set_property("key_0", "another value", examples.NOW)
    with pytest.raises(TooMany, match="at most 200 properties"):
        customer.set_property("one_more", 1, examples.NOW)
    with pytest.raises(ValidationError, match="properties"):
        create(examples.erika(properties=full | {"one_more": 1}))
