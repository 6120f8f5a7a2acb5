"""Keeps the tests' Kafka in a temporary directory, and stops it when the tests end in whatever way.

It runs as a process of its own, as tests/postgres_guard.py does: `python -m tests.kafka_guard BROKERS`.
"""

import signal
import sys
import tempfile
from pathlib import Path

from infra.kafka import broker


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for pytest, which closes our input afterwards
    with tempfile.TemporaryDirectory(prefix="kontor-tests-kafka-", ignore_cleanup_errors=True) as name:
        try:
            broker.up(Path(name), brokers=int(sys.argv[1]), first_port=0)
            print(name, flush=True)
            sys.stdin.read()
        finally:
            broker.down(Path(name))


if __name__ == "__main__":
    main()
