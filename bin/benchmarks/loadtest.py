"""One load test: generated indicators at a pace through real workers on this machine, and what that took of it."""

import math
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import psutil
from rich.console import Console
from sqlalchemy import text

from bin import capacity
from bin.benchmarks.fleet import Fleet, endpoint
from bin.benchmarks.machine import cpu_s, pss_mb
from bin.embedded import postgres, processes
from bin.progress import follow
from classify.intake import indicator_from
from classify.samples import generate
from classify.store import calls, engine, facts, runs, sources
from classify.store.engine import APPLICATION
from classify.store.runs import Selection
from config.settings import Settings
from tasks.clients import redis_client
from tasks.enqueue import start_run

SIGMA = 0.3
"""Spread of the endpoint's latency: the deviation of its logarithm."""
_IDLE_FOR_S = 2.0
_WEIGH_EVERY = 5
"""Looks, about one a second, between two weighings."""
_GIVE_UP_AFTER = 3.0
_GRACE_S = 60.0


@dataclass(frozen=True)
class Load:
    """What is asked for.

    Parameters
    ----------
    latency_s
        Mean seconds of a call.
    faults
        Share of calls that fail, in equal parts: a server's error, a closed connection, an answer of no use.
    rpm, tpm
        What the simulated endpoint takes a minute; None for no limit.
    fleet
        Workers of `concurrency` tasks each.
    """

    ipm: float
    indicators: int
    provider: str
    latency_s: float
    faults: float
    rpm: float | None
    tpm: float | None
    fleet: capacity.Fleet
    concurrency: int


@dataclass
class _Watch:
    """Looks at the stores and weighs the workers while a run goes on."""

    fleet: Fleet
    run_id: str
    deadline: float
    looks: int = 0
    connections: int = 0
    redis_bytes: int = 0
    worker_mb: list[float] = field(default_factory=list)
    admission_mb: list[float] = field(default_factory=list)

    def __call__(self) -> None:
        if time.monotonic() > self.deadline:
            runs.halt(self.run_id, "the load test gave up waiting: three times what the pace would take")
        if self.looks % _WEIGH_EVERY == _WEIGH_EVERY - 1:
            self.worker_mb = [pss_mb(one) or 0.0 for one in self.fleet.families("worker").values()]
            self.admission_mb = [pss_mb(one) or 0.0 for one in self.fleet.families("admission").values()]
        self.connections = max(self.connections, _sessions())
        self.redis_bytes = max(self.redis_bytes, _redis_bytes())
        self.looks += 1


def _sessions() -> int:
    """Sessions of workers and commands in the database of this load test, this command's own among them."""
    statement = text(f"""
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE '{APPLICATION}%'
    """)
    with engine().connect() as connection:
        return int(connection.scalar(statement) or 0)


def _redis_bytes() -> int:
    return int(redis_client().info("memory")["used_memory"])


def _disk_bytes() -> int:
    with engine().connect() as connection:
        return int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)


