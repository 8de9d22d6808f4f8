"""Everything on one machine: stores, workers, load, enqueue, progress, verify, report.

Redis and PostgreSQL are the embedded ones unless REDIS_URL and DATABASE_URL name others. What this command starts it
stops again; the data stays, so the next call goes on where this one ended. Exit status 1 unless all succeeded.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console

from bin.cli import Parser, positive_integer, positive_number, print_json, run
from bin.commands import load, report, verify
from bin.embedded import ensure_stores, stop_stores, workers
from bin.embedded.workers import WorkerLostError
from bin.progress import follow
from classify.intake import RejectFile, default_reject_path, indicator_from
from classify.loading import load_file
from classify.providers import PROVIDERS, provider_named
from classify.samples import generate
from classify.store import facts, room, runs, sources
from classify.store.runs import Run, Selection
from config.settings import settings
from tasks.enqueue import start_run
from tasks.resume import resume_run


def _load(path: str | None) -> None:
    if path:
        with RejectFile(default_reject_path(path)) as rejects:
            print(load.text(load_file(path, rejects)), file=sys.stderr)
    elif not sources.count():
        counts = sources.load(indicator_from(record)[0] for record in generate())
        print(f"no --input: loaded {counts.new:,} sample indicators", file=sys.stderr)


def _classify(options: "_Options") -> Run | None:
    """Load, enqueue and follow; the run as it ended, or None when there was nothing to do."""
    room.check(options.workers)
    with workers.at_work(settings(), workers.names(options.workers)) as crew:
        _load(options.input)
        selection = Selection(force=options.force, limit=options.limit)
        batch = _taken_up(options)
        if batch:
            print(f"run {batch.run_id}, which was halted, goes on", file=sys.stderr)
        elif batch := start_run(selection, ipm=options.ipm, provider=options.provider, max_cost_usd=options.max_cost):
            print(f"run {batch.run_id}: {batch.total:,} indicators at {batch.target_ipm:,g} IPM", file=sys.stderr)
        elif batch := runs.running():
            print(f"run {batch.run_id} goes on", file=sys.stderr)
        return batch and follow(batch, Console(stderr=True), check=crew.check, leave=False).run


def _taken_up(options: "_Options") -> Run | None:
    """The latest run set going again, if it was halted and asked the same provider: what it has paid for counts."""
    latest = runs.latest()
    if options.force or not latest or latest.status != "halted" or latest.provider != options.provider:
        return None
    run, unfinished = resume_run(latest.run_id, ipm=options.ipm, max_cost_usd=options.max_cost)
    return run if unfinished else None


class _Options:
    """The options of the command, typed."""

    ipm: float
    workers: int
    input: str | None
    limit: int | None
    provider: str
    max_cost: float | None
    force: bool
    json: bool


def main(argv: Sequence[str]) -> int:
    parser = Parser("all-in-one", __doc__)
    parser.add_argument(
        "--ipm", type=positive_number, default=settings().ipm, metavar="N", help="indicators a minute (%(default)g)"
    )
    parser.add_argument("--workers", type=positive_integer, default=2, metavar="N", help="stage workers (%(default)s)")
    parser.add_argument("--input", metavar="FILE", help="indicators to load (default: what is loaded, or samples)")
    parser.add_argument("--limit", type=positive_integer, metavar="N", help="classify at most N of them")
    parser.add_argument("--provider", choices=PROVIDERS, default=settings().provider, help="default: %(default)s")
    parser.add_argument("--max-cost", type=positive_number, metavar="USD", help="halt once the LLM has cost so much")
    parser.add_argument(
        "--force", action="store_true", help="also those whose classification is up to date, and over corrections"
    )
    parser.add_json()
    options = parser.parse_args(argv, namespace=_Options())
    provider_named(options.provider)  # a key that is missing is told before anything is started

    started = ensure_stores(settings())
    try:
        ended = _classify(options)
        if ended is None:
            print("nothing to do: every indicator has an up-to-date classification (see --force)", file=sys.stderr)
        batch = ended or runs.find_run()
        proof, account = facts.verify(batch.run_id), facts.report(batch)
    except WorkerLostError as error:
        print(f"bin/all-in-one: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; what is done stays done, and the next bin/all-in-one goes on with the rest", file=sys.stderr)
        return 130
    finally:
        if started:
            stop_stores(settings())
    if options.json:
        print_json({"verify": {**asdict(proof), "ok": proof.ok}, "report": account})
    else:
        print(report.text(account))
        print(verify.text(proof))
    return 0 if proof.ok and batch.status == "done" else 1


if __name__ == "__main__":
    run(main)
