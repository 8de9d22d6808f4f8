"""What single operations of Redis, PostgreSQL and the disk take, each repeated often: part of `bin.benchmarks.fit`."""

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from psycopg2.extras import execute_values
from sqlalchemy import text

from bin.benchmarks.machine import cpu_s
from bin.benchmarks.service_times import RedisTimes
from classify.providers.base import Call
from classify.stages import QUESTIONS
from classify.store import engine
from tasks import budget
from tasks.clients import redis_client
from tasks.gate import ClusterGate
from tasks.pace import IN_FLIGHT_KEY, pace

_OPERATIONS = 3000
_ROWS, _GATHERED = 3000, 50
_DISK_BYTES = 64_000_000
_NO_PACE = 1e8


def redis_times() -> RedisTimes:
    """What the program's own operations take of Redis's thread, each many times over."""
    redis_client().flushall()
    pace().set_target(_NO_PACE)
    gate = ClusterGate(redis_client(), rpm=_NO_PACE)  # with a limit, so that it asks before every call
    call = Call("simulated", 1000, 900, 50, 0.001, 1000.0, "ok")
    many = [[f"many-{n}-{i}" for i in range(_GATHERED)] for n in range(_OPERATIONS // _GATHERED)]
    alone = _thread_s(lambda n: redis_client().zadd(IN_FLIGHT_KEY, {f"alone-{n}": n}), _OPERATIONS)
    gathered = _thread_s(lambda n: redis_client().zadd(IN_FLIGHT_KEY, dict.fromkeys(many[n], n)), len(many)) / _GATHERED
    redis_client().delete(IN_FLIGHT_KEY)
    return RedisTimes(
        entered_s=_thread_s(lambda n: pace().entered(str(n)), _OPERATIONS),
        left_s=_thread_s(lambda n: pace().left(str(n), completed=True), _OPERATIONS),
        ask_s=_thread_s(lambda _: pace().try_admit(), _OPERATIONS),
        gate_s=_thread_s(lambda _: gate.leave(gate.enter(), call), _OPERATIONS),
        charge_s=_thread_s(lambda _: budget.charge("fit", [call]), _OPERATIONS),
        fixed_share=_fixed_share(alone, gathered),
    )


def _thread_s(operation: Callable[[int], object], times: int) -> float:
    def used() -> float:
        cpu = redis_client().info("cpu")
        # Redis before 6.2 has no figure for the thread alone.
        names = ("used_cpu_user_main_thread", "used_cpu_sys_main_thread")
        return sum(float(cpu.get(name, cpu[name.removesuffix("_main_thread")])) for name in names)

    before = used()
    for n in range(times):
        operation(n)
    return (used() - before) / times


def _fixed_share(alone_s: float, gathered_s: float) -> float:
    """What is spent once for all, as a share of doing one alone; from one alone, and from one of `_GATHERED`."""
    return min(1.0, max(0.0, (1 - gathered_s / alone_s) / (1 - 1 / _GATHERED)))


def fixed_share_of_a_write() -> float:
    """Of keeping a stage's result: once row by row, once `_GATHERED` rows a statement."""
    question = QUESTIONS[0]
    fields = list(question.result.model_fields)
    with engine().connect() as connection:
        known = tuple(connection.execute(text(f"SELECT {', '.join(fields)} FROM {question.table} LIMIT 1")).one())
    statement = f"""
        INSERT INTO {question.table} (indicator_id, run_id, {", ".join(fields)}) VALUES %s
        ON CONFLICT (indicator_id) DO UPDATE SET run_id = excluded.run_id,
            {", ".join(f"{f} = excluded.{f}" for f in fields)}, updated_at = now()
    """
    raw = engine().raw_connection()
    try:
        raw.driver_connection.autocommit = True  # type: ignore[union-attr]
        cursor = raw.cursor()
        backend = psutil.Process(raw.driver_connection.info.backend_pid)  # type: ignore[union-attr]
        cursor.execute("SELECT id FROM source_indicators LIMIT %s", [_ROWS])
        ids = [row[0] for row in cursor.fetchall()]
        used = []
        for size in (1, _GATHERED):
            before = cpu_s([backend])
            execute_values(cursor, statement, [(i, f"fit-{size}", *known) for i in ids], page_size=size)
            used.append(cpu_s([backend]) - before)
        cursor.execute(f"DELETE FROM {question.table} WHERE run_id LIKE 'fit-%%'")
    finally:
        raw.close()
    return _fixed_share(*used)


def disk_bytes_per_s(folder: Path) -> float:
    """What the disk takes when it is written from end to end, and flushed."""
    block, path = os.urandom(1_000_000), folder / "disk"
    rates = []
    for _ in range(3):
        with path.open("wb") as file:
            began = time.monotonic()
            for _ in range(_DISK_BYTES // len(block)):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
            rates.append(_DISK_BYTES / (time.monotonic() - began))
        path.unlink()
    return statistics.median(rates)
