"""Redis behind Sentinels: the master is killed in the middle of a run, a replica takes its place, the run goes on."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import ADMISSION, Cluster, no_simulator, wait_for
from redis import Redis
from redis.exceptions import RedisError

from bin.embedded import redis
from classify.indicator import Indicator
from classify.store import facts, runs, sources
from config.settings import ROOT, Settings

pytestmark = pytest.mark.faults

PASSWORD = "s3cret/"
COUNT = 200


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _answers(port: int) -> bool:
    with contextlib.suppress(RedisError), Redis(port=port, password=PASSWORD) as client:
        return bool(client.ping())
    return False


@contextlib.contextmanager
def _server(folder: Path, port: int, *options: str, sentinel: str = "") -> "Iterator[subprocess.Popen[bytes]]":
    folder.mkdir()
    config = folder / "server.conf"
    own = f"port {port}\nbind 127.0.0.1\ndir {folder}\nrequirepass {PASSWORD}\n"
    config.write_text(own + (sentinel or f"masterauth {PASSWORD}\nappendonly yes\n" + "\n".join(options)) + "\n")
    command = [redis.server(), config, *(["--sentinel"] if sentinel else [])]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: _answers(port), 15)
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_failover_in_the_middle_of_a_run(clean_tables: Settings, tmp_path: Path) -> None:
    first, second, watch = _free_port(), _free_port(), _free_port()
    monitor = (
        f"sentinel monitor mymaster 127.0.0.1 {first} 1\nsentinel auth-pass mymaster {PASSWORD}\n"
        "sentinel down-after-milliseconds mymaster 1500\nsentinel failover-timeout mymaster 10000\n"
    )
    cluster = Cluster(clean_tables, no_simulator)
    url = f"sentinel://:{PASSWORD.replace('/', '%2F')}@127.0.0.1:{watch}/0?master=mymaster"
    cluster.environment = {"REDIS_URL": url, "VISIBILITY_TIMEOUT": "4"}
    names = (ADMISSION, "worker1", "worker2")
    with (
        _server(tmp_path / "first", first) as master,
        _server(tmp_path / "second", second, f"replicaof 127.0.0.1 {first}"),
        _server(tmp_path / "watch", watch, sentinel=monitor),
    ):
        try:
            cluster.start(*names)
            sources.load(Indicator(id=f"I{n}", name="Gross domestic product") for n in range(COUNT))
            enqueue = [sys.executable, "-m", "bin.commands.enqueue", "--ipm", "600", "--provider", "rules"]
            environment = {**os.environ, **cluster.environment, "PYTHONPATH": str(ROOT)}
            subprocess.run(enqueue, env=environment, check=True, timeout=60)
            run = runs.find_run()
            wait_for(lambda: runs.counts(run.run_id).finished >= 30, 60)
            master.kill()
            killed = time.monotonic()
            before = runs.counts(run.run_id).finished
            wait_for(lambda: runs.counts(run.run_id).finished >= before + 20, 60)
            print(f"20 more were finished {time.monotonic() - killed:.1f} s after the kill")
            wait_for(lambda: runs.counts(run.run_id).finished == COUNT, 120)
            runs.close_finished_runs()
            assert facts.verify(run.run_id).ok
        finally:
            cluster.stop()
