"""Health and metrics over HTTP, and the dashboard that reads them."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from bin.commands.health import check
from bin.live.fleet import Fleet
from bin.serve.server import Server, Vitals
from classify.store import engine, runs, sources
from classify.store.runs import Selection
from config.settings import ROOT, Settings
from tasks.pace import pace
from tests.bin.ledger import finish, indicators


@pytest.fixture
def address(clean_tables: Settings) -> Iterator[str]:
    sources.load(indicators(10))
    run = runs.open_run(Selection(), target_ipm=600, provider="rules", model="rules")
    assert run
    finish(run, failed=1, left=2)
    with engine().connect() as connection:
        connection.execute(
            text("""
                INSERT INTO llm_calls (run_id, indicator_id, stage, model, prompt_tokens, cached_tokens,
                    completion_tokens, cost_usd, latency_ms, outcome)
                VALUES (:run, 'I0', 'family', 'm"x', 100, 50, 10, 0.25, 800, 'ok'),
                       (:run, 'I1', 'family', 'm"x', 100, 50, 10, 0.5, 1600, 'bad-answer')
            """),
            {"run": run.run_id},
        )
    pace().set_target(600)
    pace().entered("I9")
    fleet = Fleet()
    fleet.note({"type": "worker-heartbeat", "hostname": "worker1@test", "active": 3, "processed": 7})
    vitals = Vitals(check)
    vitals.look()
    with Server("127.0.0.1", 0, vitals, fleet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def metrics(address: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = list(text_string_to_metric_families(get(f"{address}/metrics")[1]))
    # What `promtool check metrics` complains of.
    assert not [f.name for f in families if f.type != "counter" and f.name.endswith(("_total", "_count", "_sum"))]
    assert all(f.documentation for f in families)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def test_health_says_503_without_workers(address: str) -> None:
    status, body = get(f"{address}/health")
    state = json.loads(body)
    assert status == 503
    assert (state["redis"], state["database"], state["workers"], state["ok"]) == (True, True, {}, False)
    assert state["idle_s"] < 60
    assert get(f"{address}/nothing")[0] == 404


def test_health_says_200_when_all_is_there_and_not_for_ever() -> None:
    vitals = Vitals(lambda: {"ok": True})
    assert not vitals.state()["ok"]
    vitals.look()
    assert vitals.state()["ok"]
    vitals._at -= 60
    assert not vitals.state()["ok"]


def test_workers_tell_state_and_share(address: str) -> None:
    status, body = get(f"{address}/health/workers")
    worker = json.loads(body)["worker1@test"]
    assert status == 200
    assert (worker["state"], worker["tasks"], worker["in_hand"]) == ("up", 7, 3)
    assert (worker["indicators"], worker["share"]) == (4, 0.5714)


def test_metrics_agree_with_the_ledger(address: str) -> None:
    found = metrics(address)

    def value(name: str, **labels: str) -> float:
        return found[name, tuple(sorted(labels.items()))]

    assert value("classify_up", part="database") == value("classify_up", part="redis") == 1
    assert value("classify_indicators_total", outcome="done") == 7
    assert value("classify_indicators_total", outcome="failed") == 1
    assert value("classify_indicators_unfinished", status="queued") == 2
    assert value("classify_llm_calls_total", stage="family", model='m"x', outcome="bad-answer") == 1
    assert value("classify_llm_tokens_total", stage="family", model='m"x', kind="prompt") == 200
    assert value("classify_llm_cost_usd_total", stage="family", model='m"x') == 0.75
    assert value("classify_stage_latency_seconds_bucket", stage="family", le="1.0") == 1
    assert value("classify_stage_latency_seconds_count", stage="family") == 2
    assert value("classify_stage_latency_seconds_sum", stage="family") == pytest.approx(2.4)
    assert value("classify_indicator_latency_seconds_count") == 7
    assert value("classify_pace_target_ipm") == 600
    assert value("classify_in_flight") == 1
    assert value("classify_queue_length", queue="admission") == 0
    assert value("classify_worker_up", worker="worker1@test") == 1


def test_metrics_of_a_store_that_is_away_are_left_out(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise ConnectionError

    monkeypatch.setattr("bin.serve.metrics.pace", away)
    names = {name for name, _ in metrics(address)}
    assert "classify_pace_target_ipm" not in names
    assert "classify_indicators_total" in names
    assert metrics(address)["classify_up", (("part", "redis"),)] == 0


def test_the_dashboard_is_what_grafana_takes() -> None:
    plugins = pytest.importorskip("grafana_foundation_sdk.cog.plugins", reason="its wheel wants Python 3.11")
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import Dashboard

    dashboard: dict[str, Any] = json.loads((ROOT / "docker" / "grafana" / "dashboard.json").read_text())
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)
    plugins.register_default_plugins()
    read = Dashboard.from_json(dashboard)
    written = json.loads(json.dumps(read, cls=JSONEncoder))
    assert list(lost(dashboard, written)) == []
    assert list(lost({**dashboard, "pannels": []}, written)) == ["pannels"]


def lost(given: Any, kept: Any, path: str = "") -> Iterator[str]:
    """What Grafana's own model of a dashboard has no place for."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for key, value in given.items():
            where = f"{path}.{key}".lstrip(".")
            yield from lost(value, kept[key], where) if key in kept else [where]
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for number, (mine, theirs) in enumerate(zip(given, kept, strict=True)):
            yield from lost(mine, theirs, f"{path}[{number}]")
    elif given != kept:
        yield path
