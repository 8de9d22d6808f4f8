"""The provider that asks an LLM: chat completions of OpenAI, or of any server that speaks like it.

llama.cpp, vLLM, LM Studio and Ollama do, at a URL of their own (`OPENAI_BASE_URL`). Answers are structured outputs
from the stages' models; a server that refuses a JSON schema gets it in the prompt instead.
"""

import json
import time
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

import openai
from openai import OpenAI

from classify.errors import BadAnswerError, ProviderError, RefusedError, TransientError, UserError
from classify.indicator import Indicator
from classify.providers import faults
from classify.providers.base import Answer, Call, Gate
from classify.providers.completion import Completion, Said, completion_in
from classify.providers.faults import Outcome
from classify.providers.reading import read
from classify.providers.transport import http_client
from classify.stages.base import Findings, Question, StageResult
from classify.stages.prompting import answer_schema, describe
from config.prices import FREE, price_of
from config.settings import Settings

R = TypeVar("R", bound=StageResult)

ASKED_AGAIN = 2
"""How often an answer is asked for again, with what was wrong with it."""

_CONNECT_WITHIN_S = 5.0
_OPENAI = "https://api.openai.com/v1"
_PATH = "/chat/completions"


class OpenAIProvider:
    """Asks an LLM, one call a question.

    One client serves the whole process: its connections are pooled, and it may be shared by threads and greenlets.
    Its own retries are off, since Celery retries: a worker that waits for a retry can do other work.

    Parameters
    ----------
    settings
        Key, endpoint, model, effort, tier, timeout and prices (`OPENAI_…`).
    gate
        What every call has to pass.

    Raises
    ------
    UserError
        When there is no key for an endpoint that needs one, or one that cannot be sent.
    """

    name = "openai"

    def __init__(self, settings: Settings, gate: Gate) -> None:
        key = settings.openai_api_key.get_secret_value().strip()
        if not key and not settings.openai_base_url:
            raise UserError("OPENAI_API_KEY is not set (nor OPENAI_BASE_URL, for a server without keys)")
        if not key.isascii() or not key.isprintable():
            raise UserError("OPENAI_API_KEY has characters that no key has")
        self.model = settings.openai_model
        self._tier = settings.openai_service_tier
        self._prices = settings.openai_prices
        self._client = OpenAI(
            api_key=key or "none",
            base_url=settings.openai_base_url or None,
            max_retries=0,
            timeout=openai.Timeout(settings.openai_timeout, connect=min(_CONNECT_WITHIN_S, settings.openai_timeout)),
            http_client=http_client(settings.openai_base_url or _OPENAI),
        )
        self._secrets = tuple(s for s in (key, self._client.base_url.password) if s)
        self._gate = gate
        self._options: dict[str, Any] = {}
        if effort := settings.openai_reasoning_effort or _least_effort(self.model):
            self._options["reasoning_effort"] = effort
        if self._tier:
            self._options["service_tier"] = self._tier
        self._takes_schema = True

    def answer(self, question: Question[R], indicator: Indicator, findings: Findings) -> Answer[R]:
        """Ask, and ask again with the complaint where the answer is unusable or contradicts the others."""
        assert question.prompt is not None
        messages = [
            {"role": "system", "content": question.prompt.instructions(findings)},
            {"role": "user", "content": describe(indicator, findings)},
        ]
        calls: list[Call] = []
        for _ in range(1 + ASKED_AGAIN):
            said = self._complete(question, messages, calls)
            refusal = said.refusal
            result, complaint = (None, None) if refusal else read(question, said.content, findings)
            if result is not None and complaint is None:
                return Answer(result, (*calls[:-1], replace(calls[-1], outcome="ok")))
            if refusal:
                calls[-1] = replace(calls[-1], outcome="refused")
                complaint = "That was a refusal, but the task is only to label public statistics."
            elif said.finish_reason == "length":
                complaint = "That answer was cut off: it was too long."
            messages += [
                {"role": "assistant", "content": said.content or refusal or "(nothing)"},
                {"role": "user", "content": f"{complaint} Answer again, with that put right."},
            ]
        if refusal:
            raise RefusedError(f"the model refuses: {self._without_secrets(refusal)[:300]}", tuple(calls))
        raise BadAnswerError(
            f"asked {1 + ASKED_AGAIN} times, and still: {complaint}", tuple(calls), answer=result, complaint=complaint
        )

    def _complete(self, question: Question[Any], messages: list[dict[str, str]], calls: list[Call]) -> Said:
        """What one completion says; its call is added to `calls`, whatever comes of it."""
        while True:
            try:
                charged = self._gate.enter()
            except TransientError as error:
                error.calls = tuple(calls)
                raise
            began = time.monotonic()
            with_schema = self._takes_schema
            completion, outcome, failure = self._create(question, messages, with_schema)
            call = self._call(completion, began, outcome)
            self._gate.leave(charged, call)
            calls.append(call)
            if outcome == "schema-refused":
                self._takes_schema = False
                continue
            if failure:
                failure.calls = tuple(calls)
                raise failure
            assert completion.said is not None
            return completion.said

    def _create(
        self, question: Question[Any], messages: list[dict[str, str]], with_schema: bool
    ) -> tuple[Completion, Outcome, ProviderError | None]:
        """One request: the completion if there is one, the outcome for `llm_calls`, and the error if it failed."""
        body = {
            "model": self.model,
            "messages": messages if with_schema else _with_schema(question, messages),
            "response_format": _format(question, with_schema),
            **self._options,
        }
        try:
            # Past `chat.completions.create`, which walks through the request, schema and all, and makes objects of
            # every part of the answer: a third of what a call costs.
            completion = completion_in(self._client.post(_PATH, body=body, cast_to=object))
        except openai.APIError as error:
            if with_schema and faults.names_response_format(error):
                return Completion(), "schema-refused", None
            failure, outcome = faults.sort(error, self._without_secrets)
            return Completion(), outcome, failure
        except ValueError:  # no JSON, whatever its header says
            completion = Completion()
        if completion.said is None:
            return completion, "server-error", TransientError("the endpoint sent what is no completion")
        if completion.said.finish_reason == "content_filter":
            return completion, "refused", RefusedError("the endpoint's content filter withheld the answer")
        return completion, "bad-answer", None

    def _without_secrets(self, text: str) -> str:
        """A text of the endpoint's that is safe to show: some servers repeat the key that they refuse."""
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        return text

    def _call(self, completion: Completion, began: float, outcome: Outcome) -> Call:
        model = completion.model or self.model
        price = price_of(model, self._prices)
        if price == FREE:  # a proxy that names models its own way bills the one that was asked for
            price = price_of(self.model, self._prices)
        tokens = (completion.prompt_tokens, completion.cached_tokens, completion.completion_tokens)
        return Call(
            model,
            *tokens,
            cost_usd=price.of(*tokens, completion.service_tier or self._tier),
            latency_ms=1000 * (time.monotonic() - began),
            outcome=outcome,
        )


def _least_effort(model: str) -> str:
    """The least reasoning that a model offers; empty for one that is not known to reason."""
    if model.startswith("gpt-5."):
        return "none"
    if model.startswith("gpt-5"):
        return "minimal"
    return "low" if model.startswith(("o1", "o3", "o4")) else ""


def _with_schema(question: Question[Any], messages: list[dict[str, str]]) -> list[dict[str, str]]:
    schema = json.dumps(answer_schema(question.result), separators=(",", ":"))
    told = f"{messages[0]['content']}\n\nAnswer with nothing but one JSON object that fits this schema:\n{schema}"
    return [{"role": "system", "content": told}, *messages[1:]]


@cache
def _format(question: Question[Any], with_schema: bool) -> Any:
    if not with_schema:
        return {"type": "json_object"}
    schema = {"name": question.name, "schema": answer_schema(question.result), "strict": True}
    return {"type": "json_schema", "json_schema": schema}
