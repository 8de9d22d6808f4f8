"""The containers at work: scaled up and down and killed in mid-run, and every indicator there once."""

import time
from collections.abc import Collection, Iterator
from statistics import mean

import pytest
from engine import LIMIT_OF_CONNECTIONS, SIMULATOR, Project, image_mb, measured, memory_mb, project

pytestmark = pytest.mark.docker

IPM = 800


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with project(tmp_path_factory.mktemp("docker"), OPENAI_BASE_URL=SIMULATOR) as started:
        yield started


def spread(counts: Collection[int]) -> str:
    return f"{min(counts) / mean(counts):.0%} to {max(counts) / mean(counts):.0%}"


def test_ten_workers_share_the_work_evenly_and_few_connections(stack: Project) -> None:
    count = 1000
    stack.up(10)
    run_id = stack.start_run(count, IPM)
    connections: list[int] = []
    stack.wait(run_id, count, 150, lambda: connections.append(stack.connections()))
    stack.verify(run_id, count)
    report = stack.cli("report", run_id)
    memory = [memory_mb(container) for container in stack.containers("worker")]
    taken, finished = stack.tasks_taken(), report["workers"].values()
    measured["image, with its base"] = f"{image_mb()} MB"
    measured["ten workers: completed a minute, of 800"] = f"{report['completed_ipm']:g}"
    measured["… tasks taken by a worker, of the mean"] = spread(taken.values())
    measured["… indicators finished by a worker, of the mean"] = spread(finished)
    measured["… connections to PostgreSQL at the most"] = str(max(connections))
    measured["… memory of a worker"] = f"{min(memory):.0f} to {max(memory):.0f} MB"
    assert report["completed_ipm"] == pytest.approx(IPM, rel=0.02)
    assert max(connections) <= LIMIT_OF_CONNECTIONS
    assert len(taken) == len(finished) == 10
    # Who finishes an indicator is who happened to take its last task: of 1,000 indicators that scatters by a tenth.
    assert 0.85 * mean(taken.values()) <= min(taken.values()), taken
    assert max(taken.values()) <= 1.15 * mean(taken.values()), taken
    assert max(memory) < 400
    root = stack.compose("exec", "-T", "worker", "sh", "-c", "id -u; touch /app/x 2>&1 || echo read-only")
    assert root.split()[0] == "10001"
    assert root.strip().endswith("read-only")


def test_scaled_down_and_up_and_killed_in_mid_run(stack: Project) -> None:
    count = 2000
    stack.up(10)
    run_id = stack.start_run(count, IPM)
    stack.wait(run_id, 600, 120)
    stack.up(3)
    assert len(stack.containers("worker")) == 3
    stack.wait(run_id, 900, 90)
    stack.up(10)
    assert len(stack.containers("worker")) == 10
    stack.wait(run_id, 1200, 90)
    worker_killed = stack.now()
    stack.kill(stack.containers("worker")[0])
    stack.wait(run_id, 1500, 90)
    redis_killed = stack.now()
    stack.compose("kill", "redis")
    time.sleep(3)
    stack.up(10)
    stack.wait(run_id, count, 180)
    stack.verify(run_id, count)
    report = stack.cli("report", run_id)
    paused = stack.pause_after_s(run_id, worker_killed, until=redis_killed)
    done = stack.in_hand_finished_after_s(run_id, worker_killed)
    without_redis = stack.pause_after_s(run_id, redis_killed)
    measured["scaled 10, 3, 10 and killed twice: completed a minute, of 800"] = f"{report['completed_ipm']:g}"
    measured["worker killed: no completion for"] = f"{paused} s"
    measured["… all that was in flight done after"] = f"{done} s"
    measured["Redis killed: no completion for"] = f"{without_redis} s"
    assert paused < 5
    assert done < 60
    assert without_redis < 60
