"""Runs the processes of `kontor serve` and starts them again when they die."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from infra.lifecycle import GRACE_SECONDS, PARENT_PIPE

# A process that ran this long was healthy: its next death is no sign of a loop.
HEALTHY_SECONDS = 30.0
PAUSE_FIRST_SECONDS = 0.5
PAUSE_MAX_SECONDS = 30.0
WATCH_SECONDS = 0.2

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Program:
    """A command to keep running, under a name for people, with the file descriptors it inherits."""

    name: str
    command: Sequence[str]
    inherits: tuple[int, ...] = ()


def kontor(*arguments: str) -> list[str]:
    """The command line of a `kontor` command, run by this very Python."""
    # -P: a folder named `infra` where somebody stands must not be taken for ours.
    return [sys.executable, "-P", "-m", "infra", *arguments]


@dataclass(slots=True)
class _Child:
    program: Program
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_again_at: float = 0.0
    deaths: int = 0

    def keep_running(self, pipe: int) -> None:
        if self.process and (code := self.process.poll()) is not None:
            self._note_death(code)
        if self.process is None and time.monotonic() >= self.start_again_at:
            self._start(pipe)

    def _start(self, pipe: int) -> None:
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603
            self.program.command,
            stdin=subprocess.DEVNULL,
            pass_fds=(pipe, *self.program.inherits),
            env=os.environ | {PARENT_PIPE: str(pipe)},
        )

    def _note_death(self, code: int) -> None:
        """Plan the next start: the sooner it died after the last one, the later."""
        now = time.monotonic()
        self.deaths = 1 if now - self.started_at >= HEALTHY_SECONDS else self.deaths + 1
        pause = min(PAUSE_FIRST_SECONDS * 2 ** (self.deaths - 1), PAUSE_MAX_SECONDS)
        self.process, self.start_again_at = None, now + pause
        _log.warning("%s %s; starting it again in %.1f s", self.program.name, _how_it_ended(code), pause)


class Supervisor:
    """Keeps `programs` running while its `with` block is open, and calls `keepers` every second.

    Children are in the supervisor's process group. They end when it ends, however it does, if they
    call `lifecycle.exit_with_parent` first. A keeper that fails is logged and called again.
    """

    def __init__(self, programs: Sequence[Program], keepers: Sequence[Callable[[], object]] = ()) -> None:
        self._children = [_Child(program) for program in programs]
        self._keepers = keepers
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._watch, name="watch", daemon=True),
            threading.Thread(target=self._keep, name="keep", daemon=True),
        ]

    def __enter__(self) -> Self:
        self._pipe, self._own_end = os.pipe()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._threads[0].join()
        _stop([child.process for child in self._children if child.process])
        os.close(self._own_end)
        os.close(self._pipe)

    def wait(self) -> None:
        """Return only by the exception that a stop signal raises, see `lifecycle.exit_on_stop`."""
        while True:
            time.sleep(1.0)  # not signal.pause(): a signal right before it would be waited for twice

    def _watch(self) -> None:
        while not self._stopping.is_set():
            for child in self._children:
                try:
                    child.keep_running(self._pipe)
                except OSError:  # no memory or no process left to start it with
                    _log.exception("%s could not be started", child.program.name)
            self._stopping.wait(WATCH_SECONDS)

    def _keep(self) -> None:
        while not self._stopping.wait(1.0):
            for keeper in self._keepers:
                try:
                    keeper()
                except Exception:
                    _log.exception("trying again")


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(deadline - time.monotonic(), 0.0))
    for process in processes:
        process.kill()  # does nothing to those that ended
        process.wait()


def _how_it_ended(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
