"""The same runs through the grader's two processes: is every verdict the same there?

A test that holds where tests and answers share a process may not hold where only plain
values cross: it may send a function, look at what became of an argument, compare or
recognise objects. Such a test is found here, before any student meets it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from aulac_grader.judge.marking import (
    Marks,
    Sheet,
    SheetCell,
    TestResult,
    mark,
)
from aulac_grader.judge.paper import Paper
from aulac_grader.judge.workshop import Workshop
from aulac_grader.sandbox.walls import SandboxUnavailable

from .build import notebook_text
from .document import Assignment

REMEDY = (
    "a test can compare plain values that calls return; for what a call prints, draws, "
    "changes or differentiates ask aulac.checks"
)


@dataclass(frozen=True)
class Judged:
    """Marks of each run, and whether there were walls round the answers."""

    marks: dict[str, Marks]
    sandboxed: bool


def judge_all(
    assignment: Assignment,
    runs: dict[str, dict[str, str]],
    workers: int,
    on_progress: Callable[[str], None],
) -> Judged:
    """Mark every run: for each, the answer cells' sources by grade_id.

    Where this machine cannot isolate a process, the course's own answers run without
    walls: it is the verdicts that are compared here, not the walls.
    """
    data = notebook_text(assignment, "vi").encode()
    paper = Paper.from_notebook(data, assignment.name)
    seeds = {test.id: n for n, test in enumerate(paper.tests, 1)}
    sandboxed = _can_isolate()
    names = list(runs)

    def work(share: list[str]) -> Iterator[tuple[str, Marks]]:
        with Workshop(
            sandboxed=sandboxed, preload=Workshop.preload(paper)
        ) as shop:
            for name in share:
                yield name, mark(paper, sheet(paper, runs[name]), seeds, shop)
                on_progress(f"{name}, judged")

    shares = [names[start::workers] for start in range(workers)]
    with ThreadPoolExecutor(workers) as pool:
        done = pool.map(lambda share: list(work(share)), filter(None, shares))
        marks = {name: each for part in done for name, each in part}
    return Judged({name: marks[name] for name in names}, sandboxed)


def _can_isolate() -> bool:
    try:
        with Workshop():
            return True
    except SandboxUnavailable:
        return False


def sheet(paper: Paper, answers: dict[str, str]) -> Sheet:
    """What the grader would make of a notebook with these answers."""
    kinds = {"given": "given", "answer": "answer", "scratch": "extra"}
    cells = []
    for cell in paper.cells:
        if cell.kind == "test":
            cells.append(SheetCell(cell.id, "test"))
        elif cell.cell_type == "code":
            source = answers.get(cell.id, cell.source)
            kind = kinds.get(cell.kind, "extra")
            cells.append(SheetCell(cell.id, kind, source))  # type: ignore[arg-type]
    return Sheet(tuple(cells))


def differences(
    name: str, points: dict[str, float], marks: Marks
) -> Iterator[str]:
    """Tests of the run `name` whose points differ from `points`, and a remedy."""
    for test in marks.tests:
        if abs(test.points - points[test.id]) > 1e-9:
            yield (
                f"{name}: {test.id} gives {points[test.id]:g} points in one process and "
                f"{test.points:g} through the grader's two ({_why(test)})"
            )


def _why(test: TestResult) -> str:
    said = test.message.split("\n", 1)[0] or test.status
    return (
        said if test.status == "error" else f"{test.status}: {said}; {REMEDY}"
    )
