"""Every night: load, classify what is new or changed, wait, verify, report. For cron, systemd, Celery beat, Kubernetes.

Only one at a time: a second one ends at once. What was cut short before (killed, rebooted, halted by a key or a
budget) goes on first, and nothing that was paid for is paid for again. Where no worker runs on this machine, the
embedded stack and two workers are started for the night. Without a terminal it says nothing unless something is wrong.

exit status:
  0   all is classified, or there was nothing new
  1   it did not fully succeed: rows rejected, indicators failed, a run halted or not finished in time
  2   it could not begin: a mistake in options or settings, a source or a database that cannot be read
  75  another one is at work; nothing was done
"""

import math
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from bin import source
from bin.cli import Parser, positive_integer, positive_number, print_json, run
from bin.commands import report, verify
from bin.embedded import ensure_stores, stop_stores
from bin.embedded.workers import WorkerLostError
from bin.night import summary
from bin.night.summary import Summary
from bin.night.work import MOST_FAILURES, Night, Plan, UnfinishedError, to_stderr
from bin.page import page
from classify.errors import UserError
from classify.providers import PROVIDERS, provider_named
from classify.store.facts import Verification
from classify.store.locks import Holder, Lock
from classify.store.picture import picture
from config.settings import settings
from tasks.errors import is_transient

_LOCK = 0x6E696768
_PLAIN_EVERY_S = 60.0
_WORKERS = 2


def command_line() -> Parser:
    """The options of the command."""
    parser = Parser("nightly", __doc__)
    parser.add_argument(
        "--input", nargs="+", action="extend", default=[], metavar="FILE", help="load these (default: what is loaded)"
    )
    source.add_options(parser)
    parser.add_argument(
        "--max-rejects", type=_count, default=0, metavar="N", help="so many are no failure (default: 0)"
    )
    parser.add_argument(
        "--ipm", type=positive_number, metavar="N", help=f"indicators a minute (default: {settings().ipm:g})"
    )
    parser.add_argument("--provider", choices=PROVIDERS, default=settings().provider, help="default: %(default)s")
    parser.add_argument("--max-cost", type=positive_number, metavar="USD", help="what this night may cost")
    parser.add_argument(
        "--within",
        type=positive_number,
        metavar="MINUTES",
        help="wait no longer: the run goes on, exit status 1",
    )
    parser.add_argument(
        "--retry-failed",
        action="store_true",
        help=f"also what has failed in {MOST_FAILURES} nights and has not changed since",
    )
    parser.add_argument(
        "--workers",
        type=_count,
        metavar="N",
        help=f"stage workers to start where none run (default: {_WORKERS}; 0 with REDIS_URL and DATABASE_URL)",
    )
    parser.add_argument("--summary", type=Path, metavar="FILE", help="write what --json prints into a file")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the report of the night's last run as a page")
    talk = parser.add_mutually_exclusive_group()
    talk.add_argument("--verbose", action="store_true", help="say what is going on, as on a terminal")
    talk.add_argument("--quiet", action="store_true", help="say nothing unless something is wrong, as without one")
    parser.add_json()
    return parser


def _count(text: str) -> int:
    return 0 if text == "0" else positive_integer(text)


def _plan(parser: Parser, options: Any, talks: bool) -> Plan:
    embeds = settings().embeds_redis or settings().embeds_database
    return Plan(
        source=source.chosen(parser, options, options.input),
        rejects=options.rejects,
        ipm=options.ipm,
        provider=options.provider,
        max_cost=options.max_cost,
        within_s=60 * (options.within or math.inf),
        workers=options.workers if options.workers is not None else _WORKERS * embeds,
        retry_failed=options.retry_failed,
        every_s=_PLAIN_EVERY_S if talks else math.inf,
    )


def main(argv: Sequence[str]) -> int:
    parser = command_line()
    options = parser.parse_args(argv)
    talks = options.verbose or (sys.stderr.isatty() and not options.quiet)
    plan = _plan(parser, options, talks)
    came_to = Summary(MOST_FAILURES, options.max_rejects)
    for path in (options.summary, options.html):
        summary.check_writable(path)
    try:
        provider_named(plan.provider)  # a key that is missing is told before anything is started
        with ExitStack() as stack:
            started = ensure_stores(settings())
            lock = Lock("nightly", _LOCK)
            if (other := _take(lock)) is not None:
                to_stderr(f"bin/nightly: {_named(other)} is at work already; nothing was done")
                return summary.ANOTHER
            stack.callback(lock.release)
            night = Night(plan, lock, to_stderr if talks else lambda line: None)
            if started:
                stack.callback(_stop_stores, night)  # before the lock is given up: the next one may need them
            try:
                told = _work(night, came_to)
            except (KeyboardInterrupt, SystemExit):
                _hand_out(_told(night, came_to, "it was stopped; the next call goes on"), options, talks)
                raise
            return _hand_out(told, options, talks)
    except UserError as error:
        if options.summary:
            summary.write(options.summary, summary.as_json(came_to.cut_off("mistake", str(error))))
        raise


def _take(lock: Lock) -> Holder | None:
    try:
        return lock.take()
    except DBAPIError as error:
        raise UserError(f"PostgreSQL cannot be reached: {summary.first_line(error)}") from None


def _named(other: Holder) -> str:
    since = f", since {other.since.astimezone():%Y-%m-%d %H:%M:%S %Z}" if other.since else ""
    return f"another one ({other.name or 'unknown'}{since})"


def _stop_stores(night: Night) -> None:
    if not night.crew_stays:
        stop_stores(settings())


def _work(night: Night, came_to: Summary) -> dict[str, Any]:
    """What the night came to, however it ended; a mistake of the user's is raised."""
    try:
        night.load()
        reason = night.work()
    except (UnfinishedError, WorkerLostError) as error:
        reason = str(error)
    except (DBAPIError, RedisError) as error:
        if not is_transient(error):
            raise
        return came_to.cut_off("not ok", f"a store went away: {summary.first_line(error)}")
    return _told(night, came_to, reason)


def _told(night: Night, came_to: Summary, reason: str | None) -> dict[str, Any]:
    return came_to.told(night.loaded, [*night.runs], night.spent(), reason)


def _hand_out(told: dict[str, Any], options: Any, talks: bool) -> int:
    """Write and print what a night came to; its exit status."""
    if options.summary:
        summary.write(options.summary, summary.as_json(told))
    accounts = told.get("runs", [])
    if options.html and accounts:
        summary.write(options.html, page(accounts[-1]["report"], picture(accounts[-1]["run_id"])))
    if not told["ok"]:
        ended = [account for account in accounts if account["report"]["status"] != "running"]
        to_stderr("\n".join([summary.line(told), *(_text(account) for account in ended)]))
    elif talks and not options.json:
        print("\n".join([*(_text(account) for account in accounts), summary.line(told)]))
    if options.json:
        print_json(told)
    status: int = told["exit_status"]
    return status


def _text(account: dict[str, Any]) -> str:
    proof = Verification(**{name: value for name, value in account["verify"].items() if name != "ok"})
    return f"{report.text(account['report'])}\n{verify.text(proof)}"


if __name__ == "__main__":
    run(main)
