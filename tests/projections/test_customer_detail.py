"""One customer: general data, addresses, properties."""

from uuid import UUID

from infra.postgres.pool import Pool
from projections.views import Views
from services.values import AddressType, ContractorReference, EInvoiceFormat, EInvoicing
from tests.projections.logs import Logs
from tests.projections.reading import follow


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
        "contractorReferences": [{"system": "crm", "ident": "0017"}],
        "properties": {"fleet_size": 12, "segment": "mobility", "vip": True, "discount": 0.5},
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


def test_nobody_knows_a_customer_that_was_never_created(views: Views) -> None:
    assert views.customer(UUID(int=5)) is None
    assert views.find_customer("D-nobody") is None


def test_a_customer_is_found_by_debtor_ident(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created("D-4711")
    follow(pool, logs)
    assert views.find_customer("D-4711") == customer_id
