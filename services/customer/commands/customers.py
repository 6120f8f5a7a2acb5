"""Commands about customers and their addresses."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from services.customer.commands.kinds import NOT_SENT, Ident, OptionalIdent
from services.customer.commands.properties import Property, PropertyKey
from services.customer.customer import ADDRESSES_MAX, PROPERTIES_MAX
from services.fields import Body, Country, OptionalText, Text
from services.identifiers import Email, Language, VatId
from services.values import (
    Address,
    AddressType,
    ContractorReference,
    CustomerType,
    DocumentDelivery,
    DocumentGrouping,
    EInvoiceFormat,
    EInvoicing,
)

REFERENCES_MAX = 100


class AddressBody(Body):
    """An address: a B2C customer's has a last name, every other one's a company."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "addressType": "SHIPPING",
                    "company": "Beispiel GmbH",
                    "department": "Warenannahme",
                    "street": "Kaistraße",
                    "streetNumber": "4",
                    "postalCode": "20457",
                    "city": "Hamburg",
                    "country": "DE",
                }
            ]
        }
    )

    address_type: AddressType
    country: Country
    default: bool = False
    academic_title: OptionalText = None
    first_name: OptionalText = None
    last_name: OptionalText = None
    company: OptionalText = None
    department: OptionalText = None
    address_addition: OptionalText = None
    street: OptionalText = None
    street_number: OptionalText = None
    post_office_box: OptionalText = None
    postal_code: OptionalText = None
    city: OptionalText = None
    state: OptionalText = None
    email: Email = None

    def to_address(self, address_id: UUID) -> Address:
        return Address(address_id=address_id, **self.model_dump())


class ContractorReferenceBody(Body):
    """The same customer in a third-party system."""

    system: Text
    ident: Text


class EInvoicingBody(Body):
    """Which e-invoice the customer gets; `buyerReference` carries a German Leitweg-ID where there is one."""

    format: EInvoiceFormat
    buyer_reference: OptionalText = None


def references(bodies: tuple[ContractorReferenceBody, ...]) -> tuple[ContractorReference, ...]:
    return tuple(ContractorReference(system=body.system, ident=body.ident) for body in bodies)


def e_invoicing(body: EInvoicingBody | None) -> EInvoicing | None:
    return EInvoicing(format=body.format, buyer_reference=body.buyer_reference) if body else None


References = Annotated[tuple[ContractorReferenceBody, ...], Field(max_length=REFERENCES_MAX)]


class CreateCustomer(Body):
    """`POST /v1/customers`; the debtor ident defaults to the account number that Kontor makes."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "debtorIdent": "D-4712",
                    "customerType": "B2B",
                    "language": "de",
                    "vatId": "DE136695976",
                    "email": "rechnung@example.com",
                    "contactPerson": "Erika Beispiel",
                    "phone": "+49 40 1234",
                    "contractorReferences": [{"system": "crm", "ident": "0018"}],
                    "preferredDocumentDelivery": "NONE",
                    "eInvoicing": {"format": "XRECHNUNG", "buyerReference": "04011000-12345-03"},
                    "properties": {"fleet_size": 12, "segment": "mobility", "since": "2019-05-01"},
                    "addresses": [
                        {
                            "addressType": "INVOICE",
                            "company": "Beispiel GmbH",
                            "street": "Alsterufer",
                            "streetNumber": "1",
                            "postalCode": "20354",
                            "city": "Hamburg",
                            "country": "DE",
                        },
                        {
                            "addressType": "SHIPPING",
                            "company": "Beispiel GmbH",
                            "street": "Kaistraße",
                            "streetNumber": "2",
                            "postalCode": "20457",
                            "city": "Hamburg",
                            "country": "DE",
                        },
                    ],
                }
            ]
        }
    )

    customer_type: CustomerType
    language: Language
    addresses: Annotated[tuple[AddressBody, ...], Field(min_length=1, max_length=ADDRESSES_MAX)]
    debtor_ident: Ident | None = None
    contractor_references: References = ()
    contact_person: OptionalText = None
    email: Email = None
    phone: OptionalText = None
    vat_id: VatId = None
    tax_number: OptionalText = None
    preferred_document_delivery: DocumentDelivery = DocumentDelivery.NONE
    e_invoicing: EInvoicingBody | None = None
    group_documents_by: DocumentGrouping = DocumentGrouping.CUSTOMER
    billing_entity: OptionalIdent = None
    properties: Annotated[dict[PropertyKey, Property], Field(max_length=PROPERTIES_MAX)] = Field(
        default_factory=dict
    )


class EditCustomer(Body):
    """`PATCH /v1/customers/{id}`: only what is sent changes; null clears an optional field."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "language": "en",
                    "contactPerson": "Max Muster",
                    "email": "invoices@example.com",
                    "preferredDocumentDelivery": "EMAIL",
                    "contractorReferences": [
                        {"system": "crm", "ident": "0017"},
                        {"system": "shop", "ident": "42"},
                    ],
                    "groupDocumentsBy": "CONTRACT",
                }
            ]
        }
    )

    customer_type: CustomerType = NOT_SENT
    language: Language = NOT_SENT
    contractor_references: References = NOT_SENT
    contact_person: OptionalText = None
    email: Email = None
    phone: OptionalText = None
    vat_id: VatId = None
    tax_number: OptionalText = None
    preferred_document_delivery: DocumentDelivery = NOT_SENT
    e_invoicing: EInvoicingBody | None = None
    group_documents_by: DocumentGrouping = NOT_SENT
    billing_entity: OptionalIdent = None
