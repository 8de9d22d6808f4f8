"""Following a run to its end: a screen on a terminal, elsewhere a plain line every few seconds."""

import math
import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.live import Live

from bin.live.fleet import Fleet
from bin.live.look import Look, Watch
from bin.live.screen import Screen, line
from classify.store.runs import Run

_PAUSE_S = 1.0
_LEAST_PAUSE_S, _MOST_PAUSE_S = 0.25, 5.0
_PLAIN_EVERY_S = 5.0
_SHARE_OF_TIME = 20
"""A look that takes long is followed by a pause so many times as long: big ledgers are not to suffer from watchers."""
_INTRODUCTION_S = 0.4
"""What the first screen waits for the workers' first words."""


def follow(
    run: Run,
    console: Console,
    *,
    check: Callable[[], None] = lambda: None,
    leave: bool = True,
    every_s: float = _PLAIN_EVERY_S,
) -> Look:
    """Show progress until every indicator of the run is done or failed, or the run is halted.

    Parameters
    ----------
    check
        Called at every look; raises to stop waiting, for example because a worker is gone for good.
    leave
        Whether the last screen stays on the terminal.
    every_s
        Seconds between two lines elsewhere; infinity for not a word.

    Returns
    -------
    Look
        The last one.
    """
    with Fleet() as fleet:
        watch = Watch(run, fleet)
        look = _on_screen(watch, console, check) if console.is_terminal else _in_lines(watch, console, check, every_s)
    if console.is_terminal and leave:
        console.print(Screen(look, full=True))
    if look.run.status == "halted" and every_s < math.inf:
        print(
            f"run {run.run_id} is halted: {look.run.reason} (bin/enqueue --resume {run.run_id} goes on)",
            file=sys.stderr,
            flush=True,
        )
    return look


def say_it_goes_on(run: Run) -> None:
    """What who stops following is told."""
    print(f"the run goes on; bin/monitor {run.run_id} watches it", file=sys.stderr)


def _on_screen(watch: Watch, console: Console, check: Callable[[], None]) -> Look:
    time.sleep(_INTRODUCTION_S)
    look = watch.look()
    if look.ended:
        return look
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while not look.ended:
            live.update(Screen(look), refresh=True)
            check()
            look = _look_again(watch, look)
    return look


def _in_lines(watch: Watch, console: Console, check: Callable[[], None], every_s: float) -> Look:
    look = watch.look()
    due = math.inf if every_s == math.inf else 0.0
    while True:
        if time.monotonic() >= due or (look.ended and due < math.inf):
            print(line(look), file=console.file, flush=True)
            due = time.monotonic() + every_s
        if look.ended:
            return look
        check()
        look = _look_again(watch, look)


def _look_again(watch: Watch, last: Look) -> Look:
    """Look after a pause: short towards the end, so that it is not missed by long."""
    usual = _PAUSE_S if last.eta_s is None else max(min(_PAUSE_S, last.eta_s), _LEAST_PAUSE_S)
    time.sleep(max(usual, min(_SHARE_OF_TIME * last.took_s, _MOST_PAUSE_S)))
    return watch.look()
