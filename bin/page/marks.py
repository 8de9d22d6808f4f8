"""The marks that the page is drawn with: bars, columns, dots. What comes from outside is escaped here, once.

Shapes stretch with the page and words do not: bars are boxes of CSS, columns an SVG without words below words of HTML.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape


def tag(name: str, *content: str, **attributes: object) -> str:
    """An element around HTML that is safe already; attributes are escaped: `class_` is `class`, `data_x` `data-x`."""
    given = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"' for key, value in attributes.items())
    return f"<{name}{given}>{''.join(content)}</{name}>"


@dataclass(frozen=True)
class Bar:
    """One line of a list of bars.

    Parameters
    ----------
    label, value, share
        Plain text; `value` and `share` stand at the end of the line, each in a column of its own.
    size
        Of any unit, the same for all lines of a list.
    kind
        A class of the style: `group` for a line that sums up those after it, `member` for one of them, `bad`.
    """

    label: str
    size: float
    value: str
    kind: str = ""
    share: str = ""


def bars(lines: Sequence[Bar]) -> str:
    """A list of horizontal bars, the largest as long as there is room."""
    largest = max((line.size for line in lines), default=0) or 1
    items = (
        tag(
            "li",
            tag("span", escape(line.label), class_="label", title=line.label),
            tag("span", f'<i style="width:{100 * line.size / largest:.2f}%"></i>', class_="bar"),
            tag("span", escape(line.value), class_="value"),
            tag("span", escape(line.share), class_="share") if line.share else "",
            class_=line.kind,
        )
        for line in lines
    )
    return tag("ul", *items, class_="bars")


def columns(values: Sequence[float], titles: Sequence[str], *, top: float, faint_last: bool = False) -> str:
    """Columns side by side as an SVG that stretches; `titles` are shown when one is pointed at."""
    width = 10
    shapes = [
        f'<rect x="{i * width + 0.7:g}" y="{100 - 100 * value / top:.2f}" width="{width - 1.4:g}"'
        f' height="{100 * value / top:.2f}"{" class=faint" if faint_last and i == len(values) - 1 else ""}>'
        f"<title>{escape(title)}</title></rect>"
        for i, (value, title) in enumerate(zip(values, titles, strict=True))
    ]
    box = f"0 0 {max(1, len(values)) * width} 100"
    return tag("svg", *shapes, viewBox=box, preserveAspectRatio="none", role="img")


def spans(rows: Iterable[tuple[str, float, float, float, str]]) -> str:
    """A line for each of (label, p50, p90, p99, value): from the median to the 99th percentile, on one scale."""
    rows = list(rows)
    longest = max((row[3] for row in rows), default=0) or 1
    items = []
    for label, p50, p90, p99, value in rows:
        low, middle, high = (100 * p / longest for p in (p50, p90, p99))
        drawn = (
            f'<i class="to99" style="left:{low:.2f}%;width:{high - low:.2f}%"></i>'
            f'<i class="to90" style="left:{low:.2f}%;width:{middle - low:.2f}%"></i>'
            f'<i class="dot" style="left:{low:.2f}%"></i>'
        )
        items.append(
            tag(
                "li",
                tag("span", escape(label), class_="label"),
                tag("span", drawn, class_="bar span"),
                tag("span", escape(value), class_="value"),
            )
        )
    return tag("ul", *items, class_="bars spans")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: frozenset[int] = frozenset()) -> str:
    """A table of plain text; the columns `numbers` stand to the right. On a phone each row is a list of its own."""

    def cell(i: int, text: str) -> str:
        return tag("td", escape(text), data_head=head[i], **({"class_": "n"} if i in numbers else {}))

    names = "".join(tag("th", escape(name), **({"class_": "n"} if i in numbers else {})) for i, name in enumerate(head))
    body = "".join(tag("tr", *(cell(i, text) for i, text in enumerate(row))) for row in rows)
    return tag("table", tag("thead", tag("tr", names)), tag("tbody", body))
