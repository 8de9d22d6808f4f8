"""Processes under measurement: started, weighed (CPU, memory), and gone at the end whatever happens."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import psutil

from bin.supervisor import die_with_parent
from config.settings import ROOT

_END_WITHIN_S = 10.0


class Child:
    """A process and its descendants; a context manager that ends them all.

    Parameters
    ----------
    command
        The command line.
    environment
        Variables on top of those of this process.
    log
        Where stderr goes, and stdout too unless `piped`.
    piped
        Whether stdout can be read here, from `output`.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path, *, piped: bool = False
    ) -> None:
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped else errors,
                stderr=errors,
                text=True,
                start_new_session=True,  # Ctrl-C is for the command, which ends its children in order
                preexec_fn=die_with_parent,  # whatever becomes of it
            )
        self._root = psutil.Process(self._process.pid)
        self.log = log

    def __enter__(self) -> "Child":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        family = self.family()
        self._process.terminate()
        try:
            self._process.wait(_END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for one in family:
            # psutil compares the time of birth, so a recycled pid is safe.
            try:
                one.kill()
            except psutil.NoSuchProcess:
                continue
        if self._process.stdout:
            self._process.stdout.close()

    @property
    def status(self) -> int | None:
        """The exit status; None while it runs."""
        return self._process.poll()

    def first_line(self) -> str:
        """The first line that a piped process prints; empty when it ended without."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def family(self) -> list[psutil.Process]:
        """The process and its descendants that live now."""
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def last_words(self) -> str:
        """The last line of its log that says something."""
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1].strip() if lines else ""


def cpu_s(processes: Sequence[psutil.Process]) -> float:
    """Core-seconds that the processes and those of their children that have ended have used so far, user and system."""
    total = 0.0
    for one in processes:
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
        # Where the system tells: a database's processes come and go with its connections.
        total += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return total


def pss_mb(processes: Sequence[psutil.Process]) -> float | None:
    """Memory of the processes in MB, shared pages counted once (PSS); None where the system does not tell."""
    total = 0
    for one in processes:
        try:
            lines = Path(f"/proc/{one.pid}/smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            if not Path("/proc/self/smaps_rollup").exists():
                return None
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total * 1024 / 1e6
