"""The supervisor: starts again what ends unasked, gives up on what is broken, and ends with what it watches."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from config.settings import ROOT


def _supervised(script: str, *arguments: str | Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "bin.supervisor", sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def _child(supervisor: "subprocess.Popen[str]", not_pid: int = 0) -> psutil.Process:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for child in psutil.Process(supervisor.pid).children():
            if child.pid != not_pid:
                return child
        time.sleep(0.02)
    raise AssertionError("no child")


def test_what_was_killed_is_started_again_and_sigterm_is_passed_on() -> None:
    supervisor = _supervised("import time; time.sleep(60)")
    first = _child(supervisor)
    first.kill()
    second = _child(supervisor, not_pid=first.pid)
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(10) == 128 + signal.SIGTERM
    assert not second.is_running()


def test_what_ends_again_and_again_is_given_up() -> None:
    supervisor = _supervised("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    _, said = supervisor.communicate(timeout=30)
    assert supervisor.returncode == 128 + signal.SIGSEGV
    assert "ended 5 times within 60 s, not started again" in said


def test_what_never_ran_is_not_tried_again() -> None:
    supervisor = _supervised("raise SystemExit(2)")
    _, said = supervisor.communicate(timeout=10)
    assert supervisor.returncode == 2
    assert not said


def test_nobody_is_left_behind_a_killed_supervisor() -> None:
    supervisor = _supervised("import time; time.sleep(60)")
    child = _child(supervisor)
    time.sleep(0.3)
    os.kill(supervisor.pid, signal.SIGKILL)
    supervisor.wait(5)
    if sys.platform == "linux":
        child.wait(5)
