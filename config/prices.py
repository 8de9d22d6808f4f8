"""What models cost: USD per million tokens, as their makers list them; `OPENAI_PRICES` names others.

Source: OpenAI's price list for its standard tier. The tier `flex` is half of it, `priority` twice.
"""

from dataclasses import dataclass

SIMULATED = "simulated-"
"""How the model of a simulated endpoint begins; it is priced as the model that it stands for."""

_TIERS = {"flex": 0.5, "priority": 2.0}


@dataclass(frozen=True)
class Price:
    """USD per million tokens."""

    input: float
    cached: float
    output: float

    def of(self, prompt_tokens: float, cached_tokens: float, completion_tokens: float, tier: str = "") -> float:
        """USD for so many tokens, of one call or of many; `cached_tokens` are among `prompt_tokens`."""
        fresh = (prompt_tokens - cached_tokens) * self.input
        return (fresh + cached_tokens * self.cached + completion_tokens * self.output) / 1e6 * _TIERS.get(tier, 1.0)


FREE = Price(0, 0, 0)
"""For a model without a known price, such as one on a server of one's own."""

PRICES = {
    "gpt-5.1": Price(1.25, 0.125, 10.00),
    "gpt-5": Price(1.25, 0.125, 10.00),
    "gpt-5-mini": Price(0.25, 0.025, 2.00),
    "gpt-5-nano": Price(0.05, 0.005, 0.40),
    "gpt-4.1": Price(2.00, 0.50, 8.00),
    "gpt-4.1-mini": Price(0.40, 0.10, 1.60),
    "gpt-4.1-nano": Price(0.10, 0.025, 0.40),
    "gpt-4o": Price(2.50, 1.25, 10.00),
    "gpt-4o-mini": Price(0.15, 0.075, 0.60),
}


def price_of(model: str, override: str = "") -> Price:
    """The price of a model, by the longest name in the list that its own begins with (`gpt-5-mini-2025-08-07`).

    Parameters
    ----------
    model
        As the endpoint names it.
    override
        `input,cached,output`, as `OPENAI_PRICES` has it; goes before the list.
    """
    if override:
        return Price(*map(float, override.split(",")))
    plain = model.removeprefix(SIMULATED)
    known = [name for name in PRICES if plain == name or plain.startswith(f"{name}-2")]
    return PRICES[max(known, key=len)] if known else FREE
