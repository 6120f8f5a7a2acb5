"""The use case of erasing a customer's personal data (GDPR Art. 17)."""

from typing import Any
from uuid import UUID

from services.application import Decision, check_version
from services.customer.application.deciding import CONTRACT, ERASED, ORDER, Deciding
from services.events import Aggregate, Asked, Claim


class Erasure(Deciding):
    """Erasing customers of whom nothing is left to bill."""

    def erase_customer(self, customer_id: UUID, asked: Asked, expected: int | None = None) -> dict[str, Any]:
        """Erase the personal data, for good; answers customerId, version, position. Once erased, it stays as it is."""

        def decide() -> Decision:
            customer = self.customer(customer_id)
            check_version(expected, customer.version)
            held = self._held_by(customer_id)
            left_to_bill = [] if customer.erased else self._billed.left_to_bill(customer_id)
            customer.erase(left_to_bill, asked.context.occurred_at)
            answer = {"customerId": str(customer_id), "version": customer.version}
            # Usage of very many customers' contracts is checked by this name, without loading the customers.
            claim = Claim(ERASED, str(customer_id), customer_id)
            return Decision([customer], answer, (claim,), relies_on=held, erases=customer_id)

        return self._carry_out(asked, decide)

    def _held_by(self, customer_id: UUID) -> tuple[Aggregate, ...]:
        """The customer's contracts and orders: one that changes or comes meanwhile may leave something to bill."""
        index = self.log_index
        ids = [owner for kind in (CONTRACT, ORDER) for owner in index.held_by(kind, customer_id)]
        return tuple(self.load(ids).values())
