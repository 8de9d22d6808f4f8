"""Watch a run: bars, pace, queues, failures, money, workers. Ctrl-C stops watching, and the run goes on.

Without RUN the one that is on, else the latest. It ends with the run; exit status 1 unless all succeeded. Where there
is no terminal it prints a line every few seconds.
"""

import sys
import time
from collections.abc import Sequence

from rich.console import Console
from rich.live import Live

from bin.cli import Parser, run
from bin.live.fleet import Fleet
from bin.live.look import Look, Watch
from bin.live.screen import Screen, line
from bin.stores import ready_stores
from classify.store import runs

_LEAST_PAUSE_S = 1.0
_PLAIN_EVERY_S = 5.0
_SHARE_OF_TIME = 20
"""A look that takes long is followed by a pause so many times as long: big ledgers are not to suffer from watchers."""
_INTRODUCTION_S = 0.4
"""What the first screen waits for the workers' first words."""


def watch(console: Console, watch: Watch) -> Look:
    """Show the run until it has ended; the last look."""
    if not console.is_terminal:
        return _plainly(watch)
    time.sleep(_INTRODUCTION_S)
    look = watch.look()
    with Live(Screen(look), console=console, screen=True, auto_refresh=False) as live:
        while not look.ended:
            began = time.monotonic()
            look = watch.look()
            live.update(Screen(look), refresh=True)
            time.sleep(max(_LEAST_PAUSE_S, _SHARE_OF_TIME * (time.monotonic() - began)))
    console.print(Screen(look, full=True))
    return look


def _plainly(watch: Watch) -> Look:
    due = 0.0
    while True:
        look = watch.look()
        if look.ended or time.monotonic() >= due:
            print(line(look), flush=True)
            due = time.monotonic() + _PLAIN_EVERY_S
        if look.ended:
            return look
        time.sleep(_LEAST_PAUSE_S)


def main(argv: Sequence[str]) -> int:
    parser = Parser("monitor", __doc__)
    parser.add_argument("run", nargs="?", metavar="RUN", help="default: the one that is on, or the latest")
    options = parser.parse_args(argv)
    ready_stores()
    batch = runs.find_run(options.run) if options.run else runs.running() or runs.find_run()
    try:
        with Fleet() as fleet:
            ended = watch(Console(), Watch(batch, fleet))
    except KeyboardInterrupt:
        print(f"the run goes on; bin/monitor {batch.run_id} watches it again", file=sys.stderr)
        return 130
    if ended.run.status == "halted":
        print(f"halted: {ended.run.reason} (bin/enqueue --resume {batch.run_id} goes on)", file=sys.stderr)
    return 0 if ended.run.status == "done" and ended.glance.counts.done == ended.run.total else 1


if __name__ == "__main__":
    run(main)