def run(own: Settings, load: Load) -> dict[str, Any]:
    """Run it over stores that are apart; the facts, under the keys of `--json`."""
    disk = _disk_bytes()
    sources.load(indicator_from(record)[0] for record in generate(load.indicators))
    median = load.latency_s / math.exp(SIGMA**2 / 2)
    knobs = ["--latency", f"{median:.6f}", "--latency-sigma", str(SIGMA)]
    for flag in ("--fail-500", "--drop", "--rubbish"):
        knobs += [flag, f"{load.faults / 3:.6f}"]
    for flag, limit in (("--rpm", load.rpm), ("--tpm", load.tpm)):
        knobs += [flag, f"{limit:g}"] if limit else []
    limits = {"OPENAI_RPM": own.openai_rpm, "OPENAI_TPM": own.openai_tpm}  # the gate of the installation counts
    environment = {name: f"{limit:g}" if limit else "" for name, limit in limits.items()}
    with ExitStack() as stack:
        llm, folder = stack.enter_context(endpoint(*knobs))
        fleet = stack.enter_context(Fleet(own, llm, folder, environment))
        for _ in range(load.fleet.admissions):
            fleet.start("admission")
        for _ in range(load.fleet.workers):
            fleet.start("worker", load.concurrency)
        fleet.await_ready()
        idle = _idle_cores(fleet)
        llm.reset()
        redis = _redis_bytes()
        began, started = _spent_s(own, fleet), time.monotonic()
        batch = start_run(Selection(), ipm=load.ipm, provider=load.provider)
        assert batch is not None
        longest_s = _GIVE_UP_AFTER * 60 * load.indicators / load.ipm + _GRACE_S
        watch = _Watch(fleet, batch.run_id, time.monotonic() + longest_s)
        batch = follow(batch, Console(stderr=True), check=watch, leave=False).run
        spent = {name: value - began[name] for name, value in _spent_s(own, fleet).items()}
        took_s = time.monotonic() - started
        stats = llm.stats()
    account, proof = facts.report(batch), facts.verify(batch.run_id)
    done = max(1, account["completed"])
    cores = sum(spent.values()) / took_s
    spent["workers"] -= idle * load.fleet.workers * took_s  # told apart: it grows with the workers, not with their work
    return {
        **{k: account[k] for k in _OF_THE_REPORT},
        "missing": proof.missing,
        "duplicates": proof.duplicates,
        "latency_s": account["latency_s"],
        "call_latency_s": calls.latency_s(batch.run_id),
        "calls_in_flight": stats["in_flight"]["max"],
        "connections": watch.connections,
        "memory_mb": {
            "worker": _most(watch.worker_mb),
            "admission": _most(watch.admission_mb),
            "all": round(sum(watch.worker_mb + watch.admission_mb), 1),
        },
        "redis_kb_per_indicator": round((watch.redis_bytes - redis) / 1000 / load.indicators, 2),
        "disk_kb_per_indicator": round((_disk_bytes() - disk) / 1000 / load.indicators, 2),
        "idle_cores_a_worker": idle,
        "cpu_s_per_indicator": {name: round(value / done, 5) for name, value in spent.items()},
        "cores": round(cores, 2),
        "verified": proof.ok,
    }


_OF_THE_REPORT = (
    "run_id",
    "status",
    "reason",
    "provider",
    "model",
    "total",
    "completed",
    "failed",
    "target_ipm",
    "admitted_ipm",
    "completed_ipm",
    "worst_10s_ipm",
    "elapsed_s",
    "llm_calls",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "cost_usd",
    "outcomes",
    "failures",
    "workers",
)


def _most(values: list[float]) -> float | None:
    return round(max(values), 1) if any(values) else None


def _idle_cores(fleet: Fleet) -> float:
    """What a worker uses that has nothing to do, as a share of a core."""
    families = fleet.families("worker").values()
    began = sum(cpu_s(family) for family in families)
    time.sleep(_IDLE_FOR_S)
    return round((sum(cpu_s(family) for family in families) - began) / _IDLE_FOR_S / len(families), 4)


def _spent_s(own: Settings, fleet: Fleet) -> dict[str, float]:
    """Core-seconds so far, of each part that can be seen from here."""
    told = redis_client().info("cpu")
    spent = {
        "workers": sum(cpu_s(family) for family in fleet.families("worker").values()),
        "admission": sum(cpu_s(family) for family in fleet.families("admission").values()),
        "redis": float(told["used_cpu_user"]) + float(told["used_cpu_sys"]),
    }
    server = processes.find(own, postgres.NAME)
    if server:
        spent["postgres"] = _with_ended(psutil.Process(server.pid))
    return spent


def _with_ended(parent: psutil.Process) -> float:
    """Core-seconds of a process and its children, those that have ended among them."""
    times = parent.cpu_times()
    return cpu_s([parent, *parent.children(recursive=True)]) + times.children_user + times.children_system
