"""Every fault as the real openai client meets it."""

import json
import time
import urllib.error
from collections import Counter
from typing import Any

import openai
import pytest


@pytest.mark.parametrize("status", [400, 422, 500])
def test_servers_without_json_schema_name_response_format(endpoint: Any, status: int) -> None:
    endpoint.control(no_json_schema=status)
    with pytest.raises(openai.APIStatusError, match="response_format") as caught:
        endpoint.ask()
    assert caught.value.status_code == status
    answer = endpoint.ask("answer in JSON", response_format={"type": "json_object"})
    assert answer.choices[0].message.content == "{}"
    assert endpoint.stats()["outcomes"] == {"answered": 1, "no_json_schema": 1}


def test_the_key_comes_to_its_end(endpoint: Any) -> None:
    endpoint.control(unauthorized_after=2)
    endpoint.ask()
    endpoint.ask()
    for _ in range(2):
        with pytest.raises(openai.AuthenticationError) as caught:
            endpoint.ask()
        assert caught.value.code == "invalid_api_key"
    endpoint.control(unauthorized_after=None)
    endpoint.ask()


def test_the_quota_comes_to_its_end(endpoint: Any) -> None:
    endpoint.control(quota_after=1)
    endpoint.ask()
    with pytest.raises(openai.RateLimitError) as caught:
        endpoint.ask()
    assert caught.value.code == "insufficient_quota"
    assert "retry-after" not in caught.value.response.headers


def test_a_429_says_when_to_come_back(endpoint: Any) -> None:
    endpoint.control(fail_429=1, retry_after_s=1.5)
    with pytest.raises(openai.RateLimitError) as caught:
        endpoint.ask()
    assert caught.value.code == "rate_limit_exceeded"
    assert caught.value.response.headers["retry-after"] == "2"
    assert caught.value.response.headers["retry-after-ms"] == "1500"


def test_500_and_503_both_occur(endpoint: Any) -> None:
    endpoint.control(fail_500=1)
    seen = set()
    for _ in range(20):
        with pytest.raises(openai.InternalServerError) as caught:
            endpoint.ask()
        seen.add(caught.value.status_code)
    assert seen == {500, 503}


def test_a_dropped_connection(endpoint: Any) -> None:
    endpoint.control(drop=1)
    with pytest.raises(openai.APIConnectionError):
        endpoint.ask()
    stats = endpoint.stats()
    assert stats["outcomes"] == {"dropped": 1}
    assert stats["prompt_tokens"] == 0


def test_a_hanging_request_ends_with_its_client(endpoint: Any) -> None:
    endpoint.control(hang=1)
    with pytest.raises(openai.APITimeoutError):
        endpoint.ask(timeout=0.2)
    deadline = time.monotonic() + 2
    while endpoint.stats()["in_flight"]["now"] and time.monotonic() < deadline:
        time.sleep(0.01)
    assert endpoint.stats()["outcomes"] == {"hung": 1}


def test_an_answer_that_nobody_waits_for_is_not_billed(endpoint: Any) -> None:
    endpoint.control(latency_s=1, latency_sigma=0)
    with pytest.raises(openai.APITimeoutError):
        endpoint.ask(timeout=0.2)
    deadline = time.monotonic() + 2
    while endpoint.stats()["in_flight"]["now"] and time.monotonic() < deadline:
        time.sleep(0.01)
    stats = endpoint.stats()
    assert stats["outcomes"] == {"abandoned": 1}
    assert stats["completion_tokens"] == 0


def test_every_kind_of_rubbish(endpoint: Any) -> None:
    good = json.loads(endpoint.ask().choices[0].message.content)
    choices = {}
    for kind in ("truncated", "prose", "wrong-enum", "refusal"):
        endpoint.control(rubbish=1, rubbish_kinds=[kind])
        choices[kind] = endpoint.ask().choices[0]
    assert choices["truncated"].finish_reason == "length"
    for kind in ("truncated", "prose"):
        with pytest.raises(json.JSONDecodeError):
            json.loads(choices[kind].message.content)
    spoilt = json.loads(choices["wrong-enum"].message.content)
    assert spoilt["family"] not in ("a", "b", "c")
    assert spoilt["confidence"] == good["confidence"]
    assert choices["refusal"].message.content is None
    assert choices["refusal"].message.refusal


def test_shares_are_kept_and_repeat_with_the_seed(endpoint: Any) -> None:
    def outcomes(seed: int) -> Counter[str]:
        endpoint.control(seed=seed + 1000)
        endpoint.control(seed=seed, fail_429=0.2, fail_500=0.2)
        counted: Counter[str] = Counter()
        for _ in range(200):
            try:
                endpoint.ask()
                counted["answered"] += 1
            except openai.APIStatusError as error:
                counted[str(error.status_code)] += 1
        return counted

    first = outcomes(1)
    assert first == outcomes(1)
    assert 25 <= first["429"] <= 58
    assert first != outcomes(2)


@pytest.mark.parametrize(
    "knobs", [{"rpm": -1}, {"drop": 0.6, "hang": 0.6}, {"speed": 1}, {"rubbish_kinds": []}, {"no_json_schema": 404}]
)
def test_impossible_behaviour_is_refused_and_changes_nothing(endpoint: Any, knobs: dict[str, Any]) -> None:
    before = endpoint.control()
    with pytest.raises(urllib.error.HTTPError) as caught:
        endpoint.control(**knobs)
    assert caught.value.code == 400
    assert endpoint.control() == before


def test_faults_change_in_mid_run(endpoint: Any) -> None:
    endpoint.ask()
    endpoint.control(fail_500=1)
    with pytest.raises(openai.InternalServerError):
        endpoint.ask()
    endpoint.control(fail_500=0)
    endpoint.ask()
