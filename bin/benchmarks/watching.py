"""What watching costs: the CPU of workers and stores at the same load, watched by nobody, bin/monitor, bin/flower.

All take turns within one run at a steady pace, so that they meet the same machine. Flower counts with the task events
that it turns on in every worker; they are turned off again before others have their turn.
"""

import math
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from bin.benchmarks.fleet import Fleet, endpoint
from bin.benchmarks.machine import Child, cpu_s
from bin.benchmarks.surroundings import say
from bin.embedded import postgres, processes, redis
from classify.intake import indicator_from
from classify.samples import generate
from classify.store import runs, sources
from classify.store.runs import Run, Selection
from config.settings import Settings
from tasks.celery import app
from tasks.enqueue import start_run

NOBODY = "nobody"
_WATCHERS: dict[str, Sequence[str]] = {
    NOBODY: (),
    "bin/monitor": ("bin.commands.monitor",),
    "bin/flower": ("bin.commands.flower", "--port"),
}
_IN_HAND = 200
_WARM_UP_S = 10.0
_SETTLE_S = 8.0
"""Flower asks for events every five seconds."""


@dataclass
class Watched:
    """One kind of watcher; one entry a round in the lists.

    Parameters
    ----------
    workers_ms, stores_ms
        Core-milliseconds an indicator.
    own
        Cores that the watcher itself took.
    """

    by: str
    workers_ms: list[float] = field(default_factory=list)
    stores_ms: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)


def measure(settings: Settings, *, workers: int, ipm: float, seconds: float, rounds: int) -> list[Watched]:
    """Let the watchers take turns, `rounds` times, each for `seconds`."""
    results = [Watched(name) for name in _WATCHERS]
    needed = ipm / 60 * (_WARM_UP_S + rounds * len(results) * (seconds + _SETTLE_S + 5))
    sources.load(indicator_from(record)[0] for record in generate(math.ceil(needed)))
    with endpoint("--latency", "1") as (llm, folder), Fleet(settings, llm, folder) as fleet:
        fleet.start("admission")
        for _ in range(workers):
            fleet.start("worker", math.ceil(_IN_HAND / workers))
        fleet.await_ready()
        batch = start_run(Selection(), ipm=ipm, provider="openai")
        assert batch is not None
        time.sleep(_WARM_UP_S)
        for number in range(rounds):
            for result in results:
                say(f"round {number + 1} of {rounds}: {result.by}")
                with _watcher(result.by, folder) as watcher:
                    time.sleep(_SETTLE_S)
                    family = [process for one in fleet.families().values() for process in one]
                    _window(result, batch, seconds, family, _stores(settings), watcher)
    return results


def _window(
    result: Watched,
    batch: Run,
    seconds: float,
    workers: list[psutil.Process],
    stores: list[psutil.Process],
    watcher: list[psutil.Process],
) -> None:
    def now() -> tuple[int, float, float, float]:
        return runs.counts(batch.run_id).done, cpu_s(workers), cpu_s(stores), cpu_s(watcher)

    before = now()
    time.sleep(seconds)
    done, of_workers, of_stores, own = (after - start for after, start in zip(now(), before, strict=True))
    result.workers_ms.append(1000 * of_workers / done)
    result.stores_ms.append(1000 * of_stores / done)
    result.own.append(own / seconds)


@contextmanager
def _watcher(by: str, folder: Path) -> Iterator[list[psutil.Process]]:
    """The watcher at work, drawing as on a terminal; its processes."""
    if by == NOBODY:
        yield []
        return
    command = [sys.executable, "-m", *_WATCHERS[by]]
    if command[-1] == "--port":
        command.append(str(_free_port()))
    with Child(command, {"FORCE_COLOR": "1"}, folder / "watcher.log") as child:
        yield child.family()
    app.control.disable_events()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _stores(settings: Settings) -> list[psutil.Process]:
    found = [psutil.Process(p.pid) for name in (redis.NAME, postgres.NAME) if (p := processes.find(settings, name))]
    return [*found, *(child for one in found for child in one.children(recursive=True))]


def facts(results: Sequence[Watched]) -> list[dict[str, Any]]:
    """As `--json` has it."""
    return [asdict(result) for result in results]


def table(results: Sequence[Watched]) -> str:
    """As a person reads it: the mean of the rounds, and how much more than with nobody."""

    def mean(values: list[float]) -> float:
        return sum(values) / len(values)

    lines = [f"{'watched by':<12} {'workers':>22} {'stores':>22} {'watcher':>12}"]
    nobody = next(result for result in results if result.by == NOBODY)
    for result in results:
        cells = []
        for ours, theirs in ((result.workers_ms, nobody.workers_ms), (result.stores_ms, nobody.stores_ms)):
            more = "" if result is nobody else f" ({100 * (mean(ours) / mean(theirs) - 1):+.1f} %)"
            cells.append(f"{mean(ours):.1f} ms{more}")
        lines.append(f"{result.by:<12} {cells[0]:>22} {cells[1]:>22} {mean(result.own):>6.3f} cores")
    return "\n".join([*lines, "ms: core-milliseconds an indicator"])
