"""The progress bars of a verify run; silent where nobody watches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from aulac_grader.verify.pool import Run

ALL = ""


class Display:
    """One bar for all lessons, and one for each that runs, cell by cell."""

    def __init__(self, console: Console):
        self._console = console
        self._progress: Progress | None = None
        self._bars: dict[str, TaskID] = {}

    @contextmanager
    def shown(self, total: int) -> Iterator[None]:
        """Show bars while the block runs, on a terminal."""
        if not self._console.is_terminal:
            yield
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TimeElapsedColumn(),
        )
        with Progress(
            *columns, console=self._console, transient=True
        ) as progress:
            self._progress = progress
            self._bars = {ALL: progress.add_task("bài / lessons", total=total)}
            yield
        self._progress = None

    def advance(self) -> None:
        """One more lesson is settled."""
        if self._progress is not None:
            self._progress.advance(self._bars[ALL])

    def move(self, run: Run, name: str) -> None:
        """A lesson has come to a cell."""
        if self._progress is None:
            return
        if run.number not in self._bars:
            self._bars[run.number] = self._progress.add_task(
                name, total=run.cells
            )
        self._progress.update(
            self._bars[run.number], completed=run.cell, total=run.cells
        )

    def drop(self, number: str) -> None:
        """A lesson has ended."""
        if self._progress is not None and number in self._bars:
            self._progress.remove_task(self._bars.pop(number))
