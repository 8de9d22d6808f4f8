"""How a stage's question is answered: the one method that every provider has, and what an answer brings along."""

from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from classify.errors import BadAnswerError
from classify.indicator import Indicator
from classify.stages.base import Findings, Question, StageResult

R = TypeVar("R", bound=StageResult)


@dataclass(frozen=True)
class Call:
    """One call of an LLM, as `llm_calls` keeps it; tokens as the endpoint counted them.

    Parameters
    ----------
    cached_tokens
        Those of the prompt tokens that were billed as cached.
    outcome
        `ok`, or the kind of failure: bad-answer, rate-limited, server-error, timeout, connection, refused, fatal.
    """

    model: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost_usd: float
    latency_ms: float
    outcome: str


@dataclass(frozen=True)
class Answer(Generic[R]):
    """A stage's result, and the calls that it took.

    Parameters
    ----------
    by_rules
        What the rules say, where somebody else was asked: their cross-check.
    """

    result: R
    calls: tuple[Call, ...] = ()
    by_rules: R | None = None


class Gate(Protocol):
    """What every call has to pass: whoever runs many providers at once decides there when each may call."""

    def enter(self) -> float:
        """Wait until a call may be made; what it gives is handed to `leave`.

        Raises
        ------
        TransientError
            When the call is to be made later.
        """
        ...

    def leave(self, charged: float, call: Call) -> None:
        """Learn what the call took."""
        ...


class OpenGate:
    """A gate that lets everything through: for one process alone."""

    def enter(self) -> float:
        return 0.0

    def leave(self, charged: float, call: Call) -> None:
        pass


class Provider(Protocol):
    """Answers the question of a stage about an indicator.

    `name` is what people choose with `--provider`; `model` is stored with every classification.
    """

    name: str
    model: str

    def answer(self, question: Question[R], indicator: Indicator, findings: Findings) -> Answer[R]:
        """The answer of `question` for `indicator`, given the `findings` of the stages before.

        Raises
        ------
        ProviderError
            When there is none; which of its kinds says whether another try is worth it.
        """
        ...


def ask(provider: Provider, question: Question[R], indicator: Indicator, findings: Findings) -> Answer[R]:
    """Ask `provider`, or the rules alone where a stage has no prompt or the rules settle it.

    Raises
    ------
    ProviderError
        As `provider` does.
    """
    by_rules = question.rules(indicator, findings)
    if question.prompt is None or question.settled(by_rules):
        return Answer(by_rules)
    try:
        answer = provider.answer(question, indicator, findings)
    except BadAnswerError as error:
        error.by_rules = by_rules
        raise
    return replace(answer, by_rules=by_rules) if answer.calls else answer
