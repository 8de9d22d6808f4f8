"""How the simulated endpoint behaves: every knob with its unit, set at the start and changeable while it runs."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from classify.errors import UserError

Share = Annotated[float, Field(ge=0, le=1)]
RubbishKind = Literal["truncated", "prose", "wrong-enum", "refusal"]


class Behaviour(BaseModel):
    """Latency, limits and faults of the endpoint; immutable. Shares are of all chat completions, 0 to 1.

    Example
    -------
    >>> Behaviour(latency_s=0, rpm=500).changed({"fail_429": 0.1}).fail_429
    0.1
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    latency_s: float = Field(default=1.0, ge=0, le=3600)
    """Median seconds to an answer."""
    latency_sigma: float = Field(default=0.3, ge=0, le=3)
    """Spread of the latency: the standard deviation of its logarithm; 0 makes every answer take the median."""

    rpm: float | None = Field(default=None, gt=0)
    """Requests a minute; None is no limit."""
    tpm: float | None = Field(default=None, gt=0)
    """Tokens a minute; None is no limit."""
    burst_s: float = Field(default=60, gt=0, le=3600)
    """Seconds' worth of the limits that may be taken at once: 60 as the headers promise, less as providers often do."""

    fail_429: Share = 0.0
    """Refused as if a limit were reached."""
    fail_500: Share = 0.0
    """Failed by the server: 500 and 503 in turn by chance."""
    drop: Share = 0.0
    """Connection closed without an answer, after the latency."""
    hang: Share = 0.0
    """Never answered; over when the client closes."""
    rubbish: Share = 0.0
    """Answered with 200 and something that is not the JSON asked for."""
    rubbish_kinds: tuple[RubbishKind, ...] = Field(
        default=("truncated", "prose", "wrong-enum", "refusal"), min_length=1
    )
    """Which kinds of rubbish there are."""
    retry_after_s: float = Field(default=1.0, ge=0, le=3600)
    """What a fault of status 429 or 503 names as the time to wait."""
    unauthorized_after: int | None = Field(default=None, ge=0)
    """Chat completions after which the key is refused with 401, counted from when this is set."""
    quota_after: int | None = Field(default=None, ge=0)
    """Chat completions after which the quota is used up (429 insufficient_quota), counted from when this is set."""
    no_json_schema: Literal[400, 422, 500] | None = None
    """Status with which `response_format` `json_schema` is refused, as by servers that do not know it."""

    seed: int = 0
    """Of the latencies and faults; answers depend on the question alone."""

    @model_validator(mode="after")
    def _shares_fit(self) -> "Behaviour":
        if self.fail_429 + self.fail_500 + self.drop + self.hang + self.rubbish > 1 + 1e-9:
            raise ValueError("the shares of fail_429, fail_500, drop, hang and rubbish are more than 1 together")
        return self

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> "Behaviour":
        """The behaviour with these knobs and defaults for the rest.

        Raises
        ------
        UserError
            When there is no such knob or a value is not possible; the message is one line and names the knob.
        """
        try:
            return cls.model_validate(dict(given))
        except ValidationError as error:
            first = error.errors()[0]
            knob = ".".join(str(part) for part in first["loc"])
            raise UserError(f"{knob}: {first['msg']}" if knob else first["msg"].removeprefix("Value error, ")) from None

    def changed(self, given: Mapping[str, Any]) -> "Behaviour":
        """The same behaviour with some knobs set anew; raises as `read`."""
        return self.read({**self.model_dump(), **given})
