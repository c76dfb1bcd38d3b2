"""Plots as SVG text, small enough to stand inside the page.

They are drawn for a width of 340 units, about a phone's, so that their text can be read there, and name no colour: the
page gives the classes `base`, `tuned` and `other` one colour in the light and another in the dark. Base is hollow or
dashed and tuned is full, so that a plot can be read without colours too.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 340.0
BAR, GAP, LINE = 9.0, 5.0, 15.0  # heights of a bar, of the space under it, of a line of text
LONGEST_LABEL = 32  # characters that fit in one line, beside a note


@dataclass(frozen=True)
class Mark:
    """One value and what is written beside it; `low` and `high` are its interval; `kind` base, tuned or other."""

    value: float
    label: str
    kind: str = "other"
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Group:
    """Marks that belong under one label, with a note at the label's right."""

    label: str
    marks: tuple[Mark, ...]
    note: str = ""


@dataclass(frozen=True)
class Line:
    """A line through points of 0..1; `sizes` in 0..1, when given, draws the points too."""

    name: str
    points: tuple[tuple[float, float], ...]
    kind: str = "other"
    sizes: tuple[float, ...] = ()


def bars(alt: str, groups: Sequence[Group], *, top: float = 1.0, percent: bool = True, dots: bool = False) -> str:
    """Draw horizontal bars (or dots) with their intervals, from 0 to `top`. `alt` describes the plot in words."""
    left, right = 2.0, WIDTH - 62
    scale = (right - left) / top

    def x(value: float) -> float:
        return left + min(max(value, 0.0), top) * scale

    parts, y = [], 4.0
    for group in groups:
        parts.append(_text(left, y + 10, group.label))
        if group.note:
            parts.append(_text(WIDTH - 2, y + 10, group.note, "muted", "end"))
        y += LINE
        for mark in group.marks:
            middle = y + BAR / 2
            if dots:
                parts += [*_whisker(mark, x, middle), _point(x(mark.value), middle, mark.kind)]
            else:
                size = f'width="{x(mark.value) - left:.1f}" height="{BAR:g}"'
                parts += [f'<rect class="{mark.kind}" x="{left:g}" y="{y:.1f}" {size}/>', *_whisker(mark, x, middle)]
            parts.append(_text(WIDTH - 2, y + 8.5, mark.label, anchor="end"))
            y += BAR + GAP
        y += 5
    ticks = [top * part / 4 for part in range(5)] if percent else _whole_ticks(top)
    grid = []
    for tick in ticks:
        grid.append(f'<path class="grid" d="M{x(tick):.1f} 2V{y:.1f}"/>')
        anchor = "start" if tick == ticks[0] else "middle"
        label = f"{100 * tick:g} %" if percent else f"{tick:g}"
        parts.append(_text(x(tick), y + 11, label, "muted", anchor))
    return _svg(alt, y + 15, [*grid, *parts])


def curve(alt: str, lines: Sequence[Line], *, across: str, up: str, diagonal: bool = False) -> str:
    """Draw lines in a square of 0..1 by 0..1, named below it; `across` and `up` name the axes."""
    left, right, head, foot = 34.0, WIDTH - 8, 22.0, 212.0

    def at(point: tuple[float, float]) -> tuple[float, float]:
        return left + point[0] * (right - left), foot - point[1] * (foot - head)

    parts = [_text(2, 11, up, "muted")]
    for part in range(5):
        x, y = at((part / 4, part / 4))
        parts.append(f'<path class="grid" d="M{x:.1f} {head:g}V{foot:g}M{left:g} {y:.1f}H{right:g}"/>')
        parts.append(_text(left - 4, y + 4, f"{25 * part} %", "muted", "end"))
        parts.append(_text(x, foot + 13, f"{25 * part} %", "muted", "end" if part == 4 else "middle"))
    parts.append(_text((left + right) / 2, foot + 29, across, "muted", "middle"))
    if diagonal:
        parts.append(f'<path class="grid diagonal" d="M{left:g} {foot:g}L{right:g} {head:g}"/>')
    bottom = foot + 36
    for line in lines:
        places = [at(point) for point in line.points]
        if places:
            path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
            parts.append(f'<path class="line {line.kind}" d="M{path}"/>')
        for (x, y), size in zip(places, line.sizes, strict=False):
            parts.append(_point(x, y, line.kind, 2.5 + 5 * math.sqrt(size)))
        parts.append(f'<path class="line {line.kind}" d="M{left:g} {bottom + 6:.1f}h26"/>')
        if line.sizes:
            parts.append(_point(left + 13, bottom + 6, line.kind))
        parts.append(_text(left + 32, bottom + 10, line.name))
        bottom += LINE
    return _svg(alt, bottom + 4, parts)


def _svg(alt: str, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg class="plot" role="img" aria-label="{escape(alt)}" viewBox="0 0 {WIDTH:g} {height:.0f}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    if len(text) > LONGEST_LABEL:  # the ends of names tell them apart
        text = f"{text[: LONGEST_LABEL // 2]}…{text[1 - LONGEST_LABEL // 2 :]}"
    style = f' class="{kind}"' if kind else ""
    end = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text{style} x="{x:.1f}" y="{y:.1f}"{end}>{escape(text)}</text>'


def _point(x: float, y: float, kind: str, radius: float = 4.0) -> str:
    """A hollow circle for the base, a full square for the tuned model, a full circle for others."""
    if kind == "tuned":
        side = radius * 1.8
        corner = f'x="{x - side / 2:.1f}" y="{y - side / 2:.1f}"'
        return f'<rect class="tuned" {corner} width="{side:.1f}" height="{side:.1f}"/>'
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>'


def _whisker(mark: Mark, x: Callable[[float], float], middle: float) -> list[str]:
    if mark.low is None or mark.high is None:
        return []
    low, high = x(mark.low), x(mark.high)
    caps = f"M{low:.1f} {middle - 3:.1f}v6M{high:.1f} {middle - 3:.1f}v6"
    return [f'<path class="whisker" d="M{low:.1f} {middle:.1f}H{high:.1f}{caps}"/>']


def _whole_ticks(top: float) -> list[float]:
    """Three to six round numbers from 0 to `top`.

    >>> _whole_ticks(7), _whole_ticks(260)
    ([0, 2, 4, 6], [0, 100, 200])
    """
    step = next(size * 10**power for power in range(12) for size in (1, 2, 5) if top / (size * 10**power) <= 4)
    return [step * part for part in range(int(top // step) + 1)]
