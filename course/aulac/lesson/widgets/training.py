"""Training as one watches it: the loss as it falls, and what the model says meanwhile.

`Training` is a callback for `aulac.train.train`. In a live notebook its picture grows;
in a verify run, and so in the book, only the last state is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from aulac.lesson.language import spans
from aulac.lesson.outcome import written
from aulac.lesson.picture import show
from aulac.lesson.widgets import live

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Record = dict[str, Any]
ROWS = 8  # of the table beside the picture


class Training:
    """A loss curve that grows, and samples of the model's text at chosen moments.

    speak: returns what the model writes now; None shows the curve alone.
    moments: fractions of the run after which the model speaks.
    chance: loss (nats per token) of a model that knows nothing, drawn as a line.
    every: seconds of training between two drawings in a live notebook.
    """

    def __init__(
        self,
        speak: Callable[[], str] | None = None,
        moments: Sequence[float] = (0.1, 0.3, 1.0),
        chance: float | None = None,
        every: float = 2.0,
        name: str = "training",
    ):
        self.speak, self.chance, self.every, self.name = (
            speak,
            chance,
            every,
            name,
        )
        self.moments = sorted(moments)
        self.records: list[Record] = []
        self.said: list[tuple[int, float, str]] = []
        self._drawn = -math.inf

    def before(self) -> None:
        """Let the model speak before its first step."""
        self._say(0, 0.0)
        self._show_said()

    def __call__(self, record: Record) -> None:
        """Take one record of the training loop (step, steps, loss, seconds)."""
        self.records.append(record)
        last = record["step"] >= record["steps"]
        due = record["seconds"] - self._drawn >= self.every
        if last or (due and live()):
            self._drawn = record["seconds"]
            self.draw()
        if (
            self.moments
            and record["step"] >= self.moments[0] * record["steps"]
        ):
            while (
                self.moments
                and record["step"] >= self.moments[0] * record["steps"]
            ):
                self.moments.pop(0)
            self._say(record["step"], record["seconds"])
            if last or live():
                self._show_said()

    def draw(self) -> None:
        """Draw the curve as it is now, in the same place as before."""
        show(
            loss_figure(self.records, self.chance),
            alt=described(self.records),
            table=loss_table(self.records),
            slot=f"{self.name}-curve",
        )

    def _say(self, step: int, seconds: float) -> None:
        if self.speak is not None:
            self.said.append((step, seconds, self.speak()))

    def _show_said(self) -> None:
        if self.said:
            show(said_html(self.said), slot=f"{self.name}-said")


def loss_figure(
    records: Sequence[Record], chance: float | None = None
) -> Figure:
    """The loss (nats per token) over steps as a matplotlib figure.

    Held-out text, where it was measured, has an axis of its own (bits per byte); the
    speed now stands above.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3))
    axes = figure.add_subplot()
    steps = [r["step"] for r in records]
    axes.plot(
        steps, [r["loss"] for r in records], color="#2b6ca3", linewidth=1.8
    )
    if chance is not None:
        axes.axhline(chance, color="#b5541c", linestyle="--", linewidth=1)
        axes.annotate(
            "đoán mò (chance)",
            (records[-1]["steps"], chance),
            xytext=(-4, 4),
            textcoords="offset points",
            ha="right",
            color="#b5541c",
        )
    axes.set_xlim(0, records[-1]["steps"])
    axes.set_ylim(0, None)
    axes.set_xlabel("bước (step)")
    axes.set_ylabel("mất mát (loss)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(speed(records[-1]), loc="right", fontsize=9)
    if measured := held_out(records):
        other = axes.twinx()
        points = [(r["step"], r["validation"]) for r in measured]
        other.plot(*zip(*points, strict=True), color="#3d7a4e", marker="o")
        other.set_ylabel("bit/byte (validation)", color="#3d7a4e")
        other.spines["top"].set_visible(False)
    return figure


def held_out(records: Sequence[Record]) -> list[Record]:
    """The records in which held-out text was measured."""
    return [r for r in records if "validation" in r]


def speed(record: Record) -> str:
    """Tokens per second and MFU, as far as the record has them."""
    said = []
    if "tokens_per_second" in record:
        said.append(f"{record['tokens_per_second']:,.0f} token/s")
    if "mfu" in record:
        said.append(f"MFU {record['mfu']:.0%}")
    return ", ".join(said)


def described(records: Sequence[Record]) -> dict[str, str]:
    """What the curve shows, in words."""
    first, last = records[0], records[-1]
    vi = (
        written(round(first["loss"], 2), "vi"),
        written(round(last["loss"], 2), "vi"),
    )
    en = (
        written(round(first["loss"], 2), "en"),
        written(round(last["loss"], 2), "en"),
    )
    told = {
        "vi": f"Đường cong hàm mất mát đi từ {vi[0]} ở bước {first['step']} "
        f"đến {vi[1]} ở bước {last['step']}.",
        "en": f"Loss curve from {en[0]} at step {first['step']} "
        f"to {en[1]} at step {last['step']}.",
    }
    if measured := held_out(records):
        score = round(measured[-1]["validation"], 3)
        told["vi"] += (
            f" Trên văn bản giữ riêng: {written(score, 'vi')} bit mỗi byte."
        )
        told["en"] += (
            f" On held-out text: {written(score, 'en')} bits per byte."
        )
    return told


COLUMNS: tuple[tuple[tuple[str, str], str, int], ...] = (
    (("bước", "step"), "step", 0),
    (("mất mát", "loss"), "loss", 3),
    (("giữ riêng, bit/byte", "held out, bits/byte"), "validation", 3),
    (("giây", "seconds"), "seconds", 1),
    (("token mỗi giây", "tokens per second"), "tokens_per_second", 0),
    (("MFU, %", "MFU, %"), "mfu", 0),
)
ALWAYS = ("step", "loss", "seconds")


def loss_table(records: Sequence[Record]) -> list[Sequence[Any]]:
    """The curve in a few rows; columns for what the run measured."""
    count = min(ROWS, len(records))
    picked = [
        records[round(i * (len(records) - 1) / max(1, count - 1))]
        for i in range(count)
    ]
    columns = [
        (head, key, digits)
        for head, key, digits in COLUMNS
        if key in ALWAYS or any(key in r for r in picked)
    ]
    rows = [
        [_cell(r, key, digits) for _, key, digits in columns] for r in picked
    ]
    return [[head for head, _, _ in columns], *rows]


def _cell(record: Record, key: str, digits: int) -> Any:
    if key not in record:
        return ""
    value = 100 * record[key] if key == "mfu" else record[key]
    return round(value, digits) if digits else round(value)


def said_html(said: Sequence[tuple[int, float, str]]) -> str:
    """What the model wrote at each moment, as a table."""
    cell = "text-align:left;vertical-align:top;padding:.25em .7em"
    head = "".join(
        f'<th scope="col" style="{cell}">{spans(vi, en)}</th>'
        for vi, en in (
            ("bước", "step"),
            ("giây", "seconds"),
            ("mô hình viết", "the model writes"),
        )
    )
    rows = "".join(
        f'<tr><td style="{cell}">{step}</td><td style="{cell}">{seconds:.0f}</td>'
        f'<td style="{cell}" lang="vi">{escape(text)}</td></tr>'
        for step, seconds, text in said
    )
    return (
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )
