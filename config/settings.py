"""The settings of the program: environment variables, with `.env` at the root of the checkout below them.

A field's name in capitals is the name of its variable (`data_dir` ← `DATA_DIR`); `.env.example` lists them all.
"""

import hashlib
import os
import re
import shlex
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from dotenv import dotenv_values
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from config import sentinel

ROOT = Path(__file__).resolve().parents[1]

_SOCKET_DIR = re.compile(r"[A-Za-z0-9/._-]{1,80}")
"""A Unix socket's path may have 107 bytes, of which PostgreSQL needs 21, and has to pass through URLs unquoted."""


class SettingsError(Exception):
    """A setting with a value that it cannot have; the message names the variable."""


def _url_of(*schemes: str) -> AfterValidator:
    def check(url: str) -> str:
        if url and not url.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError(f"must be a URL that begins with {' or '.join(f'{s}://' for s in schemes)}")
        return url

    return AfterValidator(check)


def _checked_sentinels(url: str) -> str:
    if url.startswith("sentinel://"):
        sentinel.parse(url)
    return url


def _checked_prices(text: str) -> str:
    if text and not re.fullmatch(r"\d+(\.\d+)?,\d+(\.\d+)?,\d+(\.\d+)?", text):
        raise ValueError("must be three numbers with commas between, like 0.25,0.025,2.00")
    return text


def _checked_words(text: str) -> str:
    shlex.split(text)
    return text


def _with_password(url: str, password: SecretStr) -> str:
    """The URL with this password, unless it has one of its own."""
    parts = urlsplit(url)
    login, _, place = parts.netloc.rpartition("@")
    if not url or not password or ":" in login:
        return url
    return parts._replace(netloc=f"{login}:{quote(password.get_secret_value(), safe='')}@{place}").geturl()


