"""Whether this process runs on gevent's loop, and how psycopg2 is made to run on it, too."""

import sys


def is_green() -> bool:
    """Whether what waits in this process lets others run: Celery's gevent pool has patched the standard library."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("socket"))


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
