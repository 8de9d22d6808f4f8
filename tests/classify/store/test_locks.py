"""The lock that only one process holds: told who, and free as soon as its holder is gone, however that happened."""

import os
import subprocess
import sys
import time

import pytest
from sqlalchemy import text

from classify.store import engine
from classify.store.locks import Lock
from config.settings import ROOT, Settings

pytestmark = pytest.mark.usefixtures("stores")

KEY = 4711
_HOLD = f"from classify.store.locks import Lock; assert Lock('other', {KEY}).take() is None; print('held'); input()"


def test_one_has_it_and_the_other_learns_who() -> None:
    first, second = Lock("first", KEY), Lock("second", KEY)
    assert first.take() is None
    holder = second.take()
    assert holder is not None
    assert str(holder.name).startswith(f"first {os.getpid()}@")
    assert holder.since is not None
    assert Lock("elsewhere", KEY + 1).take() is None
    first.release()
    assert second.take() is None
    second.release()


def test_a_killed_process_leaves_no_lock_behind() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", _HOLD]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        mine = Lock("mine", KEY)
        assert mine.take() is not None
        other.kill()
        other.wait()
        deadline = time.monotonic() + 5
        while mine.take() is not None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    mine.release()


def test_a_lock_lost_with_its_connection_is_taken_anew_unless_somebody_was_faster(stores: Settings) -> None:
    def cut(name: str) -> None:
        with engine().connect() as connection:
            ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE :name"
            assert connection.scalar(text(ended), {"name": f"{name} %"})

    mine, other = Lock("mine", KEY), Lock("other", KEY)
    assert mine.take() is None
    assert mine.keep() is None
    cut("mine")
    assert mine.keep() is None
    assert other.take() is not None
    cut("mine")
    assert other.take() is None
    holder = mine.keep()
    assert holder is not None
    assert str(holder.name).startswith("other ")
    other.release()
