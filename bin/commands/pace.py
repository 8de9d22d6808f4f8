"""Show the pace, or change it: indicators a minute over the whole cluster, in force within a second."""

from collections.abc import Sequence
from dataclasses import asdict

from bin.cli import Parser, positive_number, print_json, run
from bin.stores import ready_stores
from tasks.pace import Now, pace


def text(now: Now) -> str:
    """The pace as a person reads it."""
    lines = [
        f"target     {now.target_ipm:,g} IPM",
        f"completed  {now.completed_ipm:,.0f} in the last minute, {now.completed_10s_ipm:,.0f} IPM over ten seconds",
        f"in flight  {now.in_flight:,} of at the most {now.max_in_flight:,}, {now.latency_s:,.1f} s each",
    ]
    if now.held_s or now.factor < 1:
        held = f", nothing for {now.held_s:.1f} s as it asked" if now.held_s else ""
        lines.append(f"slowed     to {now.factor:.0%} because the endpoint refused calls{held}")
    return "\n".join(lines)


def main(argv: Sequence[str]) -> None:
    parser = Parser("pace", __doc__)
    parser.add_argument("ipm", nargs="?", type=positive_number, metavar="IPM", help="the new target")
    parser.add_json()
    options = parser.parse_args(argv)
    ready_stores()
    if options.ipm:
        pace().set_target(options.ipm)
    now = pace().now()
    print_json(asdict(now)) if options.json else print(text(now))


if __name__ == "__main__":
    run(main)
