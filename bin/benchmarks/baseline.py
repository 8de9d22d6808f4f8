"""The baseline beside every measurement: stock Celery workers over the same Redis, and bare chains sent to them."""

import json
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
from celery import Celery
from redis import Redis

from bin.benchmarks.baseline_app import (
    BROKER_VARIABLE,
    DONE_KEY,
    HELD,
    QUEUE,
    READY_KEY,
    REDIS_VARIABLE,
    STAGES,
    WAIT_VARIABLE,
)
from bin.benchmarks.machine import Child
from classify.errors import UserError
from config.settings import Settings

_READY_WITHIN_S = 90.0
_STALLED_S = 180.0
_ANSWER_WITHIN_S = 10.0
_DATABASE = 1
"""Of the same Redis, another than the project's: kombu's keys have the same names there."""


class Baseline:
    """Stock workers; a context manager that ends them.

    Parameters
    ----------
    settings
        Where Redis is.
    folder
        For logs.
    wait_s
        How long four of the seven tasks wait, for comparisons of what waiting costs; else they do nothing.
    """

    def __init__(self, settings: Settings, folder: Path, *, wait_s: float = 0) -> None:
        socket = f"{settings.run_dir}/redis.sock"
        self._environment = {
            BROKER_VARIABLE: f"redis+socket://{socket}?virtual_host={_DATABASE}",
            REDIS_VARIABLE: f"unix://{socket}?db={_DATABASE}",
            WAIT_VARIABLE: str(wait_s),
        }
        self._redis = Redis.from_url(self._environment[REDIS_VARIABLE], decode_responses=True)
        self._app = Celery("baseline", broker=self._environment[BROKER_VARIABLE], set_as_current=False)
        self._folder = folder
        self._stack = ExitStack()
        self._children: list[Child] = []

    def __enter__(self) -> "Baseline":
        self._redis.flushdb()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self._app.close()
        self._redis.flushdb()
        self._redis.close()

    def start(self, workers: int, concurrency: int) -> None:
        """Start workers with the project's pool; everything else about them is stock."""
        for _ in range(workers):
            name = f"baseline{len(self._children) + 1}"
            command = [sys.executable, "-m", "celery", "--quiet", "-A", "bin.benchmarks.baseline_app", "worker"]
            command += ["-P", "gevent", "-c", str(concurrency), "-n", f"{name}@bench"]
            child = Child(command, self._environment, self._folder / f"{name}.log")
            self._children.append(self._stack.enter_context(child))

    def stop(self, workers: int) -> None:
        """Stop so many of them."""
        for _ in range(workers):
            self._children.pop().__exit__(None, None, None)

    def await_ready(self) -> None:
        """Wait until every worker that was started is at work.

        Raises
        ------
        UserError
            When one ends, or takes too long.
        """
        deadline = time.monotonic() + _READY_WITHIN_S
        while (ready := int(self._redis.llen(READY_KEY))) < len(self._children):
            self._check()
            if time.monotonic() > deadline:
                raise UserError(f"{ready} of {len(self._children)} stock workers are ready; logs: {self._folder}")
            time.sleep(0.1)

    def families(self) -> list[list[psutil.Process]]:
        """The processes of each worker."""
        return [child.family() for child in self._children]

    def send(self, count: int) -> tuple[float, float]:
        """Send so many chains to where nobody takes them yet; how many seconds and core-seconds that took.

        Raises
        ------
        UserError
            When they cannot be sent.
        """
        with self._sender(count, queue=HELD) as sender:
            line = sender.first_line()
            if not line:
                raise UserError(f"the baseline's chains could not be sent: {sender.last_words()}")
            seconds, core_seconds = map(float, line.split())
            return seconds, core_seconds

    def fill(self, count: int) -> None:
        """The same as `send`, in no time: one chain is sent, and its message copied."""
        self.send(1)
        message = json.loads(str(self._redis.lindex(HELD, 0)))
        with self._redis.pipeline() as pipe:
            for _ in range(count - 1):
                name = str(uuid.uuid4())
                message["headers"]["id"] = message["properties"]["correlation_id"] = name
                message["properties"]["delivery_tag"] = name
                pipe.lpush(HELD, json.dumps(message))
            pipe.execute()

    def drop(self) -> None:
        """Forget what was sent, released or not."""
        self._redis.delete(HELD, QUEUE)

    def release(self) -> float:
        """Let the workers have what was sent; the moment, in seconds since the epoch."""
        self._redis.delete(DONE_KEY)
        moment = time.time()
        self._redis.rename(HELD, QUEUE)
        return moment

    @contextmanager
    def sending(self, count: int, ipm: float) -> Iterator[None]:
        """So many chains on their way, evenly at so many a minute."""
        self._redis.delete(DONE_KEY)
        with self._sender(count, ipm=ipm):
            yield

    def done(self) -> int:
        """Chains that have ended since the last release, or since sending began."""
        return int(self._redis.llen(DONE_KEY))

    def chains(self) -> float:
        """Chains' worth of tasks that the workers have begun since they were started; many chains share one queue, and
        are all begun before the first has ended.

        Raises
        ------
        UserError
            When a worker does not answer.
        """
        answers = self._app.control.inspect(timeout=_ANSWER_WITHIN_S, limit=len(self._children)).stats() or {}
        if len(answers) < len(self._children):
            raise UserError(f"{len(answers)} of {len(self._children)} stock workers answer")
        return sum(sum(stats["total"].values()) for stats in answers.values()) / STAGES

    def times(self) -> list[tuple[float, float]]:
        """When each of them was sent, and when it ended."""
        entries = (str(entry).split() for entry in self._redis.lrange(DONE_KEY, 0, -1))
        return [(float(began), float(ended)) for began, ended in entries]

    def await_done(self, count: int) -> None:
        """Wait until so many have ended.

        Raises
        ------
        UserError
            When a worker ends, or none of them gets anything done for long.
        """
        before, since = -1, time.monotonic()
        while (now := self.done()) < count:
            self._check()
            if now > before:
                before, since = now, time.monotonic()
            elif time.monotonic() - since > _STALLED_S:
                raise UserError(f"the baseline stands still at {now} of {count} chains; logs: {self._folder}")
            time.sleep(0.05)

    def _sender(self, count: int, *, ipm: float = 0, queue: str = QUEUE) -> Child:
        command = [sys.executable, "-m", "bin.benchmarks.baseline_app", str(count), str(ipm), queue]
        return Child(command, self._environment, self._folder / "sender.log", piped=True)

    def _check(self) -> None:
        for child in self._children:
            if child.status is not None:
                raise UserError(f"a stock worker ended with status {child.status}: {child.last_words()}")
