"""A stage worker: `celery worker` on the `stages` queue, with the pool and the options that suit it."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from bin.cli import Parser, positive_integer, run
from bin.stores import ready_stores
from config.celery import STAGES_QUEUE
from config.settings import ROOT, settings

POOLS = ("gevent", "threads", "prefork", "solo")


def become_celery(queue: str, name: str, *options: str, pool: str = "gevent") -> NoReturn:
    """Replace this process by `celery worker`: gevent must patch the libraries before anything else is loaded."""
    ready_stores()
    level = settings().log_level
    command = [sys.executable, "-m", "tasks", "-P", pool, "-Q", queue, "-n", f"{name}@%h", "-l", level]
    command += ["--without-gossip", "--without-mingle", *options]
    os.chdir(ROOT)
    os.execv(sys.executable, command)


def main(argv: Sequence[str]) -> NoReturn:
    parser = Parser("worker", __doc__, epilog="Other options go to `celery worker` as they are.")
    parser.add_argument(
        "--name", default=f"worker-{os.getpid()}", help="unique on this machine (default: worker-<pid>)"
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--concurrency",
        type=positive_integer,
        default=settings().worker_concurrency,
        metavar="N",
        help="stage tasks in hand at a time (default: %(default)s)",
    )
    size.add_argument("--autoscale", metavar="MAX,MIN", help="grow and shrink the pool with the work there is")
    parser.add_argument(
        "--pool", "-P", choices=POOLS, default="gevent", help="Celery's pool (%(default)s, which suits LLM calls)"
    )
    options, rest = parser.parse_known_args(argv)
    size_given = (
        ["--autoscale", options.autoscale] if options.autoscale else ["--concurrency", str(options.concurrency)]
    )
    become_celery(STAGES_QUEUE, options.name, *size_given, *rest, pool=options.pool)


if __name__ == "__main__":
    run(main)
