"""What needs a person's eye: answers of the LLM that the rules dispute, or that contradicted themselves to the end.

list     the open ones: contradictions first, then those where the rules are surest
accept   the answer is right as it stands (--rules: the rules' answer is; it is kept as a correction)
correct  say what is right: FIELD=VALUE, named as in classifications; kept, and applied at once

A correction outlasts runs until a run with --force or a change of the indicator. An indicator that has failed for its
contradictions is classified with its correction by bin/enqueue --retry-failed RUN.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from bin.cli import Parser, positive_integer, print_json, run
from bin.stores import ready_stores
from classify.errors import UserError
from classify.stages.base import NO_LABELS
from classify.store import corrections, reviews
from classify.store.reviews import Item
from classify.store.tables import saved_name


def text(items: Sequence[Item]) -> str:
    """The list as a person reads it."""
    if not items:
        return "nothing to review"
    lines = []
    for item in items:
        lines.append(f"{item.indicator_id}  {item.name}")
        lines.append(f"  {item.stage:<12} {item.kind}, {item.status}, run {item.run_id}")
        lines += [f"  {who:<12} {_said(answer)}" for who, answer in (("LLM", item.answer), ("rules", item.by_rules))]
        if item.complaint:
            lines.append(f"  {'':<12} {item.complaint}")
    return "\n".join(lines)


def _said(answer: Mapping[str, object]) -> str:
    labels = ", ".join(f"{name}={value}" for name, value in answer.items() if name not in NO_LABELS)
    sure = answer.get("confidence", answer.get("parsing_confidence", 0.0))
    return f"{labels} ({sure:.2f}: {answer.get('reasoning', '')})"


def _list(options: argparse.Namespace) -> None:
    found = reviews.items(status=None if options.all else "open", stage=options.stage, limit=options.limit)
    if options.json:
        print_json({"n": len(found), "items": [asdict(item) for item in found]})
    else:
        print(text(found))


def _accept(options: argparse.Namespace) -> None:
    found = reviews.items(ids=[options.id], stage=options.stage)
    if not found:
        raise UserError(f"nothing to review about {options.id!r}" + (f" at {options.stage}" if options.stage else ""))
    if options.rules:
        corrections.correct(options.id, _labels_of_rules(found))
    elif contradicting := [item for item in found if item.kind == "contradiction"]:
        raise UserError(f"the answer of {contradicting[0].stage} contradicts the others: accept --rules, or correct it")
    else:
        reviews.accept(options.id, [item.stage for item in found])
    print(f"accepted {', '.join(item.stage for item in found)} of {options.id}" + (" by the rules" * options.rules))


def _labels_of_rules(found: Sequence[Item]) -> dict[str, str]:
    stages = {question.name: question for question, _ in corrections.FIELDS.values()}
    return {
        saved_name(stages[item.stage], name): "" if value is None else str(value)
        for item in found
        for name, value in item.by_rules.items()
        if name not in NO_LABELS
    }


def _correct(options: argparse.Namespace) -> None:
    labels = dict(options.labels)
    stages = corrections.correct(options.id, labels)
    print(f"corrected {', '.join(stages)} of {options.id}: " + ", ".join(f"{k}={v}" for k, v in labels.items()))


def _label(argument: str) -> tuple[str, str]:
    name, equals, value = argument.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{argument!r} is not FIELD=VALUE")
    return name, value


class _ActionParser(Parser):
    def __init__(self, *, prog: str, **options: str) -> None:
        super().__init__(prog.removeprefix("bin/"), options.pop("description", None), **options)


def main(argv: Sequence[str]) -> None:
    parser = Parser("review", __doc__)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=_ActionParser)

    shown = actions.add_parser("list", help="what is open", description="Show what is open.")
    shown.add_argument("--all", action="store_true", help="also what has been decided")
    shown.add_argument("--stage", metavar="S", help="of this stage only")
    shown.add_argument("--limit", type=positive_integer, metavar="N", help="at most N")
    shown.add_json()
    shown.set_defaults(act=_list)

    accepted = actions.add_parser("accept", help="it is right as it stands", description="Accept an answer.")
    accepted.add_argument("id", metavar="ID")
    accepted.add_argument("--stage", metavar="S", help="of this stage only (default: all that is open)")
    accepted.add_argument("--rules", action="store_true", help="the rules' answer is right")
    accepted.set_defaults(act=_accept)

    corrected = actions.add_parser("correct", help="say what is right", description="Correct an answer.")
    corrected.add_argument("id", metavar="ID")
    corrected.add_argument("labels", nargs="+", type=_label, metavar="FIELD=VALUE")
    corrected.set_defaults(act=_correct)

    options = parser.parse_args(argv)
    ready_stores()
    options.act(options)


if __name__ == "__main__":
    run(main)
