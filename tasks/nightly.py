"""`tasks.nightly`: `bin/nightly`, when Celery beat says so.

A night is hours long and mostly waiting, so it is no work for those who work on indicators: the message goes to a
queue of its own, and the task does nothing but run the command as a process and tell how it ended. The message is
acknowledged before, since there is nothing to gain from a second delivery: the next night goes on where one was cut
short. What the command is to do is a setting of the worker and not in the message: who can write to Redis must not be
able to choose files and queries.
"""

import logging
import os
import shlex
import subprocess
import sys

from celery import signals
from celery.schedules import crontab

from classify.errors import ClassifyError
from config.settings import ROOT, settings
from tasks.celery import app

log = logging.getLogger(__name__)

NAME = "tasks.nightly"
_ANOTHER = 75
_EXPIRES_S = 12 * 3600
"""Who was away for longer begins with the next night, not with several at once."""

_children: set[subprocess.Popen[str]] = set()


class NightFailedError(ClassifyError):
    """A night that did not fully succeed; the message is what the command has said."""


@app.task(name=NAME, acks_late=False)  # type: ignore[untyped-decorator]  # Celery has no types
def nightly() -> None:
    """Run `bin/nightly` with NIGHTLY_OPTIONS."""
    command = [sys.executable, "-m", "bin.commands.nightly", *shlex.split(settings().nightly_options)]
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"},
    )
    _children.add(child)
    try:
        said = child.communicate()[0].strip()
    finally:
        _children.discard(child)
    if child.returncode == _ANOTHER:
        log.warning("%s", said)
    elif child.returncode:
        raise NightFailedError(said or f"bin/nightly ended with status {child.returncode}")
    elif said:
        log.info("%s", said)


@signals.worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _stop(**_: object) -> None:
    """Stop with the worker: nobody would wait for the night to end."""
    for child in tuple(_children):
        child.terminate()


if settings().nightly_at:
    _hour, _minute = settings().nightly_at.split(":")
    app.add_periodic_task(
        crontab(hour=_hour, minute=_minute), app.signature(NAME), name="nightly", options={"expires": _EXPIRES_S}
    )
