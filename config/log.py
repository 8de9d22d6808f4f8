"""How log lines look: text for people, or one JSON object a line (`LOG_FORMAT=json`) for machines.

Quiet by default: warnings and errors. What a line is about (run, indicator, stage) is told by whoever knows the task at
hand; this module knows nothing of tasks.
"""

import json
import logging
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timezone

from config.visible import visible

About = Callable[[logging.LogRecord], Mapping[str, str]]
"""What a record is about, such as `{"run": …, "indicator": …, "stage": …}`; empty when about no task."""


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")


class TextFormatter(logging.Formatter):
    """Time (UTC), level, what it is about, the message; a traceback below."""

    def __init__(self, about: About) -> None:
        super().__init__()
        self._about = about

    def format(self, record: logging.LogRecord) -> str:
        about = " ".join(f"{key}={value}" for key, value in self._about(record).items())
        record.message = super().format(record)
        where = f" [{about}]" if about else ""
        # A line that begins with a time is the log's own: what is said within stays within.
        message = record.message.replace("\n", "\n    ")
        return visible(f"{_moment(record)} {record.levelname:<7} {record.name}{where}: {message}")


class JsonFormatter(logging.Formatter):
    """One object a line: time, level, logger, message, process; run, indicator and stage of a task; exception."""

    def __init__(self, about: About) -> None:
        super().__init__()
        self._about = about

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _moment(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
            **self._about(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return visible(json.dumps(line, ensure_ascii=False, default=str))


def set_up(level: int | str, form: str, about: About = lambda record: {}, path: str | None = None) -> None:
    """Send the log of this process to stderr, or to a file.

    Parameters
    ----------
    level
        The least that is logged.
    form
        `text` or `json`.
    about
        Asked about every record.
    path
        The file, which is appended to; None for stderr.
    """
    handler = logging.FileHandler(path) if path else logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(about) if form == "json" else TextFormatter(about))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # What libraries say of every call is of use to nobody but their makers.
    for name in ("httpx", "httpx2", "httpcore", "httpcore2", "openai", "kombu", "amqp"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
