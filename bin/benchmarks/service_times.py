"""Service times: how long each part of the pipeline is busy with an indicator, as measured; what the model stands on.

`service_times.json` beside this file has those of the machine named in it, with the command that measured them.
`bin.benchmarks.fit` measures them anew.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from classify.errors import UserError

SHIPPED = Path(__file__).with_suffix(".json")


@dataclass(frozen=True)
class StageTimes:
    """What one stage of one indicator takes; core-seconds.

    Parameters
    ----------
    worker_s
        Of the worker, from taking the message to handing on the next.
    redis_s
        Of Redis for the message: taken, leased, the next one pushed, acknowledged.
    database_s
        Of PostgreSQL, all statements together.
    llm_calls
        Calls of an LLM; less than 1 where the rules settle some.
    """

    worker_s: float
    redis_s: float
    database_s: float
    llm_calls: float


@dataclass(frozen=True)
class RedisTimes:
    """Core-seconds of Redis's one thread for what is not a message.

    Parameters
    ----------
    ask_s
        An admission worker's question to the bucket.
    entered_s, left_s
        Counting an indicator as in flight, and no longer.
    gate_s
        The gate before and after an LLM call, together.
    charge_s
        Adding what a call cost to the run's sum.
    fixed_share
        Of `entered_s`, what is spent once a command, however many indicators it names.
    """

    ask_s: float
    entered_s: float
    left_s: float
    gate_s: float
    charge_s: float
    fixed_share: float


@dataclass(frozen=True)
class DatabaseTimes:
    """What PostgreSQL takes beside the cores of `StageTimes`.

    Parameters
    ----------
    flush_s
        One flush of the write-ahead log.
    wal_bytes
        Of the log, for one row written.
    wal_bytes_per_s
        What the disk takes.
    fixed_share
        Of a statement's core-seconds, what is spent once a statement, however many rows it has.
    """

    flush_s: float
    wal_bytes: float
    wal_bytes_per_s: float
    fixed_share: float


@dataclass(frozen=True)
class LLMTimes:
    """What a call takes beside the endpoint's latency and the worker's `StageTimes`.

    Parameters
    ----------
    simulator_s
        Core-seconds of `bin/simulate-llm`, which shares the machine in measured runs.
    tokens
        Of a call, prompt and answer.
    """

    simulator_s: float
    tokens: float


@dataclass(frozen=True)
class Measured:
    """A real run, to hold the model against; utilisations are shares of one core, or of all where it says so.

    Parameters
    ----------
    target_ipm, indicators, workers, concurrency, latency_s, latency_sigma
        What was run.
    completed_ipm, in_flight, p50_s, p99_s
        What it reached over its steady part, indicators in flight on the average, an indicator's way through.
    admission, worker, redis, database
        Core-seconds a second: of the admission worker, of one stage worker, of Redis, of all of PostgreSQL's processes.
    machine
        Share of all cores that was busy with the run, its simulated endpoint included.
    others
        Share of all cores that was busy with other work, which the model knows nothing of.
    """

    target_ipm: float
    indicators: int
    workers: int
    concurrency: int
    latency_s: float
    latency_sigma: float
    completed_ipm: float
    in_flight: float
    p50_s: float
    p99_s: float
    admission: float
    worker: float
    redis: float
    database: float
    machine: float
    others: float


@dataclass(frozen=True)
class ServiceTimes:
    """Everything that was measured.

    Parameters
    ----------
    command, measured_at, machine
        How, when and on what.
    stages
        Name → times, in the order of the chain.
    idle_s
        Core-seconds a second of a worker that has nothing to do.
    runs
        Real runs to hold the model against.
    """

    command: str
    measured_at: str
    machine: dict[str, Any]
    stages: dict[str, StageTimes]
    redis: RedisTimes
    database: DatabaseTimes
    llm: LLMTimes
    idle_s: float
    runs: list[Measured]

    @property
    def llm_calls(self) -> float:
        """Calls an indicator."""
        return sum(stage.llm_calls for stage in self.stages.values())

    def save(self, path: Path) -> None:
        """Write them to a file.

        Raises
        ------
        UserError
            When that is not possible.
        """
        try:
            path.write_text(json.dumps(asdict(self), indent=2) + "\n")
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}") from None


def load(path: Path = SHIPPED) -> ServiceTimes:
    """The service times of a file.

    Raises
    ------
    UserError
        When there is no such file, or it has other things in it.
    """
    try:
        return TypeAdapter(ServiceTimes).validate_json(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise UserError(f"{path}: {where}: {first['msg']} (bin/bench simulate --fit FILE makes such a file)") from None
