"""An admission worker: `celery worker` on the `admission` queue, where stage 1 lets indicators in at the pace.

One is enough; more share the same pace and stand in for each other.
"""

import os
from collections.abc import Sequence
from typing import NoReturn

from bin.cli import Parser, run
from bin.commands.worker import become_celery
from config.celery import ADMISSION_QUEUE

CONCURRENCY = 8
"""Admissions in hand at a time: the bucket lets them through one by one, the database answers them side by side."""


def main(argv: Sequence[str]) -> NoReturn:
    parser = Parser("admission", __doc__, epilog="Other options go to `celery worker` as they are.")
    parser.add_argument(
        "--name", default=f"admission-{os.getpid()}", help="unique on this machine (default: admission-<pid>)"
    )
    options, rest = parser.parse_known_args(argv)
    become_celery(ADMISSION_QUEUE, options.name, "--concurrency", str(CONCURRENCY), *rest)


if __name__ == "__main__":
    run(main)
