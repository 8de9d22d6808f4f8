"""Where indicators come from: files, or a query on another database. The options of the commands that load."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bin.cli import Parser
from classify.errors import UserError
from classify.intake import RejectFile, default_reject_path
from classify.intake.sql_rows import source_url
from classify.loading import Loaded, load_file, load_query
from config.settings import settings


@dataclass(frozen=True)
class Source:
    """What is to be loaded: files, or a query and the URL of the database that it asks."""

    files: Sequence[str] = ()
    query: str | None = None
    url: str = ""

    def default_rejects(self) -> Path:
        """Where rejected rows go when nobody says: named after the first file, in the current folder."""
        return default_reject_path(self.files[0] if self.files else "query.sql")

    def load(self, rejects: RejectFile) -> Iterator[Loaded]:
        """Load one after the other; what became of each.

        Raises
        ------
        UserError
            When one cannot be read.
        """
        if self.query is not None:
            yield load_query(self.query, self.url, rejects)
        for path in self.files:
            yield load_file(path, rejects)


def add_options(parser: Parser) -> None:
    """The options of a query; those of files differ from command to command."""
    parser.add_argument("--sql", metavar="QUERY", help="load what this SELECT gives, or the one in a file *.sql")
    parser.add_argument(
        "--source", metavar="URL", help="the database that --sql asks (default: SOURCE_URL); no password here"
    )
    parser.add_argument(
        "--rejects",
        metavar="FILE",
        type=Path,
        help="where rejected rows go (default: FILE.rejects.jsonl or query.sql.rejects.jsonl, in the current folder)",
    )


def chosen(parser: Parser, options: argparse.Namespace, files: Sequence[str]) -> Source | None:
    """The source that the options name; None when they name none. What is wrong with it ends the command."""
    if options.sql is None:
        if options.source:
            parser.error("--source is for --sql QUERY")
        return Source(files) if files else None
    if files:
        parser.error("files and --sql exclude each other")
    url = options.source or settings().source_url
    if not url:
        parser.error("--sql needs a database: --source URL, or SOURCE_URL in the environment")
    if options.source and source_url(options.source).password:
        parser.error("--source: everybody on this machine can read a password there; put the URL into SOURCE_URL")
    source_url(url)
    return Source(query=_query(options.sql), url=url)


def _query(text: str) -> str:
    if not text.lower().endswith(".sql"):
        return text
    try:
        return Path(text).read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{text}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{text}: is not UTF-8") from None
