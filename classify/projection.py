"""Tokens and money of indicators to come: from what runs have taken, or from the prompts where none has been yet."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from classify.indicator import Indicator
from classify.providers.hybrid import sure_from
from classify.stages import QUESTIONS
from classify.stages.base import Findings
from classify.stages.prompting import answer_schema, describe
from config.prices import Price

CHARS_A_TOKEN = 4
"""English prompts have between 3.5 and 4.5."""
_SHORTEST_CACHED, _CACHE_STEP = 1024, 128
"""Tokens: what OpenAI caches of a prompt that begins like one before."""


@dataclass(frozen=True)
class Need:
    """What one stage takes for one indicator, on average; tokens as endpoints count them."""

    llm_calls: float = 0.0
    prompt_tokens: float = 0.0
    cached_tokens: float = 0.0
    completion_tokens: float = 0.0

    def __add__(self, other: "Need") -> "Need":
        return Need(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    def times(self, factor: float) -> "Need":
        """So much for `factor` indicators."""
        return Need(*(getattr(self, name) * factor for name in self.__dataclass_fields__))

    def cost_usd(self, price: Price, tier: str = "") -> float:
        """USD at that price."""
        return price.of(self.prompt_tokens, self.cached_tokens, self.completion_tokens, tier)


def from_sums(stages: Mapping[str, Mapping[str, Any]], indicators: int) -> dict[str, Need]:
    """Stage → need, from what runs took for so many indicators: repeats after faults and bad answers included."""
    return {
        stage: Need(*(sums[name] / indicators for name in Need.__dataclass_fields__)) for stage, sums in stages.items()
    }


def from_prompts(indicators: Iterable[Indicator], provider: str) -> dict[str, Need]:
    """Stage → need, from the lengths of the prompts about `indicators` and of the answers that the rules would give.

    Parameters
    ----------
    provider
        `openai` asks about everything that is not settled; `hybrid` only where the rules are in doubt; `rules` never.
    """
    needs: dict[str, Need] = {}
    count = 0
    for indicator in indicators:
        count += 1
        findings = Findings()
        for question in QUESTIONS:
            answer = question.rules(indicator, findings)
            asks = question.prompt is not None and provider != "rules" and not question.settled(answer)
            if asks and (provider == "openai" or getattr(answer, "confidence", 0.0) < sure_from(question.name)):
                assert question.prompt is not None
                schema = json.dumps(answer_schema(question.result), separators=(",", ":"))
                fixed = (len(schema) + len(question.prompt.instructions(findings))) / CHARS_A_TOKEN
                told = len(describe(indicator, findings)) / CHARS_A_TOKEN
                said = len(json.dumps(answer.model_dump(mode="json"))) / CHARS_A_TOKEN
                cached = fixed // _CACHE_STEP * _CACHE_STEP if fixed >= _SHORTEST_CACHED else 0
                need = Need(1, fixed + told, cached, said)
                needs[question.name] = needs.get(question.name, Need()) + need
            findings = findings.adding(answer)
    return {stage: need.times(1 / count) for stage, need in needs.items()}
