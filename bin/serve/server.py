"""The HTTP server of `bin/health --serve`: /health, /health/workers, /metrics.

Workers answer a question within a second, and probes have no patience: so the state is looked at in the background,
and a probe gets the latest. A state that has grown old counts as not healthy.
"""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client.exposition import choose_encoder
from sqlalchemy.exc import DBAPIError

from bin.live.fleet import Fleet
from bin.serve.metrics import registry
from classify.store import runs
from classify.store.glance import glance

_EVERY_S = 2.0
_OLD_S = 15.0
_SECONDS = 3


class Vitals:
    """The latest state, looked at again and again in a thread of its own."""

    def __init__(self, check: Callable[[], dict[str, Any]]) -> None:
        self._check = check
        self._state: dict[str, Any] = {"ok": False}
        self._at = 0.0
        self._ended = threading.Event()

    def __enter__(self) -> "Vitals":
        self.look()
        threading.Thread(target=self._watch, name="vitals", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def look(self) -> None:
        """Look now."""
        self._state = self._check()
        self._at = time.monotonic()

    def _watch(self) -> None:
        while not self._ended.wait(_EVERY_S):
            self.look()

    def state(self) -> dict[str, Any]:
        """The latest state; not ok when it is old, with its age under `age_s`."""
        age = time.monotonic() - self._at
        return {**self._state, "ok": self._state["ok"] and age <= _OLD_S, "age_s": round(age, 1)}


def workers(fleet: Fleet) -> dict[str, Any]:
    """Worker → state, memory in MB, tasks taken, tasks in hand, response time in seconds, share of the run."""
    done: dict[str, int] = {}
    try:
        run = runs.running() or runs.latest()
        done = glance(run.run_id).workers if run else {}
    except DBAPIError:
        pass
    total = sum(done.values())
    return {
        name: {
            "state": said.state,
            "heard_s": round(said.silent_s, 1),
            "memory_mb": said.memory_mb and round(said.memory_mb, 1),
            "tasks": said.processed,
            "in_hand": said.in_hand,
            "response_s": said.response_s and round(said.response_s, _SECONDS),
            "indicators": done.get(name, 0),
            "share": round(done.get(name, 0) / total, 4) if total else 0.0,
        }
        for name, said in fleet.heard().items()
    }


class Server(ThreadingHTTPServer):
    """Listens on a host and a port; 0 is any free one."""

    daemon_threads = True

    def __init__(self, host: str, port: int, vitals: Vitals, fleet: Fleet) -> None:
        self.vitals = vitals
        self.fleet = fleet
        self.registry = registry(fleet)
        super().__init__((host, port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/health":
            state = self.server.vitals.state()
            self._json(200 if state["ok"] else 503, state)
        elif path == "/health/workers":
            found = workers(self.server.fleet)
            self._json(200 if any(one["state"] == "up" for one in found.values()) else 503, found)
        elif path == "/metrics":
            encode, kind = choose_encoder(self.headers.get("Accept", ""))
            self._answer(200, kind, encode(self.server.registry))
        else:
            self._json(404, {"error": "there are /health, /health/workers and /metrics"})

    def do_HEAD(self) -> None:
        self.do_GET()

    def _json(self, status: int, facts: dict[str, Any]) -> None:
        self._answer(status, "application/json", json.dumps(facts).encode() + b"\n")

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing: a probe a second is no news."""
