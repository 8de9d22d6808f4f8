"""A look at a run as a screen: bars, figures and workers, as much of them as the terminal has room for."""

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bin.live.fleet import Heard
from bin.live.look import Look

_WIDE = 130
"""Columns from which on workers stand beside the bars and not below them."""
_LABEL = 11


def duration(seconds: float | None) -> str:
    """Seconds as a person says them."""
    if seconds is None:
        return "–"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def line(look: Look) -> str:
    """A look as one plain line, for logs and pipes."""
    g, total = look.glance, look.run.total
    parts = [
        f"{look.run.run_id}  {100 * g.counts.finished // total:3d} %  {g.counts.done:,} of {total:,}",
        f"{g.now_ipm:,.0f} IPM now, {g.minute_ipm:,.0f} over a minute (target {look.target_ipm:,g})",
        f"{g.counts.admitted:,} in flight",
    ]
    if look.ended:
        parts[1] = f"{look.whole_ipm:,.0f} IPM (target {look.target_ipm:,g})"
    if g.spending.retries:
        parts.append(f"{g.spending.retries:,} retries")
    if g.counts.failed:
        parts.append(f"{g.counts.failed:,} failed")
    if g.spending.cost_usd:
        parts.append(f"${g.spending.cost_usd:,.4f}")
    if not look.ended:
        parts.append(f"about {duration(look.eta_s)} left")
    if silent := [name for name, heard in look.fleet.items() if heard.state == "silent"]:
        parts.append(f"silent: {', '.join(silent)}")
    return " · ".join(parts)


class Screen:
    """A look, drawn for the terminal it is printed on; `full` also when it is higher than the terminal."""

    def __init__(self, look: Look, *, full: bool = False) -> None:
        self._look = look
        self._full = full

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wide = options.max_width >= _WIDE
        height = None if self._full else console.size.height
        figures = _figures(self._look)
        if wide:
            side = Table.grid(expand=True, padding=(0, 3))
            side.add_column(ratio=1)
            side.add_column(ratio=1)
            room = None if height is None else height - 2
            left = Group(_bars(self._look), Text(""), figures)
            side.add_row(left, _workers(self._look, room, roomy=True))
            yield Group(_head(self._look), Text(""), side)
            return
        room = None if height is None else height - 10 - figures.row_count
        yield Group(
            _head(self._look),
            Text(""),
            _bars(self._look),
            figures,
            _workers(self._look, room, roomy=options.max_width >= 100),
        )


def _head(look: Look) -> RenderableType:
    kind = {"running": "bold cyan", "done": "bold green", "halted": "bold red"}.get(look.run.status, "bold")
    text = Text(f"run {look.run.run_id} ", style="bold", no_wrap=True, overflow="ellipsis")
    text.append(look.run.status, style=kind)
    text.append(f"  {look.run.provider} ({look.run.model})  {duration(look.elapsed_s)}", style="dim")
    if look.stale:
        text.append("  the database is away", style="bold red")
    if look.run.reason:
        text.append(f"  {look.run.reason}", style="red")
    return text


def _bars(look: Look) -> Table:
    total, counts = look.run.total, look.glance.counts
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(width=_LABEL, no_wrap=True)
    grid.add_column(ratio=1)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(justify="right", no_wrap=True, width=5)

    def row(label: str, done: int, style: str) -> None:
        bar = ProgressBar(total=total, completed=done, complete_style=style, finished_style=style)
        grid.add_row(Text(label, style="bold" if label == "run" else ""), bar, f"{done:,}", f"{100 * done // total} %")

    row("run", counts.finished, "green" if not counts.failed else "yellow")
    for stage, done in look.glance.stages.items():
        row(stage, done, "cyan")
    return grid


