"""Export the classifications to a file: JSONL or CSV (also gzipped) or Parquet, by its ending.

Every column of the source, every stage's answer, provider, model, run and times. The file is there when it is whole.
"""

from collections.abc import Sequence
from pathlib import Path

from bin.cli import Parser, print_json, run
from bin.stores import ready_stores
from classify.intake.export import check_export_path, write_rows
from classify.store import classified, runs


def main(argv: Sequence[str]) -> None:
    parser = Parser("export", __doc__)
    parser.add_argument("file", metavar="FILE", help="ends in .jsonl, .csv, .jsonl.gz, .csv.gz or .parquet")
    parser.add_argument("--run", metavar="RUN", help="only what this run wrote last (default: all)")
    parser.add_json()
    options = parser.parse_args(argv)
    check_export_path(Path(options.file))
    ready_stores()
    run_id = runs.find_run(options.run).run_id if options.run else None
    rows = write_rows(options.file, classified.columns(), classified.rows(run_id))
    if options.json:
        print_json({"file": options.file, "rows": rows})
    else:
        print(f"{options.file}: {rows:,} rows")


if __name__ == "__main__":
    run(main)
