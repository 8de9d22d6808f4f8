"""Load indicators into source_indicators from JSONL or CSV files (also gzipped), Parquet files, or another database.

An id that is there already is updated when its content changed. What cannot be read is rejected with line and reason
into a reject file; the rest loads. Exit status 1 when anything was rejected.
"""

from collections.abc import Sequence
from dataclasses import asdict

from bin import source
from bin.cli import Parser, print_json, run
from bin.stores import ready_stores
from classify.intake import RejectFile
from classify.loading import Loaded


def text(loaded: Loaded) -> str:
    """What became of a file, as a person reads it."""
    counts = loaded.counts
    lines = [
        f"{loaded.file}: {loaded.accepted:,} loaded"
        f" ({counts.new:,} new, {counts.changed:,} changed, {counts.unchanged:,} unchanged)"
    ]
    lines += [f"  mended in {rows:,} row{'s' if rows > 1 else ''}: {what}" for what, rows in loaded.mended.items()]
    if loaded.rejected:
        lines.append(f"  rejected {loaded.rejected:,}: see {loaded.rejects_in or 'the lines on stderr'}")
    return "\n".join(lines)


def facts(loaded: Loaded) -> dict[str, object]:
    """The same for `--json`."""
    flat = asdict(loaded)
    return {"file": flat.pop("file"), **flat.pop("counts"), **flat}


def main(argv: Sequence[str]) -> int:
    parser = Parser("load", __doc__)
    parser.add_argument("files", nargs="*", metavar="FILE", help="ends in .jsonl, .csv, .jsonl.gz, .csv.gz or .parquet")
    source.add_options(parser)
    parser.add_json()
    options = parser.parse_args(argv)
    wanted = source.chosen(parser, options, options.files)
    if wanted is None:
        parser.error("the following arguments are required: FILE, or --sql QUERY")
    ready_stores()
    files = []
    with RejectFile(options.rejects or wanted.default_rejects()) as rejects:
        for loaded in wanted.load(rejects):
            files.append(loaded)
            if not options.json:
                print(text(loaded), flush=True)
    if options.json:
        print_json({"files": [facts(loaded) for loaded in files]})
    return 1 if any(loaded.rejected for loaded in files) else 0


if __name__ == "__main__":
    run(main)
