"""What happens around the program in the middle of a run: the LLM away, a rolling restart, a full disk."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cluster import ADMISSION, INDICATORS, WORKERS, Cluster
from ledger_of_faults import survived

from bin.embedded import places, processes
from classify.samples import generate
from classify.store import sources
from config.settings import ROOT

pytestmark = pytest.mark.faults

DOCKER_STOP_S = 10


def test_the_llm_is_down(cluster: Cluster) -> None:
    run = cluster.enqueue()
    cluster.wait(run, 200)
    in_flight = cluster.simulator.stats()["in_flight"]["now"]
    cluster.replace_simulator(pause_s=30)
    # Between the look and the kill some were answered and others asked.
    survived(cluster, run, "the LLM down for 30 s", in_flight=2 * in_flight + 10, away_s=30)


def _cut_short(cluster: Cluster) -> int:
    """Questions and tasks that workers gave up because their time was over, as they said."""
    said = re.compile(r" (\d+) (?:questions had no answer|tasks were not finished) in time")
    logs = (places.log_file(cluster.settings, name).read_text() for name in (*WORKERS, ADMISSION))
    return sum(int(found) for log in logs for found in said.findall(log))


def test_a_rolling_restart(cluster: Cluster) -> None:
    before = _cut_short(cluster)
    run = cluster.enqueue()
    cluster.wait(run, 100)
    for name in (*WORKERS, ADMISSION):
        process = processes.find(cluster.settings, name)
        assert process is not None
        cluster.signal(signal.SIGTERM, name)
        assert processes.wait(process, DOCKER_STOP_S), f"{name} took longer than docker stop gives it"
        cluster.start(name)
        time.sleep(3)
    # Nothing, where what was asked is answered within the grace; else what was cut short, and nothing beside.
    cluster.wait(run)
    survived(cluster, run, "SIGTERM to all workers in turn", in_flight=_cut_short(cluster) - before)


def test_the_disk_of_the_reject_file_is_full(cluster: Cluster, tmp_path: Path) -> None:
    source = tmp_path / "some.jsonl"
    with source.open("w") as lines:
        for record in generate(INDICATORS):
            lines.write(json.dumps(record) + "\n" + "not an indicator\n")
    command = [sys.executable, "-m", "bin.commands.load", source, "--rejects", "/dev/full"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert sources.count() == INDICATORS, "what is whole is loaded, wherever the rejects go"
    run = cluster.enqueue()
    survived(cluster, run, "the disk of the reject file full", in_flight=0)
