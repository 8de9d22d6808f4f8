"""Bring the database's schema up to date, once, before many processes start at the same time.

Every command does so itself where it has to, one at a time; this one is there to fail where everybody sees it.
"""

from collections.abc import Sequence

from bin.cli import Parser, run
from bin.stores import ready_stores


def main(argv: Sequence[str]) -> None:
    Parser("migrate", __doc__).parse_args(argv)
    ready_stores()
    print("the schema is up to date")


if __name__ == "__main__":
    run(main)
