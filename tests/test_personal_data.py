"""Personal data sealed and opened: bound to customer and field, the same each time, gone with the key."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services import messages
from services.customer.commands.customers import CreateCustomer
from services.messages import AddressAdded, BillingStopped, CustomerCreated, CustomerEdited, PropertySet
from services.personal_data import (
    ERASED,
    KEY_BYTES,
    PREFIX,
    Key,
    KeyMissing,
    Tampered,
    has_personal_data,
    is_erased,
    looked_up,
    opened,
    opened_json,
    sealed,
)
from services.values import Address, AddressType, CustomerType
from tests import examples

ERIKA, OTTO = uuid4(), uuid4()
KEY = Key(uuid4(), bytes(range(KEY_BYTES)))
OTHER_KEY = Key(uuid4(), bytes(reversed(range(KEY_BYTES))))


@dataclass
class Vault:
    """Keys in memory; counts how often it is asked."""

    held: Mapping[UUID, Key | None] = field(default_factory=lambda: {k.key_id: k for k in (KEY, OTHER_KEY)})
    asked: int = 0

    def keys(self, key_ids: Collection[UUID]) -> Mapping[UUID, Key | None]:
        self.asked += 1
        return {key_id: self.held[key_id] for key_id in key_ids if key_id in self.held}


DESTROYED = Vault({KEY.key_id: None})

texts = st.text(max_size=80)
addresses = st.builds(
    Address,
    address_id=st.uuids(),
    address_type=st.sampled_from(AddressType),
    country=st.just("DE"),
    company=st.none() | texts,
    last_name=st.none() | texts,
    city=st.none() | texts,
)
property_values = (
    texts | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
)
customers = st.builds(
    CustomerCreated,
    customer_id=st.just(ERIKA),
    debtor_ident=texts,
    account_number=texts,
    customer_type=st.sampled_from(CustomerType),
    language=st.just("de"),
    addresses=st.lists(addresses, max_size=3).map(tuple),
    email=st.none() | texts,
    properties=st.dictionaries(st.from_regex("[a-z_]{1,20}", fullmatch=True), property_values, max_size=4),
)


def erika(**changes: Any) -> CustomerCreated:
    address = Address(
        address_id=uuid4(),
        address_type=AddressType.INVOICE,
        country="DE",
        last_name="Mustermann",
        city="Köln",
    )
    created = CustomerCreated(
        customer_id=ERIKA,
        debtor_ident="D-1",
        account_number="1",
        customer_type=CustomerType.B2C,
        language="de",
        addresses=(address,),
        email="erika@example.com",
        properties={"segment": "premium", "seats": 3, "vip": True, "weight": 0.5},
    )
    return msgspec.structs.replace(created, **changes)


@given(customers)
def test_what_was_sealed_is_opened_again(customer: CustomerCreated) -> None:
    token = sealed(customer, ERIKA, KEY)
    assert opened([(ERIKA, token)], Vault()) == [customer]


@given(customers)
def test_sealed_values_survive_json_like_the_log_stores_it(customer: CustomerCreated) -> None:
    stored = msgspec.json.encode(sealed(customer, ERIKA, KEY))
    assert opened([(ERIKA, msgspec.json.decode(stored, type=CustomerCreated))], Vault()) == [customer]


@given(customers)
def test_json_that_a_view_keeps_is_opened_to_the_same(customer: CustomerCreated) -> None:
    tree = msgspec.json.decode(msgspec.json.encode(sealed(customer, ERIKA, KEY)))
    plain = msgspec.json.decode(msgspec.json.encode(customer))
    assert opened_json([(ERIKA, tree)], Vault()) == [plain]


@given(texts)
def test_a_sealed_text_shows_nothing_of_itself(text: str) -> None:
    token = KEY.seal(ERIKA, "company", text)
    assert token.startswith(PREFIX)
    assert len(text) < 4 or text not in token


def test_everything_personal_is_sealed_and_nothing_else() -> None:
    stored = msgspec.to_builtins(sealed(erika(), ERIKA, KEY))
    tokens = [
        stored["email"],
        *stored["properties"].values(),
        *(stored["addresses"][0][n] for n in ("lastName", "city")),
    ]
    assert all(token.startswith(PREFIX) for token in tokens)
    assert (stored["debtorIdent"], stored["addresses"][0]["country"]) == ("D-1", "DE")
    assert "Mustermann" not in str(stored)


def test_the_same_value_is_the_same_token_so_that_nobody_has_to_open_it_to_see_no_change() -> None:
    customer = erika()
    assert sealed(customer, ERIKA, KEY) == sealed(customer, ERIKA, KEY)
    assert KEY.seal(ERIKA, "city", "Köln") == KEY.seal(ERIKA, "city", "Köln")
    assert KEY.seal(ERIKA, "city", "Köln") != KEY.seal(ERIKA, "city", "Kiel")
    assert KEY.seal(ERIKA, "city", "Köln") != KEY.seal(ERIKA, "state", "Köln")
    assert KEY.seal(ERIKA, "city", "Köln") != OTHER_KEY.seal(ERIKA, "city", "Köln")


def test_a_token_in_another_field_is_tampered_with() -> None:
    moved = msgspec.structs.replace(
        sealed(erika(), ERIKA, KEY), phone=KEY.seal(ERIKA, "email", "x@example.com")
    )
    with pytest.raises(Tampered, match="phone"):
        opened([(ERIKA, moved)], Vault())


def test_a_token_of_another_customer_is_tampered_with() -> None:
    with pytest.raises(Tampered):
        opened([(OTTO, sealed(erika(), ERIKA, KEY))], Vault())


def test_a_property_cannot_become_another_property() -> None:
    stopped = PropertySet(
        customer_id=ERIKA, key="vip", value=KEY.seal(ERIKA, "properties.segment", "premium")
    )
    with pytest.raises(Tampered):
        opened([(ERIKA, stopped)], Vault())


@given(st.integers(min_value=0), st.integers(1, 255))
def test_a_token_with_any_other_byte_is_not_opened(position: int, change: int) -> None:
    token = KEY.seal(ERIKA, "email", "erika@example.com")
    text = token[len(PREFIX) :]
    raw = bytearray(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    raw[position % len(raw)] ^= change
    altered = PREFIX + urlsafe_b64encode(raw).decode().rstrip("=")
    with pytest.raises((Tampered, KeyMissing)):
        opened([(ERIKA, erika(email=altered))], Vault())


@pytest.mark.parametrize("token", [PREFIX, PREFIX + "abc", PREFIX + "ä" * 80])
def test_what_only_looks_like_a_token_is_tampered_with(token: str) -> None:
    with pytest.raises(Tampered):
        opened([(ERIKA, erika(email=token))], Vault())


def test_a_destroyed_key_leaves_erased_in_place_of_every_value() -> None:
    [read] = opened([(ERIKA, sealed(erika(), ERIKA, KEY))], DESTROYED)
    assert (read.email, read.addresses[0].last_name, read.phone) == (ERASED, ERASED, None)
    assert set(read.properties.values()) == {ERASED}
    assert is_erased(read)
    assert not is_erased(erika())


def test_a_key_that_is_missing_is_not_taken_for_a_destroyed_one() -> None:
    with pytest.raises(KeyMissing):
        opened([(ERIKA, sealed(erika(), ERIKA, KEY))], Vault({}))


def test_plain_text_of_version_1_stays_as_it_is() -> None:
    vault = Vault()
    customer = erika()
    assert opened([(ERIKA, customer)], vault) == [customer]
    assert vault.asked == 0


def test_a_batch_asks_for_its_keys_once() -> None:
    vault = Vault()
    batch = [(ERIKA, sealed(erika(), ERIKA, KEY)), (OTTO, sealed(erika(), OTTO, OTHER_KEY))]
    opened(batch, vault)
    assert vault.asked == 1
    at_hand = looked_up(batch, vault)
    assert [opened([value], at_hand)[0].email for value in batch] == ["erika@example.com"] * 2
    assert vault.asked == 2


def test_one_value_that_was_tampered_with_keeps_nobody_from_opening_the_others() -> None:
    batch = [(ERIKA, sealed(erika(), ERIKA, KEY)), (OTTO, erika(email=PREFIX + "abc"))]
    at_hand = looked_up(batch, Vault())
    assert opened(batch[:1], at_hand)[0].email == "erika@example.com"
    with pytest.raises(Tampered):
        opened(batch[1:], at_hand)


def test_a_property_is_the_same_token_wherever_it_is_set() -> None:
    created = sealed(erika(), ERIKA, KEY)
    again = sealed(PropertySet(customer_id=ERIKA, key="segment", value="premium"), ERIKA, KEY)
    assert again.value == created.properties["segment"]


@pytest.mark.parametrize(
    ("field_", "name", "value"),
    [
        ("addresses[1].city", "city", "Köln"),
        ("email", "email", "erika@example.com"),
        ("properties.segment", "properties.segment", "premium"),
        ("paymentAccounts[0].iban", "iban", "DE89370400440532013000"),
        ("billingStop.reason", "reason", "dispute"),
    ],
)
def test_changes_as_history_keeps_them_are_opened_by_their_path(field_: str, name: str, value: str) -> None:
    change = {"field": field_, "before": None, "after": KEY.seal(ERIKA, name, value)}
    [read] = opened_json([(ERIKA, [change])], Vault())
    assert read == [{"field": field_, "before": None, "after": value}]


def test_a_list_of_properties_is_opened_by_their_keys() -> None:
    listed = [{"key": "segment", "value": KEY.seal(ERIKA, "properties.segment", "premium")}]
    assert opened_json([(ERIKA, listed)], Vault()) == [[{"key": "segment", "value": "premium"}]]


def test_unset_and_absent_fields_stay_so() -> None:
    edited = CustomerEdited(customer_id=ERIKA, changes=messages.CustomerChanges(email=None, phone="+49 1"))
    token = sealed(edited, ERIKA, KEY)
    assert token.changes.email is None
    assert token.changes.vat_id is msgspec.UNSET
    assert opened([(ERIKA, token)], Vault()) == [edited]


@pytest.mark.parametrize("field_", ["contactPerson", "taxNumber", "phone"])
def test_no_client_can_send_what_looks_sealed(field_: str) -> None:
    with pytest.raises(ValidationError, match="marks encrypted values"):
        CreateCustomer.model_validate(examples.erika(**{field_: KEY.seal(ERIKA, field_, "x")}))


def test_no_client_can_send_a_property_that_looks_sealed() -> None:
    with pytest.raises(ValidationError, match="marks encrypted values"):
        CreateCustomer.model_validate(examples.erika(properties={"segment": PREFIX}))


def test_neither_key_nor_secret_is_shown_by_accident() -> None:
    assert "secret" not in repr(KEY)
    assert repr(KEY.secret) not in repr(KEY)


@pytest.mark.parametrize(
    "message", [m for m in messages.ALL if has_personal_data(m)], ids=lambda message: message.__name__
)
def test_every_message_with_personal_data_says_whose_they_are(message: type[messages.Message]) -> None:
    assert "customer_id" in message.__struct_fields__


def test_messages_without_personal_data_are_none_of_the_customers() -> None:
    assert {AddressAdded, BillingStopped, CustomerCreated, CustomerEdited, PropertySet} <= {
        m for m in messages.ALL if has_personal_data(m)
    }
    assert not has_personal_data(messages.ContractSigned)
