"""Makes `.venv`: `bin/python` runs this with whatever Python the machine has, so only the standard library is there.

The environment is made in place, with a mark in it until it is whole; whoever finds the mark starts from nothing.
A lock on the checkout's folder keeps a second command waiting, and the system frees it when its holder is killed.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

_REQUIREMENTS = "requirements.txt"
_DEV_REQUIREMENTS = "requirements-dev.txt"


class _FailedError(Exception):
    """A step that did not work; the message is for the user."""


def _say(message: str) -> None:
    print(f"bin/python: {message}", file=sys.stderr, flush=True)


def _lock(root: Path) -> None:
    """Hold the checkout's lock until this process ends."""
    handle = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _say("another command is making .venv, waiting for it")
        fcntl.flock(handle, fcntl.LOCK_EX)


def _run(what: str, command: list[str | Path]) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    environment["PIP_USER"] = "0"  # packages go into .venv, whatever the machine's pip settings say
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if line.strip() and not line.startswith("WARNING: ")]
        raise _FailedError("\n  ".join([f"{what} failed:", *lines[-5:]]))


def _is_installed(root: Path, name: str) -> bool:
    try:
        return (root / ".venv" / f"installed.{name}").read_bytes() == (root / name).read_bytes()
    except FileNotFoundError:
        return False


def _make(root: Path, files: list[str]) -> None:
    venv = root / ".venv"
    python = venv / "bin" / "python"
    unfinished = venv / "unfinished"
    fresh = unfinished.exists() or not python.exists()
    wanted = [name for name in files if fresh or not _is_installed(root, name)]
    if not wanted:
        return  # the command that held the lock has done it
    _say(f"making .venv from {' and '.join(wanted)}, about a minute")
    try:
        if fresh:
            if venv.exists():
                shutil.rmtree(venv)
            venv.mkdir()
            unfinished.touch()
            _run("python -m venv", [sys.executable, "-m", "venv", venv])
        contents = {name: (root / name).read_bytes() for name in files}
        for name in wanted:
            (venv / f"installed.{name}").unlink(missing_ok=True)
        options = ["--quiet", "--disable-pip-version-check", "--no-input"]
        options += [word for name in files for word in ("-r", str(root / name))]
        _run("pip install", [python, "-m", "pip", "install", *options])
        for name, content in contents.items():
            (venv / f"installed.{name}").write_bytes(content)
        unfinished.unlink(missing_ok=True)
    except BaseException:
        if fresh:
            shutil.rmtree(venv, ignore_errors=True)
        raise


def main() -> NoReturn:
    """`bootstrap.py ROOT [--with-dev]`."""
    root = Path(sys.argv[1])
    files = [_REQUIREMENTS, *([_DEV_REQUIREMENTS] if "--with-dev" in sys.argv[2:] else [])]
    try:
        _lock(root)
        _make(root, files)
    except (_FailedError, OSError) as error:
        _say(f".venv cannot be made: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)


if __name__ == "__main__":
    main()
