"""The capacity model: it grows as it should, and names what gives way."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from bin.capacity import BUSY, COSTS, DEVIATIONS, PACES, Demand, Supply, fleet, limits, minutes
from classify.store import room
from config.settings import ROOT, settings

DEMAND = Demand(calls=4.0, tokens=7500, latency_s=2.0)
ROOMY = Supply(64, 16, 1000, None, None, concurrency=20, pool_size=4)


def test_ten_workers_stay_below_sixty_connections() -> None:
    assert settings().database_pool_size == 4
    assert room.needed(10) + 3 < 60, "with the three that PostgreSQL keeps for superusers"


def test_calls_in_flight_are_calls_a_second_times_latency() -> None:
    found = fleet(800, DEMAND, ROOMY)
    assert found.calls_in_flight == pytest.approx(800 / 60 * 4 * 2)
    assert found.tasks_in_hand >= found.calls_in_flight + DEVIATIONS * math.sqrt(found.calls_in_flight)
    assert found.workers == math.ceil(found.tasks_in_hand / 20)
    assert found.connections == (found.workers + found.admissions) * 4 + room.COMMANDS
    assert minutes(8000, 800, DEMAND) == pytest.approx(10, abs=0.2)


@pytest.mark.parametrize("key", ["workers", "calls_in_flight", "tasks_in_hand", "connections", "memory_mb", "cores"])
def test_everything_grows_with_the_pace(key: str) -> None:
    needs = [getattr(fleet(ipm, DEMAND, ROOMY), key) for ipm in PACES]
    assert needs == sorted(needs)
    assert needs[-1] > needs[0]


def test_without_calls_it_is_computing_that_needs_workers() -> None:
    quiet = Demand(0, 0, 2)
    assert fleet(60, quiet, ROOMY).workers == 1
    busy = fleet(60_000, quiet, ROOMY)
    assert busy.calls_in_flight == 0
    assert busy.workers >= 1000 * COSTS.worker_cpu_s / BUSY


@pytest.mark.parametrize(
    ("change", "name", "ipm"),
    [
        ({"rpm": 2000}, "LLM requests a minute", 500),
        ({"tpm": 750_000}, "LLM tokens a minute", 100),
        ({"cores": 0.5}, "workers' CPU", None),
        ({"connections": 20}, "connections", None),
        ({"database_cores": 0.05}, "ledger", 60 * BUSY * 0.05 / COSTS.postgres_cpu_s),
        ({"cores": 1e5, "connections": 10**6, "database_cores": 1e5}, "Redis", 60 * BUSY / COSTS.redis_cpu_s),
    ],
)
def test_what_is_scarce_gives_way_first(change: dict[str, float], name: str, ipm: float | None) -> None:
    scarce = replace(ROOMY, **change)
    first = limits(DEMAND, scarce)[0]
    assert first.name == name
    if ipm is not None:
        assert first.ipm == pytest.approx(ipm)
    if name == "connections":
        assert fleet(first.ipm - 1, DEMAND, scarce).connections <= 20 < fleet(first.ipm + 1, DEMAND, scarce).connections
    if name == "workers' CPU":
        assert fleet(first.ipm, DEMAND, scarce).cores == pytest.approx(BUSY * 0.5, rel=0.05)


def test_stores_on_the_same_cores_count_among_them() -> None:
    together = replace(ROOMY, database_cores=None)
    assert fleet(800, DEMAND, together).cores > fleet(800, DEMAND, ROOMY).cores
    assert "ledger" not in [limit.name for limit in limits(DEMAND, together)]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bin.commands.plan", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.usefixtures("clean_tables")
def test_the_plan_of_a_pace() -> None:
    asked = ("--ipm", "800", "--latency", "2", "--rpm-limit", "3000", "--indicators", "10903", "--provider", "openai")
    done = run(*asked, "--json")
    plan: dict[str, Any] = json.loads(done.stdout)
    assert plan["rpm"] == pytest.approx(800 * plan["llm_calls_per_indicator"], abs=1)
    assert plan["latency_basis"] == "given"
    assert plan["connections_given"] == 97
    assert plan["limits"][0]["name"] == "LLM requests a minute"
    assert plan["limits"][0]["ipm"] == pytest.approx(3000 / plan["llm_calls_per_indicator"], rel=0.01)
    assert [row["ipm"] for row in plan["table"]] == sorted(PACES)
    exceeded = {row["ipm"]: row["exceeded"] for row in plan["table"]}
    assert exceeded[600] == []
    assert "LLM requests a minute" in exceeded[800]

    shown = run(*asked).stdout
    assert "gives way     LLM requests a minute, at " in shown
    assert "6,000" in shown
