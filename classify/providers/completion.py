"""A chat completion as servers really send it: parts of it left out, null, or of another type than agreed."""

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Said:
    """What the model has said; `refusal` instead of an answer."""

    content: str
    refusal: str
    finish_reason: str


@dataclass(frozen=True)
class Completion:
    """The parts of a completion that are read; 0 and empty where the server does not say.

    Parameters
    ----------
    said
        None where there is no choice in it, or none with a message.
    """

    model: str = ""
    service_tier: str = ""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    said: Said | None = None


def completion_in(body: object) -> Completion:
    """The completion that a response's decoded JSON is; an empty one where it is anything else."""
    facts = _mapping(body)
    usage = _mapping(facts.get("usage"))
    prompt = _count(usage.get("prompt_tokens"))
    # DeepSeek's servers count cached tokens under a name of their own.
    cached = _count(_mapping(usage.get("prompt_tokens_details")).get("cached_tokens"))
    cached = cached or _count(usage.get("prompt_cache_hit_tokens"))
    choices = facts.get("choices")
    return Completion(
        model=_text(facts.get("model")),
        service_tier=_text(facts.get("service_tier")),
        prompt_tokens=prompt,
        cached_tokens=min(cached, prompt),
        completion_tokens=_count(usage.get("completion_tokens")),
        said=_said(_mapping(choices[0])) if isinstance(choices, list) and choices else None,
    )


def _said(choice: dict[str, Any]) -> Said | None:
    message = choice.get("message")
    if not isinstance(message, dict):
        return None
    return Said(_text(message.get("content")), _text(message.get("refusal")), _text(choice.get("finish_reason")))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _count(value: Any) -> int:
    return max(0, int(value)) if isinstance(value, int | float) and math.isfinite(value) else 0
