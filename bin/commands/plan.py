"""Project what classifying N indicators takes: tokens and money, by stage.

From what the latest runs of the provider took, as llm_calls has it; where there has been none yet, from the lengths of
the prompts about the loaded indicators (or about samples). Asks nobody, and costs nothing.
"""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any

from bin.cli import Parser, positive_integer, print_json, run
from bin.stores import ready_stores
from classify.errors import UserError
from classify.intake import indicator_from
from classify.projection import Need, from_prompts, from_sums
from classify.providers import PROVIDERS
from classify.samples import generate
from classify.store import money, sources
from config.prices import FREE, Price, price_of
from config.settings import settings

_SAMPLE = 500
_FLEX = "flex"


def project(indicators: int, provider: str, model: str, price: Price) -> dict[str, Any]:
    """The projection, under the keys of `--json`; tokens of all `indicators` together, money in USD."""
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


def text(plan: dict[str, Any]) -> str:
    """The projection as a person reads it."""
    p = plan
    lines = [
        f"{p['indicators']:,} indicators, provider {p['provider']}, model {p['model']}: {p['basis']}",
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
    return "\n".join(lines)


def main(argv: Sequence[str]) -> None:
    parser = Parser("plan", __doc__)
    parser.add_argument(
        "--indicators", type=positive_integer, metavar="N", help="how many (default: as many as are loaded)"
    )
    parser.add_argument("--provider", choices=PROVIDERS, default=settings().provider, help="default: %(default)s")
    parser.add_argument("--model", default=settings().openai_model, metavar="M", help="default: %(default)s")
    parser.add_json()
    options = parser.parse_args(argv)
    price = price_of(options.model, settings().openai_prices)
    if price == FREE and not settings().openai_prices:
        raise UserError(f"no price is known of the model {options.model!r}: say it with OPENAI_PRICES")
    ready_stores()
    indicators = options.indicators or sources.count()
    if not indicators:
        raise UserError("nothing is loaded: say --indicators N")
    plan = project(indicators, options.provider, options.model, price)
    print_json(plan) if options.json else print(text(plan))


if __name__ == "__main__":
    run(main)
