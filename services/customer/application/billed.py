"""What the customer service asks about billing, which decides for itself: answered from what billing has published."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID


class Billed(Protocol):
    """What was billed, as of everything that is stored when it is asked; raises Unavailable where that takes long."""

    def anything_billed_of(self, subject_id: UUID) -> bool:
        """Whether a document bills anything of this contract or order."""

    def failed_customers(self, billing_run_id: UUID) -> int | None:
        """For how many customers a run failed; None while it is not over."""

    def left_to_bill(self, customer_id: UUID) -> Sequence[str]:
        """Idents of the customer's contracts and orders of which something is or will be to be billed."""
