"""A loss curve in a terminal: dots of braille letters, eight to a letter.

`chart` draws series of points; `Curve` grows with the records of a training run;
`plot` draws the logs of finished or running ones, on the screen or into a PNG. A log is
plain JSONL, one record a line with `step` and `loss` (nats per token), so anyone can
plot it with anything.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from aulac.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

Point = tuple[float, float]
Record = dict[str, Any]
BLANK = 0x2800  # of braille; a letter is this plus the sum of its dots
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # rows of two
COLOURS = ("cyan", "magenta", "yellow", "green", "blue", "red")
WIDTH, HEIGHT = 64, 10  # letters, without the labels
LABEL = 11  # letters in front of each row


class LogError(InputError):
    """A log that cannot be drawn."""


def chart(
    series: Mapping[str, Sequence[Point]],
    width: int = WIDTH,
    height: int = HEIGHT,
    last: float = 0.0,
) -> Text:
    """Lines through points (x, y), x from 0 to `last` or the largest x.

    The rows are labelled with y at the top, in the middle and at the bottom, and
    the last line with x. Each series has a colour of its own. Points that are no
    numbers are left out; with none left the text is empty.
    """
    kept = {name: finite(points) for name, points in series.items()}
    points = [point for some in kept.values() for point in some]
    if not points:
        return Text()
    right = max(last, *(x for x, _ in points)) or 1.0
    low, high = min(y for _, y in points), max(y for _, y in points)
    span = (high - low) or 1.0
    cells: dict[tuple[int, int], tuple[int, str]] = {}
    for number, some in enumerate(kept.values()):
        colour = COLOURS[number % len(COLOURS)]
        for across, down in dots(some, right, low, span, width, height):
            place = down // 4, across // 2
            dot = DOTS[down % 4][across % 2]
            cells[place] = cells.get(place, (0, ""))[0] | dot, colour
    middle = height // 2
    labels = {0: high, height - 1: low}
    labels[middle] = high - span * (middle + 0.5) / height
    drawn = Text()
    for row in range(height):
        drawn.append(f"{labelled(labels.get(row)):>{LABEL - 1}} ")
        for column in range(width):
            dot, colour = cells.get((row, column), (0, ""))
            drawn.append(chr(BLANK + dot), style=colour)
        drawn.append("\n")
    end = f"{right:,.0f}"
    drawn.append(" " * LABEL + "0" + end.rjust(width - 1) + "\n")
    return drawn


def finite(points: Sequence[Point]) -> list[Point]:
    """The points whose y is a finite number."""
    return [(x, y) for x, y in points if math.isfinite(y)]


def labelled(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def dots(
    points: Sequence[Point],
    right: float,
    low: float,
    span: float,
    width: int,
    height: int,
) -> list[tuple[int, int]]:
    """The dots (from the left, from the top) of a line through the points."""
    scaled = [
        (
            x / right * (2 * width - 1),
            (1 - (y - low) / span) * (4 * height - 1),
        )
        for x, y in points
    ]
    found = [(round(x), round(y)) for x, y in scaled]
    for (x1, y1), (x2, y2) in pairwise(scaled):
        count = math.ceil(max(abs(x2 - x1), abs(y2 - y1)))
        found += [
            (
                round(x1 + (x2 - x1) * i / count),
                round(y1 + (y2 - y1) * i / count),
            )
            for i in range(1, count)
        ]
    return found


class Curve:
    """A loss curve that rich draws anew with every record it is given."""

    def __init__(self, height: int = HEIGHT) -> None:
        self.height = height
        self.records: list[Record] = []

    def add(self, record: Record) -> None:
        self.records.append(record)

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        if len(self.records) < 2:
            return
        width = min(WIDTH, options.max_width - LABEL)
        if width < 8:
            return
        steps = self.records[-1]["steps"]
        series = {"loss": losses(self.records)}
        yield chart(series, width, self.height, last=steps)


def read_log(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The records of a log; a line cut off by a kill, or no record, is left out."""
    records = []
    for line in Path(path).read_text("utf-8", errors="replace").splitlines():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(record, dict) and "step" in record:
            records.append(record)
    return records


def losses(records: Sequence[Record]) -> list[Point]:
    """Step and loss of each record."""
    return [(float(r["step"]), float(r["loss"])) for r in records]


def read(path: Path) -> list[Record]:
    """The records of a log, or of the log in a run's folder.

    Raises LogError when there is none, or it holds no record.
    """
    places = [path, path / "log.jsonl", path / "work" / "run" / "log.jsonl"]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise LogError(
            f"there is no log at {path}: give a log.jsonl or a run's folder.",
            f"không có nhật ký nào ở {path}: hãy đưa tệp log.jsonl hoặc thư mục của "
            "một lần chạy.",
        )
    try:
        records = [r for r in read_log(found) if {"step", "loss"} <= set(r)]
    except (OSError, UnicodeDecodeError, TypeError) as error:
        raise LogError(
            f"{found} cannot be read as a log ({error}).",
            f"không đọc được nhật ký {found} ({error}).",
        ) from None
    if not records:
        raise LogError(
            f"{found} holds no record yet: a line has `step` and `loss`.",
            f"{found} chưa có bản ghi nào: mỗi dòng cần có `step` và `loss`.",
        )
    return records


def plot(paths: Sequence[Path], out: Path | None = None) -> Text:
    """The loss curves of logs as text; as a PNG in `out` too, if given.

    Raises LogError for a log that cannot be read.
    """
    logs = {str(path): losses(read(path)) for path in paths}
    drawn = chart(logs)
    for number, (name, points) in enumerate(logs.items()):
        colour = COLOURS[number % len(COLOURS)]
        step, loss = points[-1]
        drawn.append("━━ ", style=colour)
        drawn.append(f"{name}: bước / step {step:,.0f}, loss {loss:.4f}\n")
    if out is not None:
        picture(logs, out)
    return drawn


def picture(logs: Mapping[str, Sequence[Point]], out: Path) -> None:
    """The same curves as a picture file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    for name, points in logs.items():
        axes.plot(*zip(*points, strict=True), label=name, linewidth=1.5)
    axes.set_xlabel("bước (step)")
    axes.set_ylabel("mất mát (loss), nat/token")
    axes.spines[["top", "right"]].set_visible(False)
    if len(logs) > 1:
        axes.legend(frameon=False)
    figure.savefig(out, dpi=150)
