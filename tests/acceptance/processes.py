"""The processes of a Kontor under test, found by the directory they work on, and a guard that clears them away.

`python -m tests.acceptance.processes` makes a temporary directory and prints it. When its standard input is
closed, which the kernel does even when pytest is killed, it kills whatever still works there and removes it.
"""

import os
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from tests.disks import quickest


def working_in(directory: Path) -> list[int]:
    """Every process that works in `directory`: Kontor's by their settings, PostgreSQL's by where they stand."""
    name = os.fsencode(directory)
    pids = [int(entry) for entry in os.listdir("/proc") if entry.isdecimal()]
    return [pid for pid in pids if pid != os.getpid() and name in _traces(pid)]


def kill_all(directory: Path) -> None:
    """`kill -9` every process that works in `directory`, until none is left."""
    while pids := working_in(directory):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)  # the kernel needs a moment to take them down


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be reaped does not."""
    return Path(f"/proc/{pid}/exe").exists()


def command_of(pid: int) -> list[str]:
    """The process's command line; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace").split("\0")[:-1]
    except OSError:
        return []


def _traces(pid: int) -> bytes:
    """What tells where a process works: its own directory, its arguments, its environment."""
    process = Path(f"/proc/{pid}")
    try:
        place = os.fsencode(os.readlink(process / "cwd"))
        return b"\0".join([place, (process / "cmdline").read_bytes(), (process / "environ").read_bytes()])
    except OSError:  # it is gone, or somebody else's
        return b""


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for pytest, which closes our input afterwards
    with tempfile.TemporaryDirectory(
        prefix="kontor-server-", dir=quickest(), ignore_cleanup_errors=True
    ) as name:
        print(name, flush=True)
        sys.stdin.read()
        kill_all(Path(name))


if __name__ == "__main__":
    main()
