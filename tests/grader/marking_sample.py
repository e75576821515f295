"""An assignment of a few cells for tests to answer, and sheets that answer it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from aulac_grader.judge.assignment import TrustedAssignment
from aulac_grader.judge.control.warm_parents import WarmParents
from aulac_grader.judge.submitted import Marks, SubmittedCell, SubmittedCode
from aulac_grader.sandbox.limits import Limits
from aulac_grader.sandbox.walls import SandboxUnavailable
from aulac_grader.sandbox.watchdog import tree

# Small, so that what has to run into them does so at once.
LIMITS = Limits(
    memory_mb=128, cpu_seconds=0.3, wall_seconds=2, processes=24, output_kb=64
)

DOUBLE = "def double(x):\n    return 2 * x"
SQUARES = (
    "def squares(n):\n    return [k * k for k in range(n)]\n"
    "_ = open('note.txt', 'w').write('đã xong')"
)
GOOD = {"a-double": DOUBLE, "a-squares": SQUARES}

SECRET = "secret-of-the-hidden-part"
CELLS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("given", "given", "import math\nBASE = 10", {}),
    (
        "answer",
        "a-double",
        f"### BEGIN SOLUTION\n{DOUBLE}\n### END SOLUTION",
        {"provides": ["double"]},
    ),
    (
        "test",
        "t-visible",
        "assert double(BASE) == 20, f'double(10) = {double(BASE)}'",
        {"points": 1},
    ),
    (
        "test",
        "t-hidden",
        "assert double(1) == 2\n### BEGIN HIDDEN TESTS\n"
        f"assert double(70001) == 140002, '{SECRET}'\n"
        "### END HIDDEN TESTS",
        {"points": 2},
    ),
    (
        "answer",
        "a-squares",
        f"### BEGIN SOLUTION\n{SQUARES}\n### END SOLUTION",
        {"provides": ["squares"], "files": ["note.txt"]},
    ),
    (
        "test",
        "t-partial",
        "score = 0\nif squares(2) == [0, 1]:\n    score += 1\n"
        "### BEGIN HIDDEN TESTS\nif squares(4) == [0, 1, 4, 9]:\n"
        "    score += 2\n### END HIDDEN TESTS\nscore",
        {"points": 3},
    ),
    (
        "test",
        "t-file",
        "from aulac.lesson.checks import artefact\n"
        "assert artefact('note.txt') == 'đã xong'",
        {"points": 1},
    ),
]
_FLAGS = {
    "given": {"grade": False, "solution": False, "locked": True},
    "answer": {"grade": False, "solution": True, "locked": False},
    "test": {"grade": True, "solution": False, "locked": True},
}
SEEDS = {name: 7 for kind, name, _, _ in CELLS if kind == "test"}
FULL = 7.0


def assignment(
    cells: list[tuple[str, str, str, dict[str, Any]]] = CELLS,
) -> TrustedAssignment:
    """An assignment of `(kind, id, source, metadata)` cells."""
    return TrustedAssignment.from_notebook(
        json.dumps(
            {
                "nbformat": 4,
                "nbformat_minor": 5,
                "metadata": {"aulac": {"lang": "vi"}},
                "cells": [_cell(*cell) for cell in cells],
            }
        ).encode(),
        "ps97_marking",
    )


def _cell(
    kind: str, name: str, source: str, extra: dict[str, Any]
) -> dict[str, Any]:
    nbgrader = {"schema_version": 3, "grade_id": name, **_FLAGS[kind]}
    if "points" in extra:
        nbgrader["points"] = extra["points"]
    aulac = {k: v for k, v in extra.items() if k != "points"}
    return {
        "cell_type": "code",
        "id": name,
        "source": source,
        "metadata": {"nbgrader": nbgrader, "aulac": aulac},
        "outputs": [],
        "execution_count": None,
    }


def code(
    answers: dict[str, str] | None = None,
    *,
    before: dict[str, str] | None = None,
    files: tuple[tuple[str, bytes], ...] = (),
    of: TrustedAssignment | None = None,
) -> SubmittedCode:
    """Submitted code with `answers` over the good ones; `before` holds, for ids of cells,
    an extra cell that stands before each."""
    wanted = {**GOOD, **(answers or {})}
    cells = []
    for cell in (of or assignment()).cells:
        extra = (before or {}).get(cell.id)
        if extra is not None:
            cells.append(SubmittedCell(f"x-{cell.id}", "extra", extra))
        if cell.kind == "test":
            cells.append(SubmittedCell(cell.id, "test"))
        elif cell.kind == "answer":
            source = wanted.get(cell.id, cell.source)
            cells.append(SubmittedCell(cell.id, "answer", source))
        elif cell.kind == "given":
            cells.append(SubmittedCell(cell.id, "given", cell.source))
    return SubmittedCode(tuple(cells), files)


def statuses(marks: Marks) -> dict[str, str]:
    """The status of every test and cell."""
    return {part.id: part.status for part in (*marks.tests, *marks.cells)}


def part(marks: Marks, name: str) -> Any:
    """The result of one test or cell."""
    return next(p for p in (*marks.tests, *marks.cells) if p.id == name)


def indented(source: str) -> str:
    return "\n".join("    " + line for line in source.splitlines())


def living(pid: int) -> int:
    """How many processes live at and below `pid`."""
    return sum(not process.ended for process in tree(pid))


@cache
def refusal() -> str:
    """Why this machine cannot isolate a process; empty where it can."""
    try:
        with WarmParents():
            return ""
    except SandboxUnavailable as error:
        return str(error)
