"""The keeper's sign of life, which the probes of containers look at, from a real worker."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from config.settings import ROOT, Settings


def _within(seconds: float, happened: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_a_worker_touches_its_file_while_its_loop_comes_round(stores: Settings, tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    command = [sys.executable, "-m", "bin.commands.worker", "--name", "alive", "--concurrency", "1"]
    worker = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "ALIVE_FILE": str(alive)})

    def touched_since(before: int) -> Callable[[], bool]:
        return lambda: alive.exists() and alive.stat().st_mtime_ns > before

    try:
        assert _within(60, touched_since(0))
        assert _within(10, touched_since(alive.stat().st_mtime_ns))
        worker.send_signal(signal.SIGSTOP)
        time.sleep(0.2)
        assert not _within(1.5, touched_since(alive.stat().st_mtime_ns))
        worker.send_signal(signal.SIGCONT)
        assert _within(10, touched_since(alive.stat().st_mtime_ns))
    finally:
        worker.send_signal(signal.SIGCONT)
        worker.terminate()
        worker.wait(30)
