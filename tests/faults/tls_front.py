"""TLS in front of a server on a Unix socket, as stunnel puts it there: the servers out of wheels have none."""

import contextlib
import select
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import trustme

_SSL_REQUEST = 80877103
_PLAIN_ONLY = b"N"


class TlsFront:
    """Listens on a port of its own and hands on what comes over TLS.

    Parameters
    ----------
    target
        The server's socket.
    ca
        Signs the front's certificate, which is for `localhost`.
    speaks_first
        Whether clients ask in plain whether there is TLS, as PostgreSQL's do.
    """

    def __init__(self, target: Path, ca: trustme.CA, *, speaks_first: bool = False) -> None:
        self._target = target
        self._speaks_first = speaks_first
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        ca.issue_cert("localhost").configure_cert(self._context)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.refused = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            while self._speaks_first:
                _, code = struct.unpack("!II", client.recv(8, socket.MSG_WAITALL))
                client.sendall(b"S" if code == _SSL_REQUEST else _PLAIN_ONLY)
                if code == _SSL_REQUEST:
                    break
            secure = self._context.wrap_socket(client, server_side=True)
        except (OSError, struct.error):  # nobody gets through in plain, or with another CA
            self.refused += 1
            client.close()
            return
        with socket.socket(socket.AF_UNIX) as server, secure, contextlib.suppress(OSError):
            server.connect(str(self._target))
            while True:
                ready = [secure] if secure.pending() else select.select([secure, server], [], [])[0]
                for one, other in ((secure, server), (server, secure)):
                    if one in ready:
                        data = one.recv(65536)
                        if not data:
                            return
                        other.sendall(data)


@contextlib.contextmanager
def tls_front(target: Path, ca: trustme.CA, *, speaks_first: bool = False) -> Iterator[TlsFront]:
    """A front for as long as the block runs."""
    front = TlsFront(target, ca, speaks_first=speaks_first)
    try:
        yield front
    finally:
        front.close()
