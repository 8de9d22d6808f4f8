"""Load-test this installation: indicators that are generated, at a pace, against a simulated LLM. Costs nothing.

On the Redis and the PostgreSQL of the settings, or embedded ones, with workers that it starts on this machine. Real
data, queues and workers have no part in it: it makes a database of its own beside the real one (whose name ends in
_loadtest), takes an empty Redis database, or has embedded servers of its own; and removes them at the end. Then it
says what pace was held, what that took, and what bin/plan had said. Exit status 1 when the pace was missed (less than
99 % of it in the steady part) or a row was lost.
"""

import argparse
import math
import os
from collections.abc import Sequence
from typing import Any

from bin import capacity
from bin.benchmarks.apart import apart
from bin.cli import Parser, positive_integer, positive_number, print_json, run
from bin.commands import plan
from classify.providers import PROVIDERS
from classify.store import room
from config.settings import settings

_HELD = 0.99
_SHORTEST_S = 10.0
_USUAL_MIN = 2.0


def verdict(facts: dict[str, Any], ipm: float) -> tuple[bool, str]:
    """Whether all is well, and one line about it."""
    total, completed, held = facts["total"], facts["completed"], facts["completed_ipm"]
    if not facts["verified"] or completed < total:
        lost = f"LOST: {completed:,} of {total:,} indicators completed, {facts['failed']:,} failed"
        return False, lost + (f" ({facts['reason']})" if facts["reason"] else "")
    if held is None or held < _HELD * ipm:
        return False, f"MISSED: {held or 0:,.1f} of {ipm:,g} IPM, nothing lost; {_suspect(facts['predicted'])}"
    return True, f"HELD: {held:,.1f} of {ipm:,g} IPM, {completed:,} indicators, nothing lost, nothing twice"


def _suspect(told: dict[str, Any]) -> str:
    if told["workers"] * told["concurrency"] < told["tasks_in_hand"]:
        return (
            f"{told['workers']} workers of {told['concurrency']} tasks are too few for {told['tasks_in_hand']} in hand"
        )
    first = told["limits"][0]
    return f"by calculation {first['name']} gives way first, at {plan.pace(first['ipm'])}"


def text(facts: dict[str, Any]) -> str:
    """The test as a person reads it."""
    f = facts
    told = f["predicted"]

    def seconds(name: str) -> str:
        return ", ".join(f"{k} {v:g} s" for k, v in f[name].items() if v is not None) or "none"

    spent = ", ".join(f"{name} {value:.4f}" for name, value in f["cpu_s_per_indicator"].items())
    errors = ", ".join(f"{n:,} {outcome}" for outcome, n in f["outcomes"].items() if outcome != "ok") or "none"
    lines = [
        f["verdict"],
        f"  pace          admitted {f['admitted_ipm']} IPM, completed {f['completed_ipm']} IPM, worst ten seconds"
        f" {f['worst_10s_ipm']} IPM",
        f"  an indicator  {seconds('latency_s')}",
        f"  a call        {seconds('call_latency_s')}",
        f"  errors        {errors}; {f['failed']:,} indicators failed, {f['missing']:,} missing,"
        f" {f['duplicates']:,} twice",
        f"  core-seconds  an indicator: {spent}; idle {f['idle_cores_a_worker']:.1%} of a core a worker",
        "",
        f"  {'':<24} {'predicted':>12} {'measured':>12}",
    ]
    lines += [f"  {name:<24} {_number(told[key]):>12} {_number(f['measured'][key]):>12}" for key, name in _COMPARED]
    return "\n".join(lines)


_COMPARED = (
    ("workers", "workers"),
    ("calls_in_flight", "calls in flight, mean"),
    ("tasks_in_hand", "calls in flight, most"),
    ("connections", "connections"),
    ("memory_mb", "memory of workers, MB"),
    ("cores", "cores"),
    ("minutes", "minutes"),
    ("llm_calls", "LLM calls"),
    ("prompt_tokens", "prompt tokens"),
    ("completion_tokens", "completion tokens"),
    ("cost_usd", "USD"),
)


