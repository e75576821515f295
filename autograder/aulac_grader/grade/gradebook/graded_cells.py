"""What a student did in each graded cell, as the gradebook needs to know it."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .database import GradebookError

if TYPE_CHECKING:
    from aulac_grader.grade.rebuild import Rebuilt
    from aulac_grader.judge.assignment import TrustedAssignment

    from .structure import Structure


@dataclass(frozen=True)
class GradedCell:
    """One graded cell.

    Attributes:
        auto: points given by machine; None where a person must grade.
        answer: hash of what a person who grades the cell looks at.
        answers: the cells that hold the answer.
    """

    auto: float | None
    answer: str
    answers: tuple[str, ...]


def look_at(
    assignment: TrustedAssignment,
    structure: Structure,
    rebuilt: Rebuilt,
    verdict: Mapping[str, Any],
) -> dict[str, GradedCell]:
    """grade_id → the student's work, for every cell that carries points.

    Raises:
        GradebookError: the verdict has no result for a test of the assignment.
    """
    results = {test["id"]: test for test in verdict["tests"]}
    sources = answer_sources(rebuilt)
    found: dict[str, GradedCell] = {}
    for number, cell in enumerate(assignment.cells):
        if cell.kind == "test":
            owners = answers_before(assignment, number)
            texts = [sources.get(owner, "") for owner in owners]
            points = _points(results, cell.id, assignment.name)
            answer = _hash(repr(points), *texts)
            found[cell.id] = GradedCell(points, answer, owners)
        elif cell.kind in ("manual", "task"):
            text = rebuilt.manual.get(cell.id, "")
            blank = cell.kind == "manual" and is_blank(
                text, structure.stub(cell.id)
            )
            found[cell.id] = GradedCell(
                0.0 if blank else None, _hash(_plain(text)), (cell.id,)
            )
    return found


def answer_sources(rebuilt: Rebuilt) -> dict[str, str]:
    """Cell id → what the student wrote there, code and prose."""
    code = {
        cell.id: cell.source for cell in rebuilt.cells if cell.kind == "answer"
    }
    return code | dict(rebuilt.manual)


def answers_before(
    assignment: TrustedAssignment, number: int
) -> tuple[str, ...]:
    """The answer cells that the test `assignment.cells[number]` is about.

    They are the last answers above it: those between it and the tests of what came
    before them.
    """
    found: list[str] = []
    for cell in reversed(assignment.cells[:number]):
        if cell.kind == "answer":
            found.append(cell.id)
        elif cell.kind == "test" and found:
            break
    return tuple(reversed(found))


def is_blank(text: str, stub: str) -> bool:
    """Whether nothing was written in a cell that students find with `stub` in it."""
    return _plain(text) in ("", _plain(stub))


def _points(
    results: Mapping[str, Mapping[str, Any]], test: str, assignment: str
) -> float:
    if test not in results:
        raise GradebookError(
            f"The verdict says nothing of {test} in {assignment}: the assignment was "
            f"changed after it was marked. Run `aulac grade regrade {assignment}`."
        )
    return float(results[test]["points"])


def _plain(text: str) -> str:
    """Without what editors change on their own: line ends, spaces at the end, NFD."""
    lines = unicodedata.normalize("NFC", text).splitlines()
    return "\n".join(line.rstrip() for line in lines).strip()


def _hash(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:32]
