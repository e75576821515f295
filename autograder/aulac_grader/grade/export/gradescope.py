"""Gradescope's `results.json` of a student: for platforms that read that form.

Fields as in Gradescope's "Autograder Specifications". All text is plain text, and of
hidden tests it says no more than feedback does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aulac_grader.grade.gradebook.marks import CellMarks, StudentMarks
from aulac_grader.grade.markup import clean_text
from aulac_grader.grade.verdict.outcomes import (
    HIDDEN_ONLY,
    TESTS,
    full_marks,
    message_for_student,
    pick,
)
from aulac_grader.grade.verdict.problems import Problem, problems

from .sheet import rounded

if TYPE_CHECKING:
    from aulac_grader.judge.assignment import TrustedAssignment


def results(
    assignment: TrustedAssignment,
    marks: StudentMarks,
    verdict: Mapping[str, Any],
    lang: str,
) -> bytes:
    """The file's bytes.

    Args:
        marks: as they stand in the gradebook.
        lang: the language of the words, "vi" or "en".
    """
    cells = {cell.name: cell for cell in marks.cells}
    given = {test["id"]: test for test in verdict["tests"]}
    tests = [
        _test(problem, number, cells[cell.id], given.get(cell.id), lang)
        for problem in problems(assignment)
        for number, cell in enumerate(problem.graded, 1)
        if cell.id in cells
    ]
    found = {
        "score": rounded(marks.points),
        "max_score": rounded(marks.max_points),
        "output": _output(marks, lang),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }
    return (
        json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    ).encode("utf-8")


def _output(marks: StudentMarks, lang: str) -> str:
    lines = []
    if marks.penalty:
        words = ("Trừ điểm nộp muộn", "Taken off for being late")
        lines.append(f"{pick(words, lang)}: {rounded(marks.penalty)}")
    if marks.waits:
        words = ("Còn phần chờ người chấm.", "A part waits to be graded.")
        lines.append(pick(words, lang))
    return "\n".join(lines)


def _test(
    problem: Problem,
    number: int,
    cell: CellMarks,
    test: Mapping[str, Any] | None,
    lang: str,
) -> dict[str, Any]:
    passed = cell.points >= cell.max_points
    status = {"status": "passed" if passed else "failed"}
    return {
        **({} if cell.unmarked else status),
        "name": f"{problem.title(lang)}: {cell.name}",
        "number": f"{problem.number}.{number}",
        "score": rounded(cell.points),
        "max_score": rounded(cell.max_points),
        "output": _said(cell, test, lang),
        "output_format": "text",
        "visibility": "visible",
    }


def _said(cell: CellMarks, test: Mapping[str, Any] | None, lang: str) -> str:
    if cell.unmarked:
        return pick(("Chờ người chấm", "Not graded yet"), lang)
    if test is None:
        return pick(("Đã có người chấm", "Graded by a person"), lang)
    outcome = pick(TESTS[test["status"]], lang)
    if full_marks(test):
        return outcome
    why = (
        message_for_student(test)
        if test["visible_failed"]
        else pick(HIDDEN_ONLY, lang)
    )
    return clean_text(f"{outcome}\n{why}".rstrip())
