"""The judge's process: runs a test cell against the names a student provides.

The cells of the paper that stand before the test are gone through in order: given cells
run here, the names of answer cells are bound to what the student's process has under
them, by value where that is plain data and as handles otherwise. Then the whole test
cell runs, hidden part and all. If it takes points off, its visible part runs by itself
in a fresh question, so that the student can be told what any student may see.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .outcome import Outcome, Status
from .paper import Paper
from .protocol import Channel
from .trial import Trial

__all__ = ["Outcome", "Status", "judge_test"]


def judge_test(
    paper: Paper,
    test_id: str,
    channel: Channel,
    *,
    seed: int,
    folder: Path | None = None,
    seconds: float = 20.0,
    wall_seconds: float | None = None,
    visible_only: bool = False,
    fresh: Callable[[], Channel | None] | None = None,
) -> Outcome:
    """Judge one test cell over a channel to a question of the student's process.

    Args:
        seed: of random, NumPy and torch, here; the student's side gets another one.
        folder: where the files lie that `artefact` may read, or None if there are
            none.
        seconds: CPU time of either side.
        wall_seconds: on the clock; without it six times `seconds`, or more precisely
            of what the paper says instead of them.
        visible_only: run what students see of the cell, and nothing else. No message
            of a process that has ever met a hidden test should reach a student.
        fresh: gives a channel to a new question for the visible part, with the one
            before it stopped. Without it, or where it gives None, nothing is known
            about the visible part, and `visible_failed` stays False.
    """
    cell = paper.by_id[test_id]
    trial = Trial(
        paper, cell, seed, folder, cell.seconds or seconds, wall_seconds
    )
    if visible_only:
        return trial.run(cell.visible, channel)
    full = trial.run(cell.source, channel)
    if full.points >= cell.points or fresh is None:
        return full
    another = fresh()
    if another is None:
        return full
    seen = trial.run(cell.visible, another)
    if seen.points >= cell.points:
        return full
    return Outcome(
        full.points,
        full.status,
        seen.message,
        visible_failed=True,
        printed=seen.printed,
    )
