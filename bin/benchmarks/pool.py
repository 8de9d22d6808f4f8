"""Which Celery pool suits a worker that mostly waits for an LLM: threads, gevent and prefork under the same load.

Two workers, `CONCURRENCY` tasks in hand each, ask a simulated endpoint: without latency for what the pool can do at
the most, and with a second of latency for whether it really has all of them waiting at once. Rounds take turns, since
other work on the machine disturbs all pools alike then.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis

from bin.benchmarks.closed_loop import ClosedLoop
from bin.benchmarks.machine import Child, cpu_s, pss_mb
from bin.benchmarks.pool_app import ASKED, QUEUE, URL_VARIABLE, app
from bin.benchmarks.simulated import SimulatedLLM, simulated_llm
from bin.benchmarks.surroundings import say, stores_of
from classify.errors import UserError
from config.settings import Settings

WORKERS = 2
CONCURRENCY = 20
LATENCY_S = 1.0
CALLS = len(ASKED)
"""LLM calls an indicator."""
THEORETICAL_IPM = 60 * WORKERS * CONCURRENCY / (CALLS * LATENCY_S)
"""What no pool can exceed with the latency, were all else instant."""
_LATENCY = ("--latency-sigma", "0.1")
"""Spread enough that calls do not march in step, and a mean that is hardly above the median."""
_START_WITHIN_S = 30.0
_FEWEST, _MOST = 2, CONCURRENCY
_AUTOSCALE_WITHIN_S = 30.0


@dataclass(frozen=True)
class Window:
    """What two workers did in a stretch of steady load: indicators a minute, core-seconds for each, calls at once."""

    ipm: float
    cpu_s_per_indicator: float
    cores: float
    calls_in_flight: int


@dataclass(frozen=True)
class Autoscale:
    """Whether a worker started with `--autoscale` grows under load: its size, and calls at once as the LLM saw them."""

    works: bool
    size: int | None
    calls_in_flight: int
    seconds: float
    why_not: str = ""


@dataclass
class PoolResult:
    """Everything about one pool; one entry a round in the lists."""

    pool: str
    ceiling: list[Window] = field(default_factory=list)
    waiting: list[Window] = field(default_factory=list)
    pss_mb: list[float | None] = field(default_factory=list)
    autoscale: Autoscale | None = None


@dataclass(frozen=True)
class Bench:
    """The surroundings of a comparison: where the stores are, the endpoint, logs, and seconds for each window."""

    settings: Settings
    llm: SimulatedLLM
    folder: Path
    seconds: float

    def compare(self, pools: Sequence[str], rounds: int) -> list[PoolResult]:
        """Measure the pools, round by round, then their autoscaling."""
        results = {pool: PoolResult(pool) for pool in pools}
        for number in range(rounds):
            for result in results.values():
                say(f"round {number + 1} of {rounds}: {result.pool}")
                self._measure(result)
        for result in results.values():
            say(f"autoscale: {result.pool}")
            result.autoscale = self._autoscale(result.pool)
        return list(results.values())

    def _measure(self, result: PoolResult) -> None:
        self._empty()
        self.llm.control(latency_s=0)
        with ExitStack() as stack:
            workers = [
                stack.enter_context(self._worker(result.pool, i, "-c", str(CONCURRENCY))) for i in range(WORKERS)
            ]
            self._await(workers)
            loop = stack.enter_context(ClosedLoop(self.settings, in_flight=3 * WORKERS * CONCURRENCY))
            result.ceiling.append(self._window(workers, loop, warm_up_s=4, seconds=self.seconds / 2))
            self.llm.control(latency_s=LATENCY_S)
            warm_up_s = 2 * CALLS * LATENCY_S
            result.waiting.append(self._window(workers, loop, warm_up_s=warm_up_s, seconds=self.seconds))
            weights = [pss_mb(worker.family()) for worker in workers]
            known = [weight for weight in weights if weight is not None]
            result.pss_mb.append(sum(known) / len(known) if known else None)

    def _window(self, workers: Sequence[Child], loop: ClosedLoop, *, warm_up_s: float, seconds: float) -> Window:
        time.sleep(warm_up_s)
        self.llm.reset()
        family = [one for worker in workers for one in worker.family()]
        began, answers, cpu = time.monotonic(), loop.answers(), cpu_s(family)
        time.sleep(seconds)
        elapsed = time.monotonic() - began
        answers, cpu = loop.answers() - answers, cpu_s(family) - cpu
        self._check(workers, loop)
        if not answers:
            raise UserError(f"nothing was answered in {seconds:g} s; logs are in {self.folder}")
        at_once = self.llm.stats()["in_flight"]["max"]
        done = answers / CALLS
        return Window(
            ipm=round(60 * done / elapsed, 1),
            cpu_s_per_indicator=round(cpu / done, 4),
            cores=round(cpu / elapsed, 2),
            calls_in_flight=at_once,
        )

    def _autoscale(self, pool: str) -> Autoscale:
        self._empty()
        self.llm.control(latency_s=LATENCY_S)
        with ExitStack() as stack:
            worker = stack.enter_context(self._worker(pool, 0, f"--autoscale={_MOST},{_FEWEST}"))
            try:
                self._await([worker])
            except UserError as error:
                return Autoscale(False, None, 0, 0, str(error))
            self.llm.reset()
            loop = stack.enter_context(ClosedLoop(self.settings, in_flight=3 * _MOST))
            size, at_once = None, 0
            began = time.monotonic()
            while (elapsed := time.monotonic() - began) < _AUTOSCALE_WITHIN_S:
                time.sleep(1)
                if worker.status is not None:
                    why = f"the worker ended with status {worker.status}: {worker.last_words()}"
                    return Autoscale(False, size, at_once, round(elapsed, 1), why)
                if loop.error:
                    raise loop.error
                at_once = self.llm.stats()["in_flight"]["max"]
                for stats in (app.control.inspect(timeout=1).stats() or {}).values():
                    size = stats.get("autoscaler", {}).get("current", size)
                if size == _MOST and at_once == _MOST:
                    return Autoscale(True, size, at_once, round(time.monotonic() - began, 1))
        why = f"it did not reach {_MOST} in {_AUTOSCALE_WITHIN_S:g} s"
        return Autoscale(False, size, at_once, round(_AUTOSCALE_WITHIN_S, 1), why)

    def _worker(self, pool: str, number: int, *options: str) -> Child:
        # `-m celery … -P gevent` patches the libraries before anything of the app is loaded.
        command = [sys.executable, "-m", "celery", "--quiet", "-A", "bin.benchmarks.pool_app", "worker", "-P", pool]
        command += ["-n", f"{pool}{number}@bench", "-Q", QUEUE, "-l", "WARNING"]
        command += ["--without-gossip", "--without-mingle", *options]
        environment = {**stores_of(self.settings), URL_VARIABLE: self.llm.url}
        return Child(command, environment, self.folder / f"{pool}{number}.log")

    def _await(self, workers: Sequence[Child]) -> None:
        deadline = time.monotonic() + _START_WITHIN_S
        while len(app.control.ping(timeout=1, limit=len(workers))) < len(workers):
            self._check(workers)
            if time.monotonic() > deadline:
                raise UserError(f"the workers did not start: {workers[0].last_words()}")

    def _check(self, workers: Sequence[Child], loop: ClosedLoop | None = None) -> None:
        for worker in workers:
            if worker.status is not None:
                raise UserError(f"a worker ended with status {worker.status}: {worker.last_words()}")
        if loop and loop.error:
            raise loop.error

    def _empty(self) -> None:
        with Redis.from_url(self.settings.redis_address) as redis:
            redis.flushdb()


@contextmanager
def bench(settings: Settings, *, seconds: float) -> Iterator[Bench]:
    """The surroundings of a comparison over stores that are ready, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name, simulated_llm(Path(name), *_LATENCY) as llm:
        yield Bench(settings, llm, Path(name), seconds)


