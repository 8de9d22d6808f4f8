"""The page of a run: the same facts as the report's text, and what is better seen than read."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from html import escape
from pathlib import Path
from typing import Any

from bin.page.marks import Bar, bars, columns, spans, table, tag
from bin.workers import by_number
from classify.stages.base import NO_LABELS
from classify.store.picture import Course, Latency, Picture
from classify.store.reviews import Item

_STYLE = Path(__file__).with_name("style.css")
_NOTHING_FROM_OUTSIDE = "default-src 'none'; style-src 'unsafe-inline'"


def page(report: Mapping[str, Any], picture: Picture) -> str:
    """The page as one HTML document that loads nothing.

    Parameters
    ----------
    report
        As `classify.store.facts.report` gives it.
    picture
        Of the same run.
    """
    body = [
        _head(report),
        _tiles(report),
        _card("Completed per minute", _course_note(picture.course), _course(report, picture.course)),
        tag("div", *_columns(report, picture), class_="columns"),
        _card("Confidence", "Rows by how sure the answer is, from 0 to 1.", _confidence(picture))
        if picture.rows
        else "",
        _card("Failures", *_failures(report)),
        _card("Disagreements", *_disagreements(picture)),
        tag("footer", f"Made {_moment(datetime.now(timezone.utc))}. Rates leave out the first and the last twentieth."),
    ]
    head = [
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_NOTHING_FROM_OUTSIDE}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        tag("title", escape(f"Run {report['run_id']}")),
        tag("style", _STYLE.read_text()),
    ]
    return f'<!doctype html>\n<html lang="en"><head>{"".join(head)}</head><body>{tag("main", *body)}</body></html>\n'


def _columns(report: Mapping[str, Any], picture: Picture) -> Iterator[str]:
    """The narrow cards; those of which there is nothing yet are left out."""
    if report["completed"]:
        yield _card("Families and types", _rows_note(report, picture), _families(picture))
    yield _card("Money", *_money(report))
    if picture.rows:
        yield _card("Orientation", "", _labels(picture, "heat_map_orientation"))
    if report["completed"]:
        yield _card("Workers", "Indicators that each has finished.", _workers(report))
        yield _card("Latency", *_latency(picture))
    if picture.rows:
        yield _card("Temporal aggregation", "", _labels(picture, "temporal_aggregation"))
        yield _card("Reporting frequency", "", _labels(picture, "reporting_frequency"))


def _card(title: str, note: str, *content: str) -> str:
    lead = tag("p", escape(note), class_="note") if note else ""
    return tag("section", tag("h2", escape(title)), lead, *content)


def _head(report: Mapping[str, Any]) -> str:
    complete = report["status"] == "done" and report["completed"] == report["total"]
    kind = "good" if complete else "bad" if report["status"] == "halted" else "warn"
    said = report["status"] if report["status"] != "done" or complete else "done, with failures"
    badge = tag("span", escape(said), class_=f"badge {kind}")
    lines = [tag("h1", escape(f"Run {report['run_id']}"), badge)]
    lines.append(tag("p", escape(f"Provider {report['provider']}, model {report['model']}"), class_="soft"))
    if report["reason"]:
        lines.append(tag("p", escape(report["reason"]), class_="bad"))
    return tag("header", *lines)


def _tiles(report: Mapping[str, Any]) -> str:
    r = report
    completed = r["completed_ipm"]
    share = "" if completed is None else f"{completed / r['target_ipm']:.1%} of the "
    tiles = [
        (f"{r['completed']:,}", f"of {r['total']:,} completed, {r['failed']:,} failed"),
        ("–" if completed is None else f"{completed:,.1f}", f"IPM, {share}target of {r['target_ipm']:,g}"),
        (_seconds(r["elapsed_s"]), "from start to end" if r["status"] == "done" else "so far"),
        (_seconds(r["latency_s"]["p50"]), f"an indicator, p99 {_seconds(r['latency_s']['p99'])}"),
        (f"{r['llm_calls']:,}", f"LLM calls, {r['prompt_tokens'] + r['completion_tokens']:,} tokens"),
        (_usd(r["cost_usd"]), f"{_usd(r['cost_per_1000_usd'])} per 1,000"),
    ]
    boxes = (tag("div", tag("b", escape(fact)), tag("span", escape(what)), class_="tile") for fact, what in tiles)
    return tag("div", *boxes, class_="tiles")


def _course_note(course: Course) -> str:
    if not course.counts:
        return "Nothing is completed yet."
    return f"Each column is {_seconds(course.width_s)}, as indicators a minute; the last is not full. Times are UTC."


def _course(report: Mapping[str, Any], course: Course) -> str:
    if not course.counts or course.began is None:
        return ""
    began = course.began
    rates = [60 * count / course.width_s for count in course.counts]
    top = _round_top(max(*rates, report["target_ipm"]) * 1.12)
    moments = [began + timedelta(seconds=i * course.width_s) for i in range(len(rates) + 1)]
    titles = [
        f"{_clock(moment)}: {count:,} completed, {rate:,.0f} IPM"
        for moment, count, rate in zip(moments, course.counts, rates, strict=False)
    ]
    grid = [
        tag("div", tag("span", f"{top * part / 4:,.0f}"), class_="grid", style=f"bottom:{25 * part}%")
        for part in range(1, 5)
    ]
    target = tag(
        "div",
        tag("span", f"target {report['target_ipm']:,g}"),
        class_="target",
        style=f"bottom:{100 * report['target_ipm'] / top:.2f}%",
    )
    marks = [(0, "first"), (len(rates) // 4, "middle"), (len(rates) // 2, ""), (3 * len(rates) // 4, "middle")]
    marks = [*(marks if len(rates) >= 8 else marks[:1]), (len(rates), "last")]
    times = [
        tag("span", _clock(moments[i]), class_=f"at {kind}", style=f"left:{100 * i / len(rates):.2f}%")
        for i, kind in marks
    ]
    return tag("div", *times, *grid, columns(rates, titles, top=top, faint_last=len(rates) > 1), target, class_="chart")


def _round_top(value: float) -> float:
    """The next number that four even steps can label."""
    step = 1.0
    while True:
        for nice in (4, 6, 8, 10, 12, 16, 20, 24, 32):
            if nice * step >= value:
                return nice * step
        step *= 10


def _rows_note(report: Mapping[str, Any], picture: Picture) -> str:
    if picture.rows >= report["completed"]:
        return f"{picture.rows:,} classifications."
    return f"{picture.rows:,} classifications; a later run has replaced {report['completed'] - picture.rows:,}."


def _bar(label: str, count: int, of: int, kind: str = "") -> Bar:
    share = count / of if of else 0
    return Bar(label, count, f"{count:,}", kind, "<1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %")


def _families(picture: Picture) -> str:
    lines = []
    for family, types in picture.families.items():
        lines.append(_bar(family, sum(types.values()), picture.rows, "group"))
        lines += [_bar(kind, count, picture.rows, "member") for kind, count in types.items()]
    return bars(lines)


def _labels(picture: Picture, name: str) -> str:
    return bars([_bar(label, n, picture.rows) for label, n in picture.labels[name].items()])


def _workers(report: Mapping[str, Any]) -> str:
    workers = sorted(report["workers"].items(), key=lambda item: by_number(item[0]))
    return bars([_bar(name, n, report["completed"]) for name, n in workers])


def _latency(picture: Picture) -> tuple[str, str]:
    if picture.indicator is None:
        return "Nothing is completed yet.", ""
    whole = f"A whole indicator: {_percentiles(picture.indicator)} (median / p90 / p99)."
    rows = ((one.name, one.p50, one.p90, one.p99, _percentiles(one)) for one in picture.stages or [picture.indicator])
    return f"{whole} Below, one call of the LLM." if picture.stages else whole, spans(rows)


def _percentiles(one: Latency) -> str:
    return f"{_seconds(one.p50)} / {_seconds(one.p90)} / {_seconds(one.p99)}"


def _money(report: Mapping[str, Any]) -> tuple[str, str]:
    if not report["stages"]:
        return "No LLM was asked.", ""
    rows = [Bar(stage, s["cost_usd"], _usd(s["cost_usd"])) for stage, s in report["stages"].items()]
    cached = report["cached_tokens"] / report["prompt_tokens"] if report["prompt_tokens"] else 0
    note = f"{_usd(report['cost_usd'])}, by stage; {cached:.0%} of the prompt tokens were cached."
    if not report["cost_usd"]:
        rows = [Bar(s, n["llm_calls"], f"{n['llm_calls']:,} calls") for s, n in report["stages"].items()]
        note = "The model has no known price: calls by stage."
    return note, bars(rows)


def _confidence(picture: Picture) -> str:
    smalls = []
    for stage, counts in picture.confidence.items():
        top = max(counts) or 1
        size = len(counts)
        titles = [f"{i / size:g} to {(i + 1) / size:g}: {n:,}" for i, n in enumerate(counts)]
        low = sum(counts[: size // 2])
        smalls.append(
            tag(
                "div",
                tag("b", escape(stage), tag("span", f"{low:,} below 0.5")),
                columns(counts, titles, top=top),
                '<div class="ends"><span>0</span><span>1</span></div>',
                class_="small",
            )
        )
    return tag("div", *smalls, class_="smalls")


def _failures(report: Mapping[str, Any]) -> tuple[str, str]:
    content = ""
    wrong = {outcome: n for outcome, n in report["outcomes"].items() if outcome != "ok"}
    if wrong:
        total = sum(report["outcomes"].values())
        lines = [_bar(outcome, n, total, "bad") for outcome, n in wrong.items()]
        content = tag("h3", "LLM calls that were made again, or failed") + bars(lines)
    if not report["failures"]:
        return "No indicator failed.", content
    rows = [(str(f["count"]), f["stage"], f["error"], f["message"]) for f in report["failures"]]
    failed = table(["Indicators", "Stage", "Error", "Message of one"], rows, numbers=frozenset({0}))
    return f"{report['failed']:,} of {report['total']:,} indicators failed.", failed + content


def _disagreements(picture: Picture) -> tuple[str, str]:
    if not picture.reviews:
        return "The answers and the rules agree, or only the rules were asked.", ""
    waiting = sum(n for (_, _, status), n in picture.reviews.items() if status == "open")
    content = ""
    for heading, kind in (("Another answer than the rules'", "disagreement"), ("Contradicts itself", "contradiction")):
        counted: dict[str, int] = {}
        for (stage, its_kind, _), n in picture.reviews.items():
            if its_kind == kind:
                counted[stage] = counted.get(stage, 0) + n
        if counted:
            lines = [Bar(stage, n, f"{n:,}") for stage, n in sorted(counted.items(), key=lambda item: -item[1])]
            content += tag("div", tag("h3", escape(heading)), bars(lines))
    content = tag("div", content, class_="pair")
    if picture.examples:
        rows = [_example(item) for item in picture.examples]
        content += tag("h3", "Some of them") + table(["Indicator", "Stage", "Answer", "The rules say"], rows)
    return f"{waiting:,} wait for a person's eye: bin/review.", content


def _example(item: Item) -> tuple[str, str, str, str]:
    labels = [name for name in item.answer if name not in NO_LABELS]
    differing = [name for name in labels if item.answer[name] != item.by_rules.get(name)] or labels
    said, ruled = (", ".join(_plain(side.get(name)) for name in differing) for side in (item.answer, item.by_rules))
    return item.name, item.stage, said, ruled


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def _seconds(value: float | None) -> str:
    if value is None:
        return "–"
    if value < 10:
        return f"{value:.2f} s" if value != int(value) else f"{value:.0f} s"
    if value < 120:
        return f"{value:,.0f} s"
    return f"{value / 60:,.0f} min" if value < 7200 else f"{value / 3600:,.1f} h"


def _usd(value: float) -> str:
    return f"${value:,.2f}" if value >= 10 or not value else f"${value:,.4f}"


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(timezone.utc):%H:%M:%S}"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
