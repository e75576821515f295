"""ps01 marked by plain nbgrader and by us: for honest work, the same gradebook."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import nbformat
import pytest
from tests.grader.nbgrader_commands import nbgrader_in

from aulac_grader.author.assignment import Assignment, find, parse
from aulac_grader.author.assignment.build import build
from aulac_grader.author.assignment.variants import load_variants
from aulac_grader.grade.course.course import Course
from aulac_grader.grade.gradebook.gradebook import Gradebook
from aulac_grader.grade.intake import Receipt, Submission
from aulac_grader.grade.rebuild import rebuild
from aulac_grader.grade.verdict.verdict import verdict
from aulac_grader.judge.control.marking import mark
from aulac_grader.judge.control.warm_parents import WarmParents
from aulac_grader.sandbox.selfcheck import self_check

pytestmark = pytest.mark.slow
VARIANTS = (
    "right_by_hand",
    "right_recursive",
    "wrong_greedy_longest_token",
    "wrong_tone_order_of_the_library",
)
RECEIVED = "2026-11-23T08:00:00+00:00"


def students(assignment: Assignment) -> dict[str, dict[str, str]]:
    """Student → cell → what they wrote; only the first wrote the essay."""
    reference = {name: cell.code for name, cell in assignment.answers.items()}
    essay = assignment.of_kind("manual")[0]
    found = {"reference": reference | {essay.grade_id: essay.source["vi"]}}
    for variant in load_variants(assignment):
        if variant.name in VARIANTS:
            found[variant.name] = reference | variant.sources
    assert len(found) == 5
    return found


def submitted(release: Path, answers: dict[str, str]) -> bytes:
    book = nbformat.read(release, 4)
    for cell in book.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = answers.get(name, cell.source)
    return nbformat.writes(book).encode()


def marked_by_us(course: Course, name: str, work: dict[str, bytes]) -> None:
    """Each submission through rebuilding, marking and recording."""
    assignment = course.assignment(name)
    seeds = {test.id: 7 for test in assignment.tests}
    with WarmParents() as parents, Gradebook(course) as book:
        for student, data in work.items():
            digest = hashlib.sha256(data).hexdigest()
            receipt = Receipt(student, name, RECEIVED, digest)
            again = rebuild(assignment, Submission(receipt, data))
            assert again.repairs == ()
            found = verdict(
                assignment=name,
                lang=assignment.lang,
                student=student,
                receipt={"received_at": RECEIVED, "sha256": digest},
                environment={"digest": "0" * 64},
                source_sha256=assignment.sha256,
                submission_sha256=digest,
                rebuilt_sha256=again.sha256,
                seeds=seeds,
                limits={},
                sandboxed=True,
                repairs=[],
                marks=mark(assignment, again.code, seeds, parents),
            )
            book.record(name, found, again)


def grades(course: Course, name: str) -> dict[str, Any]:
    """Student → what nbgrader's gradebook holds of them."""
    with Gradebook(course) as book:
        return {
            student: (
                {c.name: (c.auto, c.waits, c.max_points) for c in marks.cells},
                marks.submitted_at,
                marks.penalty,
            )
            for student, marks in book.marks(name).items()
        }


def test_honest_work_gets_the_same_marks_from_both(tmp_path: Path) -> None:
    if not self_check().usable:
        pytest.skip(
            "this machine cannot isolate a process: aulac sandbox check"
        )
    assignment = parse(find(["ps01"])[0])
    name = assignment.name
    courses = {}
    for whose in ("plain", "ours"):
        root = tmp_path / whose / "course"
        build([assignment], "vi", root)
        courses[whose] = Course.open(root)
    plain = courses["plain"].root
    nbgrader_in(plain, f"generate_assignment {name}")
    release = plain / "release" / name / f"{name}.ipynb"
    work = {
        student: submitted(release, answers)
        for student, answers in students(assignment).items()
    }
    for student, data in work.items():
        folder = plain / "submitted" / student / name
        folder.mkdir(parents=True)
        (folder / f"{name}.ipynb").write_bytes(data)
        (folder / "timestamp.txt").write_text(RECEIVED)
    nbgrader_in(plain, f"autograde {name}")
    marked_by_us(courses["ours"], name, work)

    wanted, found = (grades(courses[w], name) for w in ("plain", "ours"))
    assert set(found) == set(work)
    for student in work:
        assert found[student] == wanted[student], student
    points = {
        s: sum(a or 0 for a, _, _ in g[0].values()) for s, g in found.items()
    }
    assert points["reference"] == points["right_recursive"] == 26
    assert points["right_by_hand"] == 26
    assert max(points[v] for v in VARIANTS if v.startswith("wrong")) < 26
