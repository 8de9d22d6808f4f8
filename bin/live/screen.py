"""A look at a run as a screen: bars, figures and workers, as much of them as the terminal has room for."""

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bin.live.look import Look
from bin.workers import by_number

_WIDE = 130
"""Columns from which on workers stand beside the bars and not below them."""
_ROOMY = 100
"""Columns from which on a worker has a bar of its own."""
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
        look, width = self._look, options.max_width
        height = None if self._full else console.size.height
        if width >= _WIDE:
            side = Table.grid(expand=True, padding=(0, 3))
            side.add_column(ratio=1)
            side.add_column(ratio=1)
            room = None if height is None else height - 2
            left = Group(_bars(look), Text(""), _figures(look, width // 2 - 2))
            side.add_row(left, _workers(look, room, roomy=True))
            yield Group(_head(look), _trouble(look), side)
            return
        figures = _figures(look, width)
        room = None if height is None else height - 10 - figures.row_count
        yield Group(_head(look), _trouble(look), _bars(look), figures, _workers(look, room, roomy=width >= _ROOMY))


def _head(look: Look) -> Text:
    kind = {"running": "bold cyan", "done": "bold green", "halted": "bold red"}.get(look.run.status, "bold")
    text = Text(f"run {look.run.run_id} ", style="bold", no_wrap=True, overflow="ellipsis")
    text.append(look.run.status, style=kind)
    text.append(f"  {duration(look.elapsed_s)}  {look.run.provider} ({look.run.model})", style="dim")
    return text


def _trouble(look: Look) -> Text:
    """The line below the head: empty when all is well."""
    said = []
    if look.run.reason:
        said.append(look.run.reason)
    if look.stale:
        said.append(f"the database is away, the counts are from {duration(look.age_s)} ago")
    if look.queues is None:
        said.append("Redis is away")
    return Text(" · ".join(said), style="bold red", no_wrap=True, overflow="ellipsis")


def _bars(look: Look) -> Table:
    total, counts = look.run.total, look.glance.counts
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(width=_LABEL, no_wrap=True)
    grid.add_column(ratio=1)
    grid.add_column(justify="right", no_wrap=True, width=len(f"{total:,}"))
    grid.add_column(justify="right", no_wrap=True, width=5)

    def row(label: str, done: int, style: str) -> None:
        bar = ProgressBar(total=total, completed=done, complete_style=style, finished_style=style)
        grid.add_row(Text(label, style="bold" if label == "run" else ""), bar, f"{done:,}", f"{100 * done // total} %")

    row("run", counts.finished, "green" if not counts.failed else "yellow")
    for stage, done in look.glance.stages.items():
        row(stage, done, "cyan")
    return grid


def _figures(look: Look, width: int) -> Table:
    g, s, now = look.glance, look.glance.spending, look.pace
    room = width - _LABEL - 1
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(width=_LABEL, no_wrap=True, style="dim")
    grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    if look.ended:
        pace = [f"{look.whole_ipm:,.0f} IPM from the first admission on", f"target {look.target_ipm:,g}"]
    else:
        slowed = [f"slowed to {now.factor:.0%}"] if now and now.factor < 1 else []
        held = [f"held {now.held_s:.0f} s"] if now and now.held_s else []
        pace = [f"{g.now_ipm:,.0f} now", f"target {look.target_ipm:,g} IPM", *slowed, *held]
        pace.append(f"{g.minute_ipm:,.0f} over a minute")
    grid.add_row("pace", _fitting(pace, room))
    in_flight = [f"{g.counts.admitted:,}" + (f" of at most {now.max_in_flight:,}" if now else "")]
    if look.queues is not None:
        in_flight.append("waiting: " + ", ".join(f"{n:,} {name}" for name, n in look.queues.items()))
    grid.add_row("in flight", _fitting(in_flight, room))
    if s.calls:
        cached = s.cached_tokens / s.prompt_tokens if s.prompt_tokens else 0
        tokens = f"{_short(s.prompt_tokens)} tokens in, {cached:.0%} cached, {_short(s.completion_tokens)} out"
        grid.add_row("LLM", f"{s.calls:,} calls, {s.retries:,} made again")
        projected = [] if look.ended else [f"{_usd(look.projected_usd)} projected"]
        grid.add_row("money", _fitting([_usd(s.cost_usd), *projected, tokens], room))
    failed = Text(f"{g.counts.failed:,}")
    if g.failure:
        f = g.failure
        failed = Text(f"{g.counts.failed:,} · {f.error} at {f.stage}, {f.indicator_id}: {f.message}", style="red")
    grid.add_row("failed", failed)
    left = g.counts.queued + g.counts.admitted
    grid.add_row("left", (f"{left:,}" if look.ended else f"{left:,}, {duration(look.eta_s)}") if left else "nothing")
    return grid


def _fitting(parts: list[str], room: int) -> str:
    """As many of the parts as there is room for: what is cut off in a figure's midst is no figure."""
    while len(parts) > 1 and len(" · ".join(parts)) > room:
        parts = parts[:-1]
    return " · ".join(parts)


def _short(number: int) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            value = number / size
            return f"{value:.0f}{letter}" if value >= 100 else f"{value:.1f}{letter}"
    return str(number)


def _usd(value: float) -> str:
    return f"${value:,.2f}" if value >= 10 else f"${value:,.4f}"


def _workers(look: Look, room: int | None, *, roomy: bool) -> RenderableType:
    done, fleet = look.glance.workers, look.fleet
    names = sorted(done.keys() | fleet.keys(), key=lambda name: (name not in done, by_number(name)))
    table = Table(box=None, expand=True, padding=(0, 1), pad_edge=False, header_style="dim")
    table.add_column("worker", no_wrap=True, overflow="ellipsis", ratio=1)
    for title in ("done", "share", "in hand", "memory"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("heard", justify="right", no_wrap=True, width=len("silent 100 s"))
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
        table.add_row(*_worker(look, name, largest, roomy=roomy))
    if len(shown) < len(names):
        return Group(table, Text(f"and {len(names) - len(shown)} more workers", style="dim"))
    return table


def _worker(look: Look, name: str, largest: int, *, roomy: bool) -> list[RenderableType]:
    done, heard = look.glance.workers.get(name), look.fleet.get(name)
    state = heard.state if heard else ""
    if heard is None:
        last = Text("–", style="dim")
    elif state == "up":
        last = Text(duration(heard.silent_s))
    else:
        # Without Redis nobody is heard, and that is no fault of theirs.
        last = Text(
            f"{state} {duration(heard.silent_s)}", style="bold red" if state == "silent" and look.queues else "dim"
        )
    cells: list[RenderableType] = [
        Text(name, style="" if state == "up" else "dim"),
        "–" if done is None else f"{done:,}",
        "–" if done is None else f"{100 * done / sum(look.glance.workers.values()):.0f} %",
        str(heard.in_hand) if heard and state == "up" and not look.ended else "–",
        f"{heard.memory_mb:,.0f} MB" if heard and heard.memory_mb else "–",
        last,
    ]
    if roomy:
        cells.append(ProgressBar(total=largest or 1, completed=done or 0, complete_style="cyan", finished_style="cyan"))
    return cells
