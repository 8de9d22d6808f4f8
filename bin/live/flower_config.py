"""Flower's own settings, which it runs as a file: how tasks are shown, and who may give orders.

Without credentials Flower takes orders from any page that a browser on this machine has open; here only from its own.
"""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flower.views import BaseHandler
from tornado.web import HTTPError

tasks_columns = "name,args,state,result,received,runtime,worker,uuid"

_NEWEST = re.compile(r"'findings': \{'\w+': \{(.*?)\}")
_HERE = ("localhost", "127.0.0.1", "::1")


def format_task(task: Any) -> Any:
    """The task as Flower's pages show it: its result is the answer of its stage, where it has one."""
    found = _NEWEST.search(task.result or "")
    if found:
        task.result = found[1].replace("'", "")
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


def _default_headers(handler: Any) -> None:
    """Flower's, without the leave for every page to read what it is told."""
    handler.set_header("X-Content-Type-Options", "nosniff")


BaseHandler.set_default_headers = _default_headers
BaseHandler.check_xsrf_cookie = refuses_other_sites(BaseHandler.check_xsrf_cookie)
