"""The loop of every process that works by itself: again and again, until it is told to stop."""

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

WAIT_SECONDS = 1.0
"""How long a step that finds nothing to do may wait for something."""
PAUSE_FIRST_SECONDS = 0.2
PAUSE_MAX_SECONDS = 10.0


def repeat(step: Callable[[], None], stop: threading.Event, what: str) -> None:
    """Take steps until `stop` is set; one that fails (a lost database, say) is tried again after a pause that grows."""
    pause_seconds = PAUSE_FIRST_SECONDS
    while not stop.is_set():
        try:
            step()
            pause_seconds = PAUSE_FIRST_SECONDS
        except Exception:
            log.exception("%s pauses for %.1f s", what, pause_seconds)
            stop.wait(pause_seconds)
            pause_seconds = min(2 * pause_seconds, PAUSE_MAX_SECONDS)
