"""Keeps the tests' PostgreSQL in a temporary directory, and stops it when the tests end in whatever way.

It runs as a process of its own (`python -m tests.postgres_guard`), prints the directory once the server
answers, and stops the server when its standard input is closed: the kernel does that even when pytest is killed.
"""

import signal
import sys
import tempfile
from pathlib import Path

from infra.postgres import embedded
from tests.disks import quickest


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for pytest, which closes our input afterwards
    directory = tempfile.TemporaryDirectory(
        prefix="kontor-tests-", dir=quickest(), ignore_cleanup_errors=True
    )
    with directory as name, embedded.running(Path(name), durable=False):
        print(name, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
