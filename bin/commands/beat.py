"""Celery beat, and the worker that does what it says: bin/nightly every day at NIGHTLY_AT, with NIGHTLY_OPTIONS.

One process for both, beside the other workers; a second one does no harm, since only one night is at work at a time.
A night that was missed because this process was not running is made up for when it starts.
"""

from collections.abc import Sequence
from typing import NoReturn

from bin.cli import Parser, run
from bin.commands.worker import become_celery
from bin.embedded import places
from classify.errors import UserError
from config.celery import NIGHTLY_QUEUE
from config.settings import settings


def main(argv: Sequence[str]) -> NoReturn:
    parser = Parser("beat", __doc__, epilog="Other options go to `celery worker` as they are.")
    parser.add_argument("--name", default="beat", help="unique on this machine (default: %(default)s)")
    options, rest = parser.parse_known_args(argv)
    if not settings().nightly_at:
        raise UserError("NIGHTLY_AT is not set: the time of day in UTC, like 02:30")
    places.prepare(settings())
    schedule = places.records_dir(settings()) / "beat"
    # A thread waits for the command; green pools cannot have beat with them.
    with_beat = ["--beat", "--schedule", str(schedule), "--concurrency", "1", *rest]
    become_celery(NIGHTLY_QUEUE, options.name, *with_beat, pool="threads")


if __name__ == "__main__":
    run(main)
