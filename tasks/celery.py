"""The Celery app, wired up in this one module."""

import sys

from celery import Celery

from tasks import transport

transport.install()
app = Celery("tasks", include=["tasks.logs", "tasks.stages", "tasks.nightly"])
app.config_from_object("config.celery")
app.steps["worker"].update({"tasks.connections:Connections", "tasks.keeper:Keeper", "tasks.reconciler:ReconcilerStep"})
app.steps["consumer"].add("tasks.keeper:HandBack")


def let_psycopg2_yield() -> None:
    """Make psycopg2 wait in gevent's loop: its C code would otherwise stop every greenlet of the worker."""
    from gevent.socket import wait_read, wait_write
    from psycopg2 import OperationalError, extensions

    def wait(connection: extensions.connection) -> None:
        while (state := connection.poll()) != extensions.POLL_OK:
            if state == extensions.POLL_READ:
                wait_read(connection.fileno())
            elif state == extensions.POLL_WRITE:
                wait_write(connection.fileno())
            else:
                raise OperationalError(f"unexpected state of the connection: {state}")

    extensions.set_wait_callback(wait)


if "gevent.monkey" in sys.modules and sys.modules["gevent.monkey"].is_module_patched("socket"):
    let_psycopg2_yield()
