"""Measure a provider against labels: accuracy per field, confusion, calibration, misses.

FILE has lines of {"indicator": {…}, "expected": {…}}; of `expected`, the fields family, indicator_type,
temporal_aggregation, is_currency_denominated and heat_map_orientation count. Several files are counted together.
Needs no running services for the provider `rules`.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bin.cli import Parser, print_json, run
from classify.errors import ProviderError
from classify.evaluate import Evaluation, evaluate, read_all
from classify.providers import PROVIDERS, provider_named

AT_A_TIME = 16
"""Indicators that an LLM is asked about at once."""


def facts(evaluation: Evaluation, provider: str) -> dict[str, Any]:
    """The evaluation as `--json` prints it."""
    return {
        "n": evaluation.n,
        "provider": provider,
        "accuracy": evaluation.accuracy,
        "confusion": evaluation.confusion,
        "calibration": evaluation.calibration,
        "sureness": evaluation.sureness,
        "misses": [asdict(miss) for miss in evaluation.misses],
    }


def _share(accuracy: float | None) -> str:
    return "" if accuracy is None else f"({accuracy:.1%} right)"


def text(evaluation: Evaluation, provider: str) -> str:
    """The evaluation as a person reads it."""
    lines = [f"{evaluation.n:,} labelled indicators, provider {provider}", "", "accuracy"]
    lines += [
        f"  {name:<24} {share:7.1%}  ({evaluation.right[name]:,} of {evaluation.asked[name]:,})"
        for name, share in evaluation.accuracy.items()
    ]
    lines += ["", "by confidence (all fields)"]
    lines += [f"  from {b['from']:<4} {b['n']:>7,} answers {b['accuracy']:7.1%} right" for b in evaluation.calibration]
    lines += ["", "from the confidence on at which hybrid does not doubt rules, and below"]
    for name, s in evaluation.sureness.items():
        told = [f"{s[word]['n']:>5,} {word} {_share(s[word]['accuracy'])}" for word in ("sure", "unsure")]
        lines.append(f"  {name:<24} from {s['from']:<4} {', '.join(told)}")
    if evaluation.misses:
        lines += ["", "expected → answered"]
        lines += [f"  {c['count']:>4} × {c['field']}: {c['expected']} → {c['got']}" for c in evaluation.confusion]
        lines += ["", "misses"]
        lines += [
            f"  {m.id} ({m.name}): {m.field} {m.expected}, answered {m.got} at {m.confidence:.2f}"
            for m in evaluation.misses
        ]
    return "\n".join(lines)


def main(argv: Sequence[str]) -> int:
    parser = Parser("evaluate", __doc__)
    parser.add_argument("files", nargs="+", metavar="FILE", help="labelled indicators, JSON lines")
    parser.add_argument("--provider", default="rules", metavar="P", help=f"one of {', '.join(PROVIDERS)}")
    parser.add_json()
    options = parser.parse_args(argv)
    provider = provider_named(options.provider)
    at_a_time = 1 if provider.name == "rules" else AT_A_TIME
    try:
        evaluation = evaluate(read_all(options.files), provider, at_a_time)
    except ProviderError as error:
        print(f"bin/evaluate: {error}", file=sys.stderr)
        return 1
    if options.json:
        print_json(facts(evaluation, provider.name))
    else:
        print(text(evaluation, provider.name))
    return 0


if __name__ == "__main__":
    run(main)
