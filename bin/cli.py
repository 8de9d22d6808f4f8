"""What all commands share: one-line errors with exit status 2, `--json`, the parser's manners."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from classify.errors import UserError
from config.settings import SettingsError, settings

try:
    settings()  # here and not later: modules of the commands read them while they are loaded, outside `run`
except SettingsError as error:
    print(f"bin/{Path(sys.argv[0]).stem.replace('_', '-')}: {error}", file=sys.stderr)
    sys.exit(2)


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line, not a page of usage.

    Example:
    -------
    >>> parser = Parser("load", "Load indicators into source_indicators.")
    >>> parser.add_argument("files", nargs="+", metavar="FILE")
    """

    def __init__(self, command: str, description: str | None, **options: Any) -> None:
        super().__init__(
            prog=f"bin/{command}",
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            **options,
        )

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")

    def add_json(self) -> None:
        """The `--json` option of commands that print facts."""
        self.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def positive_number(text: str) -> float:
    """An argument that is a finite number above zero."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above zero")
    return value


def positive_integer(text: str) -> int:
    """An argument that is a whole number above zero."""
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return int(text)


def print_json(facts: Any) -> None:
    """Facts as one JSON object on stdout."""
    print(json.dumps(facts, indent=2, ensure_ascii=False, default=str))


def run(main: Callable[[Sequence[str]], int | None], argv: Sequence[str] | None = None) -> NoReturn:
    """Run a command's `main` and exit with its status.

    A user's mistake becomes one line on stderr and status 2, an interrupt 130, a closed pipe 141, SIGTERM 143.
    """
    command = Path(sys.argv[0]).stem.replace("_", "-")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as an exception, so that what was started is stopped
    try:
        status = main(sys.argv[1:] if argv is None else argv) or 0
        sys.stdout.flush()
    except (UserError, SettingsError) as error:
        print(f"bin/{command}: {error}", file=sys.stderr)
        status = 2
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 141
    sys.exit(status)
