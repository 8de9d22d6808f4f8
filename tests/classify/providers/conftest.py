"""A tiny HTTP server that says exactly what a test tells it to, and a provider that asks it."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from classify.indicator import Indicator
from classify.providers.base import Call
from classify.providers.openai import OpenAIProvider
from classify.stages import QUESTIONS
from classify.stages.base import Findings, Question
from config.settings import read_settings

KEY = "sk-planted-0123456789"
FAMILY: Question[Any] = next(q for q in QUESTIONS if q.name == "family")
GDP = Indicator(id="GDP", name="Gross domestic product", units="USD billions", periodicity="Annual")
GOOD = {"reasoning": "An amount of money.", "family": "physical-fundamental", "confidence": 0.9}


def findings_before(question: Question[Any], of: Indicator = GDP) -> Findings:
    findings = Findings()
    for earlier in QUESTIONS[: QUESTIONS.index(question)]:
        findings = findings.adding(earlier.rules(of, findings))
    return findings


def completion(content: Any = None, **changes: Any) -> dict[str, Any]:
    """A chat completion as OpenAI documents it."""
    message = {"role": "assistant", "content": json.dumps(GOOD) if content is None else content, "refusal": None}
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-5-mini-2025-08-07",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 1800,
            "completion_tokens": 40,
            "total_tokens": 1840,
            "prompt_tokens_details": {"cached_tokens": 1536},
        },
    }
    return {**body, **changes}


def openai_error(message: str, type: str = "invalid_request_error", code: Any = None, param: Any = None) -> Any:
    return {"error": {"message": message, "type": type, "param": param, "code": code}}


@dataclass
class Said:
    """One reply: `body` is JSON unless it is bytes; `pause_s` comes before it.

    `drop` closes the connection instead of it, `closes` after it.
    """

    status: int = 200
    body: Any = field(default_factory=completion)
    headers: dict[str, str] = field(default_factory=dict)
    pause_s: float = 0
    drop: bool = False
    closes: bool = False


class Server:
    """Says the replies one after the other, the last one for ever; keeps what it was asked."""

    def __init__(self) -> None:
        self.replies: list[Said] = [Said()]
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.callers: set[tuple[str, int]] = set()
        """Address and port of every connection that asked."""
        self.url = ""
        self._lock = threading.Lock()

    def next(self, asked: dict[str, Any]) -> Said:
        with self._lock:
            self.asked.append(asked)
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def says(self, *replies: Said) -> None:
        self.replies = list(replies)


@pytest.fixture
def server() -> Iterator[Server]:
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            told.headers.append({name.lower(): value for name, value in self.headers.items()})
            told.callers.add(self.client_address)
            said = told.next(json.loads(self.rfile.read(length)))
            time.sleep(said.pause_s)
            if said.drop:
                self.close_connection = True
                return
            body = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
            self.send_response(said.status)
            for name, value in {"content-type": "application/json", **said.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = said.closes

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    told.url = f"http://127.0.0.1:{http.server_port}/v1"
    yield told
    http.shutdown()
    thread.join()
    http.server_close()


class WatchedGate:
    """Lets everything through, and remembers it."""

    def __init__(self) -> None:
        self.entered = 0
        self.left: list[Call] = []

    def enter(self) -> float:
        self.entered += 1
        return 0.0

    def leave(self, charged: float, call: Call) -> None:
        self.left.append(call)


@pytest.fixture
def gate() -> WatchedGate:
    return WatchedGate()


@pytest.fixture
def provider_of(server: Server, gate: WatchedGate) -> Callable[..., OpenAIProvider]:
    def make(**changes: str) -> OpenAIProvider:
        environment = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.url, "OPENAI_TIMEOUT": "2", **changes}
        return OpenAIProvider(read_settings(environment), gate)

    return make


@pytest.fixture
def ask(provider_of: Callable[..., OpenAIProvider]) -> Callable[..., Any]:
    """Ask the question of the stage family about the GDP."""

    def asked(provider: OpenAIProvider | None = None) -> Any:
        return (provider or provider_of()).answer(FAMILY, GDP, findings_before(FAMILY))

    return asked
