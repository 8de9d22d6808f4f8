"""The figures of a run where they come from, and as Prometheus is told them: for the tests that they agree."""

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Row, text

from bin.live.fleet import Fleet
from bin.serve.metrics import registry
from classify.store import engine

_COUNTED = """
    SELECT count(*) FILTER (WHERE status = 'done'), count(*) FILTER (WHERE status = 'failed'),
        count(DISTINCT worker) FILTER (WHERE status = 'done'),
        (SELECT count(*) FROM llm_calls WHERE run_id = :run_id),
        (SELECT sum(prompt_tokens + completion_tokens) FROM llm_calls WHERE run_id = :run_id),
        (SELECT sum(cost_usd)::float FROM llm_calls WHERE run_id = :run_id)
    FROM run_indicators WHERE run_id = :run_id
"""


def counted(run_id: str) -> Row[tuple[int, int, int, int, int, float]]:
    """Done, failed, workers, calls, tokens and USD of a run, by its tables."""
    with engine().connect() as connection:
        return connection.execute(text(_COUNTED), {"run_id": run_id}).one()


def told(fleet: Fleet) -> tuple[set[str], dict[str, float]]:
    """Names of the metrics, and their sums: over everything, and by kind of outcome."""
    names: set[str] = set()
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(generate_latest(registry(fleet)).decode()):
        for sample in family.samples:
            names.add(sample.name)
            kind = sample.labels.get("kind") or sample.labels.get("outcome")
            for key in {sample.name, f"{sample.name} {kind}"}:
                sums[key] = sums.get(key, 0.0) + sample.value
    return names, sums
