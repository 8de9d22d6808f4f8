"""Who is alive: the workers' heartbeats, which Celery sends anyway, and their memory, which is asked for now and then.

Task events are left off: the ledger counts better than anybody who listens, so a watcher that comes late, twice or
after a restart of Redis has missed nothing, and workers have no work from being watched.
"""

import contextlib
import sys
import threading
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from tasks.celery import app

SILENT_AFTER_S = 6.0
"""Three heartbeats."""
_MEMORY_EVERY_S = 10.0
_REPLY_WITHIN_S = 1.0
_RECONNECT_S = 1.0
_LISTEN_S = 60.0
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Heard:
    """What a worker said last.

    Parameters
    ----------
    at
        When it was heard, by `time.monotonic()`.
    in_hand
        Tasks that run in it now.
    processed
        Tasks that it has taken since it started.
    memory_mb
        The most that it has used; None until it was asked.
    response_s
        What it took to answer the last question; None until it was asked.
    gone
        Whether it said that it ends.
    """

    at: float
    in_hand: int = 0
    processed: int = 0
    memory_mb: float | None = None
    response_s: float | None = None
    gone: bool = False

    @property
    def silent_s(self) -> float:
        """Seconds since it was heard."""
        return time.monotonic() - self.at

    @property
    def state(self) -> str:
        """`up`, `silent` (killed, stuck or cut off) or `ended`."""
        return "ended" if self.gone else "silent" if self.silent_s > SILENT_AFTER_S else "up"


class Fleet:
    """Listens to the workers in threads of its own; a Redis that is away is waited for.

    Example
    -------
    >>> with Fleet() as fleet:
    ...     fleet.heard()
    """

    def __init__(self) -> None:
        self._heard: dict[str, Heard] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def __enter__(self) -> "Fleet":
        for work in (self._listen, self._ask):
            threading.Thread(target=work, name="fleet", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def heard(self) -> dict[str, Heard]:
        """Worker → what it said last, of all that were heard since this began."""
        with self._lock:
            return dict(sorted(self._heard.items()))

    def note(self, event: dict[str, Any]) -> None:
        """Take in an event of a worker."""
        name = event["hostname"]
        with self._lock:
            known = self._heard.get(name) or Heard(0.0)
            self._heard[name] = replace(
                known,
                at=time.monotonic(),
                in_hand=event.get("active") or 0,
                processed=event.get("processed") or 0,
                gone=event["type"] == "worker-offline",
            )

    def _listen(self) -> None:
        handlers = dict.fromkeys(("worker-online", "worker-heartbeat", "worker-offline"), self.note)
        while not self._ended.is_set():
            with contextlib.suppress(Exception), app.connection_for_read(heartbeat=0) as connection:
                receiver = app.events.Receiver(connection, handlers=handlers)
                while not self._ended.is_set():
                    # Every capture asks for a heartbeat of everybody, so one that was just opened knows at once.
                    with contextlib.suppress(TimeoutError):
                        receiver.capture(limit=None, timeout=_LISTEN_S, wakeup=True)
            self._ended.wait(_RECONNECT_S)

    def _ask(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(Exception):
                answered = partial(self._answered, time.monotonic())
                app.control.broadcast("stats", reply=True, timeout=_REPLY_WITHIN_S, callback=answered)
            self._ended.wait(_MEMORY_EVERY_S)

    def _answered(self, asked: float, reply: dict[str, Any]) -> None:
        now = time.monotonic()
        for name, said in reply.items():
            memory_mb = said["rusage"]["maxrss"] * _RSS_UNIT / 1e6
            with self._lock:
                known = self._heard.get(name) or Heard(now)
                self._heard[name] = replace(known, at=now, memory_mb=memory_mb, response_s=now - asked, gone=False)
