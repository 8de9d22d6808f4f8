"""The exceptions of the project, in one small tree, so that a command can tell a user's mistake from a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from classify.providers.base import Call
    from classify.stages.base import StageResult


class ClassifyError(Exception):
    """Base of every error that the project raises on purpose."""


class UserError(ClassifyError):
    """A mistake of the person at the command line: one clear line on stderr and exit status 2, no traceback."""


class InvalidIndicatorError(ClassifyError):
    """An input record that can be neither used nor mended; the message says why, in one line."""


class ProviderError(ClassifyError):
    """A question without an answer; `calls` are the calls that it took all the same, and that may have cost money."""

    def __init__(self, message: str, calls: tuple[Call, ...] = ()) -> None:
        super().__init__(message)
        self.calls = calls


class TransientError(ProviderError):
    """The same question may be answered a little later: 429, 5xx, a timeout, a broken connection.

    `retry_after` is what the endpoint asked to wait, in seconds; None when it did not say. `rate_limited` tells a
    429, which concerns the whole cluster, from an accident of one call.
    """

    def __init__(
        self,
        message: str,
        calls: tuple[Call, ...] = (),
        *,
        retry_after: float | None = None,
        rate_limited: bool = False,
    ) -> None:
        super().__init__(message, calls)
        self.retry_after = retry_after
        self.rate_limited = rate_limited


class HeldBackError(TransientError):
    """A call that was not made yet, because a limit leaves no room for it: nothing has failed."""


class BadAnswerError(ProviderError):
    """Every answer was unusable or contradicted the others, also after that was pointed out: a person must look.

    `answer` is the last one if it was of the asked form, `complaint` what it contradicts, and `by_rules` what the
    rules say.
    """

    by_rules: StageResult | None = None

    def __init__(
        self,
        message: str,
        calls: tuple[Call, ...] = (),
        *,
        answer: StageResult | None = None,
        complaint: str | None = None,
    ) -> None:
        super().__init__(message, calls)
        self.answer = answer
        self.complaint = complaint


class RefusedError(ProviderError):
    """The endpoint will not answer this question, however often: too long, or against its rules."""


class FatalError(ProviderError):
    """Nothing will be answered until a person acts: a wrong key, no quota, no such model. The run halts."""
