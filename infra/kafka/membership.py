"""The names under which the processes of this machine are members of consumer groups: the same ones after a restart."""

import fcntl
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path


@contextmanager
def member_name(directory: Path) -> Iterator[str]:
    """The first name that no living process has; the kernel gives it back when this one ends, however it does."""
    directory.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        with (directory / f"kafka-member-{number}.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield f"{socket.gethostname()}-{number}"
            return
