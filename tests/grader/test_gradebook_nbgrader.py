"""Plain nbgrader before us and after us, on the same course directory."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.grader.assignment_sample import SOURCE
from tests.grader.graded_work import (
    NAME,
    Handed,
    make_course,
    rebuilt,
    verdict,
)
from tests.grader.nbgrader_commands import nbgrader_in
from tests.grader.test_gradebook_database import nbgrader_book

from aulac_grader.grade.course.course import Course
from aulac_grader.grade.feedback import write
from aulac_grader.grade.gradebook.gradebook import Gradebook
from aulac_grader.grade.gradebook.structure import AssignmentChanged

pytestmark = pytest.mark.slow

WORKS = [
    Handed("an"),
    Handed(
        "binh",
        {"p2-why": "Vì thế."},
        {
            "p1-small": (0, "fail", "AssertionError: 70001", False),
            "p1-large": 1,
        },
        extra=("<script>window.__hacked = 1</script>",),
    ),
]


def record(course: Course, *works: Handed) -> None:
    assignment = course.assignment(NAME)
    with Gradebook(course) as book:
        for work in works:
            book.record(
                NAME, verdict(assignment, work), rebuilt(assignment, work)
            )


def rows(course: Course) -> dict[str, Any]:
    """The assignment's rows in nbgrader's database, without their numbers."""
    with nbgrader_book(course) as book:
        (assignment,) = book.assignments
        (notebook,) = assignment.notebooks
        return {
            "assignment": (
                assignment.name,
                assignment.course_id,
                assignment.duedate,
            ),
            "notebook": (notebook.name, notebook.kernelspec),
            "grade": {
                c.name: (c.max_score, c.cell_type)
                for c in notebook.grade_cells
            },
            "solution": {c.name for c in notebook.solution_cells},
            "task": {
                c.name: (c.max_score, c.cell_type) for c in notebook.task_cells
            },
            "source": {
                c.name: (c.cell_type, c.locked, c.source, c.checksum)
                for c in notebook.source_cells
            },
            "tables": book.db.bind.dialect.name,
        }


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """nbgrader generates the assignment, we record, nbgrader does the rest."""
    made = make_course(tmp_path_factory.mktemp("nbgrader"))
    nbgrader_in(made.root, f"generate_assignment {NAME}")
    record(made, *WORKS)
    assignment = made.assignment(NAME)
    for work in WORKS:
        found, again = verdict(assignment, work), rebuilt(assignment, work)
        write(made, NAME, work.student, found, again, "vi")
    shutil.copytree(made.root / "feedback", made.root / "ours")
    (made.root / "exchange").mkdir()
    package = "--exporter=aulac_grader.grade.export"
    nbgrader_in(
        made.root,
        f"release_feedback {NAME}",
        f"generate_feedback {NAME} --force",
        "export --to plain.csv",
        f"export {package}.CanvasExport --to canvas.csv",
        f"export {package}.PlainExport --to ours.csv --assignment {NAME}",
        "db upgrade",
    )
    return made


def test_with_or_without_generate_assignment_the_rows_are_the_same(
    course: Course, tmp_path: Path
) -> None:
    fresh = make_course(tmp_path)
    record(fresh, *WORKS)
    assert rows(fresh) == rows(course)


def test_nbgraders_own_feedback_can_be_made_and_is_silent_on_hidden_tests(
    course: Course,
) -> None:
    page = course.root / f"feedback/binh/{NAME}/{NAME}.html"
    html = page.read_text(encoding="utf-8")
    assert "Chưa đạt / Not passed" in html
    assert "70001" not in html
    assert "<script>window" not in html


def test_our_feedback_is_released_where_the_student_will_look(
    course: Course,
) -> None:
    from nbgrader.utils import notebook_hash

    for student in ("an", "binh"):
        folder = course.root / f"ours/{student}/{NAME}"
        secret = (folder / "submission_secret.txt").read_text()
        name = notebook_hash(secret=secret, notebook_id=NAME)
        released = course.root / f"exchange/course/feedback/{name}.html"
        assert released.read_bytes() == (folder / f"{NAME}.html").read_bytes()


def test_nbgraders_export_and_ours_agree(course: Course) -> None:
    def read(name: str) -> list[dict[str, str]]:
        text = (course.root / name).read_text(encoding="utf-8-sig")
        return list(csv.DictReader(text.splitlines()))

    plain = {r["student_id"]: float(r["score"]) for r in read("plain.csv")}
    ours = {r["student_id"]: float(r["points"]) for r in read("ours.csv")}
    canvas = {
        r["SIS Login ID"]: float(r["Bài mẫu"]) for r in read("canvas.csv")[1:]
    }
    assert plain == ours == canvas == {"an": 3, "binh": 1}


# -- an assignment that changes --------------------------------------------------------


def test_a_test_that_is_added_later_can_be_recorded_for_everybody(
    tmp_path: Path,
) -> None:
    course = make_course(tmp_path)
    record(course, *WORKS)
    more = """
```{code-cell} ipython3
:nbgrader: {grade_id: p1-more, grade: true, points: 1}
assert add([2], 2) == 4
```

+++ {"lang": "vi", "problem": "p2"}
"""
    source = SOURCE.replace("points: 5", "points: 6").replace(
        "points: 3", "points: 4", 1
    )
    source = source.replace('+++ {"lang": "vi", "problem": "p2"}\n', more)
    changed = make_course(tmp_path / "changed", source=source)
    (course.root / f"source/{NAME}/{NAME}.ipynb").write_bytes(
        (changed.root / f"source/{NAME}/{NAME}.ipynb").read_bytes()
    )
    points = {"p1-small": 1, "p1-large": 2, "p1-more": 1}
    later = "2026-11-23T09:00:00+00:00"
    record(course, Handed("an", points=points, received_at=later))
    with Gradebook(course) as book:
        marks = book.marks(NAME)
    assert marks["an"].points == 4
    assert marks["binh"].waits, "not marked with the new test yet"
    assert {m.max_points for m in marks.values()} == {6}


def test_a_test_with_marks_cannot_be_taken_out(tmp_path: Path) -> None:
    course = make_course(tmp_path)
    record(course, *WORKS)
    path = course.root / f"source/{NAME}/{NAME}.ipynb"
    import nbformat

    book = nbformat.read(path, 4)
    book.cells = [c for c in book.cells if c.id != "p1-small"]
    nbformat.write(book, path)
    with pytest.raises(AssignmentChanged, match="p1-small"):
        record(course, Handed("an", points={"p1-large": 2}))
    with Gradebook(course) as gradebook:
        assert gradebook.marks(NAME)["an"].points == 3
