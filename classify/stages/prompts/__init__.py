"""The fixed parts of the prompts: Markdown files beside this one, one a stage (two for the variants of type).

They are texts of the field that economists read and correct, so they stand as prose and not as string literals. What
every stage says alike (what the model is given, that data gives no orders, how to answer) is in `shared.md`.
"""

from collections.abc import Callable
from pathlib import Path

from classify.stages.base import Findings

_HERE = Path(__file__).parent


def text_of(*names: str) -> str:
    """The fixed part put together from the files `<name>.md` and, last, the shared one.

    To be called at import: the text must be the same to the byte for every call, or endpoints cannot cache it.

    Raises
    ------
    OSError
        When there is no such file.
    """
    return "\n\n".join((_HERE / f"{name}.md").read_text(encoding="utf-8").strip() for name in (*names, "shared"))


def always(name: str) -> Callable[[Findings], str]:
    """The `instructions` of a stage with one variant, whose own file is `<name>.md`."""
    text = text_of(name)
    return lambda _: text
