"""Start a run: classify what is new or changed, at so many indicators a minute.

Indicators without a classification, or changed since it was made, unless --force. What another unfinished run has
in hand is left to it.
"""

import sys
from collections.abc import Sequence

from bin.cli import Parser, positive_integer, positive_number, print_json, run
from bin.progress import follow
from bin.stores import ready_stores
from classify.providers import PROVIDERS
from classify.store.runs import Selection
from config.settings import settings
from tasks.enqueue import STAGES_A_CHAIN, start_run


def main(argv: Sequence[str]) -> int:
    parser = Parser("enqueue", __doc__)
    rate = parser.add_mutually_exclusive_group()
    rate.add_argument(
        "--ipm", type=positive_number, metavar="N", help=f"indicators a minute (default: {settings().ipm:g})"
    )
    rate.add_argument("--rpm", type=positive_number, metavar="N", help=f"tasks a minute: N ÷ {STAGES_A_CHAIN} IPM")
    parser.add_argument("--limit", type=positive_integer, metavar="N", help="at most N indicators, first loaded first")
    parser.add_argument("--id", nargs="+", action="extend", metavar="ID", help="only these indicators")
    parser.add_argument("--force", action="store_true", help="also those whose classification is up to date")
    parser.add_argument("--provider", choices=PROVIDERS, default=settings().provider, help="default: %(default)s")
    parser.add_argument(
        "--follow", action="store_true", help="stay and show progress; exit status 1 unless all succeed"
    )
    parser.add_json()
    options = parser.parse_args(argv)
    ready_stores()

    ipm = options.ipm or (options.rpm / STAGES_A_CHAIN if options.rpm else settings().ipm)
    selection = Selection(ids=options.id, force=options.force, limit=options.limit)
    batch = start_run(selection, ipm=ipm, provider=options.provider)
    if options.json:
        print_json({"run_id": batch and batch.run_id, "enqueued": batch.total if batch else 0, "target_ipm": ipm})
    elif batch:
        print(f"run {batch.run_id}: {batch.total:,} indicators at {ipm:,g} IPM, provider {batch.provider}")
    else:
        print("nothing to do: every indicator has an up-to-date classification, or a run has it in hand (see --force)")
    if not batch or not options.follow:
        return 0
    try:
        ended = follow(batch)
    except KeyboardInterrupt:
        print(f"\nthe run goes on without this command; bin/report {batch.run_id} tells how far it is", file=sys.stderr)
        return 130
    return 0 if ended.status == "done" and ended.completed == ended.total else 1


if __name__ == "__main__":
    run(main)
