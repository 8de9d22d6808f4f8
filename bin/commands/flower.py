"""Flower: tasks and workers in a browser, and the pace: the rate limit of tasks.normalize is the whole cluster's.

Off loopback it wants credentials: FLOWER_BASIC_AUTH=user:password in the environment or in .env, never among the
arguments, which everybody on the machine can read.
"""

import ipaddress
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from bin.cli import Parser, positive_integer, run
from bin.stores import ready_stores
from config.settings import ROOT, settings

_CONFIG = Path(__file__).parents[1] / "live" / "flower_config.py"
_SECRETS = ("--basic_auth", "--basic-auth", "--oauth2_secret", "--oauth2-secret", "--cookie_secret", "--cookie-secret")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def main(argv: Sequence[str]) -> NoReturn:
    parser = Parser("flower", __doc__, epilog="Other options go to Flower as they are.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=positive_integer, default=5555, help="%(default)s")
    options, rest = parser.parse_known_args(argv)
    if given := [word for word in rest if word.startswith(_SECRETS)]:
        parser.error(f"{given[0].partition('=')[0]} would be there for all to read: set FLOWER_BASIC_AUTH instead")
    if given := [word for word in rest if word.startswith(("--address", "--unix_socket", "--unix-socket"))]:
        parser.error(f"{given[0].partition('=')[0]}: say --host")
    credentials = settings().flower_basic_auth.get_secret_value()
    if any(not all(one.partition(":")[::2]) for one in credentials.split(",") if credentials):
        parser.error("FLOWER_BASIC_AUTH must be user:password")
    if credentials:
        os.environ["FLOWER_BASIC_AUTH"] = credentials
    elif is_loopback(options.host):
        # The pages work through the API, which checks where a request comes from.
        os.environ.setdefault("FLOWER_UNAUTHENTICATED_API", "true")
    else:
        parser.error(f"off loopback ({options.host}) it needs credentials: set FLOWER_BASIC_AUTH=user:password")
    ready_stores()
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "tasks", "--workdir", str(ROOT), "flower"]
    command += [f"--address={options.host}", f"--port={options.port}", f"--conf={_CONFIG}", "--logging=warning", *rest]
    print(f"Flower: http://{options.host}:{options.port}", flush=True)
    os.execv(sys.executable, command)


if __name__ == "__main__":
    run(main)
