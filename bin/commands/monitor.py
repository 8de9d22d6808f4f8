"""Watch a run: bars, pace, queues, failures, money, workers. Ctrl-C stops watching, and the run goes on.

Without RUN the one that is on, else the latest. It ends with the run; exit status 1 unless all succeeded. Where there
is no terminal it prints a line every few seconds.
"""

from collections.abc import Sequence

from rich.console import Console

from bin.cli import Parser, run
from bin.progress import follow, say_it_goes_on
from bin.stores import ready_stores
from classify.store import runs


def main(argv: Sequence[str]) -> int:
    parser = Parser("monitor", __doc__)
    parser.add_argument("run", nargs="?", metavar="RUN", help="default: the one that is on, or the latest")
    options = parser.parse_args(argv)
    ready_stores()
    batch = runs.find_run(options.run) if options.run else runs.running() or runs.find_run()
    try:
        return 0 if follow(batch, Console()).complete else 1
    except KeyboardInterrupt:
        say_it_goes_on(batch)
        return 130


if __name__ == "__main__":
    run(main)
