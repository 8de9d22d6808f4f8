"""What a completion says it took: servers leave out parts of `usage`, or all of it, or give nulls."""

from typing import Any

from openai.types.chat import ChatCompletion


def tokens_of(completion: ChatCompletion | None) -> tuple[int, int, int]:
    """Prompt tokens, those of them that were cached, and completion tokens; 0 where the server does not say."""
    usage = completion.usage if completion else None
    if usage is None:
        return 0, 0, 0
    details = getattr(usage, "prompt_tokens_details", None)
    # DeepSeek's servers count cached tokens under a name of their own.
    cached = _count(getattr(details, "cached_tokens", None)) or _count(getattr(usage, "prompt_cache_hit_tokens", None))
    prompt = _count(getattr(usage, "prompt_tokens", None))
    return prompt, min(cached, prompt), _count(getattr(usage, "completion_tokens", None))


def _count(value: Any) -> int:
    return max(0, int(value)) if isinstance(value, int | float) else 0
