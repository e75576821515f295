"""Bars as an SVG of the page's own colours, with alt text and a table twin.

A chart is what a benchmark leaves under `charts`: `title` and `unit` in both languages,
`bars` {name: value, or [value, low, high]}, and `line`, a value to compare with.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from html import escape
from typing import Any

from aulac.lesson.outcome import written
from aulac_grader.book.words import table

WIDTH, NAMES, ROW, TOP = 760, 320, 36, 8
Name = Callable[[str], str]
WORDS = {
    "vi": ("Biểu đồ cột ngang", "mốc so sánh", "Giá trị", "Khoảng 95 %"),
    "en": ("Bar chart", "line to compare with", "Value", "95 % interval"),
}


def chart(spec: dict[str, Any], name: Name, lang: str) -> str:
    """A figure: title, picture, and the same numbers as a table.

    name: what a bar is called in the language of the page.
    """
    bars = {name(key): ends(value) for key, value in spec["bars"].items()}
    if not bars:
        return ""
    title, unit = spec["title"][lang], spec.get("unit", {}).get(lang, "")
    line = spec.get("line")
    return (
        f'<figure class="aulac-chart"><figcaption>{escape(title)}</figcaption>\n'
        f"{picture(bars, line, alt(title, unit, bars, line, lang), lang)}\n"
        f"{twin(bars, unit, lang)}</figure>"
    )


def ends(value: Any) -> tuple[float, float, float]:
    """Value, low, high of a bar; the three are one without an interval."""
    if isinstance(value, list | tuple):
        middle, low, high = value
        return float(middle), float(low), float(high)
    return float(value), float(value), float(value)


def alt(
    title: str,
    unit: str,
    bars: dict[str, tuple[float, float, float]],
    line: float | None,
    lang: str,
) -> str:
    """The chart in words, number by number."""
    kind, to_compare = WORDS[lang][:2]
    said = "; ".join(
        f"{name}: {written(round(bar[0], 4), lang)}"
        for name, bar in bars.items()
    )
    more = "" if line is None else f" ({to_compare}: {written(line, lang)})"
    return f"{kind}. {title}, {unit}{more}. {said}."


def picture(
    bars: dict[str, tuple[float, float, float]],
    line: float | None,
    words: str,
    lang: str,
) -> str:
    """The SVG; colours come from the page, light or dark."""
    values = [end for bar in bars.values() for end in bar] + [0.0, line or 0.0]
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    room = WIDTH - NAMES - 70  # numbers stand behind the longest bar

    def x(value: float) -> float:
        return round(NAMES + (value - low) / span * room, 1)

    height = TOP + ROW * len(bars) + 8
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="'
        f'{escape(words)}" xmlns="http://www.w3.org/2000/svg">'
    ]
    for place, (name, bar) in enumerate(bars.items()):
        parts += one_bar(name, bar, TOP + ROW * place, x, lang)
    for value, css in ((0.0, "zero"), (line, "mark")):
        if value is not None:
            parts.append(
                f'<line class="aulac-chart-{css}" x1="{x(value)}" y1="0" '
                f'x2="{x(value)}" y2="{height}"/>'
            )
    return "".join([*parts, "</svg>"])


def one_bar(
    name: str,
    bar: tuple[float, float, float],
    y: int,
    x: Callable[[float], float],
    lang: str,
) -> list[str]:
    """Name, bar, interval and number of one row that begins at `y`."""
    value, low, high = bar
    left, right = sorted((x(0.0), x(value)))
    middle = y + ROW / 2
    parts = [
        *named(name, middle),
        f'<rect x="{left}" y="{y + 5}" width="{max(1.0, right - left):.1f}" '
        f'height="{ROW - 12}"/>',
    ]
    if low < high:
        parts.append(
            f'<line class="aulac-chart-span" x1="{x(low)}" y1="{middle - 1}" '
            f'x2="{x(high)}" y2="{middle - 1}"/>'
        )
    number = written(float(f"{value:.3g}"), lang)
    place = max(right, x(high)) + 6
    parts.append(f'<text x="{place}" y="{middle + 4}">{number}</text>')
    return parts


def named(name: str, middle: float, size: int = 42) -> list[str]:
    """A bar's name at its left, on two lines where it is long or is `a / b`."""
    head, _, tail = name.rpartition(" / ")
    whole = [line for line in (head, tail) if line]
    lines = whole if len(whole) > 1 else textwrap.wrap(name, size)
    if len(lines) > 2:
        lines = [lines[0], f"{lines[1]} …"]
    first = middle + 4 - 8 * (len(lines) - 1)
    return [
        f'<text x="{NAMES - 10}" y="{first + 16 * place}" text-anchor="end">'
        f"{escape(textwrap.shorten(line, size + 2, placeholder=' …'))}</text>"
        for place, line in enumerate(lines)
    ]


def twin(
    bars: dict[str, tuple[float, float, float]], unit: str, lang: str
) -> str:
    """The numbers of the chart as a table."""
    spread = any(low < high for _, low, high in bars.values())
    value, interval = WORDS[lang][2:]
    head = ["", unit or value] + [interval] * spread
    rows = []
    for name, (middle, low, high) in bars.items():
        row = [escape(name), written(round(middle, 4), lang)]
        if spread:
            both = [written(round(end, 4), lang) for end in (low, high)]
            span = " – ".join(both) if low < high else "–"
            row.append(span)
        rows.append(row)
    return table([escape(cell) for cell in head], rows)
