"""Simulate an OpenAI-compatible endpoint: latency, limits, faults and usage, without a model and without money.

Prints its base URL when it is ready (for OPENAI_BASE_URL); any key will do. Answers fit the schema asked for: this
project's prompts are answered by its own rules, unless --answers fitting; others get what fits, and means nothing.
The model of every answer begins with "simulated". GET /stats counts, POST /stats/reset begins anew, POST /control
changes any knob while it runs, for example {"rpm": 500, "fail_429": 0.1}. Ctrl-C or SIGTERM ends it.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from bin.cli import Parser, run
from classify.simulator import Behaviour, Simulator
from classify.simulator.answers import Answerer, FittingAnswerer
from classify.simulator.rules_answers import RulesAnswerer

_KNOBS: tuple[tuple[str, str, str, type, str], ...] = (
    ("--latency", "latency_s", "S", float, "median seconds to an answer"),
    ("--latency-sigma", "latency_sigma", "X", float, "spread of the latency: deviation of its logarithm"),
    ("--rpm", "rpm", "N", float, "requests a minute"),
    ("--tpm", "tpm", "N", float, "tokens a minute"),
    ("--burst", "burst_s", "S", float, "seconds' worth of the limits that may be taken at once"),
    ("--fail-429", "fail_429", "R", float, "share refused as if a limit were reached, 0 to 1"),
    ("--fail-500", "fail_500", "R", float, "share failed with 500 or 503"),
    ("--drop", "drop", "R", float, "share of connections closed without an answer"),
    ("--hang", "hang", "R", float, "share never answered"),
    ("--rubbish", "rubbish", "R", float, "share answered with something else than was asked for"),
    ("--retry-after", "retry_after_s", "S", float, "what the faults 429 and 503 name as the time to wait"),
    ("--unauthorized-after", "unauthorized_after", "N", int, "refuse the key (401) after N requests"),
    ("--quota-after", "quota_after", "N", int, "the quota is used up (429) after N requests"),
    ("--seed", "seed", "N", int, "another seed gives other latencies and faults"),
)

_ANSWERERS: dict[str, Callable[[], Answerer]] = {"rules": RulesAnswerer, "fitting": FittingAnswerer}


def main(argv: Sequence[str]) -> None:
    parser = Parser("simulate-llm", __doc__)
    parser.add_argument(
        "--host", default="127.0.0.1", help="where to listen (%(default)s); /control has no password, so think first"
    )
    parser.add_argument("--port", type=_port, default=4010, metavar="N", help="default: %(default)s; 0: a free one")
    parser.add_argument(
        "--answers",
        choices=_ANSWERERS,
        default="rules",
        help="rules: what this project's rules say, to its prompts; fitting: what fits the schema (%(default)s)",
    )
    defaults = Behaviour()
    for flag, knob, metavar, kind, text in _KNOBS:
        default = getattr(defaults, knob)
        parser.add_argument(
            flag,
            dest=knob,
            type=kind,
            metavar=metavar,
            help=f"{text} (default: {'none' if default is None else format(default, 'g')})",
        )
    parser.add_argument(
        "--rubbish-kinds", type=_kinds, metavar="K,…", help=f"default: {','.join(defaults.rubbish_kinds)}"
    )
    parser.add_argument(
        "--no-json-schema",
        type=int,
        metavar="STATUS",
        help="refuse response_format json_schema with 400, 422 or 500, as some servers do",
    )
    options = vars(parser.parse_args(argv))
    host, port = options.pop("host"), options.pop("port")
    answerer = _ANSWERERS[options.pop("answers")]()
    behaviour = Behaviour.read({knob: value for knob, value in options.items() if value is not None})
    asyncio.run(_serve(Simulator(behaviour, host, port, answerer)))


async def _serve(simulator: Simulator) -> None:
    url = await simulator.start()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    print(url, flush=True)
    await stopping.wait()
    for number in (signal.SIGTERM, signal.SIGINT):  # the second signal ends it at once
        asyncio.get_running_loop().remove_signal_handler(number)
    await simulator.stop()
    print(_summary(simulator.endpoint.stats.facts()), file=sys.stderr)


def _summary(facts: dict[str, Any]) -> str:
    outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in facts["outcomes"].items()) or "nothing asked"
    return f"{facts['requests']:,} requests: {outcomes}"


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port")
    return int(text)


def _kinds(text: str) -> list[str]:
    return [kind.strip() for kind in text.split(",")]


if __name__ == "__main__":
    run(main)
