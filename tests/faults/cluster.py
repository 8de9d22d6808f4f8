"""A cluster of real processes over the test's own stores, against the simulated endpoint; things to do to it, and
the figures of what it survived."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bin.commands.admission import CONCURRENCY as CONCURRENCY_OF_ADMISSION
from bin.embedded import processes
from classify.indicator import Indicator
from classify.intake import indicator_from
from classify.samples import generate
from classify.store import engine, facts, runs, sources
from config.settings import ROOT, Settings

ADMISSION = "admission"
WORKERS = ("worker1", "worker2", "worker3")
CONCURRENCY = 40
AT_THE_GATE = CONCURRENCY_OF_ADMISSION + 1
"""Messages that an admission worker has in hand at the most: those it runs, and the one that waits for the pace."""
INDICATORS = 1000
IPM = 1800
LATENCY_S = 0.4


class Simulator:
    """The simulated endpoint, in a process of its own."""

    def __init__(self, port: int = 0) -> None:
        command = [sys.executable, "-m", "bin.commands.simulate_llm", "--port", str(port)]
        command += ["--latency", str(LATENCY_S), "--latency-sigma", "0.3"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().decode().strip()

    @property
    def port(self) -> int:
        return int(self.url.split(":")[2].split("/")[0])

    def stats(self) -> dict[str, Any]:
        with urllib.request.urlopen(self.url.removesuffix("/v1") + "/stats", timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()  # type: ignore[union-attr]


@dataclass(frozen=True)
class Figures:
    """What a run looked like in the end.

    Parameters
    ----------
    calls
        Asked of the endpoint, however they ended.
    lost_calls
        Of these, those whose answer no worker lived to keep.
    paid_twice
        Kept calls beyond one for each stage of each indicator.
    recovery_s
        The longest time in which no indicator was finished.
    slowest_s
        From an indicator's admission to its end.
    """

    classified: int
    duplicates: int
    stage_rows: set[int]
    calls: int
    lost_calls: int
    paid_twice: int
    recovery_s: float
    slowest_s: float
    elapsed_s: float


class Cluster:
    """An admission worker and stage workers that are killed, stopped and started at will."""

    def __init__(self, settings: Settings, simulator: Simulator) -> None:
        self.settings = settings
        self.simulator = simulator
        self.calls_before = 0
        self.environment = {"OPENAI_BASE_URL": simulator.url, "OPENAI_TIMEOUT": "10", "LOG_LEVEL": "INFO"}

    def start(self, *names: str, options: Sequence[str] = (), supervised: bool = False) -> None:
        guard = [sys.executable, "-m", "bin.supervisor"] if supervised else []
        for name in names:
            module = "admission" if name == ADMISSION else "worker"
            size = [] if name == ADMISSION else ["--concurrency", str(CONCURRENCY)]
            command = [*guard, sys.executable, "-m", f"bin.commands.{module}", "--name", name, *size, *options]
            processes.spawn(self.settings, name, command, self.environment)

    def replace_simulator(self, pause_s: float) -> None:
        """Kill the endpoint, and start it again at the same address after a pause."""
        self.calls_before += self.simulator.stats()["requests"]
        self.simulator.kill()
        time.sleep(pause_s)
        self.simulator = Simulator(self.simulator.port)

    def signal(self, number: signal.Signals, *names: str) -> None:
        for name in names:
            process = processes.find(self.settings, name)
            assert process is not None, f"{name} does not run"
            os.kill(process.pid, number)
            if number == signal.SIGKILL:
                assert processes.wait(process, 5)

    def kill_supervised(self, name: str) -> None:
        """Kill a worker, not the supervisor that starts it again."""
        supervisor = processes.find(self.settings, name)
        assert supervisor is not None
        for child in psutil.Process(supervisor.pid).children():
            child.kill()

    def stop(self) -> None:
        processes.stop(self.settings, [ADMISSION, *WORKERS], signal.SIGKILL)

    def enqueue(self, indicators: int = INDICATORS, ipm: float = IPM) -> str:
        """Load so many sample indicators and start a run over them; its id."""
        sources.load(self._samples(indicators))
        command = [sys.executable, "-m", "bin.commands.enqueue", "--provider", "openai", "--ipm", str(ipm), "--json"]
        environment = {**os.environ, **self.environment, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        run_id: str = json.loads(done.stdout)["run_id"]
        return run_id

    @staticmethod
    def _samples(count: int) -> Iterator[Indicator]:
        for record in generate(count):
            yield indicator_from(record)[0]

    def finished(self, run_id: str) -> int:
        return patiently(lambda: runs.counts(run_id).finished)

    def wait(self, run_id: str, count: int = INDICATORS, timeout_s: float = 170) -> None:
        """Wait until so many indicators of a run are finished."""
        deadline = time.monotonic() + timeout_s
        while (finished := self.finished(run_id)) < count:
            assert time.monotonic() < deadline, f"{finished} of {count} finished after {timeout_s} s"
            time.sleep(0.2)

    def figures(self, run_id: str) -> Figures:
        runs.close_finished_runs()
        proof = facts.verify(run_id)
        assert proof.ok, proof
        calls = self.calls_before + self.simulator.stats()["requests"]
        with engine().connect() as connection:
            kept, distinct = connection.execute(
                text("SELECT count(*), count(DISTINCT (indicator_id, stage)) FROM llm_calls WHERE outcome = 'ok'")
            ).one()
            recovery, slowest, elapsed = connection.execute(
                text("""
                    SELECT max(gap), max(latency), max(elapsed) FROM (
                        SELECT extract(epoch FROM finished_at - lag(finished_at) OVER (ORDER BY finished_at)) AS gap,
                            extract(epoch FROM finished_at - admitted_at) AS latency,
                            extract(epoch FROM finished_at - min(admitted_at) OVER ()) AS elapsed
                        FROM run_indicators WHERE run_id = :run_id) AS timed
                """),
                {"run_id": run_id},
            ).one()
        return Figures(
            classified=proof.classified,
            duplicates=proof.duplicates,
            stage_rows=set(proof.stage_rows.values()),
            calls=calls,
            lost_calls=calls - kept,
            paid_twice=kept - distinct,
            recovery_s=round(float(recovery), 1),
            slowest_s=round(float(slowest), 1),
            elapsed_s=round(float(elapsed), 1),
        )


def patiently(ask: Callable[[], Any], timeout_s: float = 60) -> Any:
    """What `ask` gives as soon as PostgreSQL answers; the tests' own connections are cut along with the workers'."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return ask()
        except DBAPIError:
            if time.monotonic() > deadline:
                raise
            engine().dispose()
            time.sleep(0.2)


class _NoSimulator:
    """For runs that ask no endpoint."""

    url = ""


no_simulator: Simulator = _NoSimulator()  # type: ignore[assignment]


def wait_for(what: Callable[[], object], timeout_s: float) -> None:
    """Wait until `what` holds; a store that is away for a moment is waited for, too."""
    deadline = time.monotonic() + timeout_s
    while not patiently(what):
        assert time.monotonic() < deadline, f"still not so after {timeout_s} s"
        time.sleep(0.1)


@contextmanager
def running(settings: Settings) -> Iterator[Cluster]:
    """A cluster that runs, and is gone afterwards whatever happens."""
    simulator = Simulator()
    cluster = Cluster(settings, simulator)
    try:
        cluster.start(ADMISSION, *WORKERS)
        yield cluster
    finally:
        cluster.stop()
        cluster.simulator.kill()
