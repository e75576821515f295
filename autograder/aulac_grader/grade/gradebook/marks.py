"""A class's marks as they stand in the gradebook, read without changing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from .aulac_record import lateness

if TYPE_CHECKING:
    from nbgrader.api import Gradebook as NbGraderBook
    from nbgrader.api import Student, SubmittedAssignment


@dataclass(frozen=True)
class CellMarks:
    """A graded cell: what the machine gave, what a person gave.

    Attributes:
        auto, manual, extra: None where nothing was given.
        waits: a person has still to grade it, or to look at it again.
    """

    name: str
    max_points: float
    auto: float | None = None
    manual: float | None = None
    extra: float | None = None
    waits: bool = False

    @property
    def unmarked(self) -> bool:
        """Nobody has given it points yet, not even none."""
        return self.auto is None and self.manual is None

    @property
    def points(self) -> float:
        """As nbgrader counts: the person's word, else the machine's, and extras."""
        given = self.auto if self.manual is None else self.manual
        return (given or 0.0) + (self.extra or 0.0)


@dataclass(frozen=True)
class StudentMarks:
    """A student's marks for one assignment; `submitted_at` None: nothing handed in.

    Attributes:
        submitted_at: our receipt's time (UTC).
        late_seconds: after the deadline with the student's extension.
        penalty: points taken for being late.
        comments: cell name → what a person wrote in formgrader.
    """

    student: str
    max_points: float
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_id: str = ""
    submitted_at: datetime | None = None
    late_seconds: float = 0.0
    penalty: float = 0.0
    cells: tuple[CellMarks, ...] = ()
    comments: tuple[tuple[str, str], ...] = ()

    @property
    def earned(self) -> float:
        """Before the late penalty."""
        return sum(cell.points for cell in self.cells)

    @property
    def points(self) -> float:
        return max(0.0, self.earned - self.penalty)

    @property
    def waits(self) -> bool:
        """Whether a person has still to grade something."""
        return any(cell.waits for cell in self.cells)

    @property
    def name(self) -> str:
        return " ".join(filter(None, (self.last_name, self.first_name)))


def read_marks(
    book: NbGraderBook, assignment: str, student: str | None = None
) -> dict[str, StudentMarks]:
    """Student → marks, for everyone in the gradebook, or for one student.

    Empty where the gradebook knows no such assignment.
    """
    from nbgrader.api import MissingEntry, Student

    try:
        found = book.find_assignment(assignment)
    except MissingEntry:
        return {}
    most = float(found.max_score or 0.0)
    handed_in = {s.student_id: s for s in found.submissions}
    by_receipt = lateness(book.db.connection())
    query = book.db.query(Student).order_by(Student.id)
    if student is not None:
        query = query.filter(Student.id == student)
    return {
        row.id: _student(row, handed_in.get(row.id), most, by_receipt)
        for row in query.all()
    }


def _student(
    row: Student,
    submission: SubmittedAssignment | None,
    most: float,
    by_receipt: Mapping[str, int],
) -> StudentMarks:
    late = 0.0
    cells: list[CellMarks] = []
    comments: list[tuple[str, str]] = []
    for notebook in submission.notebooks if submission else ():
        late = seconds_late(submission, by_receipt.get(notebook.id))
        cells += [
            CellMarks(
                grade.name,
                float(grade.max_score),
                grade.auto_score,
                grade.manual_score,
                grade.extra_credit,
                bool(grade.needs_manual_grade),
            )
            for grade in notebook.grades
        ]
        comments += [
            (comment.name, comment.manual_comment)
            for comment in notebook.comments
            if comment.manual_comment
        ]
    return StudentMarks(
        student=row.id,
        max_points=most,
        first_name=row.first_name or "",
        last_name=row.last_name or "",
        email=row.email or "",
        lms_id=row.lms_user_id or "",
        submitted_at=submission.timestamp if submission else None,
        late_seconds=late,
        penalty=float(submission.late_submission_penalty) if submission else 0,
        cells=tuple(sorted(cells, key=lambda cell: cell.name)),
        comments=tuple(sorted(comments)),
    )


def seconds_late(
    submission: SubmittedAssignment, by_receipt: int | None
) -> float:
    """After the due date with the student's extension.

    Args:
        by_receipt: what counts where nbgrader knows no due date: the instructor may
            have named one when the work was taken in.
    """
    if submission.assignment.duedate is None:
        return float(by_receipt or 0)
    return float(submission.total_seconds_late)
