"""Who answers the stages' questions, by the name that people choose with `--provider`."""

from collections.abc import Callable

from classify.errors import UserError
from classify.providers.base import Answer, Call, Gate, OpenGate, Provider, ask
from classify.providers.hybrid import HybridProvider
from classify.providers.rules import RulesProvider
from config.settings import settings

__all__ = ["PROVIDERS", "Answer", "Call", "Gate", "OpenGate", "Provider", "ask", "provider_named"]


def _rules(gate: Gate) -> Provider:
    return RulesProvider()


def _openai(gate: Gate) -> Provider:
    from classify.providers.openai import OpenAIProvider  # half a second that only those who ask an LLM need spend

    return OpenAIProvider(settings(), gate)


def _hybrid(gate: Gate) -> Provider:
    return HybridProvider(_openai(gate))


PROVIDERS: dict[str, Callable[[Gate], Provider]] = {"rules": _rules, "openai": _openai, "hybrid": _hybrid}


def provider_named(name: str, gate: Gate | None = None) -> Provider:
    """The provider of that name.

    Parameters
    ----------
    gate
        What its calls have to pass; None lets them all through.

    Raises
    ------
    UserError
        When there is none, or its settings do not suffice.
    """
    try:
        make = PROVIDERS[name]
    except KeyError:
        raise UserError(f"no provider named {name!r}: choose one of {', '.join(PROVIDERS)}") from None
    return make(gate or OpenGate())
