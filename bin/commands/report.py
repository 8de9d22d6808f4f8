"""Account for a run: counts, pace, latency, money, workers, failures. Exit status 1 unless all succeeded."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bin.cli import Parser, print_json, run
from bin.page import page
from bin.stores import ready_stores
from bin.workers import by_number
from classify.errors import UserError
from classify.store import facts, runs
from classify.store.picture import picture


def text(facts_of_run: Mapping[str, Any]) -> str:
    """The report as a person reads it."""
    r = facts_of_run

    def number(value: float | None, unit: str) -> str:
        return "–" if value is None else f"{value:,g} {unit}"

    lines = [
        f"run {r['run_id']}: {r['status']}{': ' + r['reason'] if r['reason'] else ''}",
        f"  indicators   {r['completed']:,} of {r['total']:,} completed, {r['failed']:,} failed",
        f"  provider     {r['provider']} ({r['model']})",
        f"  pace         target {r['target_ipm']:,g} IPM, admitted {number(r['admitted_ipm'], 'IPM')},"
        f" completed {number(r['completed_ipm'], 'IPM')} (steady part; worst ten seconds"
        f" {number(r['worst_10s_ipm'], 'IPM')})",
        f"  time         {r['elapsed_s']:,g} s; an indicator p50 {number(r['latency_s']['p50'], 's')},"
        f" p99 {number(r['latency_s']['p99'], 's')}",
        f"  LLM          {r['llm_calls']:,} calls, {r['prompt_tokens']:,} prompt tokens"
        f" ({r['cached_tokens']:,} cached), {r['completion_tokens']:,} completion tokens",
        f"  money        ${r['cost_usd']:,.4f}, ${r['cost_per_1000_usd']:,.4f} per 1,000",
    ]
    lines += [
        f"  {'' if i else 'by stage':<12} {stage}: {s['llm_calls']:,} calls, ${s['cost_usd']:,.4f}"
        for i, (stage, s) in enumerate(r["stages"].items())
    ]
    if set(r["outcomes"]) - {"ok"}:
        lines.append(f"  {'outcomes':<12} {', '.join(f'{n:,} {outcome}' for outcome, n in r['outcomes'].items())}")
    lines += [
        f"  {'workers' if i == 0 else '':<12} {name}: {n:,} ({n / r['completed']:.1%})"
        for i, (name, n) in enumerate(sorted(r["workers"].items(), key=lambda item: by_number(item[0])))
    ]
    lines += [
        f"  {'failures' if i == 0 else '':<12} {f['count']:,} × {f['error']} at {f['stage']}: {f['message']}"
        for i, f in enumerate(r["failures"])
    ]
    return "\n".join(lines)


def _write(path: Path, html: str) -> None:
    try:
        path.write_text(html, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None


def main(argv: Sequence[str]) -> int:
    parser = Parser("report", __doc__)
    parser.add_argument("run", nargs="?", metavar="RUN", help="default: the latest")
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write it as a page, one file to open or send")
    parser.add_json()
    options = parser.parse_args(argv)
    ready_stores()
    runs.close_finished_runs()
    report = facts.report(runs.find_run(options.run))
    if options.html:
        _write(options.html, page(report, picture(report["run_id"])))
    if options.json:
        print_json(report)
    else:
        print(text(report))
    return 0 if report["completed"] == report["total"] else 1


if __name__ == "__main__":
    run(main)