def _number(value: float | None) -> str:
    if value is None:
        return "?"
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _measured(facts: dict[str, Any]) -> dict[str, Any]:
    mean_s = facts["call_latency_s"]["mean"] or 0.0
    calls_a_second = (facts["completed_ipm"] or 0.0) / 60 * facts["llm_calls"] / max(1, facts["completed"])
    return {
        "workers": len(facts["workers"]),
        "calls_in_flight": round(calls_a_second * mean_s, 1),
        "tasks_in_hand": facts["calls_in_flight"],
        "connections": facts["connections"],
        "memory_mb": facts["memory_mb"]["all"],
        "cores": facts["cores"],
        "minutes": round(facts["elapsed_s"] / 60, 2),
        **{name: facts[name] for name in ("llm_calls", "prompt_tokens", "completion_tokens", "cost_usd")},
    }


def main(argv: Sequence[str]) -> int:
    parser = Parser("loadtest", __doc__)
    parser.add_argument(
        "--ipm", type=positive_number, default=settings().ipm, metavar="N", help="indicators a minute (%(default)g)"
    )
    parser.add_argument(
        "--indicators",
        type=positive_integer,
        metavar="N",
        help=f"how many (default: {_USUAL_MIN:g} minutes' worth; {_SHORTEST_S:g} seconds' worth at the least)",
    )
    parser.add_argument(
        "--latency", type=positive_number, default=2.0, metavar="S", help="mean seconds of a call (%(default)g)"
    )
    parser.add_argument(
        "--faults",
        type=_share,
        default=0.01,
        metavar="R",
        help="share of calls that fail: a server's error, a closed connection, an answer of no use (%(default)g)",
    )
    parser.add_argument(
        "--rpm-limit", type=positive_number, metavar="N", help="requests a minute that the simulated endpoint takes"
    )
    parser.add_argument("--tpm-limit", type=positive_number, metavar="N", help="tokens a minute that it takes")
    parser.add_argument("--provider", choices=PROVIDERS, default="openai", help="default: %(default)s")
    parser.add_argument(
        "--workers", type=positive_integer, metavar="N", help="stage workers (default: as many as bin/plan says)"
    )
    parser.add_argument(
        "--concurrency",
        type=positive_integer,
        default=settings().worker_concurrency,
        metavar="N",
        help="tasks in hand of each (%(default)s)",
    )
    parser.add_json()
    options = parser.parse_args(argv)
    count = options.indicators or math.ceil(_USUAL_MIN * options.ipm)
    shortest = math.ceil(_SHORTEST_S * options.ipm / 60)
    if count < shortest:
        parser.error(f"{count:,} indicators are too few to tell the pace at {options.ipm:g} IPM: {shortest:,} at least")
    # Nothing here calls the endpoint: the workers do, and are told the address of the simulated one.
    os.environ.update({"OPENAI_API_KEY": "", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"})
    with apart() as own:
        from bin.benchmarks import loadtest  # reads the settings when it is loaded

        told = plan.project(count, options.provider, settings().openai_model, plan.price(settings().openai_model))
        supply = plan.supply(options.rpm_limit, options.tpm_limit, options.concurrency)
        demand = plan.demand(told, options.latency)
        fleet = capacity.fleet(options.ipm, demand, supply, options.workers)
        room.check(fleet.workers, fleet.admissions)
        facts = loadtest.run(
            own,
            loadtest.Load(
                ipm=options.ipm,
                indicators=count,
                provider=options.provider,
                latency_s=options.latency,
                faults=options.faults,
                rpm=options.rpm_limit,
                tpm=options.tpm_limit,
                fleet=fleet,
                concurrency=options.concurrency,
            ),
        )
        facts["predicted"] = {
            **told,
            **plan.needs(count, fleet, demand),
            "concurrency": options.concurrency,
            "limits": plan.limits(demand, supply),
        }
    facts["measured"] = _measured(facts)
    facts["ok"], facts["verdict"] = verdict(facts, options.ipm)
    print_json(facts) if options.json else print(text(facts))
    return 0 if facts["ok"] else 1


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 0.5:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share from 0 to 0.5")
    return value


if __name__ == "__main__":
    run(main)
