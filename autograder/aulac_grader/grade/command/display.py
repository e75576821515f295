"""How far a batch is: a bar with counts on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aulac_grader.grade.command.telling import repaired

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID


class Display:
    """A `Reporter` that writes to `console`, the command's standard error."""

    def __init__(self, console: Console):
        self.console = console
        self.total = self.done = 0
        self._mended = self._trouble = 0
        self._progress: Progress | None = None
        self._bar: TaskID | None = None

    @contextmanager
    def progress(self, total: int, what: str) -> Iterator[None]:
        """Show progress through `total` submissions while the block runs."""
        self.total, self.done, self._mended, self._trouble = total, 0, 0, 0
        if not (self.console.is_terminal and total):
            yield
            return
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[counts]}"),
        )
        with Progress(
            *columns, console=self.console, transient=True
        ) as progress:
            self._progress = progress
            self._bar = progress.add_task(what, total=total, counts="")
            yield
        self._progress = None

    def say(self, sentence: str) -> None:
        """Something the instructor should know now."""
        self.console.print(sentence, style="yellow", markup=False)

    def note(self, sentence: str) -> None:
        """Something that is well to know."""
        self.console.print(sentence, style="dim", markup=False)

    def marked(self, found: Mapping[str, Any]) -> None:
        repairs = repaired(found)
        self._mended += bool(repairs)
        points = f"{found['points']:g}/{found['max_points']:g}"
        extra = f", {repairs} repaired" if repairs else ""
        self.step(f"{found['student']}: {points}{extra}")

    def failed(self, student: str, reason: str) -> None:
        self._trouble += 1
        self.step(f"{student}: no mark, our fault: {reason}")

    def retried(self, student: str, reason: str) -> None:
        self.say(f"{student}: marking failed ({reason}); trying again.")

    def step(self, line: str) -> None:
        """One more is done."""
        self.done += 1
        if self._progress is None:
            self.console.print(
                f"{self.done}/{self.total} {line}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
            return
        counts = f"{self._mended} repaired, {self._trouble} without a mark"
        assert self._bar is not None
        self._progress.update(self._bar, advance=1, counts=counts)
