"""What does not belong into a queue: it is dropped or rejected by name, the worker lives, and the rest goes on."""

import base64
import json
import pickle
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from cluster import ADMISSION, Cluster, no_simulator, wait_for

from bin.embedded import places, postgres, processes, redis
from classify.indicator import Indicator
from classify.store import facts, runs, sources
from classify.store.runs import Selection
from config.celery import ADMISSION_QUEUE, STAGES_QUEUE
from config.settings import Settings
from tasks.clients import redis_client
from tasks.enqueue import send
from tasks.leases import INDEX, UNACKED
from tasks.pace import pace

COUNT = 20


class _Bomb:
    """What unpickles into a file: proof that somebody's pickle was run."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self._path,))


def _message(
    body: bytes = b'[[{"run": "r", "indicator": "i", "provider": "rules", "findings": {}}], {}, {}]',
    *,
    content_type: str = "application/json",
    encoding: str = "utf-8",
    **headers: Any,
) -> dict[str, Any]:
    delivery = {"exchange": "", "routing_key": STAGES_QUEUE}
    tag = str(uuid.uuid4())
    return {
        "body": base64.b64encode(body).decode(),
        "content-type": content_type,
        "content-encoding": encoding,
        "headers": {"task": "tasks.time", "id": tag, "lang": "py", "retries": 0, **headers},
        "properties": {"delivery_info": delivery, "delivery_tag": tag, "body_encoding": "base64"},
    }


def _without(*path: str) -> str:
    message = _message()
    part = message
    for name in path[:-1]:
        part = part[name]
    del part[path[-1]]
    return json.dumps(message)


def _odd(path: Path) -> dict[str, str | bytes]:
    """What is put into the queue, and the words that tell of it."""
    bomb = pickle.dumps(((_Bomb(path),), {}, {}))
    pickled = _message(bomb, content_type="application/x-python-serialize", encoding="binary")
    return {
        "no JSON object": "not JSON at all \x1b[2J\n\n{",
        "no properties": "{}",
        "no headers": _without("headers"),
        "no task": _without("headers", "task"),
        "no id": _without("headers", "id"),
        "no delivery_tag": _without("properties", "delivery_tag"),
        "no body in base64": json.dumps({**_message(), "body": "%%%"}),
        "Refusing to deserialize untrusted content of type pickle": json.dumps(pickled),
        "argument of type 'NoneType'": json.dumps(_message(b"null")),
        "argument of type 'int'": json.dumps(_message(b"5")),
        "unregistered task of type 'tasks.drop_everything'": json.dumps(_message(task="tasks.drop_everything")),
        "not enough values to unpack": json.dumps(_message(b"[]")),
        "invalid ETA value 'soon'": json.dumps(_message(eta="soon")),
        "missing 2 required positional arguments": json.dumps(_message(b'[[{"run": "r"}], {}, {}]')),
        "is not in source_indicators": json.dumps(_message()),
    }


@pytest.fixture
def small(clean_tables: Settings) -> Iterator[Cluster]:
    cluster = Cluster(clean_tables, no_simulator)
    cluster.environment = {"LOG_LEVEL": "WARNING"}
    for name in (ADMISSION, "worker1"):
        places.log_file(clean_tables, name).unlink(missing_ok=True)
    try:
        cluster.start(ADMISSION, "worker1")
        yield cluster
    finally:
        cluster.stop()


def test_what_is_no_message_is_told_and_dropped(small: Cluster, tmp_path: Path) -> None:
    planted = tmp_path / "unpickled"
    odd = _odd(planted)
    born = [processes.find(small.settings, name) for name in (ADMISSION, "worker1")]
    for text in odd.values():
        redis_client().rpush(STAGES_QUEUE, text)
    redis_client().rpush(ADMISSION_QUEUE, b"\xff\xfe\x00", json.dumps(pickle.dumps(1).hex()))
    sources.load(Indicator(id=f"I{n}", name="Gross domestic product", units="USD billions") for n in range(COUNT))
    run = runs.open_run(Selection(), target_ipm=6000, provider="rules", model="rules")
    assert run is not None
    pace().set_target(run.target_ipm)
    send(run)
    wait_for(lambda: runs.counts(run.run_id).finished == COUNT, 40)
    runs.close_finished_runs()
    assert facts.verify(run.run_id).ok
    assert [processes.find(small.settings, name) for name in (ADMISSION, "worker1")] == born, "a worker was lost"
    wait_for(lambda: not redis_client().exists(UNACKED, INDEX, STAGES_QUEUE), 10)
    assert not planted.exists()
    log = places.log_file(small.settings, "worker1").read_text()
    assert [words for words in odd if words not in log] == []
    assert "\x1b" not in log
    assert places.log_file(small.settings, ADMISSION).read_text().count("dropped what is no message") == 2
    small.signal(signal.SIGTERM, ADMISSION, "worker1")


def test_nobody_of_the_stack_listens_on_the_network(small: Cluster) -> None:
    wait_for(lambda: redis_client().exists("_kombu.binding.stages"), 30)
    for name in (ADMISSION, "worker1", redis.NAME, postgres.NAME):
        process = processes.find(small.settings, name)
        assert process is not None
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        listening = [c for member in family for c in member.net_connections("inet") if c.status == "LISTEN"]
        assert not listening, name
