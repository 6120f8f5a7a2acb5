"""How a document is paid: by what was agreed with the customer, as far as it is to be paid at all."""

from decimal import Decimal

from services.billing.party import Party
from services.values import PaymentMeans, PaymentMethod

SEPA_CURRENCY = "EUR"
"""Direct debits are collected in no other one (SEPA Core and B2B Direct Debit rulebooks, section 2.4)."""


def payment_means(customer: Party, due: Decimal, currency: str) -> PaymentMeans | None:
    """The customer's default payment account as a document shows it; None where money is to be transferred.

    Nothing is collected where nothing is due. What a gateway knows a card or payer by is not shown.
    """
    account = customer.payment_account()
    if account is None or due <= 0 or account.payment_method is PaymentMethod.BANK_TRANSFER:
        return None
    if account.payment_method is PaymentMethod.DIRECT_DEBIT and currency != SEPA_CURRENCY:
        return None
    return PaymentMeans(
        method=account.payment_method,
        account_holder_name=account.account_holder_name,
        iban=account.iban,
        mandate_reference=account.mandate_reference,
        mandate_date=account.mandate_date,
        brand=account.brand,
        last_four=account.last_four,
    )
