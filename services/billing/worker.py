"""A billing worker: follows the customer log and bills what runs ask for, until it is told to stop."""

import threading

from services.billing.application import BillingApplication
from services.billing.repeating import WAIT_SECONDS, repeat
from services.messages import Feed, PartitionedFeed


class Worker:
    """Two loops, one per feed that brings work. Any number of workers, in any processes, share the work.

    `customers` brings what can be billed and which runs are requested; `billing` hints at runs that were
    started.
    """

    def __init__(self, application: BillingApplication, customers: PartitionedFeed, billing: Feed) -> None:
        self._application = application
        self._customers = customers
        self._billing = billing
        self._is_shared_out = False

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; transactions under way are finished."""
        following = threading.Thread(
            target=repeat, args=[self.follow, stop, "following customers"], name="follow customers"
        )
        following.start()
        repeat(self.bill, stop, "billing")
        following.join()

    def follow(self) -> None:
        """Take in what is new in the customer log, or wait for it."""
        if not self._is_shared_out:
            self._application.share_out(self._customers)
            self._is_shared_out = True
        if not self._application.follow(self._customers):
            self._customers.wait(self._application.followed_position(), WAIT_SECONDS)

    def bill(self) -> None:
        """Bill what running runs still have to bill, then look at contracts that changed, or wait for a run."""
        head = self._billing.head()
        if not (self._application.bill_some() or self._application.look_for_corrections()):
            self._billing.wait(head, WAIT_SECONDS)
