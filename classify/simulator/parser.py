"""HTTP/1.1 requests out of a stream of bytes: small, incremental, and strict where leniency would let requests blur."""

import re
from dataclasses import dataclass

from classify.errors import ClassifyError

MAX_HEAD = 32 * 1024
"""Bytes of request line and headers together; also of a chunked body's trailers."""
MAX_BODY = 4 * 1024 * 1024
_MAX_CHUNK_LINE = 256

_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e\x80-\xff]+) HTTP/(\d)\.(\d)")
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BAD_IN_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_BARE_LF = re.compile(rb"(?<!\r)\n")
_DIGITS = re.compile(rb"[0-9]{1,15}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?", re.DOTALL)


class BadRequestError(ClassifyError):
    """A request that cannot be served; the connection has to be closed after the answer of that status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """One request: `path` without the query, header names in lower case, `body` without transfer coding."""

    method: str
    path: str
    headers: dict[bytes, bytes]
    body: bytes
    keep_alive: bool


@dataclass(frozen=True, slots=True)
class _Head:
    method: str
    path: str
    headers: dict[bytes, bytes]
    keep_alive: bool
    length: int
    chunked: bool


class RequestParser:
    r"""Takes bytes as they come and gives requests as they are whole.

    Example
    -------
    >>> parser = RequestParser()
    >>> parser.feed(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    >>> parser.next_request().path
    '/health'
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._head: _Head | None = None
        self._owes_continue = False
        self._body = bytearray()
        self._chunk_left: int | None = None
        self._in_trailers = False
        self._trailers = 0

    def feed(self, data: bytes) -> None:
        """Take more of the stream."""
        self._buffer += data

    @property
    def buffered(self) -> int:
        """Bytes that no request has taken yet."""
        return len(self._buffer)

    @property
    def idle(self) -> bool:
        """Whether the stream stands between two requests."""
        return self._head is None and not self._buffer

    def take_continue(self) -> bool:
        """Whether the client waits for `100 Continue` before it sends the body; true once a request."""
        owed, self._owes_continue = self._owes_continue, False
        return owed

    def next_request(self) -> Request | None:
        """The next whole request, or None when more bytes are needed.

        Raises
        ------
        BadRequestError
            When the stream is not HTTP/1.1 or exceeds a limit; nothing more can be read from it.
        """
        if self._head is None:
            self._head = self._take_head()
            if self._head is None:
                return None
        head = self._head
        if head.chunked:
            if not self._take_chunks():
                return None
        elif len(self._buffer) >= head.length:
            self._body = self._buffer[: head.length]
            del self._buffer[: head.length]
        else:
            return None
        request = Request(head.method, head.path, head.headers, bytes(self._body), head.keep_alive)
        self._head = None
        self._owes_continue = False
        self._body = bytearray()
        return request

    def _take_head(self) -> _Head | None:
        buffer = self._buffer
        while buffer.startswith(b"\r\n"):  # empty lines before a request are to be passed over
            del buffer[:2]
        end = buffer.find(b"\r\n\r\n", max(0, self._scanned - 3))
        if (len(buffer) if end < 0 else end) > MAX_HEAD:
            raise BadRequestError(431, "request line and headers are too long")
        if _BARE_LF.search(buffer, self._scanned, len(buffer) if end < 0 else end):
            raise BadRequestError(400, "a line does not end in CRLF")
        if end < 0:
            # One step back, so that the CR of a CRLF that comes in two pieces is seen.
            self._scanned = max(0, len(buffer) - 1)
            return None
        head = _parse_head(bytes(buffer[:end]))
        del buffer[: end + 4]
        self._scanned = 0
        self._owes_continue = b"expect" in head.headers and (head.chunked or head.length > 0)
        return head

    def _take_chunks(self) -> bool:
        buffer = self._buffer
        while True:
            if self._chunk_left is None or self._in_trailers:
                line = self._take_line()
                if line is None:
                    return False
                if self._in_trailers:
                    self._trailers += len(line) + 2
                    if self._trailers > MAX_HEAD:
                        raise BadRequestError(431, "trailers are too long")
                    if not line:
                        self._in_trailers, self._chunk_left, self._trailers = False, None, 0
                        return True
                    continue
                size = _CHUNK_SIZE.fullmatch(line)
                if not size:
                    raise BadRequestError(400, "a chunk's size is not a hexadecimal number")
                self._chunk_left = int(size[1], 16)
                self._in_trailers = self._chunk_left == 0
                if len(self._body) + self._chunk_left > MAX_BODY:
                    raise BadRequestError(413, "the body is too long")
                continue
            taken = min(self._chunk_left, len(buffer))
            self._body += buffer[:taken]
            del buffer[:taken]
            self._chunk_left -= taken
            if self._chunk_left or len(buffer) < 2:
                return False
            if buffer[:2] != b"\r\n":
                raise BadRequestError(400, "a chunk is longer than its size")
            del buffer[:2]
            self._chunk_left = None

    def _take_line(self) -> bytes | None:
        limit = MAX_HEAD if self._in_trailers else _MAX_CHUNK_LINE
        end = self._buffer.find(b"\r\n", 0, limit + 2)
        if end < 0:
            if len(self._buffer) > limit or _BARE_LF.search(self._buffer):
                raise BadRequestError(400, "a line of a chunked body is too long or does not end in CRLF")
            return None
        line = bytes(self._buffer[:end])
        if b"\n" in line:
            raise BadRequestError(400, "a line does not end in CRLF")
        del self._buffer[: end + 2]
        return line


def _parse_head(head: bytes) -> _Head:
    first, *lines = head.split(b"\r\n")
    request_line = _REQUEST_LINE.fullmatch(first)
    if not request_line:
        raise BadRequestError(400, "the request line is malformed")
    method, target, major, minor = request_line.groups()
    if major != b"1":
        raise BadRequestError(505, "only HTTP/1.0 and HTTP/1.1 are spoken here")
    headers: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        value = value.strip(b" \t")
        if not colon or not _TOKEN.fullmatch(name) or _BAD_IN_VALUE.search(value):
            raise BadRequestError(400, "a header is malformed")
        name = name.lower()
        if name in headers:
            if name in (b"host", b"content-length", b"transfer-encoding") and headers[name] != value:
                raise BadRequestError(400, f"{name.decode()} is given twice")
            value = headers[name] if name in (b"host", b"content-length") else headers[name] + b", " + value
        headers[name] = value
    newest = minor != b"0"
    if newest and b"host" not in headers:
        raise BadRequestError(400, "the Host header is missing")
    length, chunked = _framing(headers, newest)
    if newest and headers.get(b"expect", b"100-continue").lower() != b"100-continue":
        raise BadRequestError(417, "only 100-continue can be expected")
    if not newest:
        headers.pop(b"expect", None)
    connection = {option.strip() for option in headers.get(b"connection", b"").lower().split(b",")}
    keep_alive = b"close" not in connection and (newest or b"keep-alive" in connection)
    return _Head(method.decode(), _path(target), headers, keep_alive, length, chunked)


def _framing(headers: dict[bytes, bytes], newest: bool) -> tuple[int, bool]:
    coding = headers.get(b"transfer-encoding")
    length = headers.get(b"content-length")
    if coding is not None:
        if length is not None or not newest:
            raise BadRequestError(400, "a transfer coding beside a length, or in HTTP/1.0")
        if coding.lower() != b"chunked":
            raise BadRequestError(501, "chunked is the only transfer coding known here")
        return 0, True
    if length is None:
        return 0, False
    if not _DIGITS.fullmatch(length):
        raise BadRequestError(400, "Content-Length is not a number")
    if int(length) > MAX_BODY:
        raise BadRequestError(413, "the body is too long")
    return int(length), False


def _path(target: bytes) -> str:
    text = target.decode("latin-1")
    if not text.startswith("/"):
        scheme, separator, rest = text.partition("://")
        if not separator or scheme.lower() not in ("http", "https"):
            raise BadRequestError(400, "the request target is neither a path nor a URL")
        text = "/" + rest.partition("/")[2]
    return text.partition("?")[0].partition("#")[0]
