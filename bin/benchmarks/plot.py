"""Figures of benchmarks as one SVG: a pair of bars for each, what was measured above its baseline.

A file of its own that loads nothing, light or dark as its reader is. Figures of one unit share one scale within their
benchmark, so that bars can be compared where numbers can.
"""

from collections.abc import Sequence
from html import escape

from bin.benchmarks.figures import Figure, Outcome, shown
from bin.page.marks import tag

_WIDTH, _LABELS, _BARS, _VALUES = 860, 300, 300, 240
_LINE, _THICK, _GAP = 36, 10, 26
_STYLE = """
text { font: 13px system-ui, "Segoe UI", Roboto, "Liberation Sans", sans-serif; fill: #1b1b19; }
.page { fill: #ffffff; } .name { font-size: 16px; font-weight: 600; } .soft { fill: #66655e; font-size: 12px; }
.measured { fill: #2f6fd0; } .baseline { fill: #b9b8b0; }
@media (prefers-color-scheme: dark) {
  text { fill: #eeede8; } .page { fill: #1d1d1b; } .soft { fill: #a3a29a; }
  .measured { fill: #5f9df2; } .baseline { fill: #5b5a54; }
}
"""


def plot(outcomes: Sequence[Outcome]) -> str:
    """The figures of some benchmarks, one below the other, as an SVG document."""
    parts = []
    y = _GAP
    for outcome in outcomes:
        parts.append(_text(20, y, outcome.name, "name"))
        parts.append(_text(20, y + 18, outcome.conditions, "soft"))
        y += 40
        for figure in outcome.figures:
            parts += _pair(figure, y, _longest(outcome, figure.unit))
            y += _LINE
        y += _GAP
    parts.append(
        _text(20, y - 10, "Blue: measured. Grey: the baseline of the same run. Medians of the rounds.", "soft")
    )
    page = tag("rect", width="100%", height="100%", class_="page")
    size = {"width": _WIDTH, "height": y, "viewBox": f"0 0 {_WIDTH} {y}"}
    return tag("svg", tag("style", _STYLE), page, *parts, xmlns="http://www.w3.org/2000/svg", **size) + "\n"


def _longest(outcome: Outcome, unit: str) -> float:
    same = [figure for figure in outcome.figures if figure.unit == unit]
    return max(max(figure.value, figure.baseline or 0) for figure in same) or 1.0


def _pair(figure: Figure, y: float, longest: float) -> list[str]:
    said = f"{shown(figure.value)} {figure.unit}"
    drawn = [_text(20, y + 13, figure.name), _bar(y, figure.value / longest, "measured")]
    if figure.baseline is not None:
        drawn.append(_bar(y + _THICK + 1, figure.baseline / longest, "baseline"))
        ratio = "" if figure.ratio is None else f", ratio {shown(figure.ratio, 3)}"
        drawn.append(_text(_LABELS + _BARS + 12, y + 25, f"baseline {shown(figure.baseline)}{ratio}", "soft"))
    return [*drawn, _text(_LABELS + _BARS + 12, y + 10, said)]


def _bar(y: float, share: float, kind: str) -> str:
    return tag("rect", x=_LABELS, y=y, width=f"{_BARS * max(share, 0):.1f}", height=_THICK, rx=2, class_=kind)


def _text(x: float, y: float, words: str, kind: str = "") -> str:
    return tag("text", escape(words), x=x, y=y, class_=kind)
