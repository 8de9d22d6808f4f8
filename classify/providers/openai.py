"""The provider that asks an LLM: chat completions of OpenAI, or of any server that speaks like it.

llama.cpp, vLLM, LM Studio and Ollama do, at a URL of their own (`OPENAI_BASE_URL`). Answers are structured outputs
from the stages' models; a server that refuses a JSON schema gets it in the prompt instead.
"""

import json
import time
from typing import Any, TypeVar

import openai
from openai import OpenAI
from openai.types.chat import ChatCompletion
from pydantic import ValidationError

from classify.errors import BadAnswerError, ProviderError, RefusedError, TransientError, UserError
from classify.indicator import Indicator
from classify.providers import faults
from classify.providers.base import Answer, Call, Gate
from classify.providers.faults import Outcome
from classify.stages.base import Findings, Question, StageResult
from classify.stages.prompting import answer_schema, describe
from config.prices import price_of
from config.settings import Settings

R = TypeVar("R", bound=StageResult)

ASKED_AGAIN = 2
"""How often an answer is asked for again, with what was wrong with it."""

_CONNECT_WITHIN_S = 5.0


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
        When there is no key for an endpoint that needs one.
    """

    name = "openai"

    def __init__(self, settings: Settings, gate: Gate) -> None:
        key = settings.openai_api_key.get_secret_value()
        if not key and not settings.openai_base_url:
            raise UserError(
                "provider openai: OPENAI_API_KEY is not set (nor OPENAI_BASE_URL, for a server without keys)"
            )
        self.model = settings.openai_model
        self._tier = settings.openai_service_tier
        self._prices = settings.openai_prices
        self._client = OpenAI(
            api_key=key or "none",
            base_url=settings.openai_base_url or None,
            max_retries=0,
            timeout=openai.Timeout(settings.openai_timeout, connect=_CONNECT_WITHIN_S),
        )
        self._gate = gate
        self._options: dict[str, Any] = {}
        effort = settings.openai_reasoning_effort or ("minimal" if self.model.startswith("gpt-5") else "")
        if effort:
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
            content = self._complete(question, messages, calls)
            result, complaint = _read(question, content, findings)
            if result is not None and complaint is None:
                return Answer(result, (*calls[:-1], _with_outcome(calls[-1], "ok")))
            messages += [
                {"role": "assistant", "content": content or "(nothing)"},
                {"role": "user", "content": f"{complaint} Answer again, with that put right."},
            ]
        raise BadAnswerError(f"asked {1 + ASKED_AGAIN} times, and still: {complaint}", tuple(calls))

    def _complete(self, question: Question[Any], messages: list[dict[str, str]], calls: list[Call]) -> str:
        """The content of one completion; its call is added to `calls`, whatever comes of it."""
        try:
            charged = self._gate.enter()
        except TransientError as error:
            error.calls = tuple(calls)
            raise
        began = time.monotonic()
        completion, outcome, failure = self._create(question, messages)
        if outcome == "schema-refused":
            self._takes_schema = False
            return self._complete(question, messages, calls)
        call = self._call(completion, began, outcome)
        self._gate.leave(charged, call)
        calls.append(call)
        if failure:
            failure.calls = tuple(calls)
            raise failure
        assert completion is not None
        return completion.choices[0].message.content or ""

    def _create(
        self, question: Question[Any], messages: list[dict[str, str]]
    ) -> tuple[ChatCompletion | None, Outcome, ProviderError | None]:
        """One request: the completion if there is one, the outcome for `llm_calls`, and the error if it failed."""
        try:
            completion: ChatCompletion = self._client.chat.completions.create(
                model=self.model,
                messages=self._with_schema(question, messages),  # type: ignore[arg-type]
                response_format=self._format(question),
                **self._options,
            )
            refusal = completion.choices[0].message.refusal
        except openai.APIError as error:
            if self._takes_schema and faults.names_response_format(error):
                return None, "schema-refused", None
            failure, outcome = faults.sort(error)
            return None, outcome, failure
        except (ValueError, LookupError, TypeError, AttributeError) as error:  # JSON that is no completion at all
            return None, "server-error", TransientError(f"the endpoint sent what is no completion: {error}")
        if refusal:
            return completion, "refused", RefusedError(f"the model refuses: {refusal[:300]}")
        return completion, "bad-answer", None

    def _with_schema(self, question: Question[Any], messages: list[dict[str, str]]) -> list[dict[str, str]]:
        if self._takes_schema:
            return messages
        schema = json.dumps(answer_schema(question.result), separators=(",", ":"))
        told = f"{messages[0]['content']}\n\nAnswer with nothing but one JSON object that fits this schema:\n{schema}"
        return [{"role": "system", "content": told}, *messages[1:]]

    def _format(self, question: Question[Any]) -> Any:
        if not self._takes_schema:
            return {"type": "json_object"}
        schema = {"name": question.name, "schema": answer_schema(question.result), "strict": True}
        return {"type": "json_schema", "json_schema": schema}

    def _call(self, completion: ChatCompletion | None, began: float, outcome: Outcome) -> Call:
        usage = completion.usage if completion else None
        details = usage.prompt_tokens_details if usage else None
        prompt = usage.prompt_tokens if usage else 0
        cached = (details.cached_tokens if details else None) or 0
        output = usage.completion_tokens if usage else 0
        model = completion.model if completion else self.model
        return Call(
            model=model,
            prompt_tokens=prompt,
            cached_tokens=cached,
            completion_tokens=output,
            cost_usd=price_of(model, self._prices).of(prompt, cached, output, self._tier),
            latency_ms=1000 * (time.monotonic() - began),
            outcome=outcome,
        )


def _with_outcome(call: Call, outcome: Outcome) -> Call:
    return Call(**{**call.__dict__, "outcome": outcome})


def _read(question: Question[R], content: str, findings: Findings) -> tuple[R | None, str | None]:
    """The answer, and what is wrong with it."""
    assert question.prompt is not None
    try:
        result = question.result.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        return None, f"That was not an answer of the asked form: {where + ': ' if where else ''}{first['msg']}."
    return result, question.prompt.contradiction(result, findings)
