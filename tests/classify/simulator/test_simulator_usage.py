"""What is billed: sums agree with the stats, and repeated prefixes are cached as OpenAI caches them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
from hypothesis import given
from hypothesis import strategies as st

from classify.simulator.usage import PromptCache


def test_sums_of_usage_are_the_stats(endpoint: Any) -> None:
    endpoint.control(latency_s=0.005, fail_429=0.1, fail_500=0.1, drop=0.1, rubbish=0.2)
    endpoint.client.with_options(timeout=5)

    def ask(i: int) -> Any:
        try:
            return endpoint.ask("fixed part " * 500 + str(i)).usage
        except openai.APIError:
            return None

    with ThreadPoolExecutor(16) as threads:
        answered = [usage for usage in threads.map(ask, range(300)) if usage]
    stats = endpoint.stats()
    assert 100 < len(answered) < 300
    assert stats["requests"] == 300
    assert stats["outcomes"]["answered"] + stats["outcomes"]["rubbish"] == len(answered)
    assert stats["prompt_tokens"] == sum(u.prompt_tokens for u in answered)
    assert stats["completion_tokens"] == sum(u.completion_tokens for u in answered)
    assert stats["cached_tokens"] == sum(u.prompt_tokens_details.cached_tokens for u in answered)
    assert stats["cached_tokens"] > 0
    assert stats["in_flight"]["now"] == 0
    assert 2 <= stats["in_flight"]["max"] <= 16
    assert 0.002 < stats["latency_s"]["p50"] < 0.05


def test_caching(endpoint: Any) -> None:
    def cached(prompt: str) -> int:
        found = endpoint.ask(prompt, response_format={"type": "text"}).usage.prompt_tokens_details.cached_tokens
        return int(found)

    fixed = "f" * (1300 * 4)
    assert cached(fixed + "one") == 0
    assert cached(fixed + "two") == 1280  # 1,024 and two steps of 128
    assert cached(fixed[: 1100 * 4]) == 1024
    assert cached("g" + fixed) == 0
    assert cached("s" * 4000) == cached("s" * 4000) == 0


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9000), st.text(max_size=3)), max_size=20))
def test_cached_tokens_are_the_longest_prefix_in_steps(prompts: list[tuple[str, int, str]]) -> None:
    cache = PromptCache()
    seen: list[str] = []
    for letter, length, tail in prompts:
        prompt = letter * length + tail
        best = 0
        for old in seen:
            same = next((i for i, (x, y) in enumerate(zip(old, prompt, strict=False)) if x != y), None)
            best = max(best, (min(len(old), len(prompt)) if same is None else same) // 4)
        expected = 0 if best < 1024 else 1024 + (best - 1024) // 128 * 128
        assert cache.cached_tokens("m", prompt) == expected
        seen.append(prompt)


def test_the_cache_is_bounded_and_keeps_what_is_used() -> None:
    cache = PromptCache(entries=10)
    for i in range(100):
        cache.cached_tokens("m", "f" * 4096)
        cache.cached_tokens("m", f"{i}" * 4096)
        assert len(cache) <= 10
    assert cache.cached_tokens("m", "f" * 4096) == 1024
    assert cache.cached_tokens("another model", "f" * 4096) == 0
