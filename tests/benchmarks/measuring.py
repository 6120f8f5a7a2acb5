"""Speed as a ratio: what is measured and its limit take turns in short rounds, so that both meet the same noise."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

Step = Callable[[], float]
"""Does a round of work and returns its rate, in units a second."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A rate beside its limit; the n-th rates of both were measured in the same round."""

    what: str
    """With its unit, as `commands/s, 32 threads`; the limit's rate is in the same unit."""
    limit: str
    rates: Sequence[float]
    limit_rates: Sequence[float]

    @property
    def rate(self) -> float:
        return median(self.rates)

    @property
    def limit_rate(self) -> float:
        return median(self.limit_rates)

    @property
    def ratios(self) -> list[float]:
        return sorted(rate / limit for rate, limit in zip(self.rates, self.limit_rates, strict=True))

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios: one disturbed round does not move it."""
        return median(self.ratios)


class Turns:
    """Lets steps take turns; the first turn of each only warms up."""

    def __init__(self, rounds: int, say: Callable[[str], None]) -> None:
        """`say` is told what goes on."""
        self._rounds = rounds
        self.say = say

    def take(self, *steps: Step) -> list[list[float]]:
        """The rates of each step, one per round."""
        rates: list[list[float]] = [[] for _ in steps]
        for number in range(self._rounds + 1):
            self.say(f"round {number} of {self._rounds}" if number else "warming up")
            for step, found in zip(steps, rates, strict=True):
                rate = step()
                if number:
                    found.append(rate)
        return rates


def timed(work: Callable[[], int], seconds: float = 0.0) -> float:
    """The rate of work that returns how many units it did, repeated for at least so long."""
    begin, count, elapsed = time.perf_counter(), 0, 0.0
    while not count or elapsed < seconds:
        count += work()
        elapsed = time.perf_counter() - begin
    return count / elapsed
