"""Every class of error against real HTTP: what it becomes, what is billed, and what must not be told."""

import socket
import time
import traceback
from email.utils import formatdate
from typing import Any

import pytest

from classify.errors import BadAnswerError, FatalError, ProviderError, RefusedError, TransientError, UserError
from classify.providers.openai import OpenAIProvider
from config.settings import read_settings
from tests.classify.providers.conftest import KEY, Said, Server, WatchedGate, completion, openai_error


def failed(ask: Any, kind: type[ProviderError]) -> Any:
    with pytest.raises(kind) as caught:
        ask()
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert KEY not in shown
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"retry-after": "7"}, 7, 7),
        ({"retry-after": "0.5"}, 0.5, 0.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "3"}, 3, 3),
        ({"retry-after": "Mon, 01 Jan 2024 00:00:00 GMT"}, 0, 0),
    ],
)
def test_a_429_names_the_time_to_wait(
    ask: Any, server: Server, headers: dict[str, str], least: float, most: float
) -> None:
    server.says(Said(429, openai_error("Rate limit reached", "requests", "rate_limit_exceeded"), headers))
    error = failed(ask, TransientError)
    assert error.rate_limited
    assert least <= error.retry_after <= most
    assert [call.outcome for call in error.calls] == ["rate-limited"]
    assert len(server.asked) == 1


def test_a_429_may_name_a_date(ask: Any, server: Server) -> None:
    date = formatdate(time.time() + 30, usegmt=True)
    server.says(Said(429, openai_error("Rate limit reached", "requests", "rate_limit_exceeded"), {"retry-after": date}))
    assert 10 <= failed(ask, TransientError).retry_after <= 31


@pytest.mark.parametrize("headers", [{}, {"retry-after": "nan"}, {"retry-after": "-1"}, {"retry-after": "later"}])
def test_a_429_without_a_time_to_wait(ask: Any, server: Server, headers: dict[str, str]) -> None:
    server.says(Said(429, openai_error("Slow down"), headers))
    assert failed(ask, TransientError).retry_after is None


@pytest.mark.parametrize("status", [500, 502, 503, 504, 529, 408, 409])
def test_what_a_server_cannot_do_now_is_tried_again(ask: Any, server: Server, status: int) -> None:
    server.says(Said(status, openai_error("overloaded", "server_error"), {"retry-after": "2"}))
    error = failed(ask, TransientError)
    assert (error.rate_limited, error.retry_after) == (False, 2)
    assert [call.outcome for call in error.calls] == ["server-error"]


def test_a_proxy_s_page_of_html_is_tried_again(ask: Any, server: Server) -> None:
    server.says(Said(502, b"<html><body>Bad\nGateway</body></html>", {"content-type": "text/html"}))
    assert "HTTP 502" in str(failed(ask, TransientError))


def test_a_hanging_server_runs_into_the_timeout(ask: Any, server: Server, provider_of: Any) -> None:
    server.says(Said(pause_s=1.0))
    provider = provider_of(OPENAI_TIMEOUT="0.2")
    began = time.monotonic()
    error = failed(lambda: ask(provider), TransientError)
    assert time.monotonic() - began < 0.9
    assert [call.outcome for call in error.calls] == ["timeout"]


def test_a_dropped_connection_is_tried_again(ask: Any, server: Server) -> None:
    server.says(Said(drop=True))
    assert [call.outcome for call in failed(ask, TransientError).calls] == ["connection"]


def test_nobody_there_is_tried_again(ask: Any, provider_of: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        provider = provider_of(OPENAI_BASE_URL=f"http://127.0.0.1:{taken.getsockname()[1]}/v1")
        assert "no connection" in str(failed(lambda: ask(provider), TransientError))


@pytest.mark.parametrize(
    "said",
    [
        Said(body=b"this is no JSON"),
        Said(body=b""),
        Said(body=b"<html></html>", headers={"content-type": "text/html"}),
        Said(body=[]),
        Said(body="text"),
        Said(body={"error": {"message": "model crashed"}}),
        Said(body=completion(choices=[])),
        Said(body=completion(choices=None)),
        Said(body=completion(choices=[{"index": 0, "finish_reason": "stop"}])),
        Said(body=completion(choices=[{"index": 0, "finish_reason": "stop", "message": None}])),
    ],
)
def test_what_is_no_completion_is_tried_again(ask: Any, server: Server, said: Said) -> None:
    server.says(said)
    assert [call.outcome for call in failed(ask, TransientError).calls] == ["server-error"]


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, openai_error(f"Incorrect API key provided: {KEY}.", code="invalid_api_key"), "refuses the key"),
        (401, {"detail": f"Authentication Error, received key: {KEY}"}, "refuses the key"),
        (403, openai_error("Country not supported"), "refuses the key"),
        (404, openai_error("The model `gpt-9` does not exist", code="model_not_found"), "model or the path"),
        (404, {"error": "model 'llama' not found, try pulling it first"}, "try pulling it first"),
        (404, b"404 page not found", "model or the path"),
        (402, openai_error("Insufficient Balance"), "quota"),
        (429, openai_error("You exceeded your quota", "insufficient_quota", "insufficient_quota"), "quota"),
        (400, openai_error("Billing hard limit", code="billing_hard_limit_reached"), "quota"),
        (
            400,
            openai_error("Unsupported value", code="unsupported_value", param="reasoning_effort"),
            "reasoning_effort",
        ),
    ],
)
def test_what_concerns_every_question_is_fatal(ask: Any, server: Server, status: int, body: Any, words: str) -> None:
    server.says(Said(status, body))
    error = failed(ask, FatalError)
    assert words in str(error)
    assert [call.outcome for call in error.calls] == ["fatal"]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, openai_error("Your request was flagged", code="content_policy_violation")),
        (400, openai_error("This model's maximum context length is 8192 tokens", code="context_length_exceeded")),
        (400, {"object": "error", "message": "the prompt is too long", "type": "BadRequestError", "code": 400}),
        (413, b"too large"),
        (422, {"detail": [{"loc": ["body", "messages"], "msg": "bad"}]}),
    ],
)
def test_what_concerns_this_question_alone_fails_it(ask: Any, server: Server, status: int, body: Any) -> None:
    server.says(Said(status, body))
    assert [call.outcome for call in failed(ask, RefusedError).calls] == ["refused"]