def facts(results: Sequence[PoolResult]) -> dict[str, Any]:
    """The comparison for `--json`."""
    return {
        "workers": WORKERS,
        "concurrency": CONCURRENCY,
        "llm_calls_per_indicator": CALLS,
        "latency_s": LATENCY_S,
        "theoretical_ipm": THEORETICAL_IPM,
        "cpus": os.cpu_count(),
        "pools": [asdict(result) for result in results],
    }


def table(results: Sequence[PoolResult]) -> str:
    """The comparison as a person reads it: means over the rounds."""

    def mean(values: Sequence[float]) -> float:
        return statistics.fmean(values)

    head = f"{'':<8} {'ceiling':>9} {'CPU s':>7} {'at 1 s':>8} {'CPU s':>7} {'at once':>8} {'PSS MB':>7}  autoscale"
    lines = [
        f"{WORKERS} workers x {CONCURRENCY} tasks, {CALLS} LLM calls an indicator; IPM, core-seconds an indicator;"
        f" with {LATENCY_S:g} s latency at the most {THEORETICAL_IPM:g} IPM",
        head,
    ]
    for r in results:
        weights = [weight for weight in r.pss_mb if weight is not None]
        scaled = r.autoscale
        verdict = "" if not scaled else f"works ({scaled.seconds:g} s to {_MOST})" if scaled.works else scaled.why_not
        lines.append(
            f"{r.pool:<8} {mean([w.ipm for w in r.ceiling]):>9,.0f}"
            f" {mean([w.cpu_s_per_indicator for w in r.ceiling]):>7.3f}"
            f" {mean([w.ipm for w in r.waiting]):>8,.0f}"
            f" {mean([w.cpu_s_per_indicator for w in r.waiting]):>7.3f}"
            f" {max(w.calls_in_flight for w in r.waiting):>8}"
            f" {f'{mean(weights):,.0f}' if weights else '?':>7}  {verdict}"
        )
    lines.append(
        "ceiling: without latency. at once: most calls that the endpoint saw. PSS MB: one worker with children"
    )
    return "\n".join(lines)
