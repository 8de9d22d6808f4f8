"""A worker's guardian: starts it again when it ends unasked, up to a limit; nothing but the standard library.

A worker that was killed, crashed, or made room because of its memory comes back within a second. One that ends as
often as `LIMIT` times within `WINDOW_S` seconds is broken, not unlucky: the guardian gives up with its exit status.
Asked to stop (SIGTERM, SIGINT), it passes that on and waits. Killed itself, it leaves nobody behind where the system
can tell a child of its parent's death (Linux).

Run as `python -m bin.supervisor COMMAND…`.
"""

import ctypes
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from types import FrameType

LIMIT = 5
WINDOW_S = 60.0
_PAUSE_S = 0.5
_UP_S = 3.0
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """For `preexec_fn`: asks the system to end this process (SIGTERM) when its parent dies, even by SIGKILL."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def supervise(command: Sequence[str]) -> int:
    """Run a command until it is asked to stop, or ends too often.

    Returns
    -------
    int
        The exit status of its last process; 128 and the signal for one that was killed.
    """
    asked: list[int] = []
    child: subprocess.Popen[bytes] | None = None

    def pass_on(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        if child is not None and child.poll() is None:
            child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    starts: deque[float] = deque(maxlen=LIMIT)
    status = 0
    while not asked:
        if len(starts) == LIMIT and time.monotonic() - starts[0] < WINDOW_S:
            print(f"supervisor: ended {LIMIT} times within {WINDOW_S:g} s, not started again", file=sys.stderr)
            return status or 1
        if starts:
            print(f"supervisor: ended with status {status}, started again", file=sys.stderr, flush=True)
            time.sleep(_PAUSE_S)
        starts.append(time.monotonic())
        child = subprocess.Popen(command, preexec_fn=die_with_parent)  # no threads here
        if asked:  # in the moment of starting
            child.send_signal(asked[0])
        code = child.wait()
        status = 128 - code if code < 0 else code
        if len(starts) == 1 and code > 0 and time.monotonic() - starts[0] < _UP_S:
            return status  # it never ran: a mistake in its settings, which it has told
    return status


if __name__ == "__main__":
    sys.exit(supervise(sys.argv[1:]))