def _refusal() -> Said:
    message = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
    return Said(body=completion(choices=[{"index": 0, "message": message, "finish_reason": "stop"}]))


def test_a_refusal_is_asked_again_and_may_be_answered(ask: Any, server: Server) -> None:
    server.says(_refusal(), Said())
    answer = ask()
    assert [call.outcome for call in answer.calls] == ["refused", "ok"]


def test_a_model_that_keeps_refusing_fails_the_question(ask: Any, server: Server) -> None:
    server.says(_refusal())
    error = failed(ask, RefusedError)
    assert "I cannot help" in str(error)
    assert [call.outcome for call in error.calls] == ["refused"] * 3
    assert sum(call.prompt_tokens for call in error.calls) == 3 * 1800


def test_a_content_filter_fails_the_question(ask: Any, server: Server) -> None:
    choice = {**completion("")["choices"][0], "finish_reason": "content_filter"}
    server.says(Said(body=completion(choices=[choice])))
    error = failed(ask, RefusedError)
    assert error.calls[0].prompt_tokens == 1800


def test_an_answer_that_was_cut_off_is_asked_again(ask: Any, server: Server) -> None:
    choice = {**completion('{"reasoning": "An am')["choices"][0], "finish_reason": "length"}
    server.says(Said(body=completion(choices=[choice])), Said())
    assert [call.outcome for call in ask().calls] == ["bad-answer", "ok"]
    assert "cut off" in server.asked[1]["messages"][-1]["content"]


@pytest.mark.parametrize(
    "content",
    [
        "Sure! This looks like a flow.",
        "",
        "{",
        "[]",
        "null",
        '{"reasoning": "x", "family": "no-such-family", "confidence": 0.9}',
        '{"reasoning": "x", "family": "other", "confidence": 7}',
        '{"reasoning": "x", "family": "other", "confidence": NaN}',
        '{"reasoning": "x", "family": "other"}',
        '{"reasoning": "x", "family": "other", "confidence": 0.9, "also": 1}',
        "{" * 5000,
        'so: {"a": ' + "[" * 100_000,
    ],
)
def test_rubbish_is_asked_again_twice_and_never_guessed(ask: Any, server: Server, content: str) -> None:
    server.says(Said(body=completion(content)))
    error = failed(ask, BadAnswerError)
    assert [call.outcome for call in error.calls] == ["bad-answer"] * 3
    assert error.answer is None
    assert len(server.asked) == 3


def test_the_gate_is_left_once_for_every_call(ask: Any, server: Server, gate: WatchedGate, provider_of: Any) -> None:
    server.says(Said(429, openai_error("no")), Said(body=completion("rubbish")), Said())
    failed(ask, TransientError)
    ask()
    assert gate.entered == len(gate.left) == len(server.asked) == 3


def test_a_key_that_cannot_be_sent_is_the_user_s_mistake() -> None:
    for key in ("sk-\x00secret", "sk-geheim-ü"):
        with pytest.raises(UserError) as caught:
            OpenAIProvider(read_settings({"OPENAI_API_KEY": key}), WatchedGate())
        assert key not in str(caught.value)
    with pytest.raises(UserError, match="OPENAI_API_KEY is not set"):
        OpenAIProvider(read_settings({}), WatchedGate())


def test_no_secret_in_what_settings_say_of_themselves() -> None:
    planted = read_settings({"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"http://me:{KEY}@127.0.0.1:9/v1"})
    assert KEY not in repr(planted) + str(planted)


def test_a_password_in_the_url_is_a_secret_too(ask: Any, server: Server, provider_of: Any) -> None:
    server.says(Said(500, openai_error("cannot reach http://me:hush-hush@upstream")))
    provider = provider_of(OPENAI_BASE_URL=server.url.replace("http://", "http://me:hush-hush@"))
    assert "hush-hush" not in str(failed(lambda: ask(provider), TransientError))
