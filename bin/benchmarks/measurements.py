"""The measurements of `bin/bench` that give figures beside a baseline: their options, and how they are run and told."""

import argparse
import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bin.benchmarks.figures import table
from bin.benchmarks.surroundings import machine, say
from bin.cli import Parser, positive_integer, print_json
from config.settings import Settings

OwnStores = Callable[[], AbstractContextManager[Settings]]

_OPTIONS = {
    "ipm": "indicators a minute",
    "latency_ms": "of an LLM call",
    "seconds": "length of a window of measurement",
    "indicators": "how many a round takes",
    "rounds": "how often it takes turns with the baseline",
    "workers": "stage workers",
    "concurrency": "tasks in hand, each worker",
    "in_flight": "indicators that all workers together have room for",
    "queued": "indicators sent off",
}


@dataclass(frozen=True)
class Measurement:
    """One of them: what it tells, and the options it takes with their defaults."""

    what: str
    defaults: Mapping[str, int | tuple[int, ...]]


MEASUREMENTS = {
    "ceiling": Measurement(
        "indicators a minute when the LLM answers at once",
        {"indicators": 1500, "rounds": 3, "workers": 2, "concurrency": 20},
    ),
    "cost": Measurement(
        "CPU, memory and connections at a steady pace",
        {"ipm": 800, "latency_ms": 1000, "seconds": 20, "rounds": 2, "workers": 2, "in_flight": 200},
    ),
    "latency": Measurement(
        "what is added to the LLM's own time of an indicator",
        {"ipm": 800, "latency_ms": 1000, "seconds": 25, "rounds": 2, "workers": 2, "in_flight": 200},
    ),
    "enqueue": Measurement("how fast chains are sent off", {"indicators": 10_903, "rounds": 2}),
    "load": Measurement("how fast indicators are loaded from a file", {"indicators": 10_903, "rounds": 3}),
    "growth": Measurement(
        "throughput over more workers, and the cost of an indicator over longer queues",
        {
            "latency_ms": 1000,
            "seconds": 12,
            "workers": (1, 2, 5, 10),
            "concurrency": 5,
            "queued": (1000, 10_903, 100_000),
            "ipm": 800,
        },
    ),
}
ALL = "all"


def command(name: str, argv: Sequence[str], own_stores: OwnStores) -> None:
    """Run the measurement of that name, or all one after another, and tell what they showed."""
    parser = Parser(f"bench {name}", f"{_what(name)}. Bare Celery chains on stock settings take turns with it.")
    if name != ALL:
        for option, default in MEASUREMENTS[name].defaults.items():
            flag = f"--{option.replace('_', '-')}"
            several = isinstance(default, tuple)
            usual = ",".join(map(str, default)) if isinstance(default, tuple) else default
            parser.add_argument(
                flag,
                type=_integers if several else positive_integer,
                default=default,
                metavar="N,…" if several else "N",
                help=f"{_OPTIONS[option]} ({usual})",
            )
    parser.add_argument("--output", type=_writable, metavar="FILE", help="also write the JSON object to a file")
    parser.add_argument("--plot", type=_writable, metavar="FILE.svg", help="also draw the figures")
    parser.add_json()
    options = vars(parser.parse_args(argv))
    output, drawing, as_json = (options.pop(key) for key in ("output", "plot", "json"))
    outcomes = []
    with own_stores() as own:
        for each in MEASUREMENTS if name == ALL else [name]:
            say(f"{each}: {MEASUREMENTS[each].what}")
            module = importlib.import_module(f"bin.benchmarks.{each}")  # reads the settings when it is loaded
            outcomes.append(module.measure(own, **(options or MEASUREMENTS[each].defaults)))
            if not as_json:
                print(table(outcomes[-1]), flush=True)
    facts = {"machine": machine(), "benchmarks": [outcome.facts() for outcome in outcomes]}
    if as_json:
        print_json(facts)
    if output:
        output.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if drawing:
        from bin.benchmarks.plot import plot  # the page that it borrows from reads the settings when it is loaded

        drawing.write_text(plot(outcomes), encoding="utf-8")


def _integers(text: str) -> tuple[int, ...]:
    return tuple(positive_integer(part) for part in text.split(","))


def _writable(text: str) -> Path:
    """A file that can be written: told before anything is measured, not after."""
    path = Path(text)
    try:
        path.touch()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{path}: {error.strerror}") from None
    return path


def _what(name: str) -> str:
    if name == ALL:
        return f"All of these, one after another: {', '.join(MEASUREMENTS)}"
    what = MEASUREMENTS[name].what
    return what[0].upper() + what[1:]
