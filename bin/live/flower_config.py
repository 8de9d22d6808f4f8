"""Flower's own settings, which it runs as a file: how tasks are shown, what its fields mean, who may give orders.

Its field for a rate limit takes a whole number, which Celery reads as a second's; here it is a minute's, as everywhere
else. And without credentials Flower takes orders from any page that a browser on this machine has open; here only
from its own.
"""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flower.api.control import TaskRateLimit
from flower.views import BaseHandler
from flower.views.workers import WorkerView
from tornado.web import HTTPError

tasks_columns = "name,args,state,result,runtime,worker,received,uuid"
inspect_timeout = 3000.0
"""Milliseconds. What a busy worker says later is lost, and its page stays empty; of one worker it is waited for no
longer than it takes."""

_NEWEST = re.compile(r"'findings': \{'\w+': \{(.*?)\}")
_HERE = ("localhost", "127.0.0.1", "::1")


def format_task(task: Any) -> Any:
    """The task as Flower's pages show it: the indicator before its run, and as result the answer of its stage."""
    run, _, indicator = (task.args or "").partition("/")
    if indicator:
        task.args = f"{indicator} in {run}"
    found = _NEWEST.search(task.result or "")
    if found:
        task.result = found[1].replace("'", "")
    elif task.result == "None":
        task.result = ""
    return task


def refuses_other_sites(check: Callable[[Any], None]) -> Callable[[Any], None]:
    """Flower's check of a request that changes something, with the origin looked at before."""

    def checked(handler: Any) -> None:
        headers, host = handler.request.headers, handler.request.host
        origin, site = headers.get("Origin"), headers.get("Sec-Fetch-Site", "none")
        if site not in ("same-origin", "none") or (origin and urlsplit(origin).netloc != host):
            raise HTTPError(403, "this comes from another site")
        options = handler.application.options
        if not options.basic_auth and urlsplit(f"//{host}").hostname not in _HERE:
            raise HTTPError(403, "another name than that of this machine")
        check(handler)

    return checked


def a_minute(argument: Callable[..., Any]) -> Callable[..., Any]:
    """Flower's look at an argument of a request, with `m` behind a rate limit that is a mere number."""

    def unit_added(handler: Any, name: str, *args: Any, **options: Any) -> Any:
        value = argument(handler, name, *args, **options)
        return f"{value}/m" if name == "ratelimit" and value and value.isdigit() else value

    return unit_added


def _says_a_minute(handler: Any, *args: Any, **options: Any) -> bytes:
    drawn: bytes = BaseHandler.render_string(handler, *args, **options)
    return drawn.replace(b'placeholder="Rate"', b'placeholder="a minute"')


def _default_headers(handler: Any) -> None:
    """Flower's, without the leave for every page to read what it is told."""
    handler.set_header("X-Content-Type-Options", "nosniff")


BaseHandler.set_default_headers = _default_headers
BaseHandler.check_xsrf_cookie = refuses_other_sites(BaseHandler.check_xsrf_cookie)
TaskRateLimit.get_argument = a_minute(TaskRateLimit.get_argument)
WorkerView.render_string = _says_a_minute
