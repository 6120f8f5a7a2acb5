"""How a process of Kontor ends: by a signal, gracefully and once, or when the one that started it is gone."""

import os
import signal
import threading
import time
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

# How long a process may take to finish what it is doing before it is killed.
GRACE_SECONDS = 10.0

# File descriptor of a pipe whose other end only the parent holds: it ends when the parent does, even by kill -9.
PARENT_PIPE = "SUPERVISOR_PIPE"


def exit_on_stop(*more: signal.Signals) -> None:
    """Leave through all `with` blocks at the first stop signal, with exit code 0; later ones are ignored."""
    signals = (*STOP_SIGNALS, *more)

    def leave(_number: int, _frame: FrameType | None) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(0)

    for each in signals:
        signal.signal(each, leave)


def exit_with_parent() -> None:
    """Stop this process when the supervisor that started it vanishes; does nothing when there is none."""
    # Taken out of the environment, so that programs started from here do not take the number for theirs.
    pipe = os.environ.pop(PARENT_PIPE, "")
    if pipe:
        # A closed terminal is the supervisor's business, which tells us to stop.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        threading.Thread(target=_outlive_for_grace, args=[int(pipe)], name="parent", daemon=True).start()


def _outlive_for_grace(pipe: int) -> None:
    os.read(pipe, 1)  # nothing is ever written: this returns when the other end is closed
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)
