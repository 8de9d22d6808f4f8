"""The running endpoint: listens, serves, and stops gracefully."""

import asyncio
import os

from classify.errors import UserError
from classify.simulator.answers import Answerer, FittingAnswerer
from classify.simulator.behaviour import Behaviour
from classify.simulator.connection import Connection
from classify.simulator.endpoint import Endpoint

GRACE_S = 10.0
"""How long requests in hand may take to end when the endpoint stops."""
_BACKLOG = 1024


class Simulator:
    """A simulated endpoint on a port of this machine.

    Parameters
    ----------
    behaviour
        Latency, limits and faults to begin with.
    host, port
        Where to listen; port 0 takes a free one.
    answerer
        What is said to questions that ask for JSON.

    Example
    -------
    >>> simulator = Simulator(Behaviour(latency_s=0))
    >>> url = await simulator.start()
    >>> await simulator.stop()
    """

    def __init__(
        self, behaviour: Behaviour, host: str = "127.0.0.1", port: int = 0, answerer: Answerer | None = None
    ) -> None:
        self.endpoint = Endpoint(behaviour, answerer or FittingAnswerer())
        self._host = host
        self._port = port
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Listen; the base URL for an OpenAI client, for example `http://127.0.0.1:4010/v1`.

        Raises
        ------
        UserError
            When the address cannot be used.
        """
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: Connection(self.endpoint, self._connections), self._host, self._port, backlog=_BACKLOG
            )
        except (OSError, OverflowError) as error:
            reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
            raise UserError(f"cannot listen on {self._host}, port {self._port}: {reason}") from None
        port = self._server.sockets[0].getsockname()[1]
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{port}/v1"

    async def stop(self, grace_s: float = GRACE_S) -> None:
        """Take no more connections, let the requests in hand end for at most `grace_s` seconds, close."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._connections):
            connection.stop()
        deadline = asyncio.get_running_loop().time() + grace_s
        while self._connections and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)
        for connection in list(self._connections):
            connection.abort()
        await asyncio.sleep(0)
        self._server = None
