"""Use cases of customers' payment accounts."""

from typing import Any
from uuid import UUID

from services.customer.application.changing import ChangingCustomers
from services.customer.commands.payment_accounts import AddPaymentAccount
from services.events import Asked


class PaymentAccounts(ChangingCustomers):
    """Adding and removing payment accounts."""

    def add_payment_account(
        self, customer_id: UUID, body: AddPaymentAccount, asked: Asked, expected: int | None = None
    ) -> dict[str, Any]:
        """Add a payment account; answers paymentAccountId, customerId, version, position."""
        account, now = body.to_payment_account(self._new_id()), asked.context.occurred_at
        return self._change_customer(
            customer_id,
            asked,
            expected,
            lambda customer: customer.add_payment_account(account, now),
            paymentAccountId=str(account.payment_account_id),
        )

    def remove_payment_account(
        self, customer_id: UUID, payment_account_id: UUID, asked: Asked, expected: int | None = None
    ) -> dict[str, Any]:
        """Remove a payment account; answers customerId, version, position."""
        now = asked.context.occurred_at
        return self._change_customer(
            customer_id,
            asked,
            expected,
            lambda customer: customer.remove_payment_account(payment_account_id, now),
        )
