"""One client's connection: requests in, replies out in the same order, each when its time has come.

A request behind another on the same connection waits until that one is answered and read by the client; so memory is
bounded whatever clients do. A client that closes its side, even half, counts as gone.
"""

import asyncio
import time
from typing import cast

from classify.simulator.endpoint import Endpoint
from classify.simulator.parser import MAX_BODY, MAX_HEAD, BadRequestError, Request, RequestParser
from classify.simulator.replies import Reply, error_reply

MAX_CONNECTIONS = 5000
_LINGER_S = 1.0
"""How long what a refused client still sends is thrown away; closing at once could destroy the refusal unread."""


class Connection(asyncio.Protocol):
    """The HTTP side of the endpoint, for `loop.create_server`.

    Parameters
    ----------
    endpoint
        Gives the replies and keeps the stats.
    open_connections
        Where the connection enters and leaves itself.
    """

    def __init__(self, endpoint: Endpoint, open_connections: "set[Connection]") -> None:
        self._endpoint = endpoint
        self._open = open_connections
        self._parser = RequestParser()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._request: Request | None = None
        self._reply: Reply | None = None
        self._began = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._flushing = False
        self._stopping = False
        self._refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        # Any byte that the system does not take at once counts as not written yet: see resume_writing.
        self._transport.set_write_buffer_limits(high=0)
        self._open.add(self)
        if len(self._open) > MAX_CONNECTIONS:
            self._refuse(503, "too many connections")

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._parser.feed(data)
        if self._reply is None:
            self._advance()
        elif self._parser.buffered > MAX_HEAD + MAX_BODY:
            self._transport.abort()

    def resume_writing(self) -> None:
        if self._flushing:
            self._flushing = False
            self._end(written=True)
            self._advance()

    def connection_lost(self, error: Exception | None) -> None:
        self._open.discard(self)
        if self._timer:
            self._timer.cancel()
        if self._reply:
            self._end(written=False)

    def stop(self) -> None:
        """Close when the request in hand is answered; at once when there is none, or one that never will be."""
        self._stopping = True
        if self._reply is None or self._reply.ending == "hang":
            self._transport.close()

    def abort(self) -> None:
        """Close now."""
        self._transport.abort()

    def _advance(self) -> None:
        """Serve what has come so far; in a loop, as many requests may have come in one piece."""
        while self._reply is None and not self._transport.is_closing():
            try:
                request = self._parser.next_request()
            except BadRequestError as error:
                self._refuse(error.status, str(error))
                return
            if request is None:
                if self._parser.take_continue():
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            self._begin(request)

    def _begin(self, request: Request) -> None:
        reply = self._endpoint.reply_to(request)
        self._request, self._reply = request, reply
        self._began = time.monotonic()
        if reply.outcome:
            self._endpoint.stats.begun()
        if reply.ending == "hang":
            return
        if reply.delay_s:
            self._timer = self._loop.call_later(reply.delay_s, self._due)
        else:
            self._send()

    def _due(self) -> None:
        self._timer = None
        self._send()
        self._advance()

    def _send(self) -> None:
        request, reply = self._request, self._reply
        assert request is not None
        assert reply is not None
        if reply.ending == "drop":
            self._end(written=False)
            self._transport.close()
            return
        self._transport.write(reply.encoded(keep_alive=request.keep_alive and not self._stopping))
        if self._transport.get_write_buffer_size():
            self._flushing = True
        else:
            # A write that failed has closed the transport.
            self._end(written=not self._transport.is_closing())

    def _end(self, *, written: bool) -> None:
        reply, request = self._reply, self._request
        self._reply = self._request = None
        assert request is not None
        assert reply is not None
        if reply.outcome:
            self._endpoint.stats.ended(reply, written=written, seconds=time.monotonic() - self._began)
        if self._stopping or not request.keep_alive:
            self._transport.close()

    def _refuse(self, status: int, message: str) -> None:
        self._refused = True
        self._transport.write(error_reply(status, message).encoded(keep_alive=False))
        self._transport.write_eof()
        self._loop.call_later(_LINGER_S, self._transport.close)
