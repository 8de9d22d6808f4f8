"""The local stack, step by step: Redis, PostgreSQL, an admission worker and stage workers on this machine.

up      start what is not running; --workers changes how many there are
down    stop everything, workers first; the data stays
status  show every process and the addresses; exit status 1 unless all are up
logs    show the end of the logs
clean   down, and remove the data
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from bin.cli import Parser, positive_integer, print_json, run
from bin.embedded import ensure_stores, logs, places, workers
from bin.embedded.state import State
from bin.embedded.status import Part, Status, addresses, status
from bin.embedded.stores import embedded, stop_servers
from classify.errors import UserError
from config.settings import Settings, settings

_Action = Callable[[argparse.Namespace, Settings], int]


class _ActionParser(Parser):
    def __init__(self, *, prog: str, **options: Any) -> None:
        super().__init__(prog.removeprefix("bin/"), options.pop("description", None), **options)


def _up(options: argparse.Namespace, config: Settings) -> int:
    missing = [server.NAME for server in embedded(config) if server.state(config) is not State.READY]
    ensure_stores(config)
    with places.locked(config):
        change = workers.scale(config, options.workers, options.concurrency)
    started = missing + change.started
    if started:
        print(f"started {', '.join(started)}")
    _print_stopped(change)
    if not started and not change.stopped:
        print("everything is up already")
    redis_url, database_url = addresses(config)
    print(f"redis     {redis_url}\npostgres  {database_url}")
    return 0


def _print_stopped(change: workers.Change) -> None:
    if change.stopped:
        print(f"stopped {', '.join(change.stopped)}")
    if change.killed:
        print(f"killed {', '.join(change.killed)}: did not end by itself; its work is done again", file=sys.stderr)


def _down(options: argparse.Namespace, config: Settings) -> int:
    if not places.is_ours(config):
        print("nothing runs")
        return 0
    with places.locked(config):
        change = workers.stop(config)
        change.stopped += stop_servers(config)
    _print_stopped(change)
    if not change.stopped:
        print("nothing runs")
    return 0


def _status(options: argparse.Namespace, config: Settings) -> int:
    now = status(config)
    if options.json:
        print_json(asdict(now))
    else:
        print(_text(now))
    return 0 if now.ok else 1


def _text(now: Status) -> str:
    lines = [f"{'':<10} {'pid':>8} {'up for':>9} {'memory':>9}"]
    lines += [_line(part) for part in now.processes]
    lines += ["", f"redis     {now.redis_url}", f"postgres  {now.database_url}", f"data      {now.data_dir}"]
    return "\n".join(lines)


def _line(part: Part) -> str:
    where = part.listens or part.log or ""
    if not part.up:
        return f"{part.name:<10} {'DOWN':>8} {'':>9} {'':>9}  {where}".rstrip()
    pid = part.pid or "elsewhere"
    memory = "" if part.memory_mb is None else f"{part.memory_mb:,.0f} MB"
    return f"{part.name:<10} {pid:>8} {_duration(part.up_for_s):>9} {memory:>9}  {where}".rstrip()


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _logs(options: argparse.Namespace, config: Settings) -> int:
    paths = logs.files(config, options.name)
    width = max(len(path.stem) for path in paths)
    alone = len(paths) == 1
    for path in paths:
        for line in logs.last(path, options.lines):
            print(line if alone else f"{path.stem:<{width}} | {line}")
    if options.follow:
        sys.stdout.flush()
        for path, line in logs.following(paths):
            print(line if alone else f"{path.stem:<{width}} | {line}", flush=True)
    return 0


def _clean(options: argparse.Namespace, config: Settings) -> int:
    if not config.data_dir.exists():
        print("there is no data")
        return 0
    if not places.is_ours(config):
        raise UserError(f"{config.data_dir} was not made by this program: nothing is removed")
    if not options.yes:
        if not sys.stdin.isatty():
            raise UserError(f"this removes all data in {config.data_dir}; say --yes")
        if input(f"Remove all data in {config.data_dir}? [y/N] ").strip().lower() not in ("y", "yes"):
            print("nothing is removed")
            return 1
    with places.locked(config):
        change = workers.stop(config)
        change.stopped += stop_servers(config)
        _print_stopped(change)
        left = places.remove(config)
    print(f"removed {config.data_dir}" + (f", but for {', '.join(left)}" if left else ""))
    return 0


def _line_count(text: str) -> int:
    return 0 if text == "0" else positive_integer(text)


def main(argv: Sequence[str]) -> int:
    parser = Parser("stack", __doc__)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=_ActionParser)

    def action(name: str, does: str, act: _Action) -> Parser:
        added: Parser = actions.add_parser(name, help=does, description=does)
        added.set_defaults(act=act)
        return added

    up = action("up", "start what is not running", _up)
    up.add_argument("--workers", type=positive_integer, metavar="N", help="stage workers (default: as before, or 2)")
    up.add_argument("--concurrency", type=positive_integer, metavar="N", help="tasks in hand, each worker it starts")

    action("down", "stop everything, workers first; the data stays", _down)

    action("status", "show every process and the addresses; exit status 1 unless all are up", _status).add_json()

    read = action("logs", "show the end of the logs", _logs)
    read.add_argument("name", nargs="?", metavar="NAME", help="of this process only (default: of all)")
    read.add_argument("--follow", "-f", action="store_true", help="go on with what is written from now on")
    read.add_argument("--lines", "-n", type=_line_count, default=20, metavar="N", help="lines of each (%(default)s)")

    action("clean", "stop everything and remove the data", _clean).add_argument(
        "--yes", action="store_true", help="do not ask"
    )

    options = parser.parse_args(argv)
    status_code: int = options.act(options, settings())
    return status_code


if __name__ == "__main__":
    run(main)
