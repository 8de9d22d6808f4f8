"""The workers' log: every line of a task says of which run, indicator and stage it is."""

import logging
from collections.abc import Mapping
from typing import Any

from celery import signals
from celery._state import get_current_task

from config.log import set_up
from config.settings import settings
from tasks.messages import owner_of


def about(record: logging.LogRecord) -> Mapping[str, str]:
    """Run, indicator and stage of the task that logs, or that Celery logs about; empty for all else."""
    task = get_current_task()
    root, name = (task.request.root_id, task.name) if task else (None, "")
    if root is None and isinstance(record.args, Mapping):  # a task that has not begun: its arguments as they are shown
        root, name = record.args.get("args"), str(record.args.get("name"))
    owner = owner_of(root)
    if owner is None:
        return {}
    return {"run": owner[0], "indicator": owner[1], "stage": name.removeprefix("tasks.")}


@signals.setup_logging.connect  # type: ignore[untyped-decorator]  # Celery has no types
def _set_up(loglevel: int | str | None = None, logfile: str | None = None, **_: Any) -> None:
    """Instead of Celery's own; `-l` and `-f` of `celery worker` count."""
    set_up(loglevel or settings().log_level, settings().log_format, about, logfile)
