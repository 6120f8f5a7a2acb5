"""One customer: general data, addresses, properties, payment accounts, billing stop, erasure."""

from uuid import UUID

from infra.postgres.pool import Pool
from projections.views import Views
from services.personal_data import PREFIX
from services.values import AddressType, ContractorReference, EInvoiceFormat, EInvoicing, PaymentMethod
from tests.projections.logs import Logs
from tests.projections.reading import all_rows, follow


def test_a_created_customer_has_every_field_also_those_nobody_gave(
    pool: Pool, logs: Logs, views: Views
) -> None:
    customer_id = logs.customer_created(
        "D-4711",
        vat_id="DE136695976",
        contractor_references=(ContractorReference(system="crm", ident="0017"),),
        e_invoicing=EInvoicing(format=EInvoiceFormat.XRECHNUNG, buyer_reference="04011000-12345-03"),
        properties={"fleet_size": 12, "segment": "mobility", "vip": True, "discount": 0.5},
    )
    follow(pool, logs)
    customer = views.customer(customer_id)
    assert customer is not None
    addresses = customer.pop("addresses")
    assert customer == {
        "customerId": str(customer_id),
        "debtorIdent": "D-4711",
        "accountNumber": "100001",
        "customerType": "B2B",
        "language": "de",
        "name": "Beispiel GmbH",
        "email": None,
        "phone": None,
        "contactPerson": None,
        "vatId": "DE136695976",
        "taxNumber": None,
        "preferredDocumentDelivery": "NONE",
        "eInvoicing": {"format": "XRECHNUNG", "buyerReference": "04011000-12345-03"},
        "groupDocumentsBy": "CUSTOMER",
        "billingEntity": None,
        "contractorReferences": [{"system": "crm", "ident": "0017"}],
        "properties": {"fleet_size": 12, "segment": "mobility", "vip": True, "discount": 0.5},
        "paymentAccounts": [],
        "billingStop": None,
        "balance": [],
        "erased": False,
        "version": 1,
        "createdAt": "2026-01-01T08:01:00Z",
        "updatedAt": "2026-01-01T08:01:00Z",
    }
    [address] = addresses
    assert (address["addressType"], address["default"], address["street"]) == ("INVOICE", False, None)


def test_an_edit_changes_only_what_it_names_and_counts_the_version(
    pool: Pool, logs: Logs, views: Views
) -> None:
    customer_id = logs.customer_created(email="old@example.com", phone="+49 40 1")
    logs.customer_edited(customer_id, language="en", email=None, version=2)
    follow(pool, logs)
    customer = views.customer(customer_id)
    assert customer is not None
    assert (customer["language"], customer["email"], customer["phone"]) == ("en", None, "+49 40 1")
    assert (customer["version"], customer["updatedAt"]) == (2, "2026-01-01T08:02:00Z")


def test_the_name_is_that_of_the_first_invoice_address(pool: Pool, logs: Logs, views: Views) -> None:
    address_id = UUID(int=7)
    customer_id = logs.customer_created(address={"address_id": address_id})
    logs.address_added(customer_id, company="Lager", address_type=AddressType.SHIPPING)
    logs.address_edited(
        customer_id,
        logs.address(
            address_id=address_id, company=None, academic_title="Dr.", first_name="Erika", last_name="Muster"
        ),
    )
    follow(pool, logs)
    customer = views.customer(customer_id)
    assert customer is not None
    assert customer["name"] == "Dr. Erika Muster"
    assert [address["company"] for address in customer["addresses"]] == [None, "Lager"]


def test_a_new_default_address_takes_it_from_the_other_of_its_type(
    pool: Pool, logs: Logs, views: Views
) -> None:
    customer_id = logs.customer_created(address={"default": True})
    second = logs.address_added(customer_id, default=True, city="Kiel")
    logs.address_added(customer_id, default=True, address_type=AddressType.SHIPPING)
    follow(pool, logs)
    customer = views.customer(customer_id)
    assert customer is not None
    assert [address["default"] for address in customer["addresses"]] == [False, True, True]
    assert customer["addresses"][1]["addressId"] == str(second.address_id)


