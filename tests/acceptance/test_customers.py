"""Customers over HTTP: every way to change one, refused and repeated requests, and what must not be told."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests import examples
from tests.acceptance.server import KontorServer
from tests.acceptance.test_api import is_problem, unique

Row = dict[str, Any]

CARD_NUMBER = "4111 1111 1111 1111"


@pytest.fixture
def customer(kontor_server: KontorServer) -> Row:
    """A customer of this test alone, as its creation was answered."""
    return kontor_server.done("POST", "/v1/customers", examples.beispiel_gmbh(debtorIdent=unique("C")))


@pytest.fixture
def path(customer: Row) -> str:
    return f"/v1/customers/{customer['customerId']}"


def changed(answer: httpx.Response, version: int, *names: str) -> Row:
    """The answer to a change that was carried out."""
    assert answer.is_success, answer.text
    body = answer.json()
    assert body.keys() == {"customerId", "version", "position", *names}
    assert body["version"] == version
    assert answer.headers["ETag"] == f'"{version}"'
    return body


def test_an_address_is_added_edited_and_removed(kontor_server, path):
    added = kontor_server.post(f"{path}/addresses", json=examples.shipping_address(department="B"))
    address_id = changed(added, 2, "addressId")["addressId"]
    assert added.status_code == 201
    assert added.headers["Location"] == f"{path}/addresses/{address_id}"

    edited = kontor_server.put(added.headers["Location"], json=examples.shipping_address(city="Bremen"))
    changed(edited, 3, "addressId")
    removed = kontor_server.http.delete(added.headers["Location"])
    changed(removed, 4)
    is_problem(kontor_server.http.delete(added.headers["Location"]), 404, "address-not-found")


def test_invoice_address_1_stays_and_no_address_changes_its_type(kontor_server, customer, path):
    addresses = kontor_server.read(path, minPosition=customer["position"])["addresses"]
    first = f"{path}/addresses/{addresses[0]['addressId']}"
    is_problem(kontor_server.http.delete(first), 409, "invoice-address1-stays")
    is_problem(kontor_server.put(first, json=examples.shipping_address()), 409, "address-type-fixed")


def test_a_property_is_set_and_removed(kontor_server, path):
    changed(kontor_server.put(f"{path}/properties/fleet_size", json={"value": 13}), 2)
    changed(kontor_server.put(f"{path}/properties/fleet_size", json={"value": 13}), 2)
    changed(kontor_server.http.delete(f"{path}/properties/fleet_size"), 3)
    is_problem(kontor_server.http.delete(f"{path}/properties/fleet_size"), 404, "property-not-found")
    problem = is_problem(
        kontor_server.put(f"{path}/properties/FleetSize", json={"value": 1}), 422, "invalid-fields"
    )
    assert [e["field"] for e in problem["errors"]] == ["key"]


def test_a_payment_account_is_added_and_removed(kontor_server, path):
    added = kontor_server.post(f"{path}/payment-accounts", json=examples.direct_debit())
    account_id = changed(added, 2, "paymentAccountId")["paymentAccountId"]
    assert added.status_code == 201
    assert added.headers["Location"] == f"{path}/payment-accounts/{account_id}"
    changed(kontor_server.http.delete(added.headers["Location"]), 3)
    is_problem(kontor_server.http.delete(added.headers["Location"]), 404, "payment-account-not-found")


def test_a_billing_stop_is_set_and_lifted(kontor_server, path):
    changed(kontor_server.put(f"{path}/billing-stop", json={"reason": "dispute"}), 2)
    changed(kontor_server.http.delete(f"{path}/billing-stop"), 3)
    is_problem(kontor_server.http.delete(f"{path}/billing-stop"), 404, "billing-stop-not-found")


def test_every_change_is_refused_where_another_version_was_meant(kontor_server, path):
    calls = {
        ("PATCH", ""): {"language": "en"},
        ("POST", "/addresses"): examples.shipping_address(),
        ("PUT", "/addresses/00000000-0000-0000-0000-000000000000"): examples.shipping_address(),
        ("DELETE", "/addresses/00000000-0000-0000-0000-000000000000"): None,
        ("PUT", "/properties/segment"): {"value": "other"},
        ("DELETE", "/properties/segment"): None,
        ("POST", "/payment-accounts"): examples.direct_debit(),
        ("DELETE", "/payment-accounts/00000000-0000-0000-0000-000000000000"): None,
        ("PUT", "/billing-stop"): {"reason": "dispute"},
        ("DELETE", "/billing-stop"): None,
        ("POST", "/erasure"): None,
    }
    for (method, where), body in calls.items():
        answer = kontor_server.http.request(method, path + where, json=body, headers={"If-Match": '"7"'})
        is_problem(answer, 412, "stale-version")
    changed(kontor_server.patch(path, json={"language": "en"}, headers={"If-Match": '"1"'}), 2)


def test_a_deletion_sent_again_under_its_key_is_answered_the_same(kontor_server, path):
    key = {"Idempotency-Key": unique("key")}
    first = kontor_server.http.delete(f"{path}/properties/segment", headers=key)
    assert kontor_server.http.delete(f"{path}/properties/segment", headers=key).json() == changed(first, 2)


def test_a_customer_is_erased_once_and_never_changed_again(kontor_server, path):
    changed(kontor_server.post(f"{path}/erasure"), 2)
    changed(kontor_server.post(f"{path}/erasure"), 2)
    answer = kontor_server.patch(path, json={"language": "en"})
    is_problem(answer, 409, "customer-erased")


def test_a_card_number_is_nowhere_but_in_the_request(kontor_server, path):
    before = kontor_server.heads()
    for field in ("gatewayToken", "displayName", "cardNumber", "lastFour", "iban", "paymentMethod"):
        answer = kontor_server.post(
            f"{path}/payment-accounts", json=examples.credit_card(**{field: CARD_NUMBER})
        )
        problem = is_problem(answer, 422, "card-number-sent")
        assert problem["errors"] == [
            {
                "field": field,
                "message": "contains a full card number; leave it out",
                "rejectedValue": None,
            }
        ]
        assert "1111" not in answer.text
    assert "1111 1111" not in kontor_server.log_file.read_text("utf-8")
    assert kontor_server.heads() == before


def test_of_200_simultaneous_creations_with_20_idents_exactly_20_succeed(kontor_server):
    idents = [unique("race") for _ in range(20)]
    before, _ = kontor_server.heads()

    def create(number: int) -> httpx.Response:
        return kontor_server.post("/v1/customers", json=examples.erika(debtorIdent=idents[number % 20]))

    with ThreadPoolExecutor(200) as threads:
        answers = list(threads.map(create, range(200)))
    assert Counter(answer.status_code for answer in answers) == {201: 20, 409: 180}
    for answer in answers:
        if answer.status_code == 409:
            is_problem(answer, 409, "debtor-ident-taken")
    assert kontor_server.heads()[0] == before + 20
    [row] = kontor_server.sql(
        "SELECT (SELECT count(*) FROM customer.idents WHERE ident = ANY(%s)) AS idents,"
        " (SELECT count(*) FROM customer.commands WHERE answer->>'debtorIdent' = ANY(%s)) AS commands",
        idents,
        idents,
    )
    assert row == {"idents": 20, "commands": 20}
