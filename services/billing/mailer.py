"""A mailer: sends the documents that are due by e-mail, until it is told to stop."""

import logging
import threading
import traceback

from services.billing.application import BillingApplication
from services.billing.application.deliveries import Mailing
from services.billing.delivery import NotAccepted
from services.messages import Feed, SendFailure

log = logging.getLogger(__name__)

WAIT_SECONDS = 1.0
PAUSE_FIRST_SECONDS = 1.0
PAUSE_MAX_SECONDS = 60.0

_OF_THE_SERVER = (
    SendFailure.SERVER_UNAVAILABLE,
    SendFailure.SIGN_IN_REFUSED,
    SendFailure.SENDER_REFUSED,
)
"""What would keep every other document from being sent, too."""


class Mailer:
    """One loop; any number of mailers, in any processes, share the work. `billing` hints at what was issued.

    Where the mail server is away or refuses us altogether, the mailer pauses longer and longer: otherwise it would
    use up the attempts of all that waits. So it does when anything else fails, such as the database.
    """

    def __init__(self, application: BillingApplication, billing: Feed, mailing: Mailing) -> None:
        self._application = application
        self._billing = billing
        self._mailing = mailing

    def run(self, stop: threading.Event) -> None:
        """Send until `stop` is set; the attempt under way is finished."""
        pause_seconds = PAUSE_FIRST_SECONDS
        while not stop.is_set():
            if self._step():
                pause_seconds = PAUSE_FIRST_SECONDS
                continue
            log.warning("mailing pauses for %.0f s", pause_seconds)
            stop.wait(pause_seconds)
            pause_seconds = min(2 * pause_seconds, PAUSE_MAX_SECONDS)

    def _step(self) -> bool:
        """Make the next attempt, or wait for one; False where a pause is called for."""
        try:
            head = self._billing.head()
            result = self._application.deliver_next(self._mailing)
            if result is None:
                self._mailing.postbox.close()
                self._billing.wait(head, WAIT_SECONDS)
        except Exception as error:
            # Without the error's text, which may quote an address.
            where = traceback.extract_tb(error.__traceback__)[-1]
            log.error("sending failed: %s in %s, line %d", type(error).__name__, where.name, where.lineno)
            return False
        return not (isinstance(result, NotAccepted) and result.failure in _OF_THE_SERVER)
