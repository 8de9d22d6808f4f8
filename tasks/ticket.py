"""What a chain's messages carry from stage to stage: ids, and what later stages need. Never sample values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from classify.stages import QUESTIONS
from classify.stages.base import Findings, Question, StageResult
from classify.store.results import Recalled


class Message(TypedDict):
    """A ticket as JSON."""

    run: str
    indicator: str
    provider: str
    findings: dict[str, dict[str, Any]]


@dataclass(frozen=True, repr=False)
class Ticket:
    """One indicator's way through one run.

    Parameters
    ----------
    run
        The run's id.
    indicator
        The indicator's id.
    provider
        Who answers in this run.
    findings
        Stage name → its answer without the prose, of the stages so far.
    known
        What the stage that answered last has looked up of the indicator: for the same process, in no message.
    """

    run: str
    indicator: str
    provider: str
    findings: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    known: Recalled | None = field(default=None, compare=False)

    @classmethod
    def from_message(cls, message: Message) -> "Ticket":
        return cls(**message)

    def message(self) -> Message:
        return {"run": self.run, "indicator": self.indicator, "provider": self.provider, "findings": {**self.findings}}

    def __json__(self) -> Message:
        """As kombu writes it into messages."""
        return self.message()

    def __repr__(self) -> str:
        """What Flower and logs show as a task's result: its finding."""
        return next((f"{stage}: {finding}" for stage, finding in self.findings.items()), "nothing found yet")

    def recalled(self) -> Findings:
        """The answers so far as the stages' rules and prompts read them."""
        return Findings(q.recall(self.findings[q.name]) for q in QUESTIONS if q.name in self.findings)

    def adding(self, question: Question[Any], result: StageResult, known: Recalled | None = None) -> "Ticket":
        """The ticket for the next stage; the newest finding stands first, for `repr`."""
        findings = {question.name: question.brief(result), **self.findings}
        return Ticket(self.run, self.indicator, self.provider, findings, known)
