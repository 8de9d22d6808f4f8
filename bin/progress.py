"""The plain progress line: what `--follow` and `bin/all-in-one` show while a run goes on."""

import sys
import time
from collections.abc import Callable

from classify.store import calls, runs
from classify.store.runs import Counts, Run

_TERMINAL_EVERY_S = 0.5
_PLAIN_EVERY_S = 5.0


def line(run: Run, counts: Counts, elapsed_s: float, *, before: int = 0, cost_usd: float = 0.0) -> str:
    """One line: share done, counts, indicators a minute since the start, money.

    Parameters
    ----------
    elapsed_s
        Seconds since somebody began to follow.
    before
        Indicators that were finished by then.
    """
    ipm = 60 * (counts.finished - before) / elapsed_s if elapsed_s else 0.0
    left = run.total - counts.finished
    share = 100 * counts.finished // run.total
    parts = [
        f"{run.run_id}  {share:3d} %  {counts.done:,} of {run.total:,}",
        f"{ipm:,.0f} IPM (target {run.target_ipm:,g})",
        f"{counts.admitted:,} in flight",
    ]
    if counts.failed:
        parts.append(f"{counts.failed:,} failed")
    if cost_usd:
        parts.append(f"${cost_usd:,.4f}")
    if left and counts.finished:
        parts.append(f"about {_duration(60 * left / (min(ipm, run.target_ipm) or run.target_ipm))} left")
    return " · ".join(parts)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def follow(run: Run, check: Callable[[], None] = lambda: None) -> Run:
    """Show progress on stderr until every indicator of the run is done or failed, or the run is halted.

    Parameters
    ----------
    check
        Called at every look; raises to stop waiting, for example because a worker is gone for good.

    Returns
    -------
    Run
        As it ended.
    """
    terminal = sys.stderr.isatty()
    started = time.monotonic()
    before = runs.counts(run.run_id).finished
    shown = ""
    due = 0.0
    while True:
        counts = runs.counts(run.run_id)
        now = time.monotonic()
        ended = counts.finished >= run.total
        if ended or now >= due:
            due = now + (_TERMINAL_EVERY_S if terminal else _PLAIN_EVERY_S)
            cost_usd = 0.0 if run.provider == "rules" else calls.spent(run.run_id)
            text = line(run, counts, now - started, before=before, cost_usd=cost_usd)
            if terminal:
                print(f"\r{text.ljust(len(shown))}", end="\n" if ended else "", file=sys.stderr, flush=True)
            elif text != shown:
                print(text, file=sys.stderr, flush=True)
            shown = text
        if ended:
            runs.close_finished_runs()
        run = runs.find_run(run.run_id)
        if run.status == "halted":
            print(f"{chr(10) if terminal else ''}{_halted(run)}", file=sys.stderr, flush=True)
        if run.status != "running":
            return run
        check()
        time.sleep(0.25)


def _halted(run: Run) -> str:
    return f"run {run.run_id} is halted: {run.reason} (bin/enqueue --resume {run.run_id} goes on)"
