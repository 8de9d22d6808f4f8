"""The smallest Celery app that works as the real chain does: what `bin/bench pool` runs in its workers.

Seven tasks; five of them ask an endpoint through one openai client a process; each upserts a row. The transport and
the consumer are the project's own, so that the pools differ in nothing but themselves.
"""

import json
import os
from functools import cache
from typing import Any

from celery import Celery, chain
from celery.canvas import Signature
from openai import OpenAI
from sqlalchemy import Engine, create_engine, text

from config.settings import settings
from tasks import transport
from tasks.green import is_green, let_psycopg2_yield

URL_VARIABLE = "BENCH_LLM_URL"
QUEUE = "bench"
TABLE = """
CREATE TABLE IF NOT EXISTS bench_results (
    indicator text, stage int, answer text, at timestamptz DEFAULT now(), PRIMARY KEY (indicator, stage)
)
"""
STAGES = 7
ASKED = range(2, STAGES)
_SCHEMA = {
    "type": "object",
    "properties": {
        "family": {"type": "string", "enum": ["stock", "flow", "price", "other"]},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "reasoning": {"type": "string"},
    },
    "required": ["family", "confidence", "reasoning"],
    "additionalProperties": False,
}
_INSTRUCTIONS = "You label economic indicators. Say the family, how sure you are, and why in a sentence. " * 60
"""About 1,300 tokens, as the real prompts have."""

transport.install()
app = Celery("bench")
app.conf.update(
    broker_url=settings().broker_url,
    broker_connection_retry_on_startup=True,
    task_default_queue=QUEUE,
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_consumer="tasks.consumer:PacedConsumer",
    worker_prefetch_multiplier=1,
    worker_enable_prefetch_count_reduction=False,
    worker_hijack_root_logger=False,
)

if is_green():
    let_psycopg2_yield()


@cache
def _client() -> OpenAI:
    return OpenAI(base_url=os.environ[URL_VARIABLE], api_key="simulated", max_retries=2, timeout=30)


@cache
def _engine() -> Engine:
    return create_engine(settings().database_address, pool_size=4, max_overflow=0)


@app.task(name="bench.stage")  # type: ignore[untyped-decorator]  # Celery has no types
def stage(message: dict[str, Any], number: int) -> dict[str, Any]:
    """One stage of an indicator: ask if it is one that asks, upsert, hand on."""
    answer = _ask(message["indicator"], number) if number in ASKED else {}
    upsert = text(
        "INSERT INTO bench_results (indicator, stage, answer) VALUES (:indicator, :stage, :answer)"
        " ON CONFLICT (indicator, stage) DO UPDATE SET answer = excluded.answer, at = now()"
    )
    with _engine().begin() as connection:
        connection.execute(upsert, {"indicator": message["indicator"], "stage": number, "answer": json.dumps(answer)})
    return {**message, str(number): answer.get("family")}


def _ask(indicator: str, number: int) -> dict[str, Any]:
    completion = _client().chat.completions.create(
        model="gpt-5-mini",
        messages=[
            {"role": "system", "content": _INSTRUCTIONS},
            {"role": "user", "content": f"Stage {number}. Indicator {indicator}: exports of goods, USD million."},
        ],
        response_format={"type": "json_schema", "json_schema": {"name": "label", "strict": True, "schema": _SCHEMA}},
    )
    answer: dict[str, Any] = json.loads(completion.choices[0].message.content or "{}")
    return answer


def chain_for(indicator: str) -> Signature:
    """The seven tasks of one indicator."""
    first = stage.s({"indicator": indicator}, 1)
    return chain(first, *(stage.s(number) for number in range(2, STAGES + 1)))
