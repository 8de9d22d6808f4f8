"""What each address of the endpoint does: chat completions through limits and faults, models, stats, control."""

import json
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from classify.errors import UserError
from classify.simulator.answers import Answerer, as_text, chance_of
from classify.simulator.behaviour import Behaviour
from classify.simulator.faults import Faults
from classify.simulator.fitting import UnfitSchemaError
from classify.simulator.limits import Clock, Limits
from classify.simulator.parser import Request
from classify.simulator.question import InvalidQuestionError, Question, read_question
from classify.simulator.replies import Headers, Reply, error_reply, json_reply
from classify.simulator.rubbish import Utterance, rubbish
from classify.simulator.stats import Stats
from classify.simulator.usage import CHARS_PER_TOKEN, PromptCache, Usage, tokens_in

PREFIX = "simulated"
"""With what the model of every answer begins."""
_MODELS = ("simulated-gpt-5-mini", "simulated-gpt-5")


class Endpoint:
    """Answers requests; knows nothing of connections.

    Parameters
    ----------
    behaviour
        How to begin; `POST /control` changes it.
    answerer
        What is said to questions that ask for JSON.
    clock
        Seconds, monotonic.
    """

    def __init__(self, behaviour: Behaviour, answerer: Answerer, clock: Clock = time.monotonic) -> None:
        self.stats = Stats()
        self._behaviour = behaviour
        self._answerer = answerer
        self._cache = PromptCache()
        self._limits = Limits(clock)
        self._faults = Faults(behaviour)
        self._numbers = count(1)
        self.behave(behaviour)
        self._routes: dict[tuple[str, str], Callable[[Request], Reply]] = {
            ("POST", "/chat/completions"): self._chat,
            ("GET", "/models"): lambda _: self._models(),
            ("GET", "/stats"): lambda _: json_reply(self.stats.facts()),
            ("POST", "/stats/reset"): lambda _: self._reset(),
            ("GET", "/health"): lambda _: json_reply({"ok": True}),
            ("GET", "/control"): lambda _: json_reply(self._behaviour.model_dump()),
            ("POST", "/control"): self._control,
        }

    def behave(self, behaviour: Behaviour) -> None:
        """Change limits and faults from the next request on."""
        self._behaviour = behaviour
        self._limits.set(rpm=behaviour.rpm, tpm=behaviour.tpm, burst_s=behaviour.burst_s)
        self._faults.set(behaviour)

    def reply_to(self, request: Request) -> Reply:
        """How the request ends. A reply with an outcome has to be reported to `stats` when it is over."""
        path = request.path.removeprefix("/v1").rstrip("/") or "/"
        route = self._routes.get((request.method, path))
        if route:
            return route(request)
        allowed = [method for method, known in self._routes if known == path]
        if allowed:
            message = f"Not allowed to {request.method} on {request.path}."
            return error_reply(405, message, headers=[("allow", ", ".join(allowed))])
        return error_reply(404, f"Invalid URL ({request.method} {request.path})", code="unknown_url")

    def _models(self) -> Reply:
        models = [{"id": name, "object": "model", "created": 0, "owned_by": PREFIX} for name in _MODELS]
        return json_reply({"object": "list", "data": models})

    def _reset(self) -> Reply:
        self.stats.reset()
        return json_reply(self.stats.facts())

    def _control(self, request: Request) -> Reply:
        try:
            given = json.loads(request.body)
        except (ValueError, RecursionError):
            given = None
        if not isinstance(given, dict):
            return error_reply(400, "a JSON object of knobs and values is expected")
        try:
            self.behave(self._behaviour.changed(given))
        except UserError as error:
            return error_reply(400, str(error))
        return json_reply(self._behaviour.model_dump())

    def _chat(self, request: Request) -> Reply:
        if refused := self._faults.shut_out():
            return refused
        try:
            question = read_question(request.body)
        except InvalidQuestionError as error:
            return error_reply(error.status, str(error), param=error.param, outcome="invalid")
        fault, detail = self._faults.draw()
        if fault and fault != "rubbish":
            return self._faults.reply_for(fault, question.model)
        if question.form == "json_schema" and self._behaviour.no_json_schema:
            return self._no_json_schema(self._behaviour.no_json_schema)
        if refused := self._limits.admit(question.model, question.limit_tokens):
            return refused
        try:
            said = self._utterance(question, detail if fault else None)
        except UnfitSchemaError as error:
            message = f"Invalid schema for response_format: {error}."
            return error_reply(400, message, param="response_format", outcome="invalid")
        return self._completion(question, said, "rubbish" if fault else "answered", self._limits.headers())

    def _no_json_schema(self, status: int) -> Reply:
        message = "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model."
        return error_reply(
            status,
            message,
            type="server_error" if status == 500 else "invalid_request_error",
            param="response_format",
            outcome="no_json_schema",
        )

    def _utterance(self, question: Question, spoilt: float | None) -> Utterance:
        value = self._answerer.answer(question) if question.form != "text" else None
        if spoilt is not None:
            return rubbish(self._behaviour.rubbish_kinds, spoilt, value)
        if question.form == "text":
            return Utterance(f"A simulated answer, number {chance_of(question).randrange(1_000_000)}.")
        return Utterance(as_text(value))

    def _completion(self, question: Question, said: Utterance, outcome: str, headers: Headers) -> Reply:
        allowance = question.max_tokens
        if said.content is not None and allowance is not None and tokens_in(said.content) > allowance:
            said = Utterance(said.content[: allowance * CHARS_PER_TOKEN], finish_reason="length")
        usage = Usage(
            prompt=tokens_in(question.prompt),
            cached=self._cache.cached_tokens(question.model, question.prompt),
            completion=tokens_in(said.text),
        )
        number = next(self._numbers)
        model = question.model if question.model.startswith(PREFIX) else f"{PREFIX}-{question.model}"
        message: dict[str, Any] = {
            "role": "assistant",
            "content": said.content,
            "refusal": said.refusal,
            "annotations": [],
        }
        body = {
            "id": f"chatcmpl-simulated-{number}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": model,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": said.finish_reason}],
            "usage": usage.as_openai(),
            "service_tier": question.tier,
            "system_fingerprint": None,
        }
        headers = [("x-request-id", f"req_simulated_{number}"), *headers]
        return Reply(200, json.dumps(body).encode(), headers, outcome, usage, self._faults.latency_s())
