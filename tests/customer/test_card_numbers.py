"""A full card number is refused wherever it is, and what is answered does not repeat it."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.customer.commands.card_numbers import CardNumberSent
from services.customer.commands.payment_accounts import AddPaymentAccount
from tests import examples

NUMBER = "4111111111111111"
TEXT_FIELDS = (
    "displayName accountHolderName iban bic mandateReference mandateDate gatewayToken brand lastFour expiry"
    " payerReference paymentMethod default"
).split()


def refusal(body: Any) -> CardNumberSent:
    with pytest.raises(CardNumberSent) as error:
        AddPaymentAccount.model_validate(body)
    said = f"{error.value} {error.value.errors}"
    assert not any(
        number in said.replace(" ", "").replace("-", "") for number in ("411111111111", "3782822463")
    )
    assert all(each.rejected_value is None for each in error.value.errors)
    return error.value


@pytest.mark.parametrize("field", TEXT_FIELDS)
def test_a_card_number_is_refused_in_every_field(field: str) -> None:
    assert [e.field for e in refusal(examples.credit_card(**{field: NUMBER})).errors] == [field]


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111 1111 – 1111 1111",
        "Visa 4111111111111111 05/28",
        "4111 1111 1111 1111 05 28 737",
        "tok_4111111111111111",
        "3782 822463 10005",
        "6011000990139424",
        "2223003122003222",
        "4222222222222",
        "６０１１１１１１１１１１１１１７",
        int(NUMBER),
        float(NUMBER),
        [{"number": NUMBER}],
        {NUMBER: 1},
    ],
)
def test_a_card_number_is_refused_however_it_is_written(text: Any) -> None:
    refusal(examples.credit_card(cardNumber=text))


@pytest.mark.parametrize("body", [NUMBER, int(NUMBER), [NUMBER], {NUMBER: None}, {"a": {NUMBER: NUMBER}}])
def test_a_card_number_is_refused_in_whatever_is_sent(body: Any) -> None:
    refusal(body)


@pytest.mark.parametrize(
    "body",
    [
        examples.credit_card(gatewayToken="550e8400-e29b-41d4-a716-446655440000"),
        examples.credit_card(gatewayToken="4111111111111112"),
        examples.credit_card(displayName="since 2026-01-02, 12 months"),
        examples.direct_debit(iban="NO9386011117947"),
        examples.direct_debit(iban="BE68 5390 0754 7034"),
        examples.direct_debit(displayName="DE89 3704 0044 0532 0130 00"),
        examples.direct_debit(mandateReference="0000000000000000"),
    ],
)
def test_what_is_no_card_number_is_taken(body: examples.Row) -> None:
    AddPaymentAccount.model_validate(body)


def test_a_body_of_endless_values_is_refused_before_it_is_searched() -> None:
    with pytest.raises(ValidationError, match="more than 100 names and values"):
        AddPaymentAccount.model_validate({"a": ["1 " * 500] * 100_000})
