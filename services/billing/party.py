"""A customer as billing knows it: what decides on which documents it gets and is printed on them, and no more."""

from datetime import datetime
from uuid import UUID

from msgspec import UNSET, structs

from services.messages import (
    AddressAdded,
    AddressEdited,
    AddressRemoved,
    BillingStopLifted,
    BillingStopped,
    CustomerCreated,
    CustomerEdited,
    PaymentAccountAdded,
    PaymentAccountRemoved,
    PersonalDataErased,
)
from services.values import (
    Address,
    AddressType,
    CustomerType,
    DocumentDelivery,
    DocumentGrouping,
    EInvoicing,
    PaymentAccount,
    Personal,
    Value,
    with_address,
    with_payment_account,
    without_address,
    without_payment_account,
)

PartyChange = (
    CustomerEdited
    | AddressAdded
    | AddressEdited
    | AddressRemoved
    | PaymentAccountAdded
    | PaymentAccountRemoved
    | BillingStopped
    | BillingStopLifted
    | PersonalDataErased
)


class Party(Value, frozen=True):
    """The buyer. Personal data rest sealed, as the messages bring them."""

    customer_id: UUID
    debtor_ident: str
    account_number: str
    customer_type: CustomerType
    language: str
    addresses: tuple[Address, ...]
    contact_person: Personal | None = None
    email: Personal | None = None
    vat_id: Personal | None = None
    preferred_document_delivery: DocumentDelivery = DocumentDelivery.NONE
    e_invoicing: EInvoicing | None = None
    group_documents_by: DocumentGrouping = DocumentGrouping.CUSTOMER
    billing_entity: str | None = None
    """Who bills, where a contract or order does not say it; None: the default one."""
    payment_accounts: tuple[PaymentAccount, ...] = ()
    stopped_since: datetime | None = None
    """Since when runs for all customers skip this one."""
    erased: bool = False
    """Nothing can be addressed to this customer any more."""

    @classmethod
    def of(cls, created: CustomerCreated) -> "Party":
        """The party of a new customer."""
        return cls(**{name: getattr(created, name) for name in _FIELDS if hasattr(created, name)})

    def after(self, change: PartyChange) -> "Party":
        """The party once this has happened as well."""
        match change:
            case CustomerEdited():
                return structs.replace(self, **_edited(change))
            case AddressAdded() | AddressEdited():
                return structs.replace(self, addresses=with_address(self.addresses, change.address))
            case AddressRemoved():
                left = without_address(self.addresses, change.address_id, change.default_address_id)
                return structs.replace(self, addresses=left)
            case PaymentAccountAdded():
                accounts = with_payment_account(self.payment_accounts, change.payment_account)
                return structs.replace(self, payment_accounts=accounts)
            case PaymentAccountRemoved():
                accounts = without_payment_account(
                    self.payment_accounts, change.payment_account_id, change.default_payment_account_id
                )
                return structs.replace(self, payment_accounts=accounts)
            case BillingStopped():
                return structs.replace(self, stopped_since=change.since)
            case BillingStopLifted():
                return structs.replace(self, stopped_since=None)
            case PersonalDataErased():
                return structs.replace(self, erased=True)

    def invoice_address(self, address_id: UUID | None) -> Address:
        """The address that is named, or the default one where none is or it was removed."""
        address = self._address(AddressType.INVOICE, address_id)
        assert address is not None, "invoice address 1 is never removed"
        return address

    def shipping_address(self, address_id: UUID | None) -> Address | None:
        """The address that is named, or the default one where none is or it was removed; None if there is none."""
        return self._address(AddressType.SHIPPING, address_id)

    def payment_account(self) -> PaymentAccount | None:
        """The default one; None where nothing was agreed on how the customer pays."""
        return next((account for account in self.payment_accounts if account.default), None)

    def _address(self, address_type: AddressType, address_id: UUID | None) -> Address | None:
        fitting = [a for a in self.addresses if a.address_type is address_type]
        named = (a for a in fitting if a.address_id == address_id)
        return next(named, None) or next((a for a in fitting if a.default), None)


_FIELDS = Party.__struct_fields__


def _edited(edit: CustomerEdited) -> dict[str, object]:
    changes = structs.asdict(edit.changes)
    return {name: value for name, value in changes.items() if name in _FIELDS and value is not UNSET}
