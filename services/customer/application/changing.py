"""How every change of one customer is carried out."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from services.application import Decision, check_version
from services.customer.application.deciding import Deciding
from services.customer.customer import Customer
from services.events import Asked


class ChangingCustomers(Deciding):
    """Loads a customer, checks the version that the caller edits, changes it and answers."""

    def _change_customer(
        self,
        customer_id: UUID,
        asked: Asked,
        expected: int | None,
        change: Callable[[Customer], None],
        **answer: str,
    ) -> dict[str, Any]:
        def decide() -> Decision:
            customer = self.customer(customer_id)
            check_version(expected, customer.version)
            change(customer)
            return Decision(
                [customer], {**answer, "customerId": str(customer_id), "version": customer.version}
            )

        return self._carry_out(asked, decide)
