"""Starting a run: the ledger first, then the target, then the chains."""

from classify.errors import UserError
from classify.providers import provider_named
from classify.store import runs, sources
from classify.store.runs import Run, Selection
from tasks.chain import dispatch
from tasks.pace import pace
from tasks.ticket import Ticket

STAGES_A_CHAIN = 7
"""`--rpm` counts the tasks of a chain, as its users know it."""


def start_run(selection: Selection, *, ipm: float, provider: str, max_cost_usd: float | None = None) -> Run | None:
    """Open a run over what `selection` chooses and send its chains off.

    The ledger is written before the first message, so a crash in between leaves a run that can be resumed.

    Parameters
    ----------
    max_cost_usd
        What its calls of an LLM may cost: the run halts once they do. None for no limit.

    Returns
    -------
    Run or None
        None when nothing is to be done.

    Raises
    ------
    UserError
        When an id is not known, or there is no such provider.
    """
    if selection.ids is not None and (unknown := list(sources.unknown_ids(selection.ids))):
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        raise UserError(f"not loaded: {', '.join(unknown[:5])}{more}")
    model = provider_named(provider).model
    run = runs.open_run(selection, target_ipm=ipm, provider=provider, model=model, max_cost_usd=max_cost_usd)
    if run:
        pace().set_target(ipm)
        send(run)
    return run


def send(run: Run) -> int:
    """Send the chains of a run's unfinished indicators; how many there were."""
    return dispatch(Ticket(run.run_id, indicator, run.provider) for indicator in runs.unfinished(run.run_id))
