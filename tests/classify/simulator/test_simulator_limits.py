"""Limits: never more than is granted, announced truthfully, changed while it runs."""

import math
import time
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classify.simulator.limits import Limits, duration

rates = st.floats(1, 10_000)


@given(
    rpm=rates,
    tpm=rates,
    burst_s=st.floats(0.1, 120),
    steps=st.lists(st.tuples(st.floats(0, 30), st.integers(1, 500)), min_size=1, max_size=200),
)
def test_no_window_gets_more_than_its_rate_and_the_burst(
    rpm: float, tpm: float, burst_s: float, steps: list[tuple[float, int]]
) -> None:
    now = 0.0
    limits = Limits(lambda: now)
    limits.set(rpm=rpm, tpm=tpm, burst_s=burst_s)
    granted: list[tuple[float, int]] = []
    for pause, tokens in steps:
        now += pause
        if limits.admit("m", tokens) is None:
            granted.append((now, tokens))
    for i, (began, _) in enumerate(granted):
        spent = 0
        for j, (at, tokens) in enumerate(granted[i:], 1):
            spent += tokens
            assert j <= max(1, rpm * burst_s / 60) + rpm * (at - began) / 60 + 1e-6
            assert spent <= max(1, tpm * burst_s / 60) + tpm * (at - began) / 60 + 1e-6


@given(rpm=rates, used=st.integers(0, 300))
def test_waiting_as_long_as_told_is_enough_and_no_longer(rpm: float, used: int) -> None:
    now = 0.0
    limits = Limits(lambda: now)
    limits.set(rpm=rpm, tpm=None, burst_s=1)
    for _ in range(used):
        limits.admit("m", 1)
    refused = limits.admit("m", 1)
    if refused is None:
        return
    wait_s = int(dict(refused.headers)["retry-after-ms"]) / 1000
    now += max(0.0, wait_s - 0.002)
    assert wait_s < 0.002 or limits.admit("m", 1) is not None
    now += 0.003
    assert limits.admit("m", 1) is None


@pytest.mark.parametrize(
    ("seconds", "written"), [(0, "0s"), (0.0599, "60ms"), (1, "1s"), (1.5, "1.5s"), (360, "6m0s"), (61.25, "1m1.25s")]
)
def test_durations_are_written_as_openai_does(seconds: float, written: str) -> None:
    assert duration(seconds) == written


def test_requests_a_minute(endpoint: Any) -> None:
    endpoint.control(rpm=120, burst_s=1.5)  # three at once, two a second
    raw = endpoint.client.chat.completions.with_raw_response
    messages: Any = [{"role": "user", "content": "?"}]
    headers = [dict(raw.create(model="m", messages=messages).headers) for _ in range(3)]
    assert [h["x-ratelimit-remaining-requests"] for h in headers] == ["2", "1", "0"]
    assert headers[0]["x-ratelimit-limit-requests"] == "120"
    assert headers[0]["x-ratelimit-reset-requests"].endswith("ms")
    assert "x-ratelimit-limit-tokens" not in headers[0]
    with pytest.raises(openai.RateLimitError) as caught:
        endpoint.ask()
    body: Any = caught.value.body
    assert body["type"] == "requests"
    assert body["code"] == "rate_limit_exceeded"
    time.sleep(int(caught.value.response.headers["retry-after-ms"]) / 1000)
    endpoint.ask()
    assert endpoint.stats()["outcomes"] == {"answered": 4, "limited_requests": 1}


def test_the_client_obeys_and_gets_through(endpoint: Any) -> None:
    endpoint.control(rpm=600, burst_s=0.1)
    patient = endpoint.client.with_options(max_retries=5)
    began = time.monotonic()
    for _ in range(6):
        endpoint.ask(client=patient)
    assert time.monotonic() - began >= 0.45


def test_tokens_a_minute(endpoint: Any) -> None:
    endpoint.control(tpm=1000)
    endpoint.ask(max_completion_tokens=900)
    with pytest.raises(openai.RateLimitError) as caught:
        endpoint.ask(max_completion_tokens=900)
    body: Any = caught.value.body
    assert body["type"] == "tokens"
    assert math.isclose(float(caught.value.response.headers["retry-after"]), 48, abs_tol=1.1)
    with pytest.raises(openai.RateLimitError, match="too large") as caught:
        endpoint.ask(max_completion_tokens=1001)
    assert "retry-after" not in caught.value.response.headers


def test_limits_change_in_mid_run(endpoint: Any) -> None:
    endpoint.control(rpm=2)
    endpoint.ask()
    endpoint.ask()
    endpoint.control(rpm=1200)  # what is used up stays used up, but comes back faster
    with pytest.raises(openai.RateLimitError):
        endpoint.ask()
    time.sleep(0.06)
    endpoint.ask()
    endpoint.control(rpm=None)
    for _ in range(10):
        endpoint.ask()
