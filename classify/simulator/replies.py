"""What goes back to a client: an answer, an error in OpenAI's form, or deliberately nothing; and how it is written."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from classify.simulator.usage import Usage

Headers = Sequence[tuple[str, str]]
_REASONS = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Reply:
    """The end of one request.

    Parameters
    ----------
    outcome
        Under what `/stats` counts it; empty when it is not counted.
    usage
        What is billed if the answer is really written.
    delay_s
        Seconds before it is written or the connection is dropped.
    ending
        `drop` closes the connection without an answer, `hang` leaves the client waiting until it closes.
    """

    status: int = 200
    body: bytes = b""
    headers: Headers = ()
    outcome: str = ""
    usage: Usage | None = None
    delay_s: float = 0.0
    ending: Literal["answer", "drop", "hang"] = "answer"

    def encoded(self, *, keep_alive: bool) -> bytes:
        """The bytes of the response."""
        lines = [
            f"HTTP/1.1 {self.status} {_REASONS.get(self.status, 'Unknown')}",
            "content-type: application/json",
            f"content-length: {len(self.body)}",
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        if not keep_alive:
            lines.append("connection: close")
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + self.body


def json_reply(facts: Any, status: int = 200) -> Reply:
    """Facts as JSON, not counted."""
    return Reply(status, json.dumps(facts).encode())


def error_reply(
    status: int,
    message: str,
    *,
    type: str = "invalid_request_error",
    code: str | None = None,
    param: str | None = None,
    headers: Headers = (),
    outcome: str = "",
    delay_s: float = 0.0,
) -> Reply:
    """An error with the body that OpenAI's servers send."""
    body = {"error": {"message": message, "type": type, "param": param, "code": code}}
    return Reply(status, json.dumps(body).encode(), headers, outcome, delay_s=delay_s)
