"""Redis behind Sentinels, its master killed in mid-run: another takes over, and nothing is lost."""

import time
from pathlib import Path

import pytest
from engine import SIMULATOR, measured, project

pytestmark = pytest.mark.docker


def test_the_master_of_redis_dies_and_a_sentinel_names_another(tmp_path: Path) -> None:
    count = 400
    settings = {"OPENAI_BASE_URL": SIMULATOR, "REDIS_URL": "sentinel://sentinel:26379/0?master=classify"}
    profiles = ("simulator", "sentinel")
    with project(tmp_path, **settings) as stack:
        stack.up(2, profiles=profiles)
        deadline = time.monotonic() + 60
        while "slaves=2,sentinels=3" not in stack.redis_cli("sentinel", "-p", "26379", "info", "sentinel"):
            assert time.monotonic() < deadline, stack.redis_cli("sentinel", "-p", "26379", "info", "sentinel")
            time.sleep(1)
        run_id = stack.start_run(count, 800)
        stack.wait(run_id, 100, 90)
        killed = stack.now()
        stack.compose("kill", "redis")
        stack.wait(run_id, count, 150)
        stack.verify(run_id, count)
        pause = stack.pause_after_s(run_id, killed)
        measured["Redis's master killed, Sentinels choose: no completion for"] = f"{pause} s"
        assert pause < 60
        stack.up(2, profiles=profiles)
        assert stack.redis_cli("redis", "role").startswith("slave")
