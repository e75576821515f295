"""What a run shows while it works, and how it hears that it should stop."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

Show = Callable[[dict[str, Any]], None]


def say(vi: str, en: str) -> None:
    """A sentence in both languages, on stderr."""
    print(vi, en, sep="\n", file=sys.stderr, flush=True)


@cache
def say_once(vi: str, en: str) -> None:
    """The same, once in a process and not in a notebook, where `setup` has spoken."""
    shell = sys.modules.get("IPython")
    if shell is None or shell.get_ipython() is None:
        say(vi, en)


@contextmanager
def bar(steps: int, done: int) -> Iterator[Show]:
    """The loss curve over a progress bar with what was measured; terminals only."""
    if not sys.stderr.isatty():
        yield lambda record: None
        return
    from rich.console import Console, Group
    from rich.live import Live
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from aulac.scale.curve import Curve

    columns = (
        TextColumn("bước / step {task.completed}/{task.total}"),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
    )
    curve, progress = Curve(), Progress(*columns)
    task = progress.add_task("", total=steps, completed=done)
    held_out: list[str] = []  # what was measured of held-out text

    def show(record: dict[str, Any]) -> None:
        text = f"loss {record['loss']:.3f}  {record['tokens_per_second']:,.0f} tok/s"
        if "mfu" in record:
            text += f"  MFU {record['mfu']:.0%}"
        if "validation" in record:
            held_out.append(f"  {record['validation']:.3f} bit/byte")
        text += held_out[-1] if held_out else ""
        progress.update(task, completed=record["step"], description=text)
        curve.add(record)

    with Live(Group(curve, progress), console=Console(stderr=True)):
        yield show


@contextmanager
def board(folder: str | os.PathLike[str] | None) -> Iterator[Show]:
    """Writes every number of a record for TensorBoard; None writes nothing.

    Where TensorBoard is not installed a sentence says how to get it.
    """
    if folder is None:
        yield lambda record: None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        say(
            "Chưa cài TensorBoard nên không ghi gì cho nó: pip install tensorboard.",
            "TensorBoard is not installed, so nothing is written for it: "
            "pip install tensorboard.",
        )
        yield lambda record: None
        return
    writer = SummaryWriter(str(folder))

    def write(record: dict[str, Any]) -> None:
        for name, value in record.items():
            if name not in ("step", "steps") and isinstance(
                value, int | float
            ):
                writer.add_scalar(name, value, record["step"])

    try:
        yield write
    finally:
        writer.close()


SIGNALS = (signal.SIGINT, signal.SIGTERM)  # Ctrl-C; a scheduler, `kill`


@contextmanager
def interrupts(patient: bool = False) -> Iterator[Callable[[], int]]:
    """Hold Ctrl-C and SIGTERM back until the next step; ask with the function.

    It returns the signal's number, 0 before there is one. A second signal is not
    held back, unless `patient`: torchrun hands on the one that the terminal has
    already sent.
    """
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def hold(number: int, frame: Any) -> None:
        asked.append(number)
        if not patient:
            restore()

    for number in SIGNALS:
        signal.signal(number, hold)
    try:
        yield lambda: asked[0] if asked else 0
    finally:
        restore()
