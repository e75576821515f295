"""Exports of a course's marks, by format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aulac_grader.grade.course.course import Course
from aulac_grader.grade.gradebook.gradebook import Gradebook
from aulac_grader.grade.verdict.grading_folder import write_whole

from . import gradescope, tables
from .sheet import Sheet, sheet, table

TABLES: Mapping[str, Callable[[Sequence[Sheet], bool], tables.Rows]] = {
    "csv": tables.plain,
    "canvas": tables.canvas,
    "moodle": tables.moodle,
}
# Name → what it is, for a command's help (Vietnamese, English).
FORMATS: Mapping[str, tuple[str, str]] = {
    "csv": ("bảng thường, một cột mỗi bài", "a table, a column per problem"),
    "canvas": ("nhập vào Canvas", "for Canvas's gradebook import"),
    "moodle": ("nhập vào Moodle", "for Moodle's grade import"),
    "gradescope": ("results.json mỗi sinh viên", "results.json per student"),
}


class ExportError(ValueError):
    """Nothing to export, or nowhere to put it; the message says what to do."""


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        paths: a table, or a file for each student.
        students: how many have handed something in.
        waiting: students whose points are not final: a person must still grade.
    """

    paths: tuple[Path, ...]
    students: int
    waiting: tuple[str, ...]


def export(
    course: Course,
    assignments: str | Sequence[str],
    form: str = "csv",
    to: Path | None = None,
    *,
    by_problem: bool | None = None,
    verdicts: Mapping[str, Mapping[str, Any]] | None = None,
) -> Exported:
    """Write the marks of one or several assignments; late penalties are up to date.

    Args:
        form: a name of `FORMATS`.
        to: a file (a folder for gradescope); by default below
            grading/ASSIGNMENT/exports/.
        by_problem: a column for each problem too; by default only in "csv", because
            Canvas and Moodle would make an assignment of each.
        verdicts: student → verdict; "gradescope" needs them.

    Raises:
        ExportError: unknown format, no marks, or the place cannot be written.
        GradebookError, CourseError: as `Gradebook.record`.
    """
    if form not in FORMATS:
        raise ExportError(
            f"{form!r} is no format of export: take one of {', '.join(FORMATS)}."
        )
    names = [assignments] if isinstance(assignments, str) else [*assignments]
    sheets = _sheets(course, names)
    if form == "gradescope":
        paths = _gradescope(course, sheets, to, verdicts or {})
    else:
        full = form == "csv" if by_problem is None else by_problem
        rows = TABLES[form](sheets, full)
        folder = course.folder(names[0]) / "exports"
        paths = [to or folder / f"{names[0]}-{form}.csv"]
        _write(paths[0], table(rows))
    return Exported(
        tuple(paths),
        len(
            {
                student
                for one in sheets
                for student, marks in one.marks.items()
                if marks.submitted_at
            }
        ),
        tuple(sorted({s for one in sheets for s in one.waiting})),
    )


def _sheets(course: Course, names: Sequence[str]) -> list[Sheet]:
    sheets = []
    with Gradebook(course) as book:
        for name in names:
            course.notebook(name)  # says which assignments there are
            book.settle(name)
            sheets.append(sheet(course, name, book.marks(name)))
    if not any(one.marks for one in sheets):
        raise ExportError(
            f"The gradebook has no marks for {', '.join(names)} yet: run "
            f"`aulac grade run {names[0]}` first."
        )
    return sheets


def _gradescope(
    course: Course,
    sheets: Sequence[Sheet],
    to: Path | None,
    verdicts: Mapping[str, Mapping[str, Any]],
) -> list[Path]:
    """A file for each student with a verdict."""
    if len(sheets) != 1:
        raise ExportError(
            "results.json is about one assignment: name one at a time."
        )
    (one,) = sheets
    folder = to or course.folder(one.assignment) / "exports" / "gradescope"
    assignment = course.assignment(one.assignment)
    paths = []
    for student, marks in sorted(one.marks.items()):
        found = verdicts.get(student)
        if found is not None and marks.submitted_at is not None:
            path = folder / student / "results.json"
            data = gradescope.results(assignment, marks, found, course.lang)
            _write(path, data)
            paths.append(path)
    return paths


def _write(path: Path, data: bytes) -> None:
    try:
        write_whole(path, data)
    except OSError as error:
        raise ExportError(
            f"{path} cannot be written ({error.strerror}): name another place "
            "with --to, or make room."
        ) from error
