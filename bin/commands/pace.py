"""Show the pace, or change it: indicators a minute over the whole cluster, in force within a second."""

from collections.abc import Sequence

from bin.cli import Parser, positive_number, print_json, run
from bin.stores import ready_stores
from tasks.pace import pace


def main(argv: Sequence[str]) -> None:
    parser = Parser("pace", __doc__)
    parser.add_argument("ipm", nargs="?", type=positive_number, metavar="IPM", help="the new target")
    parser.add_json()
    options = parser.parse_args(argv)
    ready_stores()
    if options.ipm:
        pace().set_target(options.ipm)
    now = {"target_ipm": pace().target_ipm, "in_flight": pace().in_flight, "max_in_flight": pace().max_in_flight}
    if options.json:
        print_json(now)
    else:
        print(
            f"target {now['target_ipm']:,g} IPM, {now['in_flight']:,} in flight (at the most {now['max_in_flight']:,})"
        )


if __name__ == "__main__":
    run(main)
