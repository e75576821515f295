"""Marks for one sheet: the student's cells in a box, each test in a judge of its own.

    for each cell of the sheet, in order
        a given, answer or extra cell   the stem in the box runs it
        a test                          the stem forks a question, the room forks a
                                        judge, the two talk, the judge says points

A cell that brings its box down (ends the process, loops past every signal, takes all
memory) is left out of a new box, in which the cells before and after it run again;
tests that were judged stay judged. A question that goes down costs that test alone.
Processor time decides, so a busy machine changes nothing.

`mark` raises nothing for what a sheet holds.
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .attempt import Attempt, BoxLost, scrubbed
from .case import Room
from .notices import cell_error, test_message
from .paper import Paper, PaperCell
from .sheet import (
    CellResult,
    InfrastructureError,
    Marks,
    Sheet,
    SheetCell,
    TestResult,
    TestStatus,
)
from .workshop import Workshop

__all__ = [
    "CellResult",
    "InfrastructureError",
    "Marks",
    "Sheet",
    "SheetCell",
    "TestResult",
    "mark",
]

MAX_BOXES = 16
# Of all boxes of one submission together, as a multiple of one cell's limit.
MAX_CPU, MAX_WALL = 20, 120
MAX_FILES = 32 << 20  # bytes, of the files that one test is given
MAX_TEXT = 2_000


def mark(
    paper: Paper, sheet: Sheet, seeds: Mapping[str, int], workshop: Workshop
) -> Marks:
    """Mark one sheet.

    Args:
        seeds: for each test of the paper, what its random numbers begin with.

    Raises:
        InfrastructureError: a process of ours died; nothing was learned, mark again.
        SandboxUnavailable: this machine cannot isolate a process.
        ValueError: `sheet` or `seeds` do not belong to `paper`.
    """
    tests = {test.id for test in paper.tests}
    markers = [cell.id for cell in sheet.cells if cell.kind == "test"]
    if sorted(markers) != sorted(tests) or not tests <= set(seeds):
        raise ValueError(
            f"The sheet has the tests {sorted(markers)}, the paper {paper.name} has "
            f"{sorted(tests)}, and seeds are given for {sorted(seeds)}: make the "
            "sheet with `rebuild` from this paper, and a seed for each test."
        )
    workshop.prepare(paper)
    return _Marking(paper, sheet, seeds, workshop).marks()


class _Marking:
    """The marking of one sheet, over as many boxes as it takes."""

    def __init__(
        self,
        paper: Paper,
        sheet: Sheet,
        seeds: Mapping[str, int],
        workshop: Workshop,
    ) -> None:
        self.paper, self.sheet, self.seeds = paper, sheet, seeds
        self.workshop, self.limits = workshop, workshop.limits
        self.cells: dict[int, CellResult] = {}  # by place in the sheet
        self.tests: dict[str, TestResult] = {}
        self.dropped: set[int] = set()
        self.stuck: set[str] = set()  # tests before which a box was lost
        self.boxes, self.cpu, self.peak = 0, 0.0, 0.0
        self.began = time.monotonic()
        self.tier: dict[str, Any] = {}

    def marks(self) -> Marks:
        while self.boxes < MAX_BOXES and not self._spent():
            if self._attempt():
                break
        return Marks(
            tests=tuple(
                self.tests.get(test.id) or _unrun_test(test)
                for test in self.paper.tests
            ),
            cells=tuple(
                self.cells.get(place) or _unrun_cell(cell)
                for place, cell in enumerate(self.sheet.cells)
                if cell.kind != "test"
            ),
            tier=self.tier,
            measures={
                "seconds": time.monotonic() - self.began,
                "cpu_seconds": self.cpu,
                "peak_mb": self.peak,
                "boxes": self.boxes,
            },
        )

    def _spent(self, box: Attempt | None = None) -> bool:
        """Has this submission had its share of time?"""
        cpu = self.cpu + (box.watch.cpu_seconds if box else 0.0)
        wall = time.monotonic() - self.began
        unit = self.limits.cpu_seconds
        return cpu > MAX_CPU * unit or wall > MAX_WALL * unit

    def _attempt(self) -> bool:
        """Run the sheet in a new box; True when all of it has been run."""
        self.boxes += 1
        with Attempt(self.workshop) as box:
            try:
                self.tier = self.tier or self.workshop.describe(box.watch)
                return self._run(box)
            finally:
                self.cpu += box.watch.cpu_seconds
                self.peak = max(self.peak, box.watch.peak_mb)

    def _run(self, box: Attempt) -> bool:
        box.place(self.sheet.files)
        for place, cell in enumerate(self.sheet.cells):
            if place in self.dropped or cell.id in self.tests:
                continue
            if self._spent(box):
                return False
            try:
                if cell.kind == "test":
                    self.tests[cell.id] = self._test(box, cell.id)
                else:
                    result = box.run(cell)
                    self.cells.setdefault(place, result)
            except BoxLost as lost:
                self._lose(place, cell, lost)
                return False
            if box.lost:
                return False
        return True

    def _lose(self, place: int, cell: SheetCell, lost: BoxLost) -> None:
        """The box went down while it was asked for this cell."""
        if cell.kind != "test":
            self.dropped.add(place)
            self.cells[place] = CellResult(
                cell.id, cell.kind, lost.status, cell_error(lost.status)
            )
        elif cell.id not in self.stuck:
            self.stuck.add(cell.id)  # before the test began: not its fault yet
        else:
            test = self.paper.by_id[cell.id]
            self.tests[cell.id] = _no_points(test, _TEST_STATUS[lost.status])

    # -- one test ----------------------------------------------------------------------

    def _test(self, box: Attempt, test_id: str) -> TestResult:
        test = self.paper.by_id[test_id]
        seconds = test.seconds or self.limits.cpu_seconds
        room = self.workshop.room(self.paper)
        files = self._files(box, test)
        for _ in range(2):
            question = box.question(test_id, seconds)
            outcome = self._judge(room, box, test, question, seconds, files)
            if outcome is not None or box.lost:
                break
        box.watch.idle()
        if outcome is not None and outcome["points"] >= test.points:
            return _result(test, outcome, None)
        return _result(test, outcome, self._how_it_ended(box))

    def _how_it_ended(self, box: Attempt) -> str | None:
        """What ended a question that earned less than all, if anything did.

        It may have ended the box, too: asked now, so that no other cell is blamed.
        """
        ended = box.watch.ended_question
        try:
            how = box.stop()
        except BoxLost as lost:
            return ended or lost.status
        return ended or ("cpu" if how == "SIGXCPU" else None)

    def _judge(
        self,
        room: Room,
        box: Attempt,
        test: PaperCell,
        question: socket.socket,
        seconds: float,
        files: list[list[Any]],
    ) -> dict[str, Any] | None:
        def another() -> socket.socket | None:
            watch = box.watch
            watch.idle()
            if watch.ended_question or box.lost or self._spent(box):
                return None
            try:
                if box.stop() == "SIGXCPU":
                    watch.ended_question = "cpu"
                    return None
                return box.question(test.id, seconds)
            except BoxLost:
                return None

        try:
            return room.judge(
                test.id,
                question,
                another,
                seed=self.seeds[test.id],
                seconds=seconds,
                wall_seconds=2 * max(self.limits.wall_seconds, 6 * seconds)
                + 60,
                files=files,
            )
        except TimeoutError:
            box.watch.ended_question = "wall"
            return {"points": 0.0, "status": "time"}

    def _files(self, box: Attempt, test: PaperCell) -> list[list[Any]]:
        """The declared files that this test speaks of, as they are now."""
        names = {
            name
            for cell in self.paper.before(test.id)
            for name in cell.files
            if name in test.source
        }
        found: list[list[Any]] = []
        room = MAX_FILES
        for name in sorted(names):
            data = box.fetch(name, room)
            if data is not None:
                found.append([name, data])
                room -= len(data)
        return found


_TEST_STATUS: Mapping[str, TestStatus] = {
    "cpu": "time",
    "wall": "time",
    "time": "time",
    "memory": "memory",
}


def _result(
    test: PaperCell, outcome: dict[str, Any] | None, ended: str | None
) -> TestResult:
    """The judge's outcome, and over it what the watchdog knows."""
    if outcome is None:
        # The judge fell over what it was sent.
        return _no_points(test, _TEST_STATUS.get(ended or "", "refused"))
    points = float(outcome["points"])
    if not (math.isfinite(points) and 0 < points <= test.points):
        points = 0.0
    status: TestStatus = outcome["status"]
    if ended is not None and (status == "ended" or ended == "died"):
        status = _TEST_STATUS.get(ended, "ended")
        return replace(_no_points(test, status), points=points)
    return TestResult(
        id=test.id,
        points=points,
        max_points=test.points,
        status=status,
        message=scrubbed(outcome.get("message", ""))[:MAX_TEXT],
        visible_failed=bool(outcome.get("visible_failed")),
    )


def _no_points(test: PaperCell, status: TestStatus) -> TestResult:
    return TestResult(test.id, 0.0, test.points, status, test_message(status))


def _unrun_test(test: PaperCell) -> TestResult:
    return TestResult(test.id, 0.0, test.points, "time", test_message("unrun"))


def _unrun_cell(cell: SheetCell) -> CellResult:
    return CellResult(cell.id, cell.kind, "time", cell_error("unrun"))