def _figures(look: Look) -> Table:
    g, s, now = look.glance, look.glance.spending, look.pace
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=_LABEL, no_wrap=True, style="dim")
    grid.add_column(no_wrap=True, overflow="ellipsis")
    if look.ended:
        rate = Text(f"{look.whole_ipm:,.0f} IPM from the first admission on · target {look.target_ipm:,g}")
    else:
        rate = Text(f"{g.now_ipm:,.0f} now · {g.minute_ipm:,.0f} over a minute · target {look.target_ipm:,g} IPM")
    if now and now.factor < 1:
        rate.append(f" · slowed to {now.factor:.0%}", style="yellow")
    if now and now.held_s:
        rate.append(f" · held {now.held_s:.0f} s", style="yellow")
    grid.add_row("pace", rate)
    most = f" of at most {now.max_in_flight:,}" if now else ""
    if look.queues is None:
        queues = Text(f"{g.counts.admitted:,} · Redis is away", style="red")
    else:
        waiting = ", ".join(f"{n:,} {name}" for name, n in look.queues.items())
        queues = Text(f"{g.counts.admitted:,}{most} · waiting: {waiting}")
    grid.add_row("in flight", queues)
    if s.calls:
        grid.add_row("LLM", _spending(look))
        grid.add_row("money", Text(f"${s.cost_usd:,.4f} · ${look.projected_usd:,.4f} projected"))
    failed = Text(f"{g.counts.failed:,}")
    if g.failure:
        f = g.failure
        failed = Text(f"{g.counts.failed:,} · {f.error} at {f.stage}, {f.indicator_id}: {f.message}", style="red")
    grid.add_row("failed", failed)
    grid.add_row(
        "left", "nothing" if look.ended else f"{g.counts.queued + g.counts.admitted:,}, {duration(look.eta_s)}"
    )
    return grid


def _spending(look: Look) -> Text:
    s = look.glance.spending
    return Text(
        f"{s.calls:,} calls, {s.retries:,} made again · tokens {_short(s.prompt_tokens)} in"
        f" ({_short(s.cached_tokens)} cached), {_short(s.completion_tokens)} out"
    )


def _short(number: int) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.1f}{letter}"
    return str(number)


def _workers(look: Look, room: int | None, *, roomy: bool) -> RenderableType:
    done, fleet = look.glance.workers, look.fleet
    names = sorted(done.keys() | fleet.keys(), key=lambda name: (name not in done, _by_number(name)))
    table = Table(box=None, expand=True, padding=(0, 1), pad_edge=False, header_style="dim")
    table.add_column("worker", no_wrap=True, overflow="ellipsis", ratio=1)
    for title in ("done", "share", "in hand", "memory", "heard"):
        table.add_column(title, justify="right", no_wrap=True)
    if roomy:
        table.add_column("", ratio=1)
    # The silent ones first where not all have room: they are what one looks for.
    shown = names
    if room is not None and len(names) + 1 > room:
        count = max(room - 2, 0)
        silent = [name for name in names if name in fleet and fleet[name].state == "silent"]
        chosen = {*silent[:count], *[n for n in names if n not in silent][: max(count - len(silent), 0)]}
        shown = [name for name in names if name in chosen]
    largest = max(done.values(), default=0)
    for name in shown:
        table.add_row(*_worker(name, done.get(name), sum(done.values()), largest, fleet.get(name), roomy=roomy))
    if len(shown) < len(names):
        return Group(table, Text(f"and {len(names) - len(shown)} more workers", style="dim"))
    return table


def _worker(
    name: str, done: int | None, total: int, largest: int, heard: Heard | None, *, roomy: bool
) -> list[RenderableType]:
    state = heard.state if heard else ""
    if heard is None:
        last: RenderableType = Text("–", style="dim")
    elif state == "up":
        last = Text(f"{heard.silent_s:.0f} s")
    else:
        last = Text(f"{state} {duration(heard.silent_s)}", style="bold red" if state == "silent" else "dim")
    cells: list[RenderableType] = [
        Text(name, style="" if state == "up" else "dim"),
        "–" if done is None else f"{done:,}",
        "–" if done is None or not total else f"{100 * done / total:.0f} %",
        str(heard.in_hand) if heard and state == "up" else "–",
        f"{heard.memory_mb:,.0f} MB" if heard and heard.memory_mb else "–",
        last,
    ]
    if roomy:
        cells.append(ProgressBar(total=largest or 1, completed=done or 0, complete_style="cyan", finished_style="cyan"))
    return cells


def _by_number(name: str) -> tuple[str, int]:
    short = name.partition("@")[0]
    digits = short[len(short.rstrip("0123456789")) :]
    return short.removesuffix(digits), int(digits or 0)
