"""Rules of a customer's payment accounts: which fields a method has, and which account is the default."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

import msgspec

from services.errors import FieldError, InvalidFields, NotFound
from services.values import PaymentAccount, PaymentMethod


class PaymentAccountNotFound(NotFound):
    """The customer has no such payment account."""


_OF_EVERY_METHOD = {"payment_account_id", "payment_method", "default", "display_name", "account_holder_name"}


@dataclass(frozen=True, slots=True)
class _Fields:
    """What one method is made of, beside what all have."""

    needed: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()

    def complaint(self, name: str, value: object) -> str | None:
        """What is wrong with this value of a field, if anything is."""
        if value is None:
            return "is needed for this paymentMethod" if name in self.needed else None
        if name in self.needed | self.optional | _OF_EVERY_METHOD:
            return None
        return "is a field of another paymentMethod; leave it out"


_FIELDS: Mapping[PaymentMethod, _Fields] = {
    PaymentMethod.DIRECT_DEBIT: _Fields(
        frozenset({"iban", "mandate_reference", "mandate_date"}), frozenset({"bic"})
    ),
    PaymentMethod.CREDIT_CARD: _Fields(frozenset({"gateway_token", "brand", "last_four", "expiry"})),
    PaymentMethod.PAY_PAL: _Fields(frozenset({"payer_reference"})),
    PaymentMethod.BANK_TRANSFER: _Fields(),
}


def check_payment_account(account: PaymentAccount) -> None:
    """Refuse an account that lacks a field of its method, or has one of another method."""
    fields = _FIELDS[account.payment_method]
    errors = [
        FieldError(field.encode_name, message)
        for field in msgspec.structs.fields(account)
        if (message := fields.complaint(field.name, getattr(account, field.name)))
    ]
    if errors:
        raise InvalidFields(*errors)


def default_after(accounts: Iterable[PaymentAccount], removed: PaymentAccount) -> UUID | None:
    """The account that becomes the default in place of the removed one: the oldest that is left."""
    if not removed.default:
        return None
    return next((a.payment_account_id for a in accounts if a != removed), None)
