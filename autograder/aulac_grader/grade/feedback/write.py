"""Feedback pages on disk: where nbgrader releases them from, and under grading/."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aulac_grader.grade.gradebook.database import GradebookError
from aulac_grader.grade.gradebook.gradebook import Gradebook
from aulac_grader.grade.gradebook.marks import StudentMarks
from aulac_grader.grade.gradebook.nbgrader_folders import (
    checked_name,
    nbgrader_files,
    step_folder,
)
from aulac_grader.grade.verdict.grading_folder import read_outputs, write_whole

from .page import Graded, page, zone_of

if TYPE_CHECKING:
    from aulac_grader.grade.course.course import Course
    from aulac_grader.grade.rebuild import Rebuilt


def write(
    course: Course,
    assignment: str,
    student: str,
    verdict: Mapping[str, Any],
    rebuilt: Rebuilt,
    lang: str,
    *,
    marks: StudentMarks | None = None,
) -> Path:
    """Write one student's page; returns its path under `feedback/`.

    Args:
        lang: "vi" or "en", the language it opens in; it holds both.
        marks: the student's, where the caller has read them already. They bring in
            what a person gave and wrote in formgrader.

    Raises:
        GradebookError: the gradebook is locked or damaged, or the disk is full.
        CourseError: no such assignment.
    """
    if marks is None:
        with Gradebook(course) as book:
            marks = book.marks(assignment, student).get(student)
    zone = zone_of(str(course.setting("Exchange", "timezone", "")), lang)
    own = course.folder(assignment)
    outputs = read_outputs(own, student)
    graded = Graded(
        course.assignment(assignment), verdict, rebuilt, outputs, marks, zone
    )
    html = page(graded, lang).encode("utf-8")
    folder = step_folder(course, "feedback", student, assignment)
    path = folder / f"{course.notebook(assignment).stem}.html"
    try:
        write_whole(path, html)
        nbgrader_files(course, folder, student, assignment, verdict)
        write_whole(own / "feedback" / f"{checked_name(student)}.html", html)
    except OSError as error:
        raise GradebookError(
            f"{folder} cannot be written ({error.strerror}): make room, see that "
            "the folder is yours, and run the command again."
        ) from error
    return path


def write_all(
    course: Course,
    assignment: str,
    work: Iterable[tuple[Mapping[str, Any], Rebuilt]],
    lang: str,
) -> list[Path]:
    """Pages for many: late penalties worked out anew, the gradebook read once.

    Args:
        work: (verdict, rebuilt) of each student.

    Raises:
        GradebookError, CourseError: as `write`.
    """
    with Gradebook(course) as book:
        book.settle(assignment)
        marks = book.marks(assignment)
    return [
        write(
            course,
            assignment,
            verdict["student"],
            verdict,
            rebuilt,
            lang,
            marks=marks.get(verdict["student"]),
        )
        for verdict, rebuilt in work
    ]
