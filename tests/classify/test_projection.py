"""Projections: what was measured is scaled, what was not is read off the prompts."""

import pytest

from classify.intake import indicator_from
from classify.projection import Need, from_prompts, from_sums
from classify.samples import generate
from config.prices import price_of

SAMPLES = [indicator_from(record)[0] for record in generate(200)]
MINI = price_of("gpt-5-mini")


def test_sums_are_scaled_to_one_indicator() -> None:
    sums = {"llm_calls": 210, "prompt_tokens": 400_000, "cached_tokens": 300_000, "completion_tokens": 9_000}
    need = from_sums({"time": {**sums, "cost_usd": 1.0}}, 200)["time"]
    assert need == Need(1.05, 2000, 1500, 45)
    assert need.times(1000).cost_usd(MINI) == pytest.approx(1000 * (500 * 0.25 + 1500 * 0.025 + 45 * 2) / 1e6)
    assert need.cost_usd(MINI, "flex") == pytest.approx(need.cost_usd(MINI) / 2)


def test_prompts_tell_before_anything_was_measured() -> None:
    everything = sum(from_prompts(SAMPLES, "openai").values(), Need())
    doubtful = sum(from_prompts(SAMPLES, "hybrid").values(), Need())
    assert 4 <= everything.llm_calls <= 5
    assert 0 < doubtful.llm_calls < everything.llm_calls / 2
    assert from_prompts(SAMPLES, "rules") == {}
    assert 0.75 < everything.cached_tokens / everything.prompt_tokens < 0.95


@pytest.mark.parametrize(("provider", "most_usd"), [("openai", 10), ("hybrid", 4)])
def test_all_10903_stay_within_what_was_promised(provider: str, most_usd: float) -> None:
    need = sum(from_prompts(SAMPLES, provider).values(), Need())
    assert 0.5 < need.times(10_903).cost_usd(MINI) <= most_usd


def test_an_unknown_model_is_free_unless_a_price_is_set() -> None:
    assert price_of("llama3.2").of(1e6, 0, 1e6) == 0
    assert price_of("llama3.2", "1,0.1,2").of(1e6, 5e5, 1e6) == pytest.approx(0.5 + 0.05 + 2)
    assert price_of("simulated-gpt-5-mini-2025-08-07") == MINI
    assert price_of("gpt-5-mini").of(1e6, 0, 0, "priority") == 0.5
