"""A simulated endpoint in a thread of the tests, and a real openai client of it."""

import asyncio
import json
import socket
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from openai import OpenAI

from classify.simulator import Behaviour, Simulator

PLAIN = {**Behaviour().model_dump(), "latency_s": 0}
FORMAT = {
    "type": "json_schema",
    "json_schema": {
        "name": "label",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"family": {"enum": ["a", "b", "c"]}, "confidence": {"type": "number", "maximum": 1}},
            "required": ["family", "confidence"],
            "additionalProperties": False,
        },
    },
}


class Endpoint:
    """A running simulator, spoken to over HTTP only."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = OpenAI(base_url=url, api_key="any", max_retries=0, timeout=5)

    def control(self, **knobs: Any) -> dict[str, Any]:
        return self._open("control", knobs)

    def stats(self) -> dict[str, Any]:
        return self._open("stats")

    def ask(self, prompt: str = "?", client: OpenAI | None = None, **options: Any) -> Any:
        options = {"response_format": FORMAT, **options}
        messages: Any = [{"role": "user", "content": prompt}]
        return (client or self.client).chat.completions.create(model="gpt-5-mini", messages=messages, **options)

    def connect(self) -> socket.socket:
        address = urlsplit(self.url)
        return socket.create_connection((address.hostname, address.port), timeout=5)

    def exchange(self, sent: bytes) -> bytes:
        """What comes back until the server closes."""
        with self.connect() as s:
            s.sendall(sent)
            got = b""
            while piece := s.recv(65536):
                got += piece
            return got

    def _open(self, path: str, facts: dict[str, Any] | None = None) -> dict[str, Any]:
        body = None if facts is None else json.dumps(facts).encode()
        with urllib.request.urlopen(f"{self.url}/{path}", body, timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
            return found


@pytest.fixture(scope="session")
def running() -> Iterator[Endpoint]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    simulator = Simulator(Behaviour(latency_s=0))
    try:
        endpoint = Endpoint(asyncio.run_coroutine_threadsafe(simulator.start(), loop).result(5))
        yield endpoint
        endpoint.client.close()
        asyncio.run_coroutine_threadsafe(simulator.stop(grace_s=1), loop).result(5)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


@pytest.fixture
def endpoint(running: Endpoint) -> Endpoint:
    """The endpoint without latency, limits, faults or memory of counts."""
    running.control(**{**PLAIN, "rpm": None, "tpm": None, "unauthorized_after": 0, "quota_after": 0})
    running.control(**PLAIN)
    running._open("stats/reset", {})
    return running
