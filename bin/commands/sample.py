"""`bin/sample`: sample indicators as JSONL, to try the other commands with and to evaluate them."""

import gzip
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from io import BufferedWriter, TextIOWrapper
from pathlib import Path

from bin.cli import Parser, positive_integer, run
from classify.errors import UserError
from classify.samples import DEFAULT_SEED, generate, labelled


def main(argv: Sequence[str]) -> int:
    parser = Parser("sample", "Make sample indicators with generated values; the same options give the same bytes.")
    parser.add_argument(
        "--count", type=positive_integer, metavar="N", help="how many (default: each kind of the catalogue once)"
    )
    parser.add_argument(
        "--seed", type=int, default=DEFAULT_SEED, metavar="S", help="another seed gives other values (%(default)s)"
    )
    parser.add_argument("--labelled", action="store_true", help="with the expected labels, for bin/evaluate")
    parser.add_argument(
        "--output", default="-", metavar="FILE", help="compressed when it ends in .gz (default: -, standard output)"
    )
    args = parser.parse_args(argv)
    encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
    lines = 0
    try:
        with _writing(args.output) as file:
            for record in (labelled if args.labelled else generate)(args.count, args.seed):
                file.write(encode(record) + "\n")
                lines += 1
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(f"cannot write {args.output}: {error.strerror or error}") from error
    if args.output != "-":
        print(f"{lines} indicators written to {args.output}", file=sys.stderr)
    return 0


@contextmanager
def _writing(output: str) -> Iterator[TextIOWrapper]:
    """A UTF-8 text file over `output`, whatever the locale; compressed bytes carry neither a time nor a name."""
    with ExitStack() as stack:
        if output == "-":
            raw: BufferedWriter | gzip.GzipFile = stack.enter_context(open(sys.stdout.fileno(), "wb", closefd=False))
        else:
            raw = stack.enter_context(Path(output).open("wb"))
        if output.endswith(".gz"):
            raw = stack.enter_context(gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0))
        yield stack.enter_context(TextIOWrapper(raw, encoding="utf-8", newline="\n"))


if __name__ == "__main__":
    run(main)
