"""What a run may cost: every call is charged, and the run halts once its limit is reached."""

from collections.abc import Sequence
from functools import cache

from redis.commands.core import Script

from classify.providers import Call
from classify.store import calls, runs
from tasks.clients import redis_client

_KEPT_S = 7 * 24 * 3600

# A sum that is not known stays unknown.
_ADD = """
if redis.call('EXISTS', KEYS[1]) == 0 then return nil end
return redis.call('INCRBYFLOAT', KEYS[1], ARGV[1])
"""


def charge(run_id: str, made: Sequence[Call], max_cost_usd: float | None = None) -> None:
    """Add what `made` cost to the run's sum, and halt the run when that reaches its limit.

    The sum is in Redis, since every task asks for it; a Redis that was emptied takes it from `llm_calls` again.

    Parameters
    ----------
    made
        Calls that are in `llm_calls` already.
    max_cost_usd
        The run's limit, where it is known; None leaves the check to the next answer.
    """
    cost = sum(call.cost_usd for call in made)
    if not cost:
        return
    key = f"run:{run_id}:cost_usd"
    total = _script()([key], [cost])
    if max_cost_usd is None:
        return
    if total is None:
        total = calls.spent(run_id)
        redis_client().set(key, total, ex=_KEPT_S, nx=True)
    if float(total) >= max_cost_usd:
        runs.halt(run_id, f"the budget of ${max_cost_usd:,g} is reached: ${float(total):,.4f} spent")


@cache
def _script() -> Script:
    return redis_client().register_script(_ADD)
