"""A renderer: makes the files of issued documents and records what they are, until it is told to stop."""

import threading

from services.billing.application import BillingApplication
from services.billing.repeating import WAIT_SECONDS, repeat
from services.messages import Feed


class Renderer:
    """One loop. Any number of renderers, in any processes, share the work; `billing` brings the documents.

    What was parked for a reason is tried again at the start, as the reason may have been repaired.
    """

    def __init__(self, application: BillingApplication, billing: Feed) -> None:
        self._application = application
        self._billing = billing

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; documents under way are finished."""
        self._application.retry_parked_documents(also_unended=False)
        repeat(self.render, stop, "rendering")

    def render(self) -> None:
        """Render some of the documents that are not, or wait for one."""
        head = self._billing.head()
        found = self._application.find_documents_to_render(self._billing)
        if not (self._application.render_some() or found):
            self._billing.wait(head, WAIT_SECONDS)
