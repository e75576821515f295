"""Marks for submitted code: its cells in a student process, each test in a judge's fork.

    for each cell of the submitted code, in order
        a given, answer or extra cell   the student process runs it
        a test                          the student process forks a question, the judge
                                        process a judge; the two talk, and the judge
                                        says how many points

A cell that brings its process down (ends it, loops past every signal, takes all memory)
is left out of a new one, in which the cells before and after it run again; tests that
were judged stay judged. A question that goes down costs that test alone. Where a student
process is lost twice before one test has begun, the next runs without the student's
extra cells: what they leave running must not cost an answer.
Processor time decides, so a busy machine changes nothing.

What a student may read never comes from a process that a hidden test has asked, for a
question can leave what it was asked to later cells and questions (shared memory is
enough). So there are two rounds. The first gives the points. The second, in a new student
process, runs the visible parts of the tests that were lost, and says what cells after the
first test print. Where nothing was lost and nothing printed, there is no second.

`mark` raises nothing for what submitted code holds.
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aulac_grader.judge.assignment import TrustedAssignment, TrustedCell
from aulac_grader.judge.submitted import (
    CellResult,
    InfrastructureError,
    Marks,
    SubmittedCell,
    SubmittedCode,
    TestResult,
    TestStatus,
)

from .judge_process import JudgeProcess
from .notices import cell_error, test_message
from .student_process import StudentProcess, StudentProcessLost, scrubbed
from .warm_parents import WarmParents

__all__ = [
    "CellResult",
    "InfrastructureError",
    "Marks",
    "SubmittedCell",
    "SubmittedCode",
    "TestResult",
    "mark",
]

MAX_BOXES = 16  # of one round
# Of all boxes of one round together, as a multiple of one cell's limit.
MAX_CPU, MAX_WALL = 20, 120
MAX_FILES = 32 << 20  # bytes, of the files that one test is given
MAX_TEXT = 2_000
# Kept of what all cells of one submission print, in characters, and draw, in bytes.
MAX_PRINTED, MAX_PICTURES = 1 << 20, 8 << 20


def mark(
    assignment: TrustedAssignment,
    submitted: SubmittedCode,
    seeds: Mapping[str, int],
    parents: WarmParents,
) -> Marks:
    """Mark submitted code.

    Args:
        seeds: for each test of the assignment, what its random numbers begin with.

    Raises:
        InfrastructureError: a process of ours died; nothing was learned, mark again.
        SandboxUnavailable: this machine cannot isolate a process.
        ValueError: `submitted` or `seeds` do not belong to `assignment`.
    """
    tests = [test.id for test in assignment.tests]
    markers = [cell.id for cell in submitted.cells if cell.kind == "test"]
    if sorted(markers) != sorted(tests) or not set(tests) <= set(seeds):
        raise ValueError(
            f"The code has the tests {sorted(markers)}, {assignment.name} has "
            f"{sorted(tests)}, and seeds are given for {sorted(seeds)}: make the "
            "submitted code with `rebuild` from this assignment, and a seed for each test."
        )
    parents.prepare(assignment)
    began = time.monotonic()
    first = Round(assignment, submitted, seeds, parents, set(tests)).run()
    rounds = [first]
    second = first
    if not first.fit_to_show:
        second = Round(
            assignment,
            submitted,
            seeds,
            parents,
            first.lost_tests,
            visible_only=True,
        ).run()
        rounds.append(second)
    return Marks(
        tests=tuple(
            _shown(first.test(test), second.tests.get(test.id))
            for test in assignment.tests
        ),
        cells=second.results,
        tier=first.tier,
        measures={
            "seconds": time.monotonic() - began,
            "cpu_seconds": sum(each.cpu for each in rounds),
            "peak_mb": max(each.peak for each in rounds),
            "boxes": sum(each.boxes for each in rounds),
        },
    )


class Round:
    """One run of the submitted code, over as many boxes as it takes.

    `wanted` are the tests to judge, or the visible parts of them.
    """

    def __init__(
        self,
        assignment: TrustedAssignment,
        submitted: SubmittedCode,
        seeds: Mapping[str, int],
        parents: WarmParents,
        wanted: set[str],
        *,
        visible_only: bool = False,
    ) -> None:
        self.assignment, self.code, self.seeds = assignment, submitted, seeds
        self.parents, self.limits = parents, parents.limits
        self.wanted, self.visible_only = wanted, visible_only
        self.cells: dict[
            int, CellResult
        ] = {}  # by place in the submitted code
        self.tests: dict[str, TestResult] = {}
        self.dropped: set[int] = set()
        self.stuck: set[str] = (
            set()
        )  # tests before which a student process was lost
        self.text_left, self.pictures_left = MAX_PRINTED, MAX_PICTURES
        self.boxes, self.cpu, self.peak = 0, 0.0, 0.0
        self.began = time.monotonic()
        self.tier: dict[str, Any] = {}

    def run(self) -> Round:
        while self.boxes < MAX_BOXES and not self._spent():
            if self._run_once():
                break
        return self

    # -- what came of it ---------------------------------------------------------------

    def test(self, test: TrustedCell) -> TestResult:
        return self.tests.get(test.id) or TestResult(
            test.id, 0.0, test.points, "time", test_message("unrun")
        )

    @property
    def lost_tests(self) -> set[str]:
        """Those that earned less than all."""
        results = [self.test(test) for test in self.assignment.tests]
        return {r.id for r in results if r.points < r.max_points}

    @property
    def results(self) -> tuple[CellResult, ...]:
        return tuple(
            self.cells.get(place)
            or CellResult(cell.id, cell.kind, "time", cell_error("unrun"))
            for place, cell in enumerate(self.code.cells)
            if cell.kind != "test"
        )

    @property
    def fit_to_show(self) -> bool:
        """Is there nothing in it that a hidden test may have had a part in?"""
        kinds = [cell.kind for cell in self.code.cells]
        first = kinds.index("test") if "test" in kinds else len(kinds)
        silent = all(
            place in self.cells
            and self.cells[place] == CellResult(cell.id, cell.kind, "ok")
            for place, cell in enumerate(self.code.cells)
            if place > first and cell.kind != "test"
        )
        return silent and not self.lost_tests

    # -- running it --------------------------------------------------------------------

    def _spent(self, student: StudentProcess | None = None) -> bool:
        """Has this submission had its share of time?"""
        cpu = self.cpu + (student.watchdog.used if student else 0.0)
        wall = time.monotonic() - self.began
        unit = self.limits.cpu_seconds
        return cpu > MAX_CPU * unit or wall > MAX_WALL * unit

    def _run_once(self) -> bool:
        """Run the submitted code in a new student process; True when all of it has been run."""
        self.boxes += 1
        with StudentProcess(self.parents) as student:
            try:
                self.tier = self.tier or self.parents.describe(
                    student.watchdog
                )
                return self._run(student)
            finally:
                student.watchdog.idle()
                self.cpu += student.watchdog.used
                self.peak = max(self.peak, student.watchdog.peak_mb)

    def _run(self, student: StudentProcess) -> bool:
        student.place(self.code.files)
        for place, cell in enumerate(self.code.cells):
            if not self._is_due(place, cell):
                continue
            if self._spent(student):
                return False
            try:
                if cell.kind == "test":
                    self.tests[cell.id] = self._test(student, cell.id)
                else:
                    self._keep(place, student.run(cell))
            except StudentProcessLost as lost:
                self._lose(place, cell, lost)
                return False
            if student.lost:
                return False
        return True

    def _is_due(self, place: int, cell: SubmittedCell) -> bool:
        if cell.kind != "test":
            return place not in self.dropped
        return cell.id in self.wanted and cell.id not in self.tests

    def _keep(self, place: int, result: CellResult) -> None:
        """Keep what came of a cell, as far as one submission may fill our memory."""
        if place in self.cells:
            return
        printed, pictures = result.printed, list(result.pictures)
        if len(printed) > self.text_left:
            printed = ""
        while sum(map(len, pictures)) > self.pictures_left:
            pictures.pop()
        kept = replace(result, printed=printed, pictures=tuple(pictures))
        if kept != result and kept.status == "ok":
            error = cell_error("output")
            kept = replace(kept, status="output", error=error)
        self.text_left -= len(printed)
        self.pictures_left -= sum(map(len, pictures))
        self.cells[place] = kept

    def _lose(
        self, place: int, cell: SubmittedCell, lost: StudentProcessLost
    ) -> None:
        """The student process went down while it was asked for this cell."""
        if cell.kind != "test":
            self.dropped.add(place)
            self.cells[place] = CellResult(
                cell.id, cell.kind, lost.status, cell_error(lost.status)
            )
        elif cell.id not in self.stuck:
            self.stuck.add(cell.id)  # before the test began: not its fault yet
        elif extras := self._extras_before(place):
            # What the student's own cells left running may be why: now without them.
            self.dropped |= extras
        else:
            test = self.assignment.by_id[cell.id]
            self.tests[cell.id] = _no_points(test, _TEST_STATUS[lost.status])

    def _extras_before(self, place: int) -> set[int]:
        """Places of the extra cells before `place` that still run."""
        kinds = enumerate(cell.kind for cell in self.code.cells[:place])
        extras = {number for number, kind in kinds if kind == "extra"}
        return extras - self.dropped

    # -- one test ----------------------------------------------------------------------

    def _test(self, student: StudentProcess, test_id: str) -> TestResult:
        test = self.assignment.by_id[test_id]
        files = self._files(student, test)
        for _ in range(2):  # a judge that left no outcome gets a second chance
            judge_process = self.parents.judge_process(self.assignment)
            seconds = self._seconds(test)
            question = student.question(
                test_id, seconds, judge_process.child.pid
            )
            outcome = self._judge(
                judge_process, student, test, question, files
            )
            student.watchdog.idle()
            if outcome is not None or student.lost:
                break
        if outcome is not None and outcome["points"] >= test.points:
            return _result(test, outcome, None)
        ended = self._how_it_ended(student, seconds)
        return _result(test, outcome, ended)

    def _seconds(self, test: TrustedCell) -> float:
        return test.seconds or self.limits.cpu_seconds

    def _judge(
        self,
        judge_process: JudgeProcess,
        student: StudentProcess,
        test: TrustedCell,
        question: socket.socket,
        files: list[list[Any]],
    ) -> dict[str, Any] | None:
        seconds = self._seconds(test)
        try:
            return judge_process.judge(
                test.id,
                question,
                spent=student.watchdog.cpu_now,
                visible_only=self.visible_only,
                seed=self.seeds[test.id],
                seconds=seconds,
                # The watchdog decides, which knows waiting from starving.
                wall_seconds=10 * max(self.limits.wall_seconds, 6 * seconds),
                files=files,
            )
        except TimeoutError:
            return {"points": 0.0, "status": "time"}

    def _how_it_ended(
        self, student: StudentProcess, seconds: float
    ) -> str | None:
        """What ended a question that earned less than all, if anything did.

        It may have ended the student process, too: asked now, so that no other cell is blamed.
        """
        ended = student.watchdog.ended_question
        if ended is None and student.watchdog.spent >= seconds:
            ended = "cpu"  # by its own limit, which comes before the watchdog
        try:
            student.stop()
        except StudentProcessLost as lost:
            return ended or lost.status
        return ended

    def _files(
        self, student: StudentProcess, test: TrustedCell
    ) -> list[list[Any]]:
        """The declared files, as they are now, for a test that asks for any."""
        if "artefact" not in test.source:
            return []
        before = self.assignment.before(test.id)
        names = {name for cell in before for name in cell.files}
        found: list[list[Any]] = []
        room = MAX_FILES
        for name in sorted(names):
            data = student.fetch(name, room)
            if data is not None:
                found.append([name, data])
                room -= len(data)
        return found


_TEST_STATUS: Mapping[str, TestStatus] = {
    "cpu": "time",
    "wall": "time",
    "time": "time",
    "memory": "memory",
    "died": "ended",
}


def _result(
    test: TrustedCell, outcome: dict[str, Any] | None, ended: str | None
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
    message = scrubbed(outcome.get("message", ""))[:MAX_TEXT]
    return TestResult(test.id, points, test.points, status, message)


def _no_points(test: TrustedCell, status: TestStatus) -> TestResult:
    return TestResult(test.id, 0.0, test.points, status, test_message(status))


def _shown(graded: TestResult, seen: TestResult | None) -> TestResult:
    """The points of the first round, with what the student may read of the second."""
    if graded.points >= graded.max_points or seen is None:
        return graded
    # How many points the visible part of a partial test can give, nobody has said.
    if seen.status in ("pass", "partial"):
        return graded
    return replace(graded, message=seen.message, visible_failed=True)
