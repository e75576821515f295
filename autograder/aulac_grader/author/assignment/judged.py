"""The same runs through the grader's two processes: is every verdict the same there?

A test that holds where tests and answers share a process may not hold where only plain
values cross: it may send a function, look at what became of an argument, compare or
recognise objects. Such a test is found here, before any student meets it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from aulac_grader.judge.assignment import TrustedAssignment
from aulac_grader.judge.control.marking import (
    Marks,
    SubmittedCell,
    SubmittedCode,
    TestResult,
    mark,
)
from aulac_grader.judge.control.warm_parents import WarmParents
from aulac_grader.sandbox.walls import SandboxUnavailable

from .build import notebook_text
from .document import Assignment

REMEDY = (
    "a test can compare plain values that calls return; for what a call prints, draws, "
    "changes or differentiates ask aulac.lesson.checks"
)


FEW = 8  # runs that are marked before another warm parents would have started

Runs = dict[str, dict[str, str]]


def unlike(
    assignment: Assignment,
    runs: Runs,
    points: dict[str, dict[str, float]],
    workers: int,
    on_progress: Callable[[str], None],
) -> tuple[list[str], str]:
    """Faults, and how it was found out.

    `runs` holds the answer cells' sources by grade_id for each run, `points` what each
    test gave in one process. When the reference differs, that is all that is said: it
    is the root of the rest.

    Where this machine cannot isolate a process, the course's own answers run without
    walls: it is the verdicts that are compared here, not the walls.
    """
    data = notebook_text(assignment, "vi").encode()
    trusted = TrustedAssignment.from_notebook(data, assignment.name)
    seeds = {test.id: n for n, test in enumerate(trusted.tests, 1)}

    def faults(parents: WarmParents, names: list[str]) -> list[str]:
        found = []
        for name in names:
            marks = mark(trusted, code(trusted, runs[name]), seeds, parents)
            on_progress(f"{name}, judged")
            found += list(_differences(name, points[name], marks))
        return found

    with _warm_parents(trusted) as parents:
        how = "sandboxed" if parents.sandboxed else "without a sandbox"
        found = faults(parents, ["reference"])
        rest = [name for name in runs if name != "reference"]
        if found:
            return found, f"the reference judged from outside, {how}"
        helpers = min(workers, 1 + len(rest) // FEW) - 1
        with ThreadPoolExecutor(helpers + 1) as pool:
            queue = [
                pool.submit(_share, faults, trusted, rest[n :: helpers + 1])
                for n in range(1, helpers + 1)
            ]
            found = faults(parents, rest[:: helpers + 1])
            for done in queue:
                found += done.result()
    return found, f"{len(runs)} runs judged from outside, {how}"


def _share(
    faults: Callable[[WarmParents, list[str]], list[str]],
    assignment: TrustedAssignment,
    names: list[str],
) -> list[str]:
    with _warm_parents(assignment) as parents:
        return faults(parents, names)


def _warm_parents(assignment: TrustedAssignment) -> WarmParents:
    """Warm parents that are open, with walls if this machine has them."""
    preload = WarmParents.preload(assignment)
    parents = WarmParents(preload=preload)
    try:
        return parents.open()
    except SandboxUnavailable:
        parents.close()
        return WarmParents(sandboxed=False, preload=preload).open()


def code(
    assignment: TrustedAssignment, answers: dict[str, str]
) -> SubmittedCode:
    """What the grader would make of a notebook with these answers."""
    kinds = {"given": "given", "answer": "answer", "scratch": "extra"}
    cells = []
    for cell in assignment.cells:
        if cell.kind == "test":
            cells.append(SubmittedCell(cell.id, "test"))
        elif cell.cell_type == "code":
            source = answers.get(cell.id, cell.source)
            kind = kinds.get(cell.kind, "extra")
            cells.append(SubmittedCell(cell.id, kind, source))  # type: ignore[arg-type]
    return SubmittedCode(tuple(cells))


def _differences(
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
