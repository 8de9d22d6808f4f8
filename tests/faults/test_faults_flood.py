"""Stores that are away for half a minute: who waits for them says so, and does not fill a disk with it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from cluster import ADMISSION, Cluster, no_simulator, patiently, wait_for

from bin.embedded import ensure_stores, places, postgres, processes, redis
from classify.indicator import Indicator
from classify.store import engine, facts, runs, sources
from classify.store.runs import Run, Selection
from config.settings import ROOT, Settings
from tasks.enqueue import send
from tasks.pace import pace

pytestmark = pytest.mark.faults

NAMES = (ADMISSION, "worker1", "worker2")
COUNT = 300
AWAY_S = 30
MOST_LINES = 400
"""Of one process; a line for each task in hand and each second would be thousands."""


@pytest.fixture
def quiet(clean_tables: Settings) -> Iterator[Cluster]:
    cluster = Cluster(clean_tables, no_simulator)
    cluster.environment = {"LOG_LEVEL": "WARNING"}
    for name in NAMES:
        places.log_file(clean_tables, name).unlink(missing_ok=True)
    try:
        cluster.start(*NAMES, options=["--include", "tests.faults.deadly_provider"])
        yield cluster
    finally:
        cluster.stop()


def _start_run() -> Run:
    sources.load(Indicator(id=f"I{n}", name="Gross domestic product", units="USD billions") for n in range(COUNT))
    run = runs.open_run(Selection(), target_ipm=600, provider="deadly", model="deadly")
    assert run is not None
    pace().set_target(run.target_ipm)
    send(run)
    wait_for(lambda: runs.counts(run.run_id).finished >= 20, 40)
    return run


@pytest.mark.parametrize(("server", "number"), [(redis, signal.SIGKILL), (postgres, signal.SIGQUIT)])
def test_who_waits_for_a_store_does_not_fill_the_log(
    quiet: Cluster, tmp_path: Path, server: ModuleType, number: signal.Signals
) -> None:
    run = _start_run()
    said = tmp_path / "monitor.txt"
    command = [sys.executable, "-m", "bin.commands.monitor", run.run_id]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with said.open("w") as output:
        monitor = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        time.sleep(3)
        process = processes.find(quiet.settings, server.NAME)
        assert process is not None
        os.kill(process.pid, number)
        assert processes.wait(process, 20)
        time.sleep(AWAY_S)
        ensure_stores(quiet.settings)
        engine().dispose()
        wait_for(lambda: runs.counts(run.run_id).finished == COUNT, 150)
        patiently(runs.close_finished_runs)
        assert monitor.wait(60) == 0, said.read_text()
    finally:
        monitor.kill()
        monitor.wait()
    assert facts.verify(run.run_id).ok
    lines = {name: len(places.log_file(quiet.settings, name).read_text().splitlines()) for name in NAMES}
    lines["monitor"] = len(said.read_text().splitlines())
    print(f"{server.NAME} away for {AWAY_S} s, lines: {lines}")
    assert max(lines.values()) <= MOST_LINES, lines