class Settings(BaseModel):
    """Every setting, typed and checked; immutable.

    Example
    -------
    >>> settings().worker_concurrency
    20
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    redis_url: Annotated[str, _url_of("redis", "rediss", "sentinel"), AfterValidator(_checked_sentinels)] = Field(
        default="", repr=False
    )
    """Redis to use instead of the embedded one: `redis://:password@host:6379/0`, `rediss://…?ssl_ca_certs=/path/ca.pem`
    with TLS (the system's CAs when none is named), or
    `sentinel://:password@host:26379,host2:26379/0?master=mymaster`."""
    database_url: Annotated[str, _url_of("postgresql", "postgresql+psycopg2")] = Field(default="", repr=False)
    """PostgreSQL to use instead of the embedded one: `postgresql://user:password@host/classify`, with TLS
    `…?sslmode=verify-full&sslrootcert=/path/ca.pem`."""
    redis_password: SecretStr = SecretStr("")
    """For a `redis_url` without one: then the URL is no secret, and the password needs no escaping."""
    postgres_password: SecretStr = SecretStr("")
    """The same for `database_url`."""
    source_url: str = Field(default="", repr=False)
    """The database that `--sql` asks, as SQLAlchemy takes it; here and not among the arguments when it has a password,
    because everybody on a machine can read those."""
    data_dir: Path = ROOT / ".data"
    """Where the embedded servers keep their data and every process its log."""

    provider: str = "rules"
    """Who answers when a run does not say."""
    ipm: float = Field(default=800, gt=0, allow_inf_nan=False)
    """Indicators a minute when a run does not say."""
    max_in_flight: int | None = Field(default=None, gt=0)
    """Indicators admitted and not yet finished, over the whole cluster; worked out from pace and latency when empty."""

    openai_api_key: SecretStr = SecretStr("")
    """Not needed by most servers of one's own, which `openai_base_url` names."""
    openai_base_url: Annotated[str, _url_of("http", "https")] = Field(default="", repr=False)
    """Any server that speaks OpenAI's chat completions; OpenAI itself when empty."""
    openai_model: str = "gpt-5-mini"
    openai_reasoning_effort: str = Field(default="", pattern="^(none|minimal|low|medium|high|xhigh)?$")
    """Passed on when set; empty is the least there is for a model known to reason, and nothing for others."""
    openai_service_tier: str = Field(default="", pattern="^(auto|default|flex|priority)?$")
    """`flex` is half the price, and slower."""
    openai_timeout: float = Field(default=30, gt=0, le=600)
    """Seconds for one call."""
    openai_rpm: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Requests a minute at the most, over the whole cluster; no limit when empty."""
    openai_tpm: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Tokens a minute at the most, over the whole cluster; no limit when empty."""
    openai_prices: Annotated[str, AfterValidator(_checked_prices)] = ""
    """USD per million input, cached input and output tokens (`0.25,0.025,2.00`), where `config.prices` has none."""

    worker_concurrency: int = Field(default=20, gt=0)
    """Stage tasks in hand at a time, each worker."""
    database_pool_size: int = Field(default=4, gt=0)
    """Connections to PostgreSQL at the most, each process."""
    visibility_timeout: int = Field(default=20, ge=4)
    """Seconds after which the tasks of a worker without a sign of life are others' to do; a task may take longer."""
    shutdown_grace: float = Field(default=7, ge=0)
    """Seconds that a worker asked to stop has for what it has begun; the rest it hands back."""
    worker_memory_mb: int = Field(default=1024, ge=0)
    """A worker that has grown beyond it finishes what it has begun and makes room for a new one; 0: no limit."""
    max_crashes: int = Field(default=3, ge=1)
    """How often a stage may kill its worker before the indicator has failed."""
    alive_file: Path | None = None
    """Touched twice a second by a worker whose event loop comes round, for probes to look at its age."""
    nightly_at: str = Field(default="", pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$")
    """When Celery beat starts `bin/nightly`, every day: `02:30`, in UTC."""
    nightly_options: Annotated[str, AfterValidator(_checked_words)] = ""
    """The options that `bin/nightly` is then given, as in a shell."""
    log_level: str = Field(default="WARNING", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    log_format: str = Field(default="text", pattern="^(text|json)$")
    """`json` is one object a line."""
    flower_basic_auth: SecretStr = SecretStr("")
    """`user:password`, several with commas between; Flower wants it from everybody, and off loopback needs it."""

    @property
    def run_dir(self) -> Path:
        """Where the embedded servers' sockets and pid files are: fit for a Unix socket, wherever `data_dir` lies."""
        beside = self.data_dir / "run"
        if _SOCKET_DIR.fullmatch(str(beside)):
            return beside
        digest = hashlib.blake2b(os.fsencode(self.data_dir), digest_size=6).hexdigest()
        return Path("/tmp") / f"classify-{os.getuid()}-{digest}"  # noqa: S108  # the same for every TMPDIR

    @property
    def embeds_redis(self) -> bool:
        """Whether Redis is the embedded one."""
        return not self.redis_url

    @property
    def embeds_database(self) -> bool:
        """Whether PostgreSQL is the embedded one."""
        return not self.database_url

    @property
    def redis_address(self) -> str:
        """The URL of Redis as redis-py takes it."""
        return _with_password(self.redis_url, self.redis_password) or f"unix://{self.run_dir}/redis.sock?db=0"

    @property
    def sentinels(self) -> sentinel.Sentinels | None:
        """The Sentinels that know where Redis is; None when its address is known."""
        return sentinel.parse(self.redis_address) if self.redis_url.startswith("sentinel://") else None

    @property
    def broker_url(self) -> str:
        """The URL of Redis as kombu takes it."""
        if self.sentinels:
            return self.sentinels.broker_url
        if self.redis_url.startswith("rediss://") and "ssl_cert_reqs=" not in self.redis_url:
            # redis-py then checks the server's certificate; kombu would not.
            return f"{self.redis_address}{'&' if '?' in self.redis_url else '?'}ssl_cert_reqs=required"
        return f"redis+socket://{self.run_dir}/redis.sock" if self.embeds_redis else self.redis_address

    @property
    def database_address(self) -> str:
        """The URL of PostgreSQL as SQLAlchemy takes it."""
        if self.embeds_database:
            return f"postgresql+psycopg2://postgres@/classify?host={self.run_dir}&port=5432"
        url = _with_password(self.database_url, self.postgres_password)
        return url.replace("postgresql://", "postgresql+psycopg2://", 1)


def read_settings(environment: dict[str, str | None]) -> Settings:
    """The settings that an environment describes; empty variables count as not set.

    Raises
    ------
    SettingsError
        When a variable has a value that its setting cannot have.
    """
    given: dict[str, Any] = {
        field: value for field in Settings.model_fields if (value := environment.get(field.upper())) not in (None, "")
    }
    if "data_dir" in given:
        given["data_dir"] = Path(given["data_dir"]).expanduser().resolve()
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise SettingsError(f"{str(first['loc'][0]).upper()}: {first['msg']}") from None


@cache
def settings() -> Settings:
    """The settings of this process, read once: the environment first, then `.env` at the root."""
    return read_settings({**dotenv_values(ROOT / ".env"), **os.environ})
