"""Start a run: classify what is new or changed, at so many indicators a minute.

Indicators without a classification, or changed since it was made, unless --force. What another unfinished run has
in hand is left to it. A run that was halted (a wrong key, no quota, its budget reached) goes on with --resume: every
indicator at its first stage without an answer. Nothing that was paid for is paid for again.
"""

import argparse
from collections.abc import Sequence

from rich.console import Console

from bin.cli import Parser, positive_integer, positive_number, print_json, run
from bin.progress import follow, say_it_goes_on
from bin.stores import ready_stores
from classify.providers import PROVIDERS
from classify.store.runs import Run, Selection
from config.settings import settings
from tasks.enqueue import STAGES_A_CHAIN, start_run
from tasks.resume import resume_run

_CHOOSING = ("id", "limit", "force", "provider")
"""Options that choose what a new run takes, and how."""


def main(argv: Sequence[str]) -> int:
    parser = Parser("enqueue", __doc__)
    rate = parser.add_mutually_exclusive_group()
    rate.add_argument(
        "--ipm", type=positive_number, metavar="N", help=f"indicators a minute (default: {settings().ipm:g})"
    )
    rate.add_argument("--rpm", type=positive_number, metavar="N", help=f"tasks a minute: N ÷ {STAGES_A_CHAIN} IPM")
    parser.add_argument("--limit", type=positive_integer, metavar="N", help="at most N indicators, first loaded first")
    parser.add_argument("--id", nargs="+", action="extend", metavar="ID", help="only these indicators")
    parser.add_argument(
        "--force", action="store_true", help="also those whose classification is up to date, and over corrections"
    )
    parser.add_argument("--provider", choices=PROVIDERS, help=f"default: {settings().provider}")
    parser.add_argument("--max-cost", type=positive_number, metavar="USD", help="halt once the LLM has cost so much")
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", metavar="RUN", help="go on with this run")
    again.add_argument("--retry-failed", metavar="RUN", help="the same, and try again what has failed")
    parser.add_argument(
        "--follow", action="store_true", help="stay and watch as bin/monitor does; exit status 1 unless all succeed"
    )
    parser.add_json()
    options = parser.parse_args(argv)
    old = options.resume or options.retry_failed
    if old and (given := [name for name in _CHOOSING if getattr(options, name)]):
        parser.error(f"--{given[0]} is for a new run")
    ready_stores()

    ipm = options.ipm or (options.rpm / STAGES_A_CHAIN if options.rpm else None)
    batch, count = _again(options, old, ipm) if old else _new(options, ipm or settings().ipm)
    if options.json:
        target = batch.target_ipm if batch else ipm or settings().ipm
        print_json({"run_id": batch and batch.run_id, "enqueued": count, "target_ipm": target})
    elif batch and count:
        what = "indicators still to do" if old else "indicators"
        print(f"run {batch.run_id}: {count:,} {what} at {batch.target_ipm:,g} IPM, provider {batch.provider}")
    elif old:
        print(f"nothing to do: run {old} has nothing unfinished" + (" (see --retry-failed)" if options.resume else ""))
    else:
        print("nothing to do: every indicator has an up-to-date classification, or a run has it in hand (see --force)")
    if not batch or not count or not options.follow:
        return 0
    try:
        return 0 if follow(batch, Console(stderr=True)).complete else 1
    except KeyboardInterrupt:
        say_it_goes_on(batch)
        return 130


def _new(options: argparse.Namespace, ipm: float) -> tuple[Run | None, int]:
    selection = Selection(ids=options.id, force=options.force, limit=options.limit)
    provider = options.provider or settings().provider
    batch = start_run(selection, ipm=ipm, provider=provider, max_cost_usd=options.max_cost)
    return batch, batch.total if batch else 0


def _again(options: argparse.Namespace, run_id: str, ipm: float | None) -> tuple[Run, int]:
    return resume_run(run_id, retry_failed=bool(options.retry_failed), ipm=ipm, max_cost_usd=options.max_cost)


if __name__ == "__main__":
    run(main)
