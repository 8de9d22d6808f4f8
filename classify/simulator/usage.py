"""Tokens as the simulated endpoint counts and bills them, with prompt caching as OpenAI does it.

A token is four characters: near enough for English prompts (measured ones lie between 3.5 and 4.5), and the same
everywhere. The prompt that counts is what the model would read: the schema, then roles and texts.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

CHARS_PER_TOKEN = 4
SHORTEST_CACHED = 1024
"""Tokens; shorter prompts are never cached."""
CACHE_STEP = 128
"""Tokens; cached prefixes grow by so much."""
CACHE_ENTRIES = 50_000
"""Prefixes remembered, least recently used ones forgotten first: about 10 MB."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer; the cached ones are among the prompt's."""

    prompt: int
    cached: int
    completion: int

    def as_openai(self) -> dict[str, Any]:
        """The `usage` object of a chat completion."""
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_tokens_details": {"cached_tokens": self.cached, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        }


def tokens_in(text: str) -> int:
    """The tokens of a text, rounded up."""
    return -(-len(text) // CHARS_PER_TOKEN)


class PromptCache:
    """Remembers the prefixes of prompts, model by model.

    Parameters
    ----------
    entries
        Prefixes remembered at the most.
    """

    def __init__(self, entries: int = CACHE_ENTRIES) -> None:
        self._entries = entries
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def cached_tokens(self, model: str, prompt: str) -> int:
        """How many leading tokens of `prompt` were seen before: 0, or 1,024 and more by steps of 128. Remembers it."""
        digest = hashlib.blake2b(model.encode("utf-8", "surrogatepass") + b"\0", digest_size=16)
        cached = start = 0
        hit = True
        for end in range(SHORTEST_CACHED, len(prompt) // CHARS_PER_TOKEN + 1, CACHE_STEP):
            digest.update(prompt[start * CHARS_PER_TOKEN : end * CHARS_PER_TOKEN].encode("utf-8", "surrogatepass"))
            start = end
            key = digest.digest()
            hit = hit and key in self._seen
            if hit:
                cached = end
            self._seen[key] = None
            self._seen.move_to_end(key)
        while len(self._seen) > self._entries:
            self._seen.popitem(last=False)
        return cached
