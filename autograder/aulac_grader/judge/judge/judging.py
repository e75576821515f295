"""The judge's process: runs a test cell against the names a student provides.

The cells of the assignment that stand before the test are gone through in order: given cells
run here, the names of answer cells are bound to what the student's process has under
them, by value where that is plain data and as handles otherwise. Then the test cell
runs, hidden part and all; or its visible part alone, in a question of a student process that has
never met a hidden test, so that what it says can be shown to the student.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from aulac_grader.judge.assignment import TrustedAssignment
from aulac_grader.judge.wire.protocol import Channel

from .outcome import Outcome, Status
from .test_run import TestRun

__all__ = ["Outcome", "Status", "judge_test"]


def judge_test(
    assignment: TrustedAssignment,
    test_id: str,
    channel: Channel,
    *,
    seed: int,
    folder: Path | None = None,
    seconds: float = 20.0,
    wall_seconds: float | None = None,
    visible_only: bool = False,
    spent: Callable[[], float] | None = None,
) -> Outcome:
    """Judge one test cell over a channel to a question of the student's process.

    Args:
        seed: of random, NumPy and torch, here; the student's side gets another one.
        folder: where the files lie that `artefact` may read, or None if there are
            none.
        seconds: CPU time of either side.
        wall_seconds: on the clock; without it six times `seconds`, or more precisely
            of what the assignment says instead of them.
        visible_only: run what students see of the cell, and nothing else. No message
            of a process that has ever met a hidden test should reach a student.
        spent: the CPU seconds that the question has taken so far, as seen from
            outside. Without it `within` goes by the student's own clock.
    """
    cell = assignment.by_id[test_id]
    test_run = TestRun(
        assignment,
        cell,
        seed,
        folder,
        cell.seconds or seconds,
        wall_seconds,
        spent,
    )
    if not visible_only:
        return test_run.run(cell.source, channel)
    seen = test_run.run(cell.visible, channel)
    return replace(seen, visible_failed=seen.points < cell.points)
