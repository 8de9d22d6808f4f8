"""What a night came to: one line for people, an object for machines, and the exit status."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from bin.commands.load import facts as load_facts
from classify.errors import UserError
from classify.loading import Loaded
from classify.store import facts, ledger, runs

OK, NOT_OK, MISTAKE, ANOTHER = 0, 1, 2, 75
"""Exit statuses; 75 is what `sysexits.h` calls EX_TEMPFAIL: nothing is wrong, and later it may be tried again."""


class Summary:
    """Collected in the course of a night; `told()` is the whole.

    Parameters
    ----------
    most_failures
        As the night's selection has it, to count what is given up.
    allowed_rejects
        So many rejected rows are no failure.
    """

    def __init__(self, most_failures: int, allowed_rejects: int) -> None:
        self._began = datetime.now(timezone.utc)
        self._most_failures = most_failures
        self._allowed_rejects = allowed_rejects

    def told(
        self, loaded: Sequence[Loaded], run_ids: Sequence[str], cost_usd: float, reason: str | None
    ) -> dict[str, Any]:
        """What a night came to.

        Parameters
        ----------
        run_ids
            The runs that it has waited for.
        cost_usd
            What it has cost, in USD; runs that went on had cost something before.
        reason
            Why it was over before its time; None when it was not.
        """
        accounts: list[dict[str, Any]] = []
        for run_id in run_ids:
            proof = facts.verify(run_id)
            verified = {**asdict(proof), "ok": proof.ok}
            accounts.append({"run_id": run_id, "verify": verified, "report": facts.report(runs.find_run(run_id))})
        counts: dict[str, Any] = {
            "rows": sum(some.accepted + some.rejected for some in loaded),
            **{name: sum(getattr(some.counts, name) for some in loaded) for name in ("new", "changed", "unchanged")},
            "rejected": sum(some.rejected for some in loaded),
            "classified": sum(account["report"]["completed"] for account in accounts),
            "failed": sum(account["report"]["failed"] for account in accounts),
            "given_up": ledger.given_up(self._most_failures),
            "cost_usd": round(cost_usd, 8),
        }
        wrong = self._wrong(counts, accounts, reason)
        status = "not ok" if wrong else "ok" if accounts else "nothing new"
        return self._told(status, wrong, {**counts, "loaded": [load_facts(one) for one in loaded], "runs": accounts})

    def cut_off(self, status: str, reason: str) -> dict[str, Any]:
        """The same of a night of which nothing can be counted: it could not begin, or the database is gone."""
        return self._told(status, [reason], {})

    def _wrong(self, counts: dict[str, Any], accounts: Sequence[dict[str, Any]], reason: str | None) -> list[str]:
        wrong = [reason] if reason else []
        if counts["failed"]:
            wrong.append(f"{counts['failed']:,} failed")
        if counts["rejected"] > self._allowed_rejects:
            wrong.append(f"{counts['rejected']:,} row{'s' * (counts['rejected'] > 1)} rejected")
        if not wrong and not all(account["verify"]["ok"] for account in accounts):
            wrong.append("what was promised is not there (bin/verify)")
        return wrong

    def _told(self, status: str, wrong: list[str], rest: dict[str, Any]) -> dict[str, Any]:
        ended = datetime.now(timezone.utc)
        exit_status = {"mistake": MISTAKE, "not ok": NOT_OK}.get(status, OK)
        return {
            "ok": exit_status == OK,
            "status": status,
            "exit_status": exit_status,
            "reason": "; ".join(wrong) or None,
            "started_at": self._began.isoformat(timespec="seconds"),
            "ended_at": ended.isoformat(timespec="seconds"),
            "elapsed_s": round((ended - self._began).total_seconds(), 1),
            **rest,
        }


def line(told: dict[str, Any]) -> str:
    """The night in one line."""
    t = told
    parts = [f"NOT OK: {t['reason']}"] if t["reason"] else []
    if t.get("loaded"):
        parts.append(f"{t['rows']:,} rows read, {t['new']:,} new, {t['changed']:,} changed")
    if t.get("runs"):
        of = sum(account["report"]["total"] for account in t["runs"])
        ids = ", ".join(account["run_id"] for account in t["runs"])
        money = f", ${t['cost_usd']:,.4f}" if t["cost_usd"] else ""
        parts.append(f"{t['classified']:,} of {of:,} classified in {t['elapsed_s']:,g} s{money} ({ids})")
    if t.get("given_up"):
        parts.append(f"{t['given_up']:,} given up (--retry-failed)")
    head = "" if t["reason"] else f"{t['status']}: " if parts else t["status"]
    return f"nightly: {head}{'; '.join(parts)}"


def check_writable(path: Path | None) -> None:
    """That a file can be written, before the night is spent on what goes into it.

    Raises
    ------
    UserError
        When it cannot.
    """
    if path is None:
        return
    if path.is_dir():
        raise UserError(f"{path}: is a directory, not a file")
    folder = path.resolve().parent
    if not folder.is_dir():
        raise UserError(f"{path}: there is no folder {folder}")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise UserError(f"{path}: cannot be written: Permission denied")


def write(path: Path, text: str) -> None:
    """Write a file, whole or not at all: somebody may be reading it.

    Raises
    ------
    UserError
        When it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None


def as_json(told: dict[str, Any]) -> str:
    """The same object that `--json` prints."""
    return json.dumps(told, indent=2, ensure_ascii=False, default=str) + "\n"


def first_line(error: DBAPIError | RedisError) -> str:
    """What a store or its driver says, in one line and without the statement."""
    said = error.orig if isinstance(error, DBAPIError) else error
    return (str(said).strip().splitlines() or [type(said).__name__])[0]
