"""What an indicator costs at a steady pace: CPU of every process of the stack, memory, connections.

The pace is what the project was made for, 800 IPM against an LLM that takes a second. Rounds take turns with bare
chains at the same pace; a window opens when as many indicators are in flight as there will be.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bin.benchmarks.figures import Figure, Outcome
from bin.benchmarks.meter import SIMULATOR, Meter, Usage, cpu_figures
from bin.benchmarks.stack import Stack, await_end, run_of, stack
from bin.benchmarks.surroundings import say
from classify.errors import UserError
from classify.store import runs
from config.settings import Settings
from tasks.pace import pace

_CALLS = 5
"""LLM calls of an indicator, at the most."""
_WARM_UP_S = 2.0
"""And as long as an indicator takes."""
_LOOKS = 5
"""How often a window is interrupted to weigh memory and count connections."""


@dataclass(frozen=True)
class Window:
    """A stretch of steady load: indicators finished in it, what they used, and the most that was seen."""

    done: int
    usage: Usage
    memory_mb: dict[str, float]
    worker_mb: float
    connections: int
    in_flight: int


def measure(
    settings: Settings, *, ipm: int, latency_ms: int, seconds: int, rounds: int, workers: int, in_flight: int
) -> Outcome:
    """Rounds of so many seconds each; `in_flight` is how many the workers have room for together."""
    latency_s = latency_ms / 1000
    warm_up_s = _WARM_UP_S + _CALLS * latency_s
    count = math.ceil(ipm * (warm_up_s + 1.2 * seconds + 3) / 60)  # such that it outlasts the window
    windows: list[Window] = []
    bare: list[tuple[int, Usage]] = []
    with stack(settings, count, "--latency", str(latency_s)) as s:
        s.start(workers, math.ceil(in_flight / workers))
        at_rest = _at_rest(s, seconds)
        for number in range(rounds):
            bare.append(_bare_chains(s, ipm, seconds))
            windows.append(_indicators(s, count, ipm, warm_up_s, seconds))
            say(
                f"  round {number + 1} of {rounds}: {1000 * windows[-1].usage.total_s / windows[-1].done:.1f}"
                f" core-ms an indicator, baseline {1000 * bare[-1][1].total_s / bare[-1][0]:.1f}"
            )
        bare_mb = s.baseline_worker_mb()
    figures = cpu_figures([(window.done, window.usage) for window in windows], bare)
    figures.append(at_rest)
    figures += _memory(windows, bare_mb)
    figures.append(Figure("database connections", "", tuple(float(window.connections) for window in windows)))
    return Outcome(
        "cost",
        f"{ipm:,} IPM, LLM latency {latency_s:g} s, {workers} workers with room for {in_flight} in flight,"
        f" windows of {seconds} s",
        figures,
        {
            "IPM measured": [round(60 * window.done / window.usage.seconds, 1) for window in windows],
            "most in flight": [window.in_flight for window in windows],
        },
        [window.usage.quiet for window in windows],
    )


def _at_rest(s: Stack, seconds: int) -> Figure:
    """What the stack and the baseline use while they have nothing to do: neither grows with the pace."""
    meter, bare_meter = Meter(s.kinds), Meter(s.baseline_kinds)
    time.sleep(seconds / 2)
    usage, bare = meter.usage(), bare_meter.usage()
    each = ((1000 * u.total_s / u.seconds,) for u in (usage, bare))
    return Figure("CPU at rest", "core-ms a second", *each)


def _indicators(s: Stack, count: int, ipm: int, warm_up_s: float, seconds: int) -> Window:
    batch = run_of(count, ipm)
    time.sleep(warm_up_s)
    meter, before = Meter(s.kinds), runs.counts(batch.run_id).done
    looks = []
    for _ in range(_LOOKS):
        time.sleep(seconds / _LOOKS)
        looks.append((s.memory_mb(), s.worker_mb(), s.database_connections(), pace().now().in_flight))
    usage, done = meter.usage(), runs.counts(batch.run_id).done - before
    if not done:
        raise UserError(f"no indicator was finished in {seconds} s")
    await_end(batch)
    memory, worker, connections, in_flight = zip(*looks, strict=True)
    heaviest = max(memory, key=lambda weights: sum(weights.values()))
    return Window(done, usage, heaviest, max(worker), max(connections), max(in_flight))


def _bare_chains(s: Stack, ipm: int, seconds: int) -> tuple[int, Usage]:
    count = math.ceil(ipm * (_WARM_UP_S + seconds + 1) / 60)
    with s.baseline.sending(count, ipm):
        time.sleep(_WARM_UP_S)
        meter, before = Meter(s.baseline_kinds), s.baseline.done()
        time.sleep(seconds)
        usage, done = meter.usage(), s.baseline.done() - before
        s.baseline.await_done(count)
    return done, usage


def _memory(windows: Sequence[Window], bare_mb: float) -> list[Figure]:
    """PSS in MB: of the stack, of each kind of its processes, and of the heaviest worker."""
    if not windows[0].memory_mb:
        return []  # the system does not tell

    def weights(kind: str) -> tuple[float, ...]:
        return tuple(window.memory_mb[kind] for window in windows)

    kinds = list(windows[0].memory_mb)
    whole = tuple(sum(weights) for weights in zip(*(weights(kind) for kind in kinds if kind != SIMULATOR), strict=True))
    heaviest = Figure("memory a worker", "MB", tuple(window.worker_mb for window in windows), (bare_mb,))
    return [Figure("memory", "MB", whole), *(Figure(f"memory {kind}", "MB", weights(kind)) for kind in kinds), heaviest]
