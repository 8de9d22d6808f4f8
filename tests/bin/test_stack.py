"""bin/stack as a person calls it, with real servers and workers."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bin.embedded.processes import birth
from config.settings import ROOT


class Stack:
    """Calls bin/stack over one data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.environment = {**os.environ, "DATA_DIR": str(data), "PYTHONPATH": str(ROOT)}

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bin.commands.stack", *words]
        return subprocess.run(
            command, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
        )

    def say(self, *words: str) -> list[str]:
        done = self(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def status(self) -> dict[str, Any]:
        done = self("status", "--json")
        found: dict[str, Any] = json.loads(done.stdout)
        assert done.returncode == (0 if found["ok"] else 1)
        found["pids"] = {part["name"]: part["pid"] for part in found["processes"] if part["up"]}
        return found


@pytest.fixture
def stack() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="cs-", dir="/tmp") as folder:
        yield (stack := Stack(Path(folder) / "data"))
        stack("down")


def test_from_up_to_clean(stack: Stack) -> None:
    assert not stack.status()["ok"]
    assert not stack.data.exists(), "looking made something"

    assert stack.say("up", "--workers", "1")[0] == "started redis, postgres, admission, worker1"
    first = stack.status()
    assert first["ok"]
    assert sorted(first["pids"]) == ["admission", "postgres", "redis", "worker1"]
    assert first["redis_url"] == f"unix://{stack.data}/run/redis.sock?db=0"
    assert all(part["memory_mb"] > 0 and Path(part["log"]).exists() for part in first["processes"])

    assert stack.say("up")[0] == "everything is up already"
    assert stack.status()["pids"] == first["pids"]

    os.kill(first["pids"]["worker1"], signal.SIGKILL)
    os.kill(first["pids"]["redis"], signal.SIGKILL)
    assert [part["name"] for part in stack.status()["processes"] if not part["up"]] == ["redis", "worker1"]
    assert stack.say("up", "--workers", "2")[0] == "started redis, worker1, worker2"
    assert stack.status()["pids"]["admission"] == first["pids"]["admission"]
    assert stack.say("up", "--workers", "1")[0] == "stopped worker2"

    assert "database system is ready" in "\n".join(stack.say("logs", "postgres", "-n", "5"))
    assert {line.split()[0] for line in stack.say("logs")} >= {"postgres", "redis"}

    running = stack.status()["pids"]
    assert stack.say("down") == ["stopped admission, worker1, redis, postgres"]
    assert stack.say("down") == ["nothing runs"]
    assert not any(birth(pid) for pid in running.values())

    (stack.data / "mine.txt").touch()
    refused = stack("clean")
    assert (refused.returncode, refused.stderr) == (
        2,
        f"bin/stack: this removes all data in {stack.data}; say --yes\n",
    )
    assert stack.say("clean", "--yes") == [f"removed {stack.data}, but for mine.txt"]
    assert (
        stack("clean", "--yes").stderr == f"bin/stack: {stack.data} was not made by this program: nothing is removed\n"
    )
    assert [path.name for path in stack.data.iterdir()] == ["mine.txt"]


def test_logs_that_are_followed(stack: Stack) -> None:
    logs = stack.data / "logs"
    logs.mkdir(parents=True)
    (logs / "one.log").write_text("before\n")
    (logs / "two.log").touch()
    command = [sys.executable, "-m", "bin.commands.stack", "logs", "--follow", "-n", "1"]
    with subprocess.Popen(command, env=stack.environment, stdout=subprocess.PIPE, text=True) as follower:
        assert follower.stdout is not None
        assert follower.stdout.readline() == "one | before\n"
        time.sleep(0.05)  # the lines of now are shown, then what comes is waited for
        with (logs / "two.log").open("a") as log:
            log.write("after\n")
        assert follower.stdout.readline() == "two | after\n"
        (logs / "one.log").write_text("anew\n")
        assert follower.stdout.readline() == "one | anew\n"
        follower.send_signal(signal.SIGINT)
        assert follower.wait(5) == 130


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["up", "--workers", "0"],
            "argument --workers: '0' is not a whole number above zero (see bin/stack up --help)",
        ),
        (["logs"], "there are no logs yet (bin/stack up)"),
        ([], "the following arguments are required: ACTION (see bin/stack --help)"),
    ],
)
def test_mistakes_get_one_line(stack: Stack, words: list[str], message: str) -> None:
    done = stack(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.rpartition("bin/stack")[2] or done.stderr
    assert done.stderr.endswith(f": {message}\n")
    assert done.stderr.count("\n") == 1


def test_a_wrong_setting_gets_one_line(stack: Stack) -> None:
    stack.environment["MAX_IN_FLIGHT"] = "many"
    done = stack("up")
    assert done.returncode == 2
    assert done.stderr.startswith("bin/stack: MAX_IN_FLIGHT: ")
    assert done.stderr.count("\n") == 1


def test_clean_when_there_is_nothing(stack: Stack) -> None:
    assert stack.say("clean", "--yes") == ["there is no data"]
    assert stack.say("down") == ["nothing runs"]