def test_a_removed_address_is_gone_and_another_becomes_the_default(
    pool: Pool, logs: Logs, views: Views
) -> None:
    customer_id = logs.customer_created()
    one = logs.address_added(customer_id, default=True, address_type=AddressType.SHIPPING)
    other = logs.address_added(customer_id, address_type=AddressType.SHIPPING)
    logs.address_removed(customer_id, one.address_id, other.address_id)
    follow(pool, logs)
    customer = views.customer(customer_id)
    assert customer is not None
    shown = [(address["addressId"], address["default"]) for address in customer["addresses"][1:]]
    assert shown == [(str(other.address_id), True)]


def test_properties_are_set_and_removed_one_by_one(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created(properties={"fleet_size": 12, "segment": "mobility"})
    logs.property_set(customer_id, "fleet_size", 13)
    logs.property_set(customer_id, "vip", True)
    logs.property_removed(customer_id, "segment")
    follow(pool, logs)
    customer = views.customer(customer_id)
    assert customer is not None
    assert customer["properties"] == {"fleet_size": 13, "vip": True}


def test_payment_accounts_are_shown_with_the_iban_masked(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    debit = logs.payment_account_added(customer_id, default=True, mandate_reference="M-1")
    card = logs.payment_account_added(
        customer_id,
        payment_method=PaymentMethod.CREDIT_CARD,
        iban=None,
        default=True,
        gateway_token="tok_secret",
        last_four="4242",
    )
    follow(pool, logs)
    customer = views.customer(customer_id)
    assert customer is not None
    shown = customer["paymentAccounts"]
    assert [(a["paymentAccountId"], a["default"]) for a in shown] == [(str(debit), False), (str(card), True)]
    assert (shown[0]["iban"], shown[0]["accountHolderName"], shown[0]["mandateReference"]) == (
        "DE89 •••• 3000",
        "Erika Muster",
        "M-1",
    )
    assert (shown[1]["lastFour"], shown[1]["iban"]) == ("4242", None)
    assert "tok_secret" not in str(customer)
    logs.payment_account_removed(customer_id, card, heir=debit)
    follow(pool, logs)
    customer = views.customer(customer_id)
    assert customer is not None
    assert [(a["paymentAccountId"], a["default"]) for a in customer["paymentAccounts"]] == [
        (str(debit), True)
    ]


def test_a_billing_stop_is_shown_until_it_is_lifted(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    logs.billing_stopped(customer_id, "dispute")
    follow(pool, logs)
    customer = views.customer(customer_id)
    assert customer is not None
    assert customer["billingStop"] == {"reason": "dispute", "since": "2026-01-01T08:00:00Z"}
    logs.billing_stop_lifted(customer_id)
    follow(pool, logs)
    customer = views.customer(customer_id)
    assert customer is not None
    assert customer["billingStop"] is None


def test_of_an_erased_customer_everything_personal_reads_erased(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created(
        "D-4711",
        email="rechnung@example.com",
        properties={"fleet_size": 12},
        address={"company": None, "academic_title": "Dr.", "first_name": "Erika", "last_name": "Muster"},
    )
    logs.payment_account_added(customer_id)
    logs.billing_stopped(customer_id)
    logs.erased(customer_id, version=5)
    follow(pool, logs)
    customer = views.customer(customer_id)
    assert customer is not None
    assert (customer["erased"], customer["version"], customer["debtorIdent"]) == (True, 5, "D-4711")
    assert (customer["name"], customer["email"], customer["phone"]) == ("[erased]", "[erased]", None)
    assert customer["properties"] == {"fleet_size": "[erased]"}
    assert customer["addresses"][0]["city"] == "[erased]"
    assert customer["addresses"][0]["country"] == "DE"
    assert customer["paymentAccounts"][0]["iban"] == "[erased]"
    assert customer["billingStop"] is not None
    assert customer["billingStop"]["reason"] == "[erased]"


def test_what_is_stored_of_a_person_is_sealed(pool: Pool, logs: Logs) -> None:
    logs.payment_account_added(logs.customer_created(email="rechnung@example.com"))
    follow(pool, logs)
    [row] = all_rows(pool)["customer_detail"]
    assert row["state"]["email"].startswith(PREFIX)
    for personal in ("rechnung@example.com", "Beispiel GmbH", "Hamburg", "DE89370400440532013000"):
        assert personal not in str(row)


def test_nobody_knows_a_customer_that_was_never_created(views: Views) -> None:
    assert views.customer(UUID(int=5)) is None
    assert views.find_customer("D-nobody") is None


def test_a_customer_is_found_by_debtor_ident(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created("D-4711")
    follow(pool, logs)
    assert views.find_customer("D-4711") == customer_id
