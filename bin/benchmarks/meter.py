"""What processes use from one moment to another, by kind, and what that is for each indicator."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil

from bin.benchmarks.figures import Figure
from bin.benchmarks.machine import cpu_s
from bin.benchmarks.surroundings import Quiet, Ticks

SIMULATOR = "simulator"


@dataclass(frozen=True)
class Usage:
    """What was used between two moments.

    Parameters
    ----------
    seconds
        Between the moments.
    cpu_s
        Kind of process → core-seconds.
    quiet
        The whole machine.
    """

    seconds: float
    cpu_s: dict[str, float]
    quiet: Quiet

    @property
    def total_s(self) -> float:
        """Core-seconds of the stack, without the simulator."""
        return sum(used for kind, used in self.cpu_s.items() if kind != SIMULATOR)


class Meter:
    """Reads what processes use, from one reading to the next.

    Parameters
    ----------
    kinds
        Gives the processes of each kind that live now.
    """

    def __init__(self, kinds: Callable[[], dict[str, list[psutil.Process]]]) -> None:
        self._kinds = kinds
        self.begin()

    def begin(self) -> None:
        """Begin anew."""
        self._before, self._ticks, self._at = self._read(), Ticks.now(), time.monotonic()
        self._own = cpu_s([psutil.Process()])

    def usage(self) -> Usage:
        """Since the beginning."""
        now = self._read()
        used = {kind: max(0.0, seconds - self._before.get(kind, 0.0)) for kind, seconds in now.items()}
        measured = sum(used.values()) + cpu_s([psutil.Process()]) - self._own
        return Usage(time.monotonic() - self._at, used, Quiet.between(self._ticks, Ticks.now(), measured))

    def _read(self) -> dict[str, float]:
        return {kind: cpu_s(family) for kind, family in self._kinds().items()}


def cpu_figures(used: Sequence[tuple[int, Usage]], bare: Sequence[tuple[int, Usage]]) -> list[Figure]:
    """Core-milliseconds an indicator: of the stack, and of each kind of its processes.

    Parameters
    ----------
    used
        How many indicators were done in each round, and what they used.
    bare
        The same of the baseline's chains.
    """

    def each_ms(rounds: Sequence[tuple[int, Usage]], kind: str) -> tuple[float, ...]:
        return tuple(1000 * usage.cpu_s[kind] / done for done, usage in rounds)

    def whole_ms(rounds: Sequence[tuple[int, Usage]]) -> tuple[float, ...]:
        return tuple(1000 * usage.total_s / done for done, usage in rounds)

    unit = "core-ms an indicator"
    figures = [Figure("CPU", unit, whole_ms(used), whole_ms(bare))]
    for kind in used[0][1].cpu_s:
        in_both = kind in bare[0][1].cpu_s
        figures.append(Figure(f"CPU {kind}", unit, each_ms(used, kind), each_ms(bare, kind) if in_both else ()))
    return figures
