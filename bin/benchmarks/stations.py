"""What indicators queue at, as `bin.benchmarks.model` puts it together: servers in turn, shared cores, a log's flushes.

A model of a great load moves lots of indicators instead of single ones, or its events would be too many. `thinned`
keeps every capacity: of many servers there are fewer, and what cannot be divided is busy for longer with each lot. A
lot leaves after the time of one indicator; so waits are overstated by at most what a lot keeps its server busy.
"""

from collections import deque
from collections.abc import Callable, Generator
from typing import Any

from simpy import Environment, Event

Steps = Generator[Event, Any, None]


def thinned(servers: int, lot: int) -> tuple[int, float]:
    """Servers among which lots are shared out, and how much longer than one indicator a lot keeps one busy.

    >>> thinned(20, 10), thinned(1, 10), thinned(15, 10)
    ((2, 1.0), (1, 10.0), (2, 1.3333333333333333))
    """
    kept = max(1, round(servers / lot))
    return kept, kept * lot / servers


class Cores:
    """Processor cores that several stations share: who finds none free waits, and they are given out in turn.

    Parameters
    ----------
    count
        None for as many as are wanted.
    """

    def __init__(self, count: int | None = None) -> None:
        self.count = count
        self.busy_s = 0.0
        """Of all together, up to now."""
        self._free = float("inf") if count is None else count
        self._waiting: deque[Callable[[], None]] = deque()

    def take(self, begin: Callable[[], None]) -> None:
        """Call `begin` as soon as there is a core for it."""
        if self._free > 0:
            self._free -= 1
            begin()
        else:
            self._waiting.append(begin)

    def give(self) -> None:
        """Hand one back."""
        if self._waiting:
            self._waiting.popleft()()
        else:
            self._free += 1


class Station:
    """Servers before which work waits in one line: a process's thread, Redis, a database's cores.

    Parameters
    ----------
    environment
        simpy's.
    servers
        How many work side by side.
    slow
        How much longer than one indicator a lot keeps a server busy; see `thinned`.
    cores
        Of the machine, of which a server takes one while it works; None where it has one of its own.
    """

    def __init__(
        self, environment: Environment, servers: int = 1, slow: float = 1.0, cores: Cores | None = None
    ) -> None:
        self.servers = servers
        self.busy_s = 0.0
        """Of all servers together, up to now."""
        self.waited_s = 0.0
        self.visits = 0
        self._environment = environment
        self._slow = slow
        self._cores = cores or Cores()
        self._idle = servers
        self._waiting: deque[tuple[float, Event, float]] = deque()

    @property
    def waiting(self) -> int:
        """Visits that have not begun."""
        return len(self._waiting)

    def visit(self, seconds: float) -> Event:
        """Have so many seconds of work done; what it gives happens when it is."""
        done = self._environment.event()
        self._waiting.append((seconds, done, self._environment.now))
        self._call_next()
        return done

    def _call_next(self) -> None:
        if self._idle and self._waiting:
            self._idle -= 1
            seconds, done, since = self._waiting.popleft()
            self._cores.take(lambda: self._begin(seconds, done, since))

    def _begin(self, seconds: float, done: Event, since: float) -> None:
        self.waited_s += self._environment.now - since
        self.visits += 1
        over = self._environment.timeout(seconds * self._slow)
        over.callbacks.append(lambda _: self._end(seconds, done))
        if self._slow > 1:
            leaving = self._environment.timeout(seconds)
            leaving.callbacks.append(lambda _: self._leave(done))

    def _leave(self, done: Event) -> None:
        done.succeed()

    def _end(self, seconds: float, done: Event) -> None:
        self.busy_s += seconds * self._slow
        self._cores.busy_s += seconds * self._slow
        self._idle += 1
        self._cores.give()
        if not self._slow > 1:
            done.succeed()
        self._call_next()


class Log:
    """A write-ahead log: one flush at a time, and whatever was handed in meanwhile goes with the next (group commit).

    Parameters
    ----------
    flush_s
        Seconds that a flush takes, however little it writes.
    bytes_per_s
        What the disk takes.
    """

    def __init__(self, environment: Environment, flush_s: float, bytes_per_s: float) -> None:
        self.writing_s = 0.0
        """Seconds in which bytes were written, up to now; a flush is not counted: the more come, the more share it."""
        self._environment = environment
        self._flush_s = flush_s
        self._bytes_per_s = bytes_per_s
        self._bytes = 0.0
        self._group = environment.event()
        self._flushing = False

    def flush(self, size: float) -> Event:
        """Hand in so many bytes; what it gives happens when they are safe."""
        self._bytes += size
        group = self._group
        if not self._flushing:
            self._flushing = True
            self._environment.process(self._flush())
        return group

    def _flush(self) -> Steps:
        while self._bytes:
            group, size = self._group, self._bytes
            self._group, self._bytes = self._environment.event(), 0.0
            writing_s = size / self._bytes_per_s
            yield self._environment.timeout(self._flush_s + writing_s)
            self.writing_s += writing_s
            group.succeed()
        self._flushing = False


class Gatherer:
    """Puts rows together that come within a moment, or while others are written, and has them written as one statement.

    Parameters
    ----------
    write
        Writes the rows whose seconds it is given.
    most
        Rows a statement.
    within_s
        How long the first waits for others.
    """

    def __init__(
        self, environment: Environment, write: Callable[[list[float]], Steps], most: int, within_s: float
    ) -> None:
        self._environment = environment
        self._write = write
        self._most = most
        self._within_s = within_s
        self._rows: list[tuple[float, Event]] = []
        self._writing = False

    def add(self, seconds: float) -> Event:
        """Hand in a row that would take so many seconds alone; what it gives happens when it is written."""
        written = self._environment.event()
        self._rows.append((seconds, written))
        if not self._writing:
            self._writing = True
            self._environment.process(self._run())
        return written

    def _run(self) -> Steps:
        while self._rows:
            if len(self._rows) < self._most:
                yield self._environment.timeout(self._within_s)
            rows, self._rows = self._rows[: self._most], self._rows[self._most :]
            yield from self._write([seconds for seconds, _ in rows])
            for _, written in rows:
                written.succeed()
        self._writing = False
