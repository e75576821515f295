"""What a run shows while it works: a log on disk, a bar in a terminal."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Show = Callable[[dict[str, Any]], None]


class Log:
    """`log.jsonl` in a run's folder: one JSON object per line, flushed at once."""

    def __init__(self, out: str | os.PathLike[str] | None, done: int):
        self.path = Path(out) / "log.jsonl" if out is not None else None
        self.records: list[dict[str, Any]] = []
        if self.path is None:
            return
        if self.path.exists():
            self.records = [
                r for r in read_log(self.path) if r["step"] <= done
            ]
        lines = "".join(json.dumps(record) + "\n" for record in self.records)
        part = self.path.with_suffix(".part")
        part.write_text(lines)
        part.replace(self.path)

    def write(self, record: dict[str, Any]) -> None:
        """Add a record, in memory and on disk."""
        from aulac.checkpoint import writing

        self.records.append(record)
        if self.path is not None:
            with writing(self.path), self.path.open("a") as file:
                file.write(json.dumps(record) + "\n")


def read_log(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The records of a log; a line cut off by a kill is left out."""
    records = []
    for line in Path(path).read_text().splitlines():
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return records


@contextmanager
def bar(steps: int, done: int) -> Iterator[Show]:
    """A progress bar with loss, tokens per second and time left, in a terminal only."""
    if not sys.stderr.isatty():
        yield lambda record: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("bước / step {task.completed}/{task.total}"),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=steps, completed=done)

        def show(record: dict[str, Any]) -> None:
            text = f"loss {record['loss']:.3f}  {record['tokens_per_second']:,.0f} tok/s"
            progress.update(task, completed=record["step"], description=text)

        yield show


@contextmanager
def interrupts() -> Iterator[Callable[[], bool]]:
    """Hold Ctrl-C back until the next record; the yielded function asks for it.

    A second Ctrl-C is not held back.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = signal.getsignal(signal.SIGINT)

    def hold(number: int, frame: Any) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, hold)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)
