"""A customer's general data, and the rules that its fields keep together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from services.errors import FieldError, InvalidFields
from services.messages import CustomerChanges
from services.values import (
    ContractorReference,
    CustomerType,
    DocumentDelivery,
    DocumentGrouping,
    EInvoicing,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A customer's data besides idents and addresses, as first recorded."""

    customer_type: CustomerType
    language: str
    contractor_references: tuple[ContractorReference, ...] = ()
    contact_person: str | None = None
    email: str | None = None
    phone: str | None = None
    vat_id: str | None = None
    tax_number: str | None = None
    preferred_document_delivery: DocumentDelivery = DocumentDelivery.NONE
    e_invoicing: EInvoicing | None = None
    group_documents_by: DocumentGrouping = DocumentGrouping.CUSTOMER
    billing_entity: str | None = None


def present(changes: CustomerChanges) -> dict[str, Any]:
    """The fields that an edit mentions."""
    return {k: v for k, v in msgspec.structs.asdict(changes).items() if v is not msgspec.UNSET}


def check_delivery(delivery: DocumentDelivery, email: str | None) -> None:
    if delivery is DocumentDelivery.EMAIL and not email:
        raise InvalidFields(FieldError("email", "is needed when documents are delivered by EMAIL"))


def check_references(references: Sequence[ContractorReference]) -> None:
    """A third-party system's ident is named once."""
    seen: set[ContractorReference] = set()
    for index, reference in enumerate(references):
        if reference in seen:
            field = f"contractorReferences[{index}]"
            raise InvalidFields(FieldError(field, "is there before; name it once", reference.ident))
        seen.add(reference)
