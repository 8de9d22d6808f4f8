"""The client of Redis: whoever does not answer is away, over whatever kind of socket."""

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from config.settings import ROOT

_ASK = """
import gevent.monkey; gevent.monkey.patch_all()
import sys
from tasks.clients import _client
try:
    _client(sys.argv[1], socket_connect_timeout=0.2, retry=None).ping()
except Exception as error:
    print(type(error).__name__)
"""


def test_a_redis_that_is_frozen_behind_a_unix_socket_is_away() -> None:
    """In a worker of its own kind: gevent tries such a socket until the time is over, where Python gives up at once."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listening:
        path = Path(folder) / "redis.sock"
        listening.bind(str(path))
        listening.listen(0)  # and never accepts
        with socket.socket(socket.AF_UNIX) as first:
            first.connect(str(path))
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            command = [sys.executable, "-c", _ASK, f"unix://{path}"]
            done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.stdout.strip() == "TimeoutError", done.stderr
