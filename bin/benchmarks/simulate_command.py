"""`bin/bench simulate`: its options, and what it prints."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from bin.benchmarks.service_times import SHIPPED, ServiceTimes, load
from bin.benchmarks.surroundings import say
from bin.cli import Parser, positive_integer, positive_number, print_json
from classify.errors import UserError
from config.settings import Settings, settings

OwnStores = Callable[[], AbstractContextManager[Settings]]
"""Gives stores of a benchmark's own."""

_SWITCHES: tuple[tuple[str, str, str, Callable[[str], float], str], ...] = (
    ("--admissions", "admissions", "N", positive_integer, "admission workers"),
    ("--brokers", "brokers", "N", positive_integer, "Redis servers: one for bucket and gate, the others for queues"),
    ("--databases", "databases", "N", positive_integer, "PostgreSQL servers, indicators spread over them"),
    ("--database-cores", "database_cores", "N", positive_integer, "cores of each"),
    ("--batch", "batch", "N", positive_integer, "rows that a worker puts into one statement, at the most"),
    ("--grant", "grant", "N", positive_integer, "tokens of the bucket and the gate taken at a time"),
    ("--latency", "latency_s", "S", positive_number, "median latency of the LLM"),
    ("--rpm-limit", "rpm", "N", positive_number, "calls a minute that it allows"),
    ("--tpm-limit", "tpm", "N", positive_number, "tokens a minute that it allows"),
    ("--round-trip", "round_trip_s", "S", positive_number, "of the network, to Redis and PostgreSQL"),
)


def main(argv: Sequence[str], own_stores: OwnStores) -> None:
    """Run the command.

    Parameters
    ----------
    own_stores
        For `--fit`.
    """
    parser = Parser(
        "bench simulate",
        "Simulate the pipeline at 1, 10, 100 and 1,000 times 800 IPM, from measured service times: whether it carries"
        " that,\nwhat gives out first, and what helps. Options that name a part say how much of it there is at first.",
    )
    parser.add_argument("--ipm", type=positive_number, nargs="+", metavar="N", help="other loads")
    for flag, name, metavar, kind, text in _SWITCHES:
        parser.add_argument(flag, dest=name, type=kind, metavar=metavar, help=text)
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--fit",
        type=Path,
        metavar="FILE",
        help="measure the service times of this machine first, in about four minutes, and keep them in FILE",
    )
    where.add_argument(
        "--times", type=Path, metavar="FILE", help="service times kept by --fit (default: those shipped)"
    )
    parser.add_json()
    options = vars(parser.parse_args(argv))
    times = _measured(options["fit"], own_stores) if options["fit"] else load(options["times"] or SHIPPED)

    from bin.benchmarks import simulate, simulate_table  # read the settings when they are loaded
    from bin.benchmarks.model import Design

    given = {name: options[name] for _, name, *_ in _SWITCHES if options[name] is not None}
    start = Design(ipm=simulate.BASE_IPM, workers=1, concurrency=1, pool=settings().database_pool_size, **given)
    climbs = [simulate.climb(simulate.sized(start, ipm, times), times) for ipm in options["ipm"] or simulate.LOADS]
    held = simulate.agreements(times)
    if options["json"]:
        print_json(simulate.facts(times, held, climbs))
    else:
        print(simulate_table.table(times, held, climbs))


def _measured(path: Path, own_stores: OwnStores) -> ServiceTimes:
    try:
        path.touch()  # what cannot be written is better known before four minutes than after
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    with own_stores() as own:
        from bin.benchmarks.fit import fit  # reads the settings when it is loaded

        times = fit(own, f"bin/bench simulate --fit {path.name}", say)
    times.save(path)
    return times
