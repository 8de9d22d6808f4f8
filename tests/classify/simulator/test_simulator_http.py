"""HTTP as clients and accidents send it: in pieces, chunked, pipelined, malformed."""

import contextlib
import itertools
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classify.simulator.parser import BadRequestError, Request, RequestParser

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]}).encode()
SIZED = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x;note=1\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\nTrailer: 1\r\n\r\n"


def parse(parser: RequestParser, stream: bytes, cuts: list[int]) -> list[Request]:
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    found = []
    for start, end in itertools.pairwise(places):
        parser.feed(stream[start:end])
        while request := parser.next_request():
            found.append(request)
    return found


@given(
    bodies=st.lists(st.tuples(st.binary(max_size=60), st.integers(0, 9)), min_size=1, max_size=5),
    cuts=st.lists(st.integers(0, 2000), max_size=12),
)
def test_requests_come_out_whole_however_they_are_cut(bodies: list[tuple[bytes, int]], cuts: list[int]) -> None:
    stream = b""
    for body, size in bodies:  # size 0: by length
        framing = b"Transfer-Encoding: chunked\r\n\r\n" if size else b"Content-Length: %d\r\n\r\n" % len(body)
        stream += b"POST /a?b=c HTTP/1.1\r\nHost: x\r\n" + framing + (chunked(body, size) if size else body) + b"\r\n"
    parser = RequestParser()
    found = parse(parser, stream, cuts)
    assert [request.body for request in found] == [body for body, _ in bodies]
    assert {request.path for request in found} == {"/a"}


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_nothing_but_a_refusal_comes_of_noise(noise: bytes, cuts: list[int]) -> None:
    for stream in (noise, HEAD + noise, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + noise):
        with contextlib.suppress(BadRequestError):
            parse(RequestParser(), stream, cuts)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET /health\r\n\r\n", 400),
        (b"GET  /health HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET health HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /health HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"GET /health HTTP/1.1\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\nHost: x\n\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nBad Name: 1\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nName : 1\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nA: 1\r\n folded\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n", 400),
        (HEAD + b"Content-Length: ten\r\n\r\n", 400),
        (HEAD + b"Content-Length: -1\r\n\r\n", 400),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: gzip\r\n\r\n", 501),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n", 400),
        (HEAD + b"Content-Length: 99999999\r\n\r\n", 413),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffff\r\n", 413),
        (HEAD + b"Expect: a miracle\r\nContent-Length: 1\r\n\r\n", 417),
        (b"GET /" + b"a" * 40_000, 431),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 10_000, 431),
    ],
)
def test_malformed_requests_are_refused(endpoint: Any, sent: bytes, status: int) -> None:
    got = endpoint.exchange(sent)
    assert got.startswith(b"HTTP/1.1 %d " % status)
    assert b"connection: close" in got
    assert "error" in json.loads(got.partition(b"\r\n\r\n")[2])


def test_pipelined_requests_are_answered_in_order(endpoint: Any) -> None:
    endpoint.control(latency_s=0.02)
    last = b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    got = endpoint.exchange(SIZED + b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n" + SIZED + last)
    marks = [got.index(b"chat.completion"), got.index(b'"list"'), got.rindex(b"chat.completion"), got.index(b" 404 ")]
    assert marks == sorted(marks)
    assert got.count(b"HTTP/1.1 200 OK") == 3


def test_a_chunked_body_after_100_continue(endpoint: Any) -> None:
    with endpoint.connect() as s:
        s.sendall(HEAD + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert s.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        s.sendall(chunked(BODY, 7))
        assert s.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")


def test_http_1_0_closes(endpoint: Any) -> None:
    got = endpoint.exchange(b"GET /health HTTP/1.0\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 200 OK")


def test_a_client_that_does_not_read_is_not_counted_as_answered(endpoint: Any) -> None:
    big = {"type": "object", "properties": {"a": {"type": "string", "minLength": 3_500_000}}}
    asked = {"model": "m", "messages": [{"role": "user", "content": "json"}]}
    asked["response_format"] = {"type": "json_schema", "json_schema": {"name": "n", "schema": big}}
    body = json.dumps(asked).encode()
    address = urlsplit(endpoint.url)
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect((address.hostname, address.port))
        s.sendall((HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body) * 3)
        s.recv(100)
        assert endpoint.stats()["in_flight"]["now"] == 1
    outcomes = endpoint.stats()["outcomes"]
    assert outcomes["abandoned"] == 1
    assert outcomes.get("answered", 0) <= 1  # the system may have taken a whole answer off the server's hands


@pytest.mark.parametrize(
    ("request_line", "status"),
    [("GET /v1/chat/completions", 405), ("DELETE /stats", 405), ("GET /", 404), ("GET http://x/health?a", 200)],
)
def test_addresses(endpoint: Any, request_line: str, status: int) -> None:
    got = endpoint.exchange(f"{request_line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert got.startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize(
    "asked",
    [
        b"",
        b"[]",
        b"\xff\xfe\xfd",
        b"[" * 100_000,
        b'{"model": "m"}',
        b'{"messages": [{"role": "user", "content": "x"}]}',
        b'{"model": "m", "messages": []}',
        b'{"model": "m", "messages": [{"role": "king", "content": "x"}]}',
        b'{"model": "m", "messages": [{"role": "user", "content": 5}]}',
        b'{"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": true}',
        b'{"model": "m", "messages": [{"role": "user", "content": "x"}], "max_tokens": 0}',
        b'{"model": "m", "messages": [{"role": "user", "content": "x"}], "response_format": {"type": "json_object"}}',
        b'{"model": "m", "messages": [{"role": "user", "content": "x"}], "response_format": {"type": "json_schema"}}',
    ],
)
def test_questions_that_openai_refuses(endpoint: Any, asked: bytes) -> None:
    got = endpoint.exchange(HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(asked) + asked)
    assert got.startswith(b"HTTP/1.1 400 ")
    assert endpoint.stats()["outcomes"] == {"invalid": 1}
