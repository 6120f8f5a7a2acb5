"""Rules of a customer's payment accounts."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.customer.commands.payment_accounts import AddPaymentAccount
from services.customer.customer import PAYMENT_ACCOUNTS_MAX, Customer, TooMany
from services.customer.payment_accounts import PaymentAccountNotFound
from services.errors import InvalidFields
from tests import examples
from tests.customer.customers import create, events, payment_account, refused_fields

PAY_PAL = {"paymentMethod": "PAY_PAL", "payerReference": "B-5YM51794TD"}
BANK_TRANSFER = {"paymentMethod": "BANK_TRANSFER"}
COMPLETE = [examples.direct_debit(), examples.credit_card(), PAY_PAL, BANK_TRANSFER]


def defaults(customer: Customer) -> list[bool]:
    return [account.default for account in customer.payment_accounts.values()]


def with_accounts(*bodies: examples.Row) -> Customer:
    customer = create(examples.erika())
    for body in bodies:
        customer.add_payment_account(payment_account(body), examples.NOW)
    return customer


@pytest.mark.parametrize("body", COMPLETE, ids=lambda body: body["paymentMethod"])
def test_an_account_of_every_method_can_be_added(body: examples.Row) -> None:
    named = body | {"accountHolderName": "Erika Mustermann", "displayName": "Everyday"}
    [account] = with_accounts(named).payment_accounts.values()
    assert (account.payment_method, account.display_name) == (body["paymentMethod"], "Everyday")


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        (examples.direct_debit(iban=None), "iban"),
        (examples.direct_debit(mandateReference=None), "mandateReference"),
        (examples.direct_debit(mandateDate=None), "mandateDate"),
        (examples.credit_card(gatewayToken=None), "gatewayToken"),
        (examples.credit_card(brand=None), "brand"),
        (examples.credit_card(lastFour=None), "lastFour"),
        (examples.credit_card(expiry=None), "expiry"),
        ({"paymentMethod": "PAY_PAL"}, "payerReference"),
    ],
)
def test_a_method_needs_its_fields(body: examples.Row, missing: str) -> None:
    with pytest.raises(InvalidFields, match="is needed for this paymentMethod") as error:
        with_accounts(body)
    assert refused_fields(error) == [missing]


@pytest.mark.parametrize(
    ("body", "foreign"),
    [
        (examples.direct_debit(brand="Visa"), ["brand"]),
        (examples.credit_card(iban="DE89370400440532013000", bic="COBADEFFXXX"), ["iban", "bic"]),
        (PAY_PAL | {"mandateReference": "M-1"}, ["mandateReference"]),
        (BANK_TRANSFER | {"iban": "DE89370400440532013000"}, ["iban"]),
    ],
)
def test_a_field_of_another_method_is_refused(body: examples.Row, foreign: list[str]) -> None:
    with pytest.raises(InvalidFields, match="is a field of another paymentMethod") as error:
        with_accounts(body)
    assert refused_fields(error) == foreign


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        ("no93 8601 1117 947", "NO9386011117947"),
        ("GB33BUKB20201555555555", "GB33BUKB20201555555555"),
    ],
)
def test_an_iban_is_stored_without_spaces(sent: str, stored: str) -> None:
    assert payment_account(examples.direct_debit(iban=sent)).iban == stored


@pytest.mark.parametrize(
    "iban",
    [
        "DE88370400440532013000",  # check digits
        "DE8937040044053201300",  # length of its country
        "DE89370400440532013000000",
        "XX89370400440532013000",
        "BE68539007547035",  # check digits of the account number in Belgium
        "370400440532013000",
        "?",
    ],
)
def test_an_iban_is_checked_by_country_and_check_digits(iban: str) -> None:
    with pytest.raises(ValidationError, match="is not a valid IBAN"):
        AddPaymentAccount.model_validate(examples.direct_debit(iban=iban))


@pytest.mark.parametrize(
    ("bic", "stored"), [("COBADEFFXXX", "COBADEFFXXX"), ("cobadeff", "COBADEFF"), ("", None)]
)
def test_a_bic_may_be_given(bic: str, stored: str | None) -> None:
    assert payment_account(examples.direct_debit(bic=bic)).bic == stored


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (examples.direct_debit(bic="COBAXXFF"), "bic"),
        (examples.direct_debit(mandateReference="x" * 36), "mandateReference"),
        (examples.direct_debit(mandateReference="Mandat Nr. Ä"), "mandateReference"),
        (examples.direct_debit(mandateDate="2026-02-30"), "mandateDate"),
        (examples.credit_card(lastFour="424"), "lastFour"),
        (examples.credit_card(lastFour="٤٢٤٢"), "lastFour"),
        (examples.credit_card(expiry="05/28"), "expiry"),
        (examples.credit_card(expiry="2028-13"), "expiry"),
        ({"paymentMethod": "CASH"}, "paymentMethod"),
        ({}, "paymentMethod"),
    ],
)
def test_what_is_written_wrong_is_refused(body: examples.Row, field: str) -> None:
    with pytest.raises(ValidationError) as error:
        AddPaymentAccount.model_validate(body)
    assert error.value.errors()[0]["loc"] == (field,)


# -- the default --------------------------------------------------------------------------------


def test_the_first_account_is_the_default() -> None:
    assert defaults(with_accounts(examples.direct_debit(), PAY_PAL)) == [True, False]


def test_a_new_default_takes_over() -> None:
    assert defaults(with_accounts(examples.direct_debit(), PAY_PAL | {"default": True})) == [False, True]


def test_the_oldest_account_left_becomes_the_default_when_the_default_is_removed() -> None:
    customer = with_accounts(examples.direct_debit(), PAY_PAL, BANK_TRANSFER)
    first, second, _ = customer.payment_accounts
    customer.remove_payment_account(first, examples.NOW)
    assert defaults(customer) == [True, False]
    assert vars(events(customer)[-1])["default_payment_account_id"] == second


def test_the_default_stays_when_another_account_is_removed() -> None:
    customer = with_accounts(examples.direct_debit(), PAY_PAL)
    _, second = customer.payment_accounts
    customer.remove_payment_account(second, examples.NOW)
    assert defaults(customer) == [True]
    assert vars(events(customer)[-1])["default_payment_account_id"] is None


def test_the_last_account_can_be_removed_once() -> None:
    customer = with_accounts(examples.direct_debit())
    [only] = customer.payment_accounts
    customer.remove_payment_account(only, examples.NOW)
    assert customer.payment_accounts == {}
    with pytest.raises(PaymentAccountNotFound):
        customer.remove_payment_account(only, examples.NOW)


def test_payment_accounts_have_a_limit() -> None:
    customer = with_accounts(*[BANK_TRANSFER] * PAYMENT_ACCOUNTS_MAX)
    with pytest.raises(TooMany, match="at most 100 payment accounts"):
        customer.add_payment_account(payment_account(BANK_TRANSFER), examples.NOW)


def test_a_field_left_empty_in_a_form_is_absent() -> None:
    blank: dict[str, Any] = dict.fromkeys(
        ("iban", "bic", "mandateReference", "mandateDate", "gatewayToken", "brand", "lastFour", "expiry"), ""
    )
    assert payment_account(blank | PAY_PAL).iban is None
