"""Plan a pace: workers, calls in flight, connections, memory, cores, time and money, and what gives way first.

Calls, tokens and latency are those of the provider's latest runs, as llm_calls has them; where there has been none
yet, calls and tokens come from the prompts about the loaded indicators (or about samples), and the latency is taken as
2 s. What the machine spends was measured: bin/capacity.py has the figures, bin/loadtest measures them anew. Below
the plan stand the same figures for other paces. Asks nobody, and costs nothing.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import islice
from typing import Any

from bin import capacity
from bin.capacity import Demand, Fleet, Supply
from bin.cli import Parser, positive_integer, positive_number, print_json, run
from bin.stores import ready_stores
from classify.errors import UserError
from classify.intake import indicator_from
from classify.projection import Need, from_prompts, from_sums
from classify.providers import PROVIDERS
from classify.samples import generate
from classify.store import money, room, sources
from config.prices import FREE, Price, price_of
from config.settings import settings

_SAMPLE = 500
_FLEX = "flex"
_LATENCY_S = 2.0


def price(model: str) -> Price:
    """What a model costs.

    Raises
    ------
    UserError
        When nobody knows.
    """
    found = price_of(model, settings().openai_prices)
    if found == FREE and not settings().openai_prices:
        raise UserError(f"no price is known of the model {model!r}: say it with OPENAI_PRICES")
    return found


def project(indicators: int, provider: str, model: str, price: Price) -> dict[str, Any]:
    """What the LLM has to do, under the keys of `--json`; tokens of all `indicators` together, money in USD."""
    measured = money.measured(provider)
    if measured:
        needs = from_sums(measured.stages, measured.indicators)
        basis = (
            f"measured over {measured.indicators:,} indicators in {measured.runs} runs ({', '.join(measured.models)})"
        )
    else:
        known = list(sources.sample(_SAMPLE)) or [indicator_from(r)[0] for r in islice(generate(_SAMPLE), _SAMPLE)]
        needs = from_prompts(known, provider)
        basis = f"estimated from the prompts about {len(known):,} indicators"
    whole = sum(needs.values(), Need())
    total = whole.times(indicators)
    return {
        "indicators": indicators,
        "provider": provider,
        "model": model,
        "measured": measured is not None,
        "measured_latency_s": measured and measured.latency_s,
        "basis": basis,
        "llm_calls_per_indicator": round(whole.llm_calls, 3),
        "prompt_tokens_per_indicator": round(whole.prompt_tokens, 1),
        "completion_tokens_per_indicator": round(whole.completion_tokens, 1),
        "cached_share": round(whole.cached_tokens / whole.prompt_tokens, 4) if whole.prompt_tokens else 0.0,
        **{name: round(value) for name, value in asdict(total).items()},
        "cost_usd": total.cost_usd(price),
        "cost_flex_usd": total.cost_usd(price, _FLEX),
        "cost_per_1000_usd": whole.times(1000).cost_usd(price),
        "stages": {
            stage: {
                **{name: round(value) for name, value in asdict(need.times(indicators)).items()},
                "cost_usd": need.times(indicators).cost_usd(price),
            }
            for stage, need in needs.items()
        },
    }


def demand(projected: dict[str, Any], latency_s: float) -> Demand:
    """What an indicator asks of the LLM, by a projection."""
    tokens = projected["prompt_tokens_per_indicator"] + projected["completion_tokens_per_indicator"]
    return Demand(projected["llm_calls_per_indicator"], tokens, latency_s)


def supply(
    rpm: float | None, tpm: float | None, concurrency: int, cores: float | None = None, database: float | None = None
) -> Supply:
    """What there is: this machine unless told otherwise, and the PostgreSQL of the settings."""
    here = float(os.cpu_count() or 1)
    own_machine = None if settings().embeds_database and database is None else database or here
    server = room.look()
    return Supply(
        cores=cores or here,
        database_cores=own_machine,
        connections=server.limit,
        reserved=server.reserved,
        rpm=rpm or settings().openai_rpm,
        tpm=tpm or settings().openai_tpm,
        concurrency=concurrency,
        pool_size=settings().database_pool_size,
    )


def needs(indicators: int, fleet: Fleet, demand: Demand) -> dict[str, Any]:
    """What a pace takes, under the keys of `--json`; memory in MB."""
    return {
        "ipm": fleet.ipm,
        "workers": fleet.workers,
        "admissions": fleet.admissions,
        "calls_in_flight": round(fleet.calls_in_flight, 1),
        "tasks_in_hand": fleet.tasks_in_hand,
        "connections": fleet.connections,
        "memory_mb": round(fleet.memory_mb),
        "redis_mb": round(indicators * capacity.COSTS.redis_kb / 1000, 1),
        "disk_mb": round(indicators * capacity.COSTS.disk_kb / 1000, 1),
        "cores": round(fleet.cores, 2),
        "rpm": round(fleet.ipm * demand.calls),
        "tpm": round(fleet.ipm * demand.tokens),
        "minutes": round(capacity.minutes(indicators, fleet.ipm, demand), 2),
    }


def limits(demand: Demand, supply: Supply) -> list[dict[str, Any]]:
    """What each part bears, the first to give way first; `ipm` is None where there is no limit."""
    found = [asdict(limit) for limit in capacity.limits(demand, supply)]
    return [{**limit, "ipm": round(limit["ipm"], 1) if math.isfinite(limit["ipm"]) else None} for limit in found]


def pace(ipm: float | None) -> str:
    """What something bears, in words."""
    return "no limit" if ipm is None else f"{ipm:,.0f} IPM"


def text(plan: dict[str, Any]) -> str:
    """The plan as a person reads it."""
    p = plan
    first = p["limits"][0]
    fits = "" if p["connections"] <= p["connections_given"] else ", TOO FEW"
    fewer = "" if p["fewest_workers"] >= p["workers"] else f" (or {p['fewest_workers']} of {capacity.MOST_CONCURRENCY})"
    lines = [
        f"{p['indicators']:,} indicators at {p['ipm']:,g} IPM, {p['latency_s']:g} s a call ({p['latency_basis']}),"
        f" provider {p['provider']}, model {p['model']}",
        f"  workers       {p['workers']:,} of {p['concurrency']} tasks{fewer}, and {p['admissions']} for admission",
        f"  in flight     {p['calls_in_flight']:,.0f} calls on average; room for {p['tasks_in_hand']:,}",
        f"  connections   {p['connections']:,} ({p['pool_size']} a process, {room.COMMANDS} for commands), so"
        f" max_connections {p['max_connections']:,} or more; PostgreSQL gives {p['connections_given']:,}{fits}",
        f"  cores         {p['cores']:,.1f} of {p['cores_given']:g}"
        f"{', without' if p['stores_apart'] else ', with'} Redis and PostgreSQL",
        f"  memory        {p['memory_mb']:,} MB of the workers, {p['redis_mb']:,.0f} MB of Redis;"
        f" {p['disk_mb']:,.0f} MB on PostgreSQL's disk",
        f"  time          {p['minutes']:,.1f} minutes",
        f"  gives way     {first['name']}, at {pace(first['ipm'])} ({first['why']})",
        f"  what helps    {first['remedy']}",
        f"  LLM           {p['basis']}",
        f"  an indicator  {p['llm_calls_per_indicator']:,.2f} calls, {p['prompt_tokens_per_indicator']:,.0f} prompt"
        f" tokens ({p['cached_share']:.0%} cached), {p['completion_tokens_per_indicator']:,.0f} completion tokens",
        f"  all           {p['llm_calls']:,} calls, {p['prompt_tokens']:,} prompt tokens,"
        f" {p['completion_tokens']:,} completion tokens",
        f"  money         ${p['cost_usd']:,.2f}, ${p['cost_per_1000_usd']:,.4f} per 1,000"
        f" (${p['cost_flex_usd']:,.2f} at the tier flex)",
    ]
    lines += [
        f"  {stage:<12}  {need['llm_calls']:>9,} calls  ${need['cost_usd']:>9,.4f}"
        for stage, need in p["stages"].items()
    ]
    lines += ["", "what each part bears"]
    lines += [f"  {limit['name']:<22} {pace(limit['ipm']):>13}   {limit['why']}" for limit in p["limits"]]
    return "\n".join([*lines, "", *_table(p["table"])])


_COLUMNS = (
    ("ipm", "IPM"),
    ("workers", "workers"),
    ("calls_in_flight", "in flight"),
    ("connections", "connections"),
    ("cores", "cores"),
    ("memory_mb", "MB"),
    ("rpm", "requests/min"),
    ("tpm", "tokens/min"),
    ("minutes", "minutes"),
)


def _table(rows: list[dict[str, Any]]) -> list[str]:
    head = "  ".join(title.rjust(max(6, len(title))) for _, title in _COLUMNS) + "  too little for it"
    lines = [head]
    for row in rows:
        cells = []
        for key, title in _COLUMNS:
            value = f"{row[key]:,.1f}" if key in ("cores", "minutes") else f"{row[key]:,.0f}"
            cells.append(value.rjust(max(6, len(title))))
        lines.append("  ".join(cells) + f"  {', '.join(row['exceeded']) or 'nothing'}")
    return lines


def main(argv: Sequence[str]) -> None:
    parser = Parser("plan", __doc__)
    parser.add_argument(
        "--ipm", type=positive_number, default=settings().ipm, metavar="N", help="indicators a minute (%(default)g)"
    )
    parser.add_argument(
        "--latency",
        type=positive_number,
        metavar="S",
        help=f"mean seconds of a call (default: as measured, or {_LATENCY_S:g})",
    )
    parser.add_argument(
        "--rpm-limit", type=positive_number, metavar="N", help="requests a minute (default: OPENAI_RPM)"
    )
    parser.add_argument("--tpm-limit", type=positive_number, metavar="N", help="tokens a minute (default: OPENAI_TPM)")
    parser.add_argument(
        "--indicators", type=positive_integer, metavar="N", help="how many (default: as many as are loaded)"
    )
    parser.add_argument("--provider", choices=PROVIDERS, default=settings().provider, help="default: %(default)s")
    parser.add_argument("--model", default=settings().openai_model, metavar="M", help="default: %(default)s")
    parser.add_argument(
        "--concurrency",
        type=positive_integer,
        default=settings().worker_concurrency,
        metavar="N",
        help="tasks in hand of each worker (%(default)s)",
    )
    parser.add_argument(
        "--cores", type=positive_number, metavar="N", help="of the workers' machines together (default: of this one)"
    )
    parser.add_argument(
        "--database-cores",
        type=positive_number,
        metavar="N",
        help="of PostgreSQL's machine (default: as many as here; embedded: the workers' own)",
    )
    parser.add_json()
    options = parser.parse_args(argv)
    cost = price(options.model)
    ready_stores()
    indicators = options.indicators or sources.count()
    if not indicators:
        raise UserError("nothing is loaded: say --indicators N")
    projected = project(indicators, options.provider, options.model, cost)
    latency_s = options.latency or projected["measured_latency_s"] or _LATENCY_S
    asked = demand(projected, latency_s)
    given = supply(options.rpm_limit, options.tpm_limit, options.concurrency, options.cores, options.database_cores)
    fullest = replace(given, concurrency=max(given.concurrency, capacity.MOST_CONCURRENCY))
    bearing = limits(asked, given)

    def row(ipm: float) -> dict[str, Any]:
        exceeded = [limit["name"] for limit in bearing if limit["ipm"] is not None and limit["ipm"] < ipm]
        return {**needs(indicators, capacity.fleet(ipm, asked, given), asked), "exceeded": exceeded}

    plan = {
        **projected,
        **row(options.ipm),
        "latency_s": round(latency_s, 3),
        "latency_basis": "given" if options.latency else "measured" if projected["measured_latency_s"] else "assumed",
        "concurrency": options.concurrency,
        "pool_size": given.pool_size,
        "fewest_workers": capacity.fleet(options.ipm, asked, fullest).workers,
        "max_connections": capacity.fleet(options.ipm, asked, given).connections + given.reserved,
        "connections_given": given.connections,
        "cores_given": given.cores,
        "stores_apart": given.database_cores is not None,
        "limits": bearing,
        "table": [row(ipm) for ipm in sorted({*capacity.PACES, options.ipm})],
    }
    print_json(plan) if options.json else print(text(plan))


if __name__ == "__main__":
    run(main)
