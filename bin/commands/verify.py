"""Prove that every indicator of a run is classified exactly once: counts, table by table. Exit status 1 when not."""

from collections.abc import Sequence
from dataclasses import asdict

from bin.cli import Parser, print_json, run
from bin.stores import ready_stores
from classify.store import facts, runs
from classify.store.facts import Verification


def text(proof: Verification) -> str:
    """The proof as a person reads it."""
    lines = [
        f"{'run ' + proof.run_id if proof.run_id else 'the whole database'}: {'ok' if proof.ok else 'NOT OK'}",
        f"  {proof.source:,} indicators, {proof.classified:,} classified, {proof.distinct:,} distinct",
        f"  {proof.duplicates:,} duplicates, {proof.missing:,} missing, {proof.failed:,} failed",
    ]
    lines += [f"  {table:<32} {rows:>9,} rows" for table, rows in proof.stage_rows.items()]
    return "\n".join(lines)


def main(argv: Sequence[str]) -> int:
    parser = Parser("verify", __doc__)
    parser.add_argument("run", nargs="?", metavar="RUN", help="default: the latest")
    parser.add_argument("--all", action="store_true", help="the whole database, not one run")
    parser.add_json()
    options = parser.parse_args(argv)
    if options.all and options.run:
        parser.error("RUN and --all exclude each other")
    ready_stores()
    runs.close_finished_runs()
    proof = facts.verify(None if options.all else runs.find_run(options.run).run_id)
    if options.json:
        print_json({**asdict(proof), "ok": proof.ok})
    else:
        print(text(proof))
    return 0 if proof.ok else 1


if __name__ == "__main__":
    run(main)
