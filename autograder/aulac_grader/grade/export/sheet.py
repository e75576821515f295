"""An assignment's marks as rows and columns, and tables that are safe to open."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aulac_grader.grade.course.course import Course
from aulac_grader.grade.gradebook.marks import StudentMarks
from aulac_grader.grade.verdict.outcomes import pick
from aulac_grader.grade.verdict.problems import assignment_title, problems

# A spreadsheet takes a cell that begins with one of these for a formula (OWASP, CSV
# Injection); in some languages the full-width ones too.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
Value = str | float | int | None


@dataclass(frozen=True)
class Column:
    """A problem: its title and the graded cells in it."""

    id: str
    title: str
    points: float
    cells: frozenset[str]

    def of(self, marks: StudentMarks | None) -> Value:
        """The student's points; None (empty) where there are none yet."""
        cells = (
            [c for c in marks.cells if c.name in self.cells] if marks else []
        )
        if all(cell.unmarked for cell in cells):
            return None
        return rounded(sum(cell.points for cell in cells))


@dataclass(frozen=True)
class Sheet:
    """One assignment: student → marks, and what its points are made of."""

    assignment: str
    title: str
    marks: dict[str, StudentMarks]
    columns: tuple[Column, ...]

    @property
    def max_points(self) -> float:
        return max((m.max_points for m in self.marks.values()), default=0.0)

    @property
    def waiting(self) -> tuple[str, ...]:
        """Students whose points are not final."""
        return tuple(s for s, m in sorted(self.marks.items()) if m.waits)


def sheet(
    course: Course | None, assignment: str, marks: dict[str, StudentMarks]
) -> Sheet:
    """The marks with the problems' titles in the course's language.

    Args:
        course: None where it is not known; then there are no columns by problem.
    """
    if course is None or assignment not in course.assignments():
        return Sheet(assignment, assignment, marks, ())
    trusted = course.assignment(assignment)
    lang = course.lang
    columns = tuple(
        Column(
            problem.id,
            problem.title(lang),
            problem.points,
            frozenset(cell.id for cell in problem.graded),
        )
        for problem in problems(trusted)
        if problem.points
    )
    return Sheet(
        assignment, pick(assignment_title(trusted), lang), marks, columns
    )


def people(sheets: Iterable[Sheet]) -> dict[str, StudentMarks]:
    """Everyone in the gradebook, by id."""
    found: dict[str, StudentMarks] = {}
    for one in sheets:
        found |= one.marks
    return dict(sorted(found.items()))


def points(marks: StudentMarks | None) -> Value:
    """Points for a cell of a table; None (empty) where nothing was handed in."""
    if marks is None or marks.submitted_at is None:
        return None
    return rounded(marks.points)


def rounded(value: float) -> float | int:
    """At most four digits behind the point; whole numbers without one."""
    value = round(value, 4)
    return int(value) if value == int(value) else value


def neutral(text: str) -> str:
    """`text` that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip(" \u00a0").startswith(FORMULA) else text


def table(rows: Iterable[Sequence[Value]]) -> bytes:
    """CSV (RFC 4180) in UTF-8 with a byte order mark, without which Excel takes it for
    the machine's old encoding and spoils Vietnamese names. Text is made `neutral`.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    for row in rows:
        writer.writerow([neutral(v) if isinstance(v, str) else v for v in row])
    return out.getvalue().encode("utf-8-sig", "replace")
