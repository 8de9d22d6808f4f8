"""Who answers the stages' questions, by the name that people choose with `--provider`."""

from collections.abc import Callable

from classify.errors import UserError
from classify.providers.base import Answer, Call, Provider, ask
from classify.providers.rules import RulesProvider

__all__ = ["PROVIDERS", "Answer", "Call", "Provider", "ask", "provider_named"]

PROVIDERS: dict[str, Callable[[], Provider]] = {"rules": RulesProvider}


def provider_named(name: str) -> Provider:
    """The provider of that name.

    Raises
    ------
    UserError
        When there is none.
    """
    try:
        return PROVIDERS[name]()
    except KeyError:
        raise UserError(f"no provider named {name!r}: choose one of {', '.join(PROVIDERS)}") from None
