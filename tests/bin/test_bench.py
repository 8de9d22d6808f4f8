"""`bin/bench` as a person runs it: each measurement small, on stores of its own, and its figures add up."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bin.benchmarks.measurements import MEASUREMENTS
from config.settings import ROOT

_AT_ONCE = 3
_WITHIN_S = 200.0
_SMALL = {
    "growth": "--latency-ms 100 --seconds 2 --workers 1,2 --concurrency 2 --queued 30 --ipm 300",  # the longest first
    "ceiling": "--indicators 15 --rounds 2 --workers 1 --concurrency 4",
    "cost": "--ipm 300 --latency-ms 20 --seconds 2 --rounds 1 --workers 1 --in-flight 8",
    "latency": "--ipm 300 --latency-ms 20 --seconds 2 --rounds 1 --workers 1 --in-flight 8",
    "enqueue": "--indicators 30 --rounds 1",
    "load": "--indicators 30 --rounds 1",
}


def bench(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bin.commands.bench", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=ROOT, env=environment) as process:
        try:
            said, told = process.communicate(timeout=_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.terminate()  # and not killed: it ends what it has started
            said, told = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, said, told)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[subprocess.CompletedProcess[str]]]]:
    """All of them, some at once: they mostly wait."""
    folder = tmp_path_factory.mktemp("bench")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield {
            name: pool.submit(bench, name, *options.split(), "--json", "--output", folder / f"{name}.json")
            for name, options in _SMALL.items()
        }


@pytest.fixture
def outcome(request: pytest.FixtureRequest, running: dict[str, Future[Any]]) -> dict[str, Any]:
    done = running[request.param].result()
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["machine"]["cpus"] == os.cpu_count()
    (outcome,) = facts["benchmarks"]
    assert outcome["name"] == request.param
    for quiet in outcome["quiet"]:
        assert sum(quiet.values()) == pytest.approx(1, abs=0.01)
        assert quiet["measured"] > 0
    return outcome


def test_every_measurement_is_tried() -> None:
    assert set(_SMALL) == set(MEASUREMENTS)


@pytest.mark.benchmarks
@pytest.mark.parametrize("outcome", ["ceiling"], indirect=True)
def test_ceiling(outcome: dict[str, Any]) -> None:
    figures = outcome["figures"]
    assert len(figures["ceiling"]["values"]) == len(figures["ceiling"]["baselines"]) == len(outcome["quiet"]) == 2
    assert 0 < figures["ceiling"]["value"] <= 1.1 * figures["bound by CPU"]["value"]
    parts = [figures[f"CPU {kind}"]["values"][0] for kind in ("redis", "postgres", "admission", "worker")]
    assert figures["CPU"]["values"][0] == pytest.approx(sum(parts), rel=0.01)
    assert figures["CPU simulator"]["value"] > 0


@pytest.mark.benchmarks
@pytest.mark.parametrize("outcome", ["cost"], indirect=True)
def test_cost(outcome: dict[str, Any]) -> None:
    figures = outcome["figures"]
    assert figures["CPU worker"]["value"] > 0
    assert 0 <= figures["CPU at rest"]["value"] < 1000
    kinds = ("redis", "postgres", "admission", "worker")
    assert figures["memory"]["value"] == pytest.approx(sum(figures[f"memory {kind}"]["value"] for kind in kinds), 0.01)
    assert 30 < figures["memory a worker"]["value"] < 300
    assert figures["memory a worker"]["ratio"] > 0.5
    assert 1 <= figures["database connections"]["value"] <= 20
    assert outcome["details"]["IPM measured"][0] > 0


@pytest.mark.benchmarks
@pytest.mark.parametrize("outcome", ["latency"], indirect=True)
def test_latency(outcome: dict[str, Any]) -> None:
    figures = outcome["figures"]
    assert 0 < figures["added p50"]["value"] <= figures["added p99"]["value"] < 60_000
    by_workers = figures["added p50, beside calls as timed by workers"]["value"]
    assert 0 < by_workers <= figures["added p50"]["value"], "the endpoint takes at least what it is told to"
    assert figures["added p50"]["baseline"] > 0


@pytest.mark.benchmarks
@pytest.mark.parametrize("outcome", ["enqueue"], indirect=True)
def test_enqueue(outcome: dict[str, Any]) -> None:
    figures = outcome["figures"]
    assert figures["rate"]["value"] * figures["time"]["value"] == pytest.approx(30, rel=0.01)
    assert figures["time of bin/enqueue as a whole"]["value"] > 0
    assert figures["CPU of the sender"]["baseline"] > 0


@pytest.mark.benchmarks
@pytest.mark.parametrize("outcome", ["load"], indirect=True)
def test_load(outcome: dict[str, Any]) -> None:
    assert 0 < outcome["figures"]["rate"]["ratio"] < 5
    assert outcome["figures"]["rate when nothing has changed"]["value"] > 0


@pytest.mark.benchmarks
@pytest.mark.parametrize("outcome", ["growth"], indirect=True)
def test_growth(outcome: dict[str, Any]) -> None:
    figures = outcome["figures"]
    one, two, growth = (figures[name]["value"] for name in ("1 worker", "2 workers", "2 workers / 2 × 1 worker"))
    assert growth == pytest.approx(two / (2 * one), rel=0.01)
    queued = figures["CPU with 30 queued"]
    assert queued["value"] > 0
    assert queued["baseline"] > 0
    assert figures["CPU, 30 queued / 30 queued"]["value"] == 1
    assert figures["sending 30"]["value"] > 0


def test_what_was_printed_is_in_the_file_and_can_be_drawn(tmp_path: Path) -> None:
    output, plot = tmp_path / "figures.json", tmp_path / "figures.svg"
    done = bench("load", "--indicators", "5", "--rounds", "1", "--output", output, "--plot", plot)
    assert done.returncode == 0, done.stderr
    assert "load: 5 rows of JSONL" in done.stdout
    assert json.loads(output.read_text())["benchmarks"][0]["name"] == "load"
    assert plot.read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["speed"], "invalid choice: 'speed'"),
        (["ceiling", "--rounds", "0"], "'0' is not a whole number above zero"),
        (["growth", "--workers", "1,two"], "'two' is not a whole number above zero"),
        (["load", "--output", "nowhere/figures.json"], "nowhere/figures.json: No such file or directory"),
        (["all", "--seconds", "3"], "--seconds"),
    ],
)
def test_a_mistake_is_told_before_anything_is_measured(words: list[str], complaint: str) -> None:
    done = bench(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert complaint in done.stderr
