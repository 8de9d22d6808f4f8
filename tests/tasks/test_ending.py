"""The end of a worker: a question without an answer goes back unanswered, and no more are asked once it has come."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from celery.worker import state

from config.settings import ROOT
from tasks.ending import CutShort, asking, is_stopping

_CUT = """
from gevent import monkey
monkey.patch_all()
import gevent
import time
from tasks.ending import CutShort, asking, cut_short

told = []

def ask(name):
    try:
        with asking():
            time.sleep(60)
    except CutShort:
        told.append(name)

def keep():
    with asking():
        pass
    time.sleep(0.1)
    told.append("kept")

running = [gevent.spawn(ask, "a"), gevent.spawn(ask, "b"), gevent.spawn(keep)]
time.sleep(0.05)
print(cut_short())
gevent.joinall(running, timeout=5)
print(sorted(told), cut_short())
"""


def test_only_who_waits_for_an_answer_is_cut_short() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CUT], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.splitlines() == ["2", "['a', 'b', 'kept'] 0"]


@pytest.fixture
def stopping() -> Iterator[None]:
    state.should_stop = 0
    yield
    state.should_stop = None


def test_a_worker_that_is_to_stop_asks_no_more(stopping: None) -> None:
    assert is_stopping()
    with pytest.raises(CutShort), asking():
        raise AssertionError("asked")
