"""Check whether everything is up: Redis, the database, the workers. Starts nothing; exit status 1 when not.

With --serve it goes on answering over HTTP: /health (200 or 503), /health/workers, and /metrics for Prometheus.
"""

from collections.abc import Sequence
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from bin.cli import Parser, positive_integer, print_json, run
from bin.live.fleet import Fleet
from bin.serve.server import Server, Vitals
from classify.errors import UserError
from classify.store import vitals
from config.celery import ADMISSION_QUEUE, STAGES_QUEUE
from tasks.celery import app
from tasks.clients import redis_client

_REPLY_WITHIN_S = 1.0
_PORT = 9810


def check() -> dict[str, Any]:
    """The state of every part, under the keys that others rely on."""
    state: dict[str, Any] = {"redis": False, "database": False, "workers": {}, "queues": {}, "idle_s": None}
    try:
        state["redis"] = bool(redis_client().ping())
        state["queues"] = {queue: redis_client().llen(queue) for queue in (ADMISSION_QUEUE, STAGES_QUEUE)}
        replies = app.control.inspect(timeout=_REPLY_WITHIN_S).active_queues() or {}
        state["workers"] = {name: [queue["name"] for queue in queues] for name, queues in sorted(replies.items())}
    except (RedisError, OSError):
        pass
    try:
        state["idle_s"] = vitals.seconds_since_last_row()
        state["database"] = True
    except SQLAlchemyError:
        pass
    served = {queue for queues in state["workers"].values() for queue in queues}
    state["ok"] = state["redis"] and state["database"] and {ADMISSION_QUEUE, STAGES_QUEUE} <= served
    return state


def text(state: dict[str, Any]) -> str:
    """The state as a person reads it."""
    idle = "no classification yet" if state["idle_s"] is None else f"last row {state['idle_s']:,.0f} s ago"
    lines = [
        "ok" if state["ok"] else "NOT OK",
        f"  redis      {'up' if state['redis'] else 'DOWN'}"
        + "".join(f", {n:,} waiting for {queue}" for queue, n in state["queues"].items()),
        f"  database   {'up, ' + idle if state['database'] else 'DOWN'}",
    ]
    for queue in (ADMISSION_QUEUE, STAGES_QUEUE):
        names = [name for name, queues in state["workers"].items() if queue in queues]
        lines.append(f"  {queue:<10} {', '.join(names) or 'NO WORKER'}")
    return "\n".join(lines)


def serve(host: str, port: int) -> None:
    """Answer over HTTP until this process is stopped.

    Raises
    ------
    UserError
        When nobody can listen there.
    """
    with Fleet() as fleet, Vitals(check) as vitals_now:
        try:
            server = Server(host, port, vitals_now, fleet)
        except OSError as error:
            raise UserError(f"{host}:{port}: {error.strerror or error}") from None
        with server:
            print(f"http://{host}:{port}: /health, /health/workers, /metrics", flush=True)
            server.serve_forever()


def main(argv: Sequence[str]) -> int:
    parser = Parser("health", __doc__)
    parser.add_argument("--serve", action="store_true", help="answer over HTTP until stopped")
    parser.add_argument("--host", default="127.0.0.1", help="with --serve (%(default)s)")
    parser.add_argument("--port", type=positive_integer, default=_PORT, metavar="N", help="with --serve (%(default)s)")
    parser.add_json()
    options = parser.parse_args(argv)
    if options.serve:
        serve(options.host, options.port)
    state = check()
    if options.json:
        print_json(state)
    else:
        print(text(state))
    return 0 if state["ok"] else 1


if __name__ == "__main__":
    run(main)
