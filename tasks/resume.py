"""Taking up work again: the tickets of a run's unfinished indicators, each from the first stage without an answer."""

import time
from collections.abc import Collection, Iterator

from classify.errors import UserError
from classify.providers import provider_named
from classify.store import calls, progress, runs
from classify.store.runs import Run
from tasks.chain import dispatch
from tasks.clients import redis_client
from tasks.pace import pace
from tasks.presence import owners
from tasks.ticket import Ticket

_LOOK_AGAIN_S = 0.2


def unfinished_tickets(run: Run, only: Collection[str] | None = None) -> Iterator[Ticket]:
    """The tickets of the indicators of `run` that are neither done nor failed, in the order of loading.

    What was admitted goes on at its first stage without an answer, past the pace that let it in once already. What
    is queued begins at the first, where the pace holds it: the stages that have answered recall what they said.

    Parameters
    ----------
    only
        Of these ids; None is all.
    """
    for indicator in progress.unfinished(run.run_id, only):
        findings = indicator.findings if indicator.status == "admitted" else {}
        yield Ticket(run.run_id, indicator.indicator_id, run.provider, findings)


def resume_run(
    run_id: str, *, retry_failed: bool = False, ipm: float | None = None, max_cost_usd: float | None = None
) -> tuple[Run, int]:
    """Set a run going again, and send off what of it is not under way by itself.

    Messages that a halted run has left in the queues are of use again; only for what has none, a chain is sent.

    Parameters
    ----------
    retry_failed
        Also those that failed.
    ipm, max_cost_usd
        A new target, and a new limit of its costs in USD; None keeps the run's.

    Returns
    -------
    tuple of Run and int
        The run, and how many of its indicators are unfinished; 0 when there is nothing to resume.

    Raises
    ------
    UserError
        When there is no such run, its budget is spent, or the settings do not suffice for its provider.
    """
    run = runs.find_run(run_id)
    provider_named(run.provider)
    limit = max_cost_usd or run.max_cost_usd
    if limit is not None and (spent := calls.spent(run_id)) >= limit:
        raise UserError(f"run {run_id} has spent ${spent:,.4f} of ${limit:,g}: name a higher --max-cost")
    unfinished = runs.resume(run_id, retry_failed=retry_failed, target_ipm=ipm, max_cost_usd=max_cost_usd)
    if not unfinished:
        return run, 0
    run = runs.find_run(run_id)
    pace().set_target(run.target_ipm)
    under_way = owners(redis_client())
    time.sleep(_LOOK_AGAIN_S)  # for what was on its way from one place to another
    under_way |= owners(redis_client())
    dispatch(_entering(t for t in unfinished_tickets(run) if (run_id, t.indicator) not in under_way))
    return run, unfinished


def _entering(tickets: Iterator[Ticket]) -> Iterator[Ticket]:
    """The tickets; those that go on behind the pace are counted as in flight from now on."""
    for ticket in tickets:
        if ticket.findings:
            pace().entered(ticket.indicator)
        yield ticket
