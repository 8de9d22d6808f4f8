"""The baseline beside every measurement: stock Celery workers over the same Redis, and bare chains sent to them."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
from redis import Redis

from bin.benchmarks.baseline_app import (
    BROKER_VARIABLE,
    DONE_KEY,
    HELD,
    QUEUE,
    READY_KEY,
    REDIS_VARIABLE,
    WAIT_VARIABLE,
)
from bin.benchmarks.machine import Child
from classify.errors import UserError
from config.settings import Settings

_READY_WITHIN_S = 90.0
_STALLED_S = 30.0
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
        self._folder = folder
        self._stack = ExitStack()
        self._children: list[Child] = []

    def __enter__(self) -> "Baseline":
        self._redis.flushdb()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
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

    def send(self, count: int) -> float:
        """Send so many chains to where nobody takes them yet; how many seconds that took."""
        with self._sender(count, queue=HELD) as sender:
            return _seconds(sender)

    def drop(self) -> None:
        """Forget what was sent and not released."""
        self._redis.delete(HELD)

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


def _seconds(sender: Child) -> float:
    line = sender.first_line()
    if not line:
        raise UserError(f"the baseline's chains could not be sent: {sender.last_words()}")
    return float(line)
