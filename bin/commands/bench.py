"""Measurements behind the project's decisions, for this machine. Everything runs on stores of its own and is removed.

bin/bench pool    which Celery pool: threads, gevent, prefork
bin/bench pace    whether the pace is exactly what was asked for
bin/bench ceiling | cost | latency | enqueue | load | growth | all
                  how fast, and at what cost, each beside bare Celery chains on stock settings
bin/bench simulate  where the design breaks as the load grows: a model, fitted to measured service times
"""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NoReturn

from bin.benchmarks import measurements
from bin.cli import Parser, positive_integer, positive_number, print_json, run
from bin.embedded import ensure_stores, stop_stores
from config.settings import Settings, read_settings, settings

_POOLS = ("threads", "gevent", "prefork")


def main(argv: Sequence[str]) -> int | None:
    parser = Parser("bench", __doc__)
    parser.add_argument("what", choices=_BENCHES, metavar="WHAT", help=", ".join(_BENCHES))
    parser.add_argument("options", nargs=argparse.REMAINDER, help="see bin/bench pool --help")
    chosen = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, _leave)
    return _BENCHES[chosen.what](chosen.options)


def _pool(argv: Sequence[str]) -> None:
    parser = Parser("bench pool", "Compare Celery's pools at 20 LLM calls in flight in each of two workers.")
    parser.add_argument(
        "--pools", type=_pools, default=_POOLS, metavar="P,…", help=f"which to compare (default: {','.join(_POOLS)})"
    )
    parser.add_argument(
        "--rounds", type=positive_integer, default=2, metavar="N", help="the pools take turns N times (%(default)s)"
    )
    parser.add_argument(
        "--seconds", type=positive_number, default=24, metavar="S", help="length of a measurement (%(default)s)"
    )
    parser.add_json()
    options = parser.parse_args(argv)
    with _own_stores() as own:
        from bin.benchmarks import pool  # reads the settings when it is loaded

        with pool.bench(own, seconds=options.seconds) as bench:
            results = bench.compare(options.pools, options.rounds)
    if options.json:
        print_json(pool.facts(results))
    else:
        print(pool.table(results))


def _pace(argv: Sequence[str]) -> int:
    parser = Parser("bench pace", "Hold the pace against the target. Exit status 1 when a figure misses its bounds.")
    parser.add_argument("--only", metavar="TEXT", default="", help="only the scenarios whose names contain this")
    parser.add_argument(
        "--seconds", type=positive_number, default=180, metavar="S", help="length of a steady scenario (%(default)s)"
    )
    parser.add_argument("--list", action="store_true", help="name the scenarios and do nothing")
    parser.add_json()
    options = parser.parse_args(argv)
    with _own_stores() as own:
        from bin.benchmarks import pace  # reads the settings when it is loaded

        bench = pace.PaceBench(own, options.seconds)
        names = [name for name in bench.scenarios() if options.only in name]
        if not names:
            parser.error(f"no scenario's name contains {options.only!r}: see bin/bench pace --list")
        if options.list:
            print("\n".join(names))
            return 0
        results = bench.run(names)
    if options.json:
        print_json(pace.as_facts(results))
    else:
        print(pace.table(results))
    return 1 if any(result.misses for result in results) else 0


def _simulate(argv: Sequence[str]) -> None:
    from bin.benchmarks import simulate_command  # loads what the others do not need

    simulate_command.main(argv, _own_stores)


def _pools(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in _POOLS]:
        raise argparse.ArgumentTypeError(f"no pool named {unknown[0]!r}: choose among {', '.join(_POOLS)}")
    return names


@contextmanager
def _own_stores() -> Iterator[Settings]:
    """Stores in a folder of their own, for this process and those that it starts; gone at the end."""
    with tempfile.TemporaryDirectory(prefix="bench-data-") as folder:
        # Nothing here calls the endpoint: the workers do, and are told the address of the simulated one.
        nowhere = {"OPENAI_API_KEY": "", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
        os.environ.update({"DATA_DIR": folder, "REDIS_URL": "", "DATABASE_URL": "", **nowhere})
        settings.cache_clear()
        own = read_settings({"DATA_DIR": folder})
        try:
            ensure_stores(own)
            yield own
        finally:
            stop_stores(own)


def _leave(number: int, frame: object) -> NoReturn:
    """SIGTERM ends what was started too."""
    sys.exit(128 + number)


_BENCHES: dict[str, Callable[[Sequence[str]], int | None]] = {
    "pool": _pool,
    "pace": _pace,
    **{name: partial(measurements.command, name, own_stores=_own_stores) for name in measurements.MEASUREMENTS},
    measurements.ALL: partial(measurements.command, measurements.ALL, own_stores=_own_stores),
    "simulate": _simulate,
}


if __name__ == "__main__":
    run(main)
