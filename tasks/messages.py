"""What can be read off a message without opening it: whether it is whole, whose it is, and how often a worker died
with it in hand.

The run and the indicator stand in the header `root_id`, which Celery hands on to every task of a chain and to every
retry; so what is alive can be told from what is lost by looking at messages, never by guessing from times.
"""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

CRASHES_HEADER = "crashes"
"""How often this message was in the hands of a worker that died; a stage's retry and the next stage begin at none."""

KNOWN = "known"
"""Property of a message that stays in its process: what the stage before has looked up. In no queue and in no lease,
hence not JSON; and no header, which Celery would send along with a retry."""

_SHOWN = 200
_ROOT = re.compile(r'"root_id": ?("(?:[^"\\]|\\.)*")')


def root_of(run_id: str, indicator_id: str) -> str:
    """The `root_id` of a chain."""
    return f"{run_id}/{indicator_id}"


def owner_of(root_id: object) -> tuple[str, str] | None:
    """The run and the indicator of a `root_id`; None for a message that is none of this program's chains."""
    if not isinstance(root_id, str) or "/" not in root_id:
        return None
    run_id, _, indicator_id = root_id.partition("/")
    return run_id, indicator_id


def owner_in(text: str) -> tuple[str, str] | None:
    """The run and the indicator of a message as it lies in Redis; spares decoding the rest of it."""
    found = _ROOT.search(text)
    return owner_of(json.loads(found[1])) if found else None


def restored(raw: Mapping[str, Any], *, after_a_crash: bool) -> dict[str, Any]:
    """A message as it goes back to its queue."""
    headers = {**raw["headers"], "redelivered": True}
    if after_a_crash:
        headers[CRASHES_HEADER] = int(headers.get(CRASHES_HEADER) or 0) + 1
    delivery = {**raw["properties"]["delivery_info"], "redelivered": True}
    return {**raw, "headers": headers, "properties": {**raw["properties"], "delivery_info": delivery}}


def fault_of(raw: object) -> str | None:
    """What keeps a thing out of a queue from being a message of Celery's; None where it is one.

    What is looked at here is taken for granted by kombu and by the leases: without it, worker after worker would end.
    """
    if not isinstance(raw, dict):
        return "no JSON object"
    properties = raw.get("properties")
    delivery = properties.get("delivery_info") if isinstance(properties, dict) else None
    if not isinstance(properties, dict) or not isinstance(delivery, dict):
        return "no properties, or no delivery_info in them"
    for part, names in (
        (raw.get("headers"), ("id", "task")),
        (properties, ("delivery_tag",)),
        (delivery, ("exchange", "routing_key")),
    ):
        if not isinstance(part, dict):
            return "no headers"
        for name in names:
            if not isinstance(part.get(name), str):
                return f"no {name}"
    try:
        base64.b64decode(raw["body"], validate=True)
    except (KeyError, TypeError, ValueError):
        return "no body in base64"
    return None


def shown(raw: object) -> str:
    """A thing out of a queue as a log may show it: in one line, whatever it holds, and not for long."""
    text = repr(raw)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
