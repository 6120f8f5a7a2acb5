"""The use cases of the customer service: load, decide, save; every one is carried out once per command."""

from services.customer.application.addresses import Addresses
from services.customer.application.billing_runs import BillingRuns
from services.customer.application.contracts import Contracts
from services.customer.application.customers import Customers
from services.customer.application.erasure import Erasure
from services.customer.application.orders import Orders
from services.customer.application.payment_accounts import PaymentAccounts
from services.customer.application.plans import Plans
from services.customer.application.usage import Usage

__all__ = ["CustomerApplication"]


class CustomerApplication(
    Customers, Addresses, PaymentAccounts, Erasure, Plans, Contracts, Usage, Orders, BillingRuns
):
    """Customers, plans, contracts, usage, orders and billing run requests."""
